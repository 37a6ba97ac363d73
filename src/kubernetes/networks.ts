import type { V1ConfigMap, V1ServiceCIDR } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { ObservedCluster } from '../model/observed.ts';
import type { ApiClient } from './http.ts';
import { canonicalCidrs, compareText, type Wire } from './wire.ts';

/** Absent where the API group is not served, and where we may not look: the next source answers then. */
const ABSENT = [403, 404];

/** CIDRs of the ServiceCIDR objects (KEP-1880), sorted; empty where the API server has none. */
export async function listServiceCidrs(api: ApiClient, signal?: AbortSignal): Promise<string[]> {
  for (const version of ['v1', 'v1beta1']) {
    const found = await api.list<Wire<V1ServiceCIDR>>({
      resource: 'servicecidrs',
      path: `/apis/networking.k8s.io/${version}/servicecidrs`,
      absentOn: ABSENT,
      signal,
    });
    if (found !== null) {
      return [...new Set(found.flatMap(({ spec }) => canonicalCidrs(spec?.cidrs ?? [])))].sort(compareText);
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
    configuration = parse(text) as ClusterConfiguration | null;
  } catch {
    // Something else wrote that ConfigMap; the caller has other sources for the same facts.
    return null;
  }
  const networking = configuration?.networking;
  return { serviceSubnet: subnet(networking?.serviceSubnet), podSubnet: subnet(networking?.podSubnet) };
}

/** kubeadm's record of the networks the cluster was made with; null where there is none or it may not be read. */
export async function readKubeadm(api: ApiClient, signal?: AbortSignal): Promise<ObservedCluster['kubeadm']> {
  const map = await api.get<Wire<V1ConfigMap>>(
    {
      resource: 'configmaps kube-system/kubeadm-config',
      path: '/api/v1/namespaces/kube-system/configmaps/kubeadm-config',
      signal,
    },
    ABSENT,
  );
  const text = map?.data?.['ClusterConfiguration'];
  return text === undefined ? null : parseKubeadm(text);
}

/** Whether a custom resource of the group exists, whatever version of it is served. */
async function hasAny(api: ApiClient, group: string, plural: string, signal?: AbortSignal): Promise<boolean> {
  const served = await api.get<{ preferredVersion?: { groupVersion?: string } }>(
    { resource: `API group ${group}`, path: `/apis/${group}`, signal },
    ABSENT,
  );
  const version = served?.preferredVersion?.groupVersion;
  if (version === undefined) return false;
  const resource = `${plural}.${group}`;
  const found = await api.list({
    resource,
    path: `/apis/${version}/${plural}`,
    absentOn: ABSENT,
    maxPages: 1,
    signal,
  });
  return found !== null && found.length > 0;
}

/** MetalLB before 0.13, such as minikube's addon, is configured by a ConfigMap; an unconfigured addon's range is empty. */
async function hasOldMetalLb(api: ApiClient, signal?: AbortSignal): Promise<boolean> {
  const map = await api.get<Wire<V1ConfigMap>>(
    {
      resource: 'configmaps metallb-system/config',
      path: '/api/v1/namespaces/metallb-system/configmaps/config',
      signal,
    },
    ABSENT,
  );
  return /addresses:[^a-z]*\d+\.\d+/.test(map?.data?.['config'] ?? '');
}

/** Names of other LoadBalancer implementations that have addresses to give here. */
export async function listOtherLoadBalancers(api: ApiClient, signal?: AbortSignal): Promise<string[]> {
  const [pools, oldMetalLb, cilium] = await Promise.all([
    hasAny(api, 'metallb.io', 'ipaddresspools', signal),
    hasOldMetalLb(api, signal),
    hasAny(api, 'cilium.io', 'ciliumloadbalancerippools', signal),
  ]);
  return [...(cilium ? ['Cilium'] : []), ...(pools || oldMetalLb ? ['MetalLB'] : [])];
}
