import type { V1Node, V1Pod } from '@kubernetes/client-node';
import type { ObservedCluster, ObservedNode } from '../model/observed.ts';
import { contains, formatAddress, parseAddress, parsePrefix } from '../model/prefix.ts';
import type { ApiClient } from './client/http.ts';
import {
  canonicalAddress,
  canonicalCidr,
  compareText,
  quoted,
  requireShape,
  type Shape,
  type Wire,
} from './client/wire.ts';
import type { MissingRights } from './rights.ts';

type StrayPod = ObservedCluster['strayPods'][number];

/** What is asked for, and where. */
export const NODES = {
  resource: 'nodes',
  path: '/api/v1/nodes',
  type: { apiVersion: 'v1', kind: 'Node', namespace: null },
} as const;

/** kubeadm's label, the one it had before Kubernetes 1.20, and MicroK8s'. */
const CONTROL_PLANE_LABELS = [
  'node-role.kubernetes.io/control-plane',
  'node-role.kubernetes.io/master',
  'node.kubernetes.io/microk8s-controlplane',
];
/** minikube's label of every Node; its value is the profile's name. */
const MINIKUBE_LABEL = 'minikube.k8s.io/name';
/** k3s and RKE2 keep the arguments of a server with its Node, those of its configuration file included, as a JSON list. */
const ARGUMENTS = ['k3s.io/node-args', 'rke2.io/node-args'] as const;
const SERVICE_RANGE = '--service-cidr';
/** What a server of theirs takes where it is not told, if its own address is IPv4. */
const DEFAULT_SERVICE_RANGE = '10.43.0.0/16';
/** Stray pods only make a warning: that there are some, and which. */
const MAX_STRAY_PODS = 100;
const MAX_POD_PAGES = 20;

const NODE: Shape = {
  metadata: { name: 'text', labels: {}, annotations: { [ARGUMENTS[0]]: 'text', [ARGUMENTS[1]]: 'text' } },
  spec: { podCIDR: 'text', podCIDRs: ['text'], providerID: 'text' },
  status: {
    addresses: [{ type: 'text', address: 'text' }],
    conditions: [{ type: 'text', status: 'text' }],
    nodeInfo: { bootID: 'text' },
  },
};

/** What is read of a Pod. */
const POD: Shape = {
  spec: { hostNetwork: 'flag', nodeName: 'text' },
  status: { phase: 'text', podIP: 'text', podIPs: [{ ip: 'text' }] },
};

/** What made the machine of a Node, by what the Node says of it: minikube by its label, else the scheme of its providerID. */
function providerOf({ metadata, spec }: Wire<V1Node>): string | null {
  if (Object.hasOwn(metadata?.labels ?? {}, MINIKUBE_LABEL)) return 'minikube';
  return /^([a-z][a-z0-9+.-]*):\/\//i.exec(spec?.providerID ?? '')?.[1]?.toLowerCase() ?? null;
}

/** The service network that a k3s or RKE2 server was started with, with commas between both families; null where that is not told. */
function serviceRangeOf({ metadata }: Wire<V1Node>, [first = '']: readonly string[]): string | null {
  const text = ARGUMENTS.map((key) => metadata?.annotations?.[key]).find((found) => found !== undefined);
  let listed: unknown;
  try {
    listed = JSON.parse(text ?? 'null');
  } catch {
    // Only k3s and RKE2 write it, as JSON: any other text tells nothing.
    return null;
  }
  if (!Array.isArray(listed) || listed[0] !== 'server') return null;
  const given = listed.map(String);
  const ranges = given.flatMap((argument, index) => {
    if (argument === SERVICE_RANGE) return given[index + 1] ?? [];
    return argument.startsWith(`${SERVICE_RANGE}=`) ? argument.slice(SERVICE_RANGE.length + 1) : [];
  });
  if (ranges.length > 0) return ranges.join(',');
  return parseAddress(first)?.family === 4 ? DEFAULT_SERVICE_RANGE : null;
}

