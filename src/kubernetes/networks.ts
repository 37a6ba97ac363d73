import type { V1ConfigMap, V1ServiceCIDR } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { ObservedCluster } from '../model/observed.ts';
import type { ApiClient } from './client/http.ts';
import { canonicalCidrs, compareText, requireShape, type Wire } from './client/wire.ts';
import type { MissingRights } from './rights.ts';

/** Where the API group is not served, and where we may not look: another source answers then. */
const ABSENT = [403, 404];

/** CIDRs of the ServiceCIDR objects (KEP-1880), sorted; empty where the API server has none. */
export async function listServiceCidrs(
  api: ApiClient,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<string[]> {
  for (const version of ['v1', 'v1beta1']) {
    const found = await api.list<Wire<V1ServiceCIDR>>({
      resource: 'servicecidrs',
      path: `/apis/networking.k8s.io/${version}/servicecidrs`,
      absentOn: [404],
      onForbidden: rights.onForbidden('list servicecidrs'),
      signal,
    });
    if (found !== null) {
      const cidrs = found.flatMap((one) => {
        requireShape('ServiceCIDR', one, { spec: { cidrs: ['text'] } });
        return canonicalCidrs(one.spec?.cidrs ?? []);
      });
      return [...new Set(cidrs)].sort(compareText);
    }
  }
  return [];
}

interface ClusterConfiguration {
  readonly networking?: { readonly serviceSubnet?: unknown; readonly podSubnet?: unknown };
}

function subnet(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Reads kubeadm's ClusterConfiguration; dual-stack subnets are comma-separated there. Null when it is none. */
export function parseKubeadm(text: string): ObservedCluster['kubeadm'] {
  let configuration: ClusterConfiguration | null;
  try {
    // Its warnings would be printed, and its check for equal keys compares each with each other.
    configuration = parse(text, { logLevel: 'error', uniqueKeys: false }) as ClusterConfiguration | null;
  } catch {
    // Something else wrote that ConfigMap; the caller has other sources for the same facts.
    return null;
  }
  const networking = configuration?.networking;
  return { serviceSubnet: subnet(networking?.serviceSubnet), podSubnet: subnet(networking?.podSubnet) };
}

/** kubeadm's record of the networks the cluster was made with; null where there is none or it may not be read. */
export async function readKubeadm(
  api: ApiClient,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<ObservedCluster['kubeadm']> {
  const map = await api.get<Wire<V1ConfigMap>>({
    resource: 'configmaps kube-system/kubeadm-config',
    path: '/api/v1/namespaces/kube-system/configmaps/kubeadm-config',
    absentOn: [404],
    onForbidden: rights.onForbidden('get configmaps kube-system/kubeadm-config'),
    signal,
  });
  if (map === null) return null;
  requireShape('ConfigMap', map, { data: { ClusterConfiguration: 'text' } });
  const text = map.data?.['ClusterConfiguration'] ?? null;
  return text === null ? null : parseKubeadm(text);
}

/** The custom resources that MetalLB and Cilium keep their pools in. */
const POOLS = {
  ipaddresspools: { group: 'metallb.io', right: 'list ipaddresspools' },
  ciliumloadbalancerippools: { group: 'cilium.io', right: 'list ciliumloadbalancerippools' },
} as const;

/**
 * Whether there is a pool of that kind, whatever version of its group is served. Where the group is, and its pools
 * may not be looked at, there likely is: whoever installed it wants addresses of it.
 */
async function hasPool(
  api: ApiClient,
  plural: keyof typeof POOLS,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<boolean> {
  const { group, right } = POOLS[plural];
  const served = await api.get<{ preferredVersion?: { groupVersion?: string } }>({
    resource: `API group ${group}`,
    path: `/apis/${group}`,
    absentOn: ABSENT,
    signal,
  });
  const version = served?.preferredVersion?.groupVersion;
  if (version === undefined) return false;
  let isForbidden = false;
  const found = await api.list({
    resource: `${plural}.${group}`,
    path: `/apis/${version}/${plural}`,
    absentOn: [404],
    onForbidden: () => {
      isForbidden = true;
      rights.onForbidden(right)();
    },
    maxPages: 1,
    signal,
  });
  return isForbidden || (found !== null && found.length > 0);
}

/** MetalLB before 0.13, such as minikube's addon, is configured by a ConfigMap; an unconfigured addon's range is empty. */
async function hasOldMetalLb(api: ApiClient, signal?: AbortSignal): Promise<boolean> {
  const map = await api.get<Wire<V1ConfigMap>>({
    resource: 'configmaps metallb-system/config',
    path: '/api/v1/namespaces/metallb-system/configmaps/config',
    absentOn: ABSENT,
    signal,
  });
  if (map === null) return false;
  requireShape('ConfigMap', map, { data: { config: 'text' } });
  return /addresses:[^a-z]*\d+\.\d+/.test(map.data?.['config'] ?? '');
}

/** Names of other LoadBalancer implementations that have addresses to give here. */
export async function listOtherLoadBalancers(
  api: ApiClient,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<string[]> {
  const [pools, oldMetalLb, cilium] = await Promise.all([
    hasPool(api, 'ipaddresspools', rights, signal),
    hasOldMetalLb(api, signal),
    hasPool(api, 'ciliumloadbalancerippools', rights, signal),
  ]);
  return [...(cilium ? ['Cilium'] : []), ...(pools || oldMetalLb ? ['MetalLB'] : [])];
}
