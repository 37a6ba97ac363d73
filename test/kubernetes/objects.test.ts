import { describe, expect, it } from 'vitest';
import { parseKubeadm } from '../../src/kubernetes/networks.ts';
import { observedNode, strayPods } from '../../src/kubernetes/nodes.ts';
import { knowsIpMode, statusConfiguration } from '../../src/kubernetes/service-status.ts';
import { countEndpoints, observedService, sliceEndpoints } from '../../src/kubernetes/services.ts';

const owns = (manager: string) => ({
  manager,
  operation: 'Update',
  subresource: 'status',
  fieldsV1: { 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } },
});

/** What a kubelet says of its machine. */
const nodeInfo = (bootID: string) => ({
  architecture: 'amd64',
  bootID,
  containerRuntimeVersion: 'containerd://2.1.3',
  kernelVersion: '6.12.0',
  kubeProxyVersion: '',
  kubeletVersion: 'v1.34.0',
  machineID: '4f1d0f0e8d1e4a6c8f5e2b7c9a3d1e0b',
  operatingSystem: 'linux',
  osImage: 'Debian GNU/Linux 13',
  systemUUID: '4f1d0f0e-8d1e-4a6c-8f5e-2b7c9a3d1e0b',
});

describe('observedNode', () => {
  it('reads host bits as Kubernetes does, and names what is not an address', () => {
    const node = observedNode({
      metadata: { name: 'm02' },
      spec: { podCIDRs: ['10.244.1.7/24', '010.244.2.0/24', '10.244.3.0/33'] },
      status: {
        addresses: [
          { type: 'InternalIP', address: '192.168.039.3' },
          { type: 'InternalIP', address: '' },
          { type: 'ExternalIP', address: 'unknown' },
          { type: 'InternalIP', address: '192.168.39.3' },
        ],
      },
    });
    expect(node).toMatchObject({ internalIps: ['192.168.39.3'], podCidrs: ['10.244.1.0/24'] });
    expect(node.strange).toEqual([
      'InternalIP "192.168.039.3"',
      'InternalIP ""',
      'podCIDR "010.244.2.0/24"',
      'podCIDR "10.244.3.0/33"',
    ]);
  });

  it('reads addresses and networks in canonical form', () => {
    const node = observedNode({
      metadata: { name: 'minikube', labels: { 'node-role.kubernetes.io/control-plane': '' } },
      spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24', 'FD00:0::/64', 'nonsense'] },
      status: {
        addresses: [
          { type: 'Hostname', address: 'minikube' },
          { type: 'InternalIP', address: '192.168.39.2' },
          { type: 'InternalIP', address: 'FD00::0:2' },
        ],
        conditions: [{ type: 'Ready', status: 'True' }],
        nodeInfo: nodeInfo('7b1c0a52-6a0f-4b7e-9d6e-3f3b1f0a9c11'),
      },
    });
    expect(node).toEqual({
      name: 'minikube',
      ready: true,
      controlPlane: true,
      internalIps: ['192.168.39.2', 'fd00::2'],
      podCidrs: ['10.244.0.0/24', 'fd00::/64'],
      bootId: '7b1c0a52-6a0f-4b7e-9d6e-3f3b1f0a9c11',
      strange: ['podCIDR "nonsense"'],
    });
  });

  it('takes a Node that says nothing for neither ready nor control plane', () => {
    const status = { nodeInfo: nodeInfo('') };
    const said = { metadata: { name: 'n', labels: {} }, spec: { podCIDR: '10.0.0.0/24' }, status };
    expect(observedNode(said)).toEqual({
      name: 'n',
      ready: false,
      controlPlane: false,
      internalIps: [],
      podCidrs: ['10.0.0.0/24'],
    });
  });
});

describe('strayPods', () => {
  const pod = (ip: string, more: { hostNetwork?: boolean; phase?: string } = {}) => ({
    spec: { containers: [], nodeName: 'minikube', hostNetwork: more.hostNetwork ?? false },
    status: { phase: more.phase ?? 'Running', podIP: ip, podIPs: [{ ip }] },
  });

  it('finds running pods outside every pod network of their family', () => {
    const pods = [
      pod('172.17.0.5'),
      pod('10.244.0.9'),
      pod('fd00::1'),
      pod('192.168.39.2', { hostNetwork: true }),
      pod('172.17.0.6', { phase: 'Succeeded' }),
    ];
    expect(strayPods(pods, ['10.244.0.0/24'])).toEqual([{ address: '172.17.0.5', node: 'minikube' }]);
    expect(strayPods(pods, [])).toEqual([]);
  });

  it('names at most a hundred', () => {
    const pods = Array.from({ length: 250 }, (_, index) => pod(`172.17.0.${index}`));
    expect(strayPods(pods, ['10.244.0.0/24'])).toHaveLength(100);
  });
});

