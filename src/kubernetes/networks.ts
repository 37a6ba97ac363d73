import type { V1ConfigMap, V1ServiceCIDR } from '@kubernetes/client-node';
import { parse } from 'yaml';
import type { ObservedCluster } from '../model/observed.ts';
import type { ReadCall } from './client/calls.ts';
import { requireObject } from './client/expected.ts';
import type { ApiClient } from './client/http.ts';
import { canonicalCidr, compareText, quoted, requireShape, type Wire } from './client/wire.ts';
import type { MissingRights } from './rights.ts';

/** Where the API group is not served, and where we may not look: another source answers then. */
const otherwise = (): void => undefined;

/** What a source tells, and what of it could not be understood, for people. */
export interface Told<T> {
  readonly value: T;
  readonly strange: readonly string[];
}

/** CIDRs of the ServiceCIDR objects (KEP-1880), sorted; empty where the API server has none, as before Kubernetes 1.33. */
export async function listServiceCidrs(
  api: ApiClient,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<Told<string[]>> {
  const call = {
    resource: 'servicecidrs',
    path: '/apis/networking.k8s.io/v1/servicecidrs',
    type: { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', namespace: null },
    onNotFound: otherwise,
    onForbidden: rights.onForbidden('list servicecidrs'),
    signal,
  };
  const found = await api.collect(call, (one: Wire<V1ServiceCIDR>) => {
    requireShape('ServiceCIDR', one, { spec: { cidrs: ['text'] } });
    return one.spec?.cidrs ?? [];
  });
  const texts = [...new Set(found?.values.flat())].sort(compareText);
  return {
    value: [...new Set(texts.flatMap((text) => canonicalCidr(text) ?? []))].sort(compareText),
    strange: texts
      .filter((text) => canonicalCidr(text) === null)
      .map((text) => `ServiceCIDR ${quoted(text)}`),
  };
}

/** Reads one text of a ConfigMap; null where there is none, or the call says so. */
export async function readText(
  api: ApiClient,
  { namespace, name, key }: { readonly namespace: string; readonly name: string; readonly key: string },
  call: Pick<ReadCall, 'onForbidden' | 'signal'>,
): Promise<string | null> {
  const type = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name };
  const asked: ReadCall = {
    resource: `configmaps ${namespace}/${name}`,
    path: `/api/v1/namespaces/${namespace}/configmaps/${name}`,
    onNotFound: otherwise,
    ...call,
  };
  return await api.get(asked, (body) => {
    const map = requireObject<Wire<V1ConfigMap>>(body, type);
    return requireShape('ConfigMap', map, { data: { [key]: 'text' } }).data?.[key] ?? null;
  });
}

interface ClusterConfiguration {
  readonly networking?: { readonly serviceSubnet?: unknown; readonly podSubnet?: unknown } | null;
  readonly apiServer?: { readonly extraArgs?: unknown } | null;
}

const SERVICE_RANGE = 'service-cluster-ip-range';

function subnet(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The range that the API server is started with: a map of arguments, and since v1beta4 a list, of which the last counts. */
function rangeIn(extraArgs: unknown): string | null {
  if (typeof extraArgs !== 'object' || extraArgs === null) return null;
  if (!Array.isArray(extraArgs)) return subnet(Reflect.get(extraArgs, SERVICE_RANGE));
  const listed: readonly unknown[] = extraArgs;
  const found = listed.findLast(
    (one) => typeof one === 'object' && one !== null && Reflect.get(one, 'name') === SERVICE_RANGE,
  );
  return typeof found === 'object' && found !== null ? subnet(Reflect.get(found, 'value')) : null;
}

/** Reads kubeadm's ClusterConfiguration; dual-stack subnets are comma-separated there. Null when it is none. */
export function parseKubeadm(text: string): ObservedCluster['kubeadm'] {
  let configuration: unknown;
  try {
    // Its warnings would be printed, and its check for equal keys compares each with each other.
    configuration = parse(text, { logLevel: 'error', uniqueKeys: false });
  } catch {
    return null;
  }
  if (typeof configuration !== 'object' || configuration === null) return null;
  const { networking, apiServer } = configuration as ClusterConfiguration;
  const range = rangeIn(apiServer?.extraArgs);
  return {
    serviceSubnet: subnet(networking?.serviceSubnet),
    podSubnet: subnet(networking?.podSubnet),
    ...(range === null ? {} : { apiServerRange: range }),
  };
}

/** kubeadm's record of the networks the cluster was made with; null where there is none or it may not be read. */
export async function readKubeadm(
  api: ApiClient,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<Told<ObservedCluster['kubeadm']>> {
  const text = await readText(
    api,
    { namespace: 'kube-system', name: 'kubeadm-config', key: 'ClusterConfiguration' },
    { onForbidden: rights.onForbidden('get configmaps kube-system/kubeadm-config'), signal },
  );
  const value = text === null ? null : parseKubeadm(text);
  const isStrange = text !== null && value === null;
  const what = `ClusterConfiguration in ConfigMap kube-system/kubeadm-config ${quoted(text ?? '')}`;
  return { value, strange: isStrange ? [what] : [] };
}