/** What a Node tells about reaching it. Throws Unexpected for what is no Node. */
export function observedNode(node: Wire<V1Node>): ObservedNode {
  requireShape('Node', node, NODE);
  const labels = node.metadata?.labels ?? {};
  const podCidr = node.spec?.podCIDR ?? null;
  const bootId = node.status?.nodeInfo?.bootID ?? '';
  const podCidrs = node.spec?.podCIDRs ?? (podCidr === null ? [] : [podCidr]);
  const addresses = (node.status?.addresses ?? [])
    .filter(({ type }) => type === 'InternalIP')
    .map(({ address }) => address);
  const provider = providerOf(node);
  const serviceRange = serviceRangeOf(node, addresses);
  const strange = [
    ...addresses
      .filter((text) => canonicalAddress(text) === null)
      .map((text) => `InternalIP ${quoted(text)}`),
    ...podCidrs.filter((text) => canonicalCidr(text) === null).map((text) => `podCIDR ${quoted(text)}`),
  ];
  return {
    name: node.metadata?.name ?? '',
    ready: (node.status?.conditions ?? []).some(
      (condition) => condition.type === 'Ready' && condition.status === 'True',
    ),
    controlPlane: CONTROL_PLANE_LABELS.some((label) => Object.hasOwn(labels, label)),
    internalIps: addresses.flatMap((text) => canonicalAddress(text) ?? []),
    podCidrs: podCidrs.flatMap((text) => canonicalCidr(text) ?? []),
    ...(provider === null ? {} : { provider }),
    ...(serviceRange === null ? {} : { serviceRange }),
    ...(bootId === '' ? {} : { bootId }),
    ...(strange.length === 0 ? {} : { strange }),
  };
}

/** By name. */
export function sortNodes(nodes: Iterable<ObservedNode>): ObservedNode[] {
  return [...nodes].sort((a, b) => compareText(a.name, b.name));
}

/** All Nodes, by name; none where that right is missing. */
export async function listNodes(
  api: ApiClient,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<ObservedNode[]> {
  const call = { ...NODES, onForbidden: rights.onForbidden('list nodes'), signal };
  const listed = await api.collect(call, observedNode);
  return sortNodes(listed?.values ?? []);
}

/** The same Pod, of which everything that is looked at is of its type. Throws Unexpected for what is no Pod. */
export function requirePod(pod: Wire<V1Pod>): Wire<V1Pod> {
  return requireShape('Pod', pod, POD);
}

/**
 * Addresses of running pods that lie outside the pod networks; at most a hundred, host-network pods left out.
 * A pod whose family has no network among these is not stray: nobody said where it should be.
 */
export function strayPods(pods: readonly Wire<V1Pod>[], podCidrs: readonly string[]): StrayPod[] {
  const networks = podCidrs.map(parsePrefix).filter((network) => network !== null);
  const strays = pods.flatMap((pod): StrayPod[] => {
    const { podIP, podIPs, phase } = pod.status ?? {};
    if (pod.spec?.hostNetwork === true || phase !== 'Running') return [];
    const texts = podIPs?.map(({ ip }) => ip) ?? [podIP];
    return texts.flatMap((text): StrayPod[] => {
      const address = parseAddress(text ?? '');
      if (address === null || !networks.some((network) => network.family === address.family)) return [];
      if (networks.some((network) => contains(network, address))) return [];
      return [{ address: formatAddress(address), node: pod.spec?.nodeName ?? '' }];
    });
  });
  return strays
    .sort((a, b) => compareText(a.node, b.node) || compareText(a.address, b.address))
    .slice(0, MAX_STRAY_PODS);
}

/** The first ten thousand running pods; none where that right is missing. */
export async function listRunningPods(
  api: ApiClient,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<readonly Wire<V1Pod>[]> {
  const call = {
    resource: 'pods',
    path: '/api/v1/pods',
    type: { apiVersion: 'v1', kind: 'Pod', namespace: '*' },
    query: { fieldSelector: 'status.phase=Running' },
    onForbidden: rights.onForbidden('list pods'),
    maxPages: MAX_POD_PAGES,
    signal,
  };
  return (await api.collect(call, requirePod))?.values ?? [];
}
