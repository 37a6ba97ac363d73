import type { V1APIGroup, V1Container, V1Pod } from '@kubernetes/client-node';
import { Unexpected } from './client/expected.ts';
import type { ApiClient } from './client/http.ts';
import { isShaped, requireShape, type Shape, type Wire } from './client/wire.ts';
import { readText } from './networks.ts';
import type { MissingRights } from './rights.ts';

/** Where the API group is not served, and where we may not look. */
const otherwise = (): void => undefined;

/** The custom resources that MetalLB and Cilium keep their pools in. */
const POOLS = {
  ipaddresspools: {
    group: 'metallb.io',
    kind: 'IPAddressPool',
    namespace: '*',
    right: 'list ipaddresspools',
  },
  ciliumloadbalancerippools: {
    group: 'cilium.io',
    kind: 'CiliumLoadBalancerIPPool',
    namespace: null,
    right: 'list ciliumloadbalancerippools',
  },
} as const;

/** The version of a group that is served before others (`metallb.io/v1beta1`). Throws Unexpected for what is none. */
function preferredVersion(body: unknown, group: string): string {
  const shape = { kind: 'text', name: 'text', preferredVersion: { groupVersion: 'text' } } as const;
  const told = requireShape('APIGroup', body as Wire<V1APIGroup>, shape);
  const version = told.preferredVersion?.groupVersion ?? '';
  const [named, number = ''] = version.split('/');
  // It becomes part of a path.
  if (told.kind === 'APIGroup' && told.name === group && named === group && /^v[a-z0-9]+$/.test(number)) {
    return version;
  }
  throw new Unexpected(`the answer is not the APIGroup ${group} with a version that it prefers`);
}

/**
 * Whether there is a pool of that kind, whatever version of its group is served. Where the group is, and its pools
 * may not be looked at, there likely is: the person who installed it wants addresses of it.
 */
async function hasPool(
  api: ApiClient,
  plural: keyof typeof POOLS,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<boolean> {
  const { group, right, kind, namespace } = POOLS[plural];
  const asked = {
    resource: `API group ${group}`,
    path: `/apis/${group}`,
    onNotFound: otherwise,
    onForbidden: otherwise,
    signal,
  };
  const apiVersion = await api.get(asked, (body) => preferredVersion(body, group));
  if (apiVersion === null) return false;
  let isForbidden = false;
  const call = {
    resource: `${plural}.${group}`,
    path: `/apis/${apiVersion}/${plural}`,
    type: { apiVersion, kind, namespace },
    onNotFound: otherwise,
    onForbidden: () => {
      isForbidden = true;
      rights.onForbidden(right)();
    },
    maxPages: 1,
    signal,
  };
  const found = await api.collect(call, () => null);
  return isForbidden || (found !== null && found.values.length > 0);
}

/** MetalLB before 0.13, such as minikube's addon, is configured by a ConfigMap; an unconfigured addon's range is empty. */
async function hasOldMetalLb(api: ApiClient, signal?: AbortSignal): Promise<boolean> {
  const place = { namespace: 'metallb-system', name: 'config', key: 'config' };
  const text = await readText(api, place, { onForbidden: otherwise, signal });
  return /addresses:[^a-z]*\d+\.\d+/.test(text ?? '');
}

/** What is looked at of a Pod to tell what it runs. */
const RUNNING: Shape = {
  metadata: { labels: {} },
  spec: { containers: [{ image: 'text', args: ['text'], env: [{ name: 'text', value: 'text' }] }] },
};

/** k3s runs a DaemonSet `svclb-NAME` for each Service that its ServiceLB serves, and labels its pods so. */
const SERVICE_LB_LABEL = 'svccontroller.k3s.cattle.io/svcname';

/** Whether kube-vip, or its cloud provider, gives addresses to Services: it may also be there for the API server alone, as in `minikube start --ha`. */
function isKubeVip({ image = '', args, env }: Wire<V1Container>): boolean {
  const name = image
    .split('/')
    .at(-1)
    ?.replace(/[:@].*$/, '');
  if (name === 'kube-vip-cloud-provider') return true;
  if (name !== 'kube-vip') return false;
  const isTold = env?.some((one) => one.name === 'svc_enable' && one.value === 'true') ?? false;
  return isTold || (args?.some((arg) => /^--services(=true)?$/.test(arg)) ?? false);
}

/** LoadBalancer implementations that run in these pods; nothing is told by a pod of another shape. */
export function runningIn(pods: readonly Wire<V1Pod>[]): string[] {
  const found = new Set<string>();
  for (const pod of pods) {
    if (!isShaped(pod, RUNNING)) continue;
    if (Object.hasOwn(pod.metadata?.labels ?? {}, SERVICE_LB_LABEL)) found.add('k3s’ ServiceLB');
    if (pod.spec?.containers?.some(isKubeVip) === true) found.add('kube-vip');
  }
  return [...found];
}

/**
 * Names of other LoadBalancer implementations here, sorted: those that have a pool of addresses to give, and those that run in the
 * pods given.
 */
export async function listOtherLoadBalancers(
  api: ApiClient,
  pods: Promise<readonly Wire<V1Pod>[]>,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<string[]> {
  const [pools, oldMetalLb, cilium, running] = await Promise.all([
    hasPool(api, 'ipaddresspools', rights, signal),
    hasOldMetalLb(api, signal),
    hasPool(api, 'ciliumloadbalancerippools', rights, signal),
    pods.then(runningIn),
  ]);
  return [...(cilium ? ['Cilium'] : []), ...(pools || oldMetalLb ? ['MetalLB'] : []), ...running].sort();
}