describe('observedService', () => {
  it('names a foreign manager of the ingress before our own', () => {
    const named = (...managers: string[]) =>
      observedService({ metadata: { managedFields: managers.map(owns) } }).ingressManager;
    expect(named('mkplan', 'minikube')).toBe('minikube');
    expect(named('mkplan')).toBe('mkplan');
    expect(named()).toBeNull();
  });

  it('does not take a condition for the ingress', () => {
    const conditions = { manager: 'cilium', fieldsV1: { 'f:status': { 'f:conditions': {} } } };
    expect(observedService({ metadata: { managedFields: [conditions] } }).ingressManager).toBeNull();
  });

  it('names a foreign manager of the condition before our own, and no condition of another type', () => {
    const fields = { 'f:status': { 'f:conditions': { 'k:{"type":"mkplan/IPAllocated"}': { '.': {} } } } };
    const observed = (type: string, ...managers: string[]) =>
      observedService({
        metadata: { managedFields: managers.map((manager) => ({ manager, fieldsV1: fields })) },
        status: {
          conditions: [
            { type, status: 'True', reason: 'R', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' },
          ],
        },
      }).condition;
    const lastTransitionTime = '2026-01-01T00:00:00Z';
    expect(observed('mkplan/IPAllocated', 'mkplan')).toEqual({
      status: 'True',
      reason: 'R',
      message: 'm',
      lastTransitionTime,
      manager: 'mkplan',
    });
    expect(observed('mkplan/IPAllocated', 'mkplan', 'kubectl-edit')?.manager).toBe('kubectl-edit');
    expect(observed('cilium.io/IPAMRequestSatisfied', 'cilium')).toBeNull();
  });

  it('leaves "None" out of the cluster addresses', () => {
    expect(observedService({ spec: { clusterIP: 'None', clusterIPs: ['None'] } }).clusterIps).toEqual([]);
  });
});

describe('countEndpoints', () => {
  const service = observedService({ metadata: { namespace: 'default', name: 'web' } });
  const slice = (uid: string, nodeName: string | undefined, ready?: boolean) => ({
    addressType: 'IPv4',
    metadata: { namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
    endpoints: [
      {
        addresses: ['10.244.0.9'],
        targetRef: { uid },
        ...(nodeName === undefined ? {} : { nodeName }),
        ...(ready === undefined ? {} : { conditions: { ready } }),
      },
    ],
  });

  it('counts each ready pod once, by node', () => {
    const slices = [
      slice('a', 'n1', true),
      slice('a', 'n1', true),
      slice('b', 'n1'),
      slice('c', 'n0', true),
      slice('d', 'n0', false),
      slice('e', undefined, true),
    ];
    expect(
      countEndpoints(
        slices.map(sliceEndpoints).filter((one) => one !== null),
        [service],
      ),
    ).toEqual([
      {
        namespace: 'default',
        service: 'web',
        slices: 6,
        readyByNode: { n0: 1, n1: 2 },
        readyElsewhere: 1,
      },
    ]);
  });
});

describe('parseKubeadm', () => {
  it('reads the subnets, and takes nonsense for nothing', () => {
    const text = 'networking:\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/12,fd00:1::/112\n';
    expect(parseKubeadm(text)).toEqual({
      podSubnet: '10.244.0.0/16',
      serviceSubnet: '10.96.0.0/12,fd00:1::/112',
    });
    expect(parseKubeadm('networking: {podSubnet: ""}')).toEqual({ podSubnet: null, serviceSubnet: null });
    expect(parseKubeadm('a: [')).toBeNull();
    for (const nothing of ['', 'just text', '7', 'null']) expect(parseKubeadm(nothing), nothing).toBeNull();
    expect(parseKubeadm('networking: null\napiServer: []')).toEqual({ podSubnet: null, serviceSubnet: null });
  });

  it.each([
    ['a map (v1beta3)', 'apiServer: { extraArgs: { service-cluster-ip-range: 10.254.32.0/24 } }'],
    [
      'a list (v1beta4), of which the last counts',
      'apiServer: { extraArgs: [ { name: service-cluster-ip-range, value: 10.1.0.0/16 }, null, { name: v, value: "2" }, { name: service-cluster-ip-range, value: 10.254.32.0/24 } ] }',
    ],
  ])('reads the range that the API server is started with, from %s', (_, text) => {
    expect(parseKubeadm(text)).toEqual({
      podSubnet: null,
      serviceSubnet: null,
      apiServerRange: '10.254.32.0/24',
    });
  });

  it.each([
    'apiServer: { extraArgs: 7 }',
    'apiServer: { extraArgs: [ { name: service-cluster-ip-range } ] }',
  ])('takes %s for no range', (text) => {
    expect(parseKubeadm(text)).toEqual({ podSubnet: null, serviceSubnet: null });
  });
});

describe('statusConfiguration', () => {
  const target = { namespace: 'default', name: 'web', uid: 'u', resourceVersion: '7' };
  const now = new Date('2026-02-03T04:05:06.789Z');
  const condition = {
    status: 'True',
    reason: 'IPAllocated',
    message: 'm',
    lastTransitionTime: null,
  } as const;
  const nothing = { addresses: [], condition: null, withIpMode: true, now };

  it('gives fields up by leaving them out', () => {
    expect(statusConfiguration(target, nothing)).not.toHaveProperty('status');
    const given = { ...nothing, addresses: ['10.200.0.1'] };
    expect(statusConfiguration(target, given).status).not.toHaveProperty('conditions');
    expect(statusConfiguration(target, { ...nothing, condition }).status).not.toHaveProperty('loadBalancer');
  });

  it('names ipMode only to servers whose schema has it', () => {
    expect(['v1.28.9', 'v1.29.0', 'v1.34.1+k3s1', 'odd'].map(knowsIpMode)).toEqual([false, true, true, true]);
    const given = { ...nothing, addresses: ['10.200.0.1'], withIpMode: false };
    expect(statusConfiguration(target, given).status?.loadBalancer?.ingress).toEqual([{ ip: '10.200.0.1' }]);
  });

  it('keeps the time of a status that stays, and tells that of one which is new', () => {
    const times = ['2026-01-01T00:00:00Z', null].map(
      (lastTransitionTime) =>
        statusConfiguration(target, { ...nothing, condition: { ...condition, lastTransitionTime } }).status
          ?.conditions?.[0]?.lastTransitionTime,
    );
    expect(times).toEqual(['2026-01-01T00:00:00Z', '2026-02-03T04:05:06Z']);
  });
});
