import { type Claim, claimKey, isOfThisHost } from '../../model/claim.ts';
import type { ObservedHost, ObservedState } from '../../model/observed.ts';
import type { Unproven } from '../../model/plan.ts';
import { contains, type Family, type Prefix } from '../../model/prefix.ts';
import { PrefixIndex } from '../../model/prefix-index.ts';
import { PrefixSet } from '../../model/prefix-set.ts';
import { compareRoutes, MAIN_TABLE, type Route, routeKey } from '../../model/route.ts';
import { differenceOf, differing } from '../differing.ts';

/** A route of table main that is not this spec's, with whom it is claimed by, if anybody. */
export interface ForeignRoute {
  readonly route: Route;
  /** The other spec of this user that claims it; null when it is unclaimed. */
  readonly spec: string | null;
}

/** The claims of this user, held against the host's routes. */
export interface Ownership {
  /** Routes of this spec that are in the kernel, with their claims. */
  readonly owned: ReadonlyMap<string, { readonly claim: Claim; readonly route: Route }>;
  /** Claims of this spec without a route: it was removed, or went with an earlier boot. */
  readonly lost: readonly Claim[];
  /** Every claimed route, with the spec that claims it. */
  readonly claimedBy: ReadonlyMap<Route, string>;
  readonly unproven: readonly UnprovenRoute[];
}

/** A route that is shown as `?`, with the claim of this user that comes nearest to it, if there is one. */
export interface UnprovenRoute extends Unproven {
  readonly claim: Claim | null;
}

/**
 * Routes of table main that count as default routes of the host: 0.0.0.0/0, ::/0, and two halves that jointly cover a
 * family, as OpenVPN's `redirect-gateway def1` adds.
 */
export function defaultRoutes({ routes }: ObservedHost): Route[] {
  const wide = routes.filter(({ destination, table }) => destination.length <= 1 && table === MAIN_TABLE);
  const isHalved = (family: Family) => {
    const halves = wide.filter(
      ({ destination }) => destination.family === family && destination.length === 1,
    );
    return new Set(halves.map(({ destination }) => destination.start)).size === 2;
  };
  return wide.filter(({ destination: { family, length } }) => length === 0 || isHalved(family));
}

/** The protocol that tells our routes at a glance; null on a system whose routes have none. */
function taggedProtocol(host: ObservedHost, protocol: number): number | null {
  return host.capabilities.protocols ? protocol : null;
}

/**
 * Tells what is ours. A route is if a claim of this boot and network namespace has its key, protocol included. Our
 * protocol without such a claim proves nothing, nor does a claim whose route is another one now: such a route is shown,
 * and foreign.
 */
export function tellApart(observed: ObservedState, spec: string, protocol: number): Ownership {
  const { host } = observed;
  const tag = taggedProtocol(host, protocol);
  const claims = new Map<string, Claim>();
  for (const claim of observed.registry.claims) {
    if (isOfThisHost(claim, host)) claims.set(claimKey(claim), claim);
  }
  // A key is a long text: it is only made for routes whose protocol a claim has. Of all others only those are looked at
  // again that carry our protocol, or stand where a claim's route did.
  const protocols = [...new Set([...claims.values()].map((claim) => claim.route.protocol))];
  const starts = new Set([...claims.values()].map((claim) => claim.route.destination.start));
  const owned = new Map<string, { claim: Claim; route: Route }>();
  const present = new Set<string>();
  const claimedBy = new Map<Route, string>();
  const unclaimed: Route[] = [];
  for (const route of host.routes) {
    if (route.table !== MAIN_TABLE) continue;
    const key = protocols.includes(route.protocol) ? routeKey(route) : '';
    const claim = claims.get(key);
    if (claim !== undefined) {
      present.add(key);
      claimedBy.set(route, claim.owner.spec);
      if (claim.owner.spec === spec) owned.set(key, { claim, route });
    } else if (route.protocol === tag || starts.has(route.destination.start)) {
      unclaimed.push(route);
    }
  }
  const gone = [...claims].filter(([key]) => !present.has(key)).map(([, claim]) => claim);
  const lost = observed.registry.claims.filter((claim) => {
    const ofThisHost = isOfThisHost(claim, host) && !present.has(claimKey(claim));
    return claim.owner.spec === spec && (ofThisHost || claim.owner.bootId !== host.bootId);
  });
  return { owned, lost, claimedBy, unproven: unprovenRoutes(unclaimed, gone, tag, spec) };
}

/** Routes without a claim that carry our protocol, or that stand where a claim of this spec has another route. */
function unprovenRoutes(
  routes: readonly Route[],
  gone: readonly Claim[],
  tag: number | null,
  spec: string,
): UnprovenRoute[] {
  const near = differing(gone);
  return routes
    .flatMap((route): UnprovenRoute[] => {
      const claim = near(route, tag);
      if (claim !== null && claim.owner.spec === spec) {
        return [{ route, claim, reason: differenceOf(claim.route, route) }];
      }
      if (route.protocol !== tag) return [];
      const reason = 'it carries our protocol, but no claim of this user has its key';
      return [{ route, claim, reason }];
    })
    .sort((a, b) => compareRoutes(a.route, b.route));
}
/**
 * The routes of table main that are not this spec's and no default routes, by destination: those that overlap a wanted
 * destination, since no other can stand against anything.
 */
export function foreignRoutes(
  host: ObservedHost,
  spec: string,
  { claimedBy }: Ownership,
  wanted: readonly Prefix[],
): PrefixIndex<ForeignRoute> {
  const scope = new PrefixSet(wanted);
  const defaults = new Set(defaultRoutes(host));
  const foreign = host.routes
    .filter((route) => route.table === MAIN_TABLE && scope.overlaps(route.destination))
    .map((route) => ({ route, spec: claimedBy.get(route) ?? null }))
    .filter((one) => one.spec !== spec && !defaults.has(one.route))
    // The index keeps the order of equal destinations: without this, output would depend on the order of the dump.
    .sort((a, b) => compareRoutes(a.route, b.route));
  return new PrefixIndex(foreign, (one) => one.route.destination);
}

/**
 * Whether a route makes its destination a network that this host is on: one of the host's addresses on that device is in a
 * network that holds it. So a route of a VPN into its own device is none, wherever its address lies. Where no address of
 * the host was observed, every route without a next hop counts.
 */
export function isOnLink(route: Route, { addresses }: Pick<ObservedHost, 'addresses'>): boolean {
  const { type, gateway, nextHops, device, destination } = route;
  if (type !== 'unicast' || gateway !== null || nextHops.length > 0 || device === 'lo') return false;
  return (
    addresses.length === 0 ||
    addresses.some((one) => one.device === device && contains(one.network, destination))
  );
}
