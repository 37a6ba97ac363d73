import {
  arrayAt,
  type Json,
  type JsonObject,
  type KubeObject,
  textAt,
  textsAt,
  valueAt,
} from '../embedded-api/objects/json.ts';
import type { Store } from '../embedded-api/objects/store.ts';
import { ENDPOINT_SLICES, PODS, SERVICES } from '../embedded-api/resources.ts';
import { contains, parseAddress, parsePrefix } from '../model/prefix.ts';
import type { TopologyNode } from './topology.ts';

/** An address of the cluster that nodes answer on, as kube-proxy and the pods themselves would. */
export interface Answering {
  /** `namespace/name` of the Service, or of the Pod. */
  readonly service: string;
  /** Canonical text. */
  readonly address: string;
  /** TCP ports; an address without any refuses connections. */
  readonly ports: readonly number[];
  /** Names of the nodes that have the address. */
  readonly nodes: readonly string[];
}

interface Endpoint {
  readonly address: string;
  readonly node: string;
  readonly ready: boolean;
  readonly ports: readonly number[];
}

function tcpPorts(ports: readonly Json[], field: string): number[] {
  return ports
    .filter((port) => (textAt(port, 'protocol') ?? 'TCP') === 'TCP')
    .map((port) => valueAt(port, field))
    .filter((port) => typeof port === 'number');
}

function nameOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

/** The node that an endpoint is on: the one it names, else the one whose pod network holds its address. */
function nodeOf(endpoint: Json, address: string, nodes: readonly TopologyNode[]): string {
  const named = textAt(endpoint, 'nodeName');
  if (named !== undefined) return named;
  const parsed = parseAddress(address);
  const home = nodes.find((node) =>
    node.podCidrs.some((text) => {
      const cidr = parsePrefix(text);
      return cidr !== null && parsed !== null && contains(cidr, parsed);
    }),
  );
  return home?.name ?? '';
}

function endpointsOf(slice: JsonObject, nodes: readonly TopologyNode[]): Endpoint[] {
  const ports = tcpPorts(arrayAt(slice, 'ports'), 'port');
  return arrayAt(slice, 'endpoints').flatMap((endpoint) =>
    textsAt(endpoint, 'addresses')
      .slice(0, 1)
      .map((address) => ({
        address,
        node: nodeOf(endpoint, address, nodes),
        ready: valueAt(endpoint, 'conditions', 'ready') !== false,
        ports,
      })),
  );
}

/** Addresses at which a Service is reached from outside the cluster. */
function externalAddresses(service: KubeObject): string[] {
  const ingress = arrayAt(service, 'status', 'loadBalancer', 'ingress')
    .map((entry) => textAt(entry, 'ip'))
    .filter((ip) => ip !== undefined);
  return [
    ...(textAt(service, 'spec', 'type') === 'LoadBalancer' ? ingress : []),
    ...textsAt(service, 'spec', 'externalIPs'),
  ];
}

function answersOfService(
  service: KubeObject,
  endpoints: readonly Endpoint[],
  nodes: readonly TopologyNode[],
): Answering[] {
  const all = nodes.map((node) => node.name);
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const withEndpoint = all.filter((name) => ready.some((endpoint) => endpoint.node === name));
  // kube-proxy rejects on every node what has no endpoint at all, whatever the policy.
  const local = textAt(service, 'spec', 'externalTrafficPolicy') === 'Local' && ready.length > 0;
  const ports = ready.length === 0 ? [] : tcpPorts(arrayAt(service, 'spec', 'ports'), 'port');
  const common = { service: nameOf(service), ports };
  return [
    ...textsAt(service, 'spec', 'clusterIPs')
      .filter((address) => address !== 'None')
      .map((address) => ({ ...common, address, nodes: all })),
    ...externalAddresses(service).map((address) => ({
      ...common,
      address,
      nodes: local ? withEndpoint : all,
    })),
  ];
}

function answersOfPod(pod: KubeObject): Answering[] {
  const [address, node] = [textAt(pod, 'status', 'podIP'), textAt(pod, 'spec', 'nodeName')];
  if (address === undefined || node === undefined || valueAt(pod, 'spec', 'hostNetwork') === true) return [];
  const ports = arrayAt(pod, 'spec', 'containers').flatMap((container) =>
    tcpPorts(arrayAt(container, 'ports'), 'containerPort'),
  );
  return [{ service: nameOf(pod), address, ports, nodes: [node] }];
}

/** Everything that the nodes answer on, as the API's objects are now. Addresses that are a node's own are left out. */
export function answersOf(store: Store, nodes: readonly TopologyNode[]): Answering[] {
  const byService = new Map<string, Endpoint[]>();
  for (const slice of store.list(ENDPOINT_SLICES)) {
    const service = textAt(slice, 'metadata', 'labels', 'kubernetes.io/service-name');
    if (service === undefined) continue;
    const key = `${slice.metadata.namespace ?? ''}/${service}`;
    byService.set(key, [...(byService.get(key) ?? []), ...endpointsOf(slice, nodes)]);
  }
  // default/kubernetes leads to the API server, which speaks for itself.
  const services = store.list(SERVICES).filter((service) => nameOf(service) !== 'default/kubernetes');
  const found = [
    ...services.flatMap((service) => answersOfService(service, byService.get(nameOf(service)) ?? [], nodes)),
    ...[...byService].flatMap(([service, endpoints]) =>
      endpoints
        .filter((endpoint) => endpoint.ready)
        .map(({ address, ports, node }) => ({ service, address, ports, nodes: [node] })),
    ),
    ...store.list(PODS).flatMap(answersOfPod),
  ];
  const own = new Set(nodes.flatMap((node) => node.addresses.map((address) => address.split('/', 1)[0])));
  return found.filter(({ address }) => parseAddress(address) !== null && !own.has(address));
}
