import type { JsonObject } from '../../src/embedded-api/objects/json.ts';

/** What a Node's status says of where it is. */
export function nodeAddresses(node: { readonly name: string; readonly address: string }): JsonObject[] {
  return [
    { type: 'InternalIP', address: node.address },
    { type: 'Hostname', address: node.name },
  ];
}

/** A Ready Node, as kubeadm and the kubelet leave it. `bootId`: what the kubelet says of its kernel, if anything. */
export function nodeObject(
  node: { readonly name: string; readonly address: string; readonly podCidr: string },
  controlPlane: boolean,
  bootId = '',
): JsonObject {
  const labels = { 'kubernetes.io/hostname': node.name, 'kubernetes.io/os': 'linux' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      labels: controlPlane ? { ...labels, 'node-role.kubernetes.io/control-plane': '' } : labels,
    },
    spec: { podCIDR: node.podCidr, podCIDRs: [node.podCidr] },
    status: {
      addresses: nodeAddresses(node),
      ...(bootId === '' ? {} : { nodeInfo: { bootID: bootId } }),
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'KubeletReady',
          message: '',
          lastHeartbeatTime: '2026-01-01T00:00:00Z',
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ],
    },
  };
}

/** A running Pod. */
export function podObject(name: string, nodeName: string, address: string): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { nodeName, containers: [{ name: 'server', image: 'server' }] },
    status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] },
  };
}

/** A Service with port 80 over TCP and UDP, of type LoadBalancer unless `spec` says otherwise. */
export function serviceObject(name: string, spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: {
      type: 'LoadBalancer',
      ports: [
        { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 },
        { name: 'udp', port: 80, protocol: 'UDP', targetPort: 8080 },
      ],
      ...spec,
    },
  };
}

/** The endpoints of a Service, as the EndpointSlice controller writes them. */
export function endpointSlice(
  service: string,
  pods: readonly { readonly name: string; readonly node: string; readonly address: string }[],
): JsonObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service}-1`,
      labels: {
        'kubernetes.io/service-name': service,
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      },
    },
    addressType: 'IPv4',
    endpoints: pods.map(({ name, node, address }) => ({
      addresses: [address],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: node,
      targetRef: { kind: 'Pod', namespace: 'default', name },
    })),
    ports: [
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: 'udp', port: 8080, protocol: 'UDP' },
    ],
  };
}
