import type { ObservedHost, ObservedProfile, ObservedState } from '../../model/observed.ts';
import {
  formatPrefix,
  overlaps,
  type Prefix,
  parseAddress,
  parseNetwork,
  parsePrefix,
} from '../../model/prefix.ts';
import { type AddressRange, parseRange, rangeOf, rangesOverlap } from '../../model/range.ts';
import { isMinikube } from '../../planner/addresses/unclassed.ts';

/** Shorter prefixes are default routes, or the halves of one: they cover every pool and collide with none. */
const SHORTEST = 2;

/** The service and pod networks of clusters that say nothing of them: minikube's, */
const USUAL_OF_MINIKUBE = ['10.96.0.0/12', '10.244.0.0/16'];
/** and those of kubeadm and kind, k3s and MicroK8s. */
const USUAL_NETWORKS = [
  ...USUAL_OF_MINIKUBE,
  '10.43.0.0/16',
  '10.42.0.0/16',
  '10.152.183.0/24',
  '10.1.0.0/16',
];

/** Where a pool is looked for: /24s in order, and what one there may collide with that does not show here. */
interface Region {
  readonly pools: readonly string[];
  readonly caution: string | null;
}

function from(first: number, last: number, format: (value: number) => string): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => format(first + index));
}

/**
 * Private ranges (RFC 1918) from where few networks are; where they are all taken, those that the plan takes as private
 * beside them (RFC 6598, RFC 2544), away from the ends that others begin at.
 */
const REGIONS: readonly Region[] = [
  {
    pools: [
      ...from(200, 254, (second) => `10.${second}.0.0/24`),
      ...from(28, 31, (second) => `172.${second}.255.0/24`),
      ...from(200, 254, (third) => `192.168.${third}.0/24`),
      ...from(1, 199, (second) => `10.${second}.255.0/24`),
      ...from(16, 27, (second) => `172.${second}.255.0/24`),
      ...from(100, 199, (third) => `192.168.${third}.0/24`),
    ],
    caution: null,
  },
  {
    pools: from(200, 254, (third) => `100.127.${third}.0/24`),
    caution:
      '100.64.0.0/10 is shared address space: a carrier’s NAT and Tailscale use it, so the pool may collide with them later',
  },
  {
    pools: from(200, 254, (third) => `198.19.${third}.0/24`),
    caution:
      '198.18.0.0/15 is for benchmarks, and some proxies answer with its addresses (“fake IP”), so the pool may collide with them later',
  },
];

/** A pool that was found, and what it may collide with that does not show on this host; null for nothing known. */
export interface FreePool {
  readonly pool: Prefix;
  readonly caution: string | null;
}

/** A /24 that shares no address with any of the prefixes in use; null when every one that is tried does. */
export function freePool(used: readonly Prefix[]): FreePool | null {
  const relevant = used.filter((prefix) => prefix.family === 4 && prefix.length >= SHORTEST);
  for (const { pools, caution } of REGIONS) {
    for (const cidr of pools) {
      const pool = parsePrefix(cidr);
      if (pool !== null && !relevant.some((prefix) => overlaps(prefix, pool))) return { pool, caution };
    }
  }
  return null;
}

function spans(outer: AddressRange, inner: AddressRange): boolean {
  return outer.first <= inner.first && inner.last <= outer.last;
}

/** A pool as it was given, and a network in use that it overlaps. */
export interface PoolOverlap {
  readonly pool: string;
  readonly network: Prefix;
}

/**
 * The first network in use that each of the given pools overlaps. What mkplan has claimed within a pool does not count:
 * those are addresses that it gave from it.
 */
export function overlapsOf(
  given: readonly string[],
  used: readonly Prefix[],
  claimed: readonly Prefix[],
): PoolOverlap[] {
  const ours = new Set(claimed.map(formatPrefix));
  return given.flatMap((pool) => {
    const range = parseRange(pool);
    if (range === null) return [];
    const network = used.find(
      (prefix) =>
        prefix.length >= SHORTEST &&
        rangesOverlap(range, rangeOf(prefix)) &&
        !(ours.has(formatPrefix(prefix)) && spans(range, rangeOf(prefix))),
    );
    return network === undefined ? [] : [{ pool, network }];
  });
}

/** Everything in an observation that a pool could collide with: on this host, in the registry, in the clusters. */
export function prefixesInUse({ host, registry, profiles }: ObservedState): Prefix[] {
  return [
    ...prefixesOfHost(host),
    ...registry.claims.map(({ route }) => route.destination),
    ...profiles
      .flatMap((seen) => (isMinikube(seen) ? USUAL_OF_MINIKUBE : USUAL_NETWORKS))
      .flatMap(prefixesIn),
    ...profiles.flatMap(textsOfProfile).flatMap(prefixesIn),
  ];
}

function prefixesOfHost(host: ObservedHost): Prefix[] {
  return [
    ...host.routes.map(({ destination }) => destination),
    ...host.addresses.map(({ network }) => network),
    ...host.rules.flatMap(({ to }) => to ?? []),
    ...host.critical.flatMap(({ address }) => prefixesIn(address)),
    ...host.minikubeTunnels.map(({ destination }) => destination),
  ];
}

function textsOfProfile({ config, cluster }: ObservedProfile): string[] {
  const { kubeadm } = cluster ?? {};
  return [
    config?.apiServerRange ?? '',
    config?.serviceCidr ?? '',
    config?.podSubnet ?? '',
    ...(config?.nodes ?? []).map(({ ip }) => ip),
    ...(cluster?.serviceCidrs ?? []),
    kubeadm?.apiServerRange ?? '',
    kubeadm?.serviceSubnet ?? '',
    kubeadm?.podSubnet ?? '',
    ...(cluster?.nodes ?? []).flatMap(({ internalIps, podCidrs, serviceRange = '' }) => [
      ...internalIps,
      ...podCidrs,
      serviceRange,
    ]),
    ...(cluster?.services ?? []).flatMap(({ clusterIps, ingress }) => [...clusterIps, ...ingress]),
    ...(cluster?.strayPods ?? []).map(({ address }) => address),
  ];
}

/** The prefixes and addresses of a list with commas, as kubeadm writes both families; what is neither is left out. */
function prefixesIn(text: string): Prefix[] {
  return text.split(',').flatMap((part) => parseNetwork(part.trim()) ?? parseAddress(part.trim()) ?? []);
}
