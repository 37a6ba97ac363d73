import { type Claim, claimKey, isOfThisHost } from '../model/claim.ts';
import type { ObservedHost, ObservedState } from '../model/observed.ts';
import type { Unproven } from '../model/plan.ts';
import type { Prefix } from '../model/prefix.ts';
import { PrefixIndex } from '../model/prefix-index.ts';
import { PrefixSet } from '../model/prefix-set.ts';
import { compareRoutes, MAIN_TABLE, type Route, routeKey } from '../model/route.ts';
import { differenceOf, differing } from './differing.ts';

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

/** A route that is part of the default: 0.0.0.0/0, ::/0, or one of two halves that jointly cover a family. */
function isDefault(route: Route, halves: ReadonlySet<string>): boolean {
  const { family, length } = route.destination;
  return length === 0 || (length === 1 && halves.has(String(family)));
}

/** The families whose two /1 halves are both routed, as OpenVPN's `redirect-gateway def1` does. */
function coveredByHalves(routes: readonly Route[]): Set<string> {
  const seen = new Map<string, Set<string>>();
  for (const { destination, table } of routes) {
    if (destination.length !== 1 || table !== MAIN_TABLE) continue;
    const family = String(destination.family);
    seen.set(family, (seen.get(family) ?? new Set()).add(String(destination.start)));
  }
  return new Set([...seen].filter(([, starts]) => starts.size === 2).map(([family]) => family));
}

/** Routes of table main that count as default routes of the host. */
export function defaultRoutes(host: ObservedHost): Route[] {
  const halves = coveredByHalves(host.routes);
  return host.routes.filter((route) => route.table === MAIN_TABLE && isDefault(route, halves));
}

/** The protocol that tells our routes at a glance; only Linux lets the one who adds a route choose it. */
function taggedProtocol(host: ObservedHost, protocol: number): number | null {
  return host.platform === 'linux' ? protocol : null;
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
  // A key is a long text: it is only made for routes whose protocol a claim has.
  const protocols = new Set([...claims.values()].map((claim) => claim.route.protocol));
  const owned = new Map<string, { claim: Claim; route: Route }>();
  const present = new Set<string>();
  const claimedBy = new Map<Route, string>();
  const untouched: Route[] = [];
  for (const route of host.routes) {
    if (route.table !== MAIN_TABLE) continue;
    const key = protocols.has(route.protocol) ? routeKey(route) : '';
    const claim = claims.get(key);
    if (claim !== undefined) {
      present.add(key);
      claimedBy.set(route, claim.owner.spec);
      if (claim.owner.spec === spec) owned.set(key, { claim, route });
    } else {
      untouched.push(route);
    }
  }
  const gone = [...claims].filter(([key]) => !present.has(key)).map(([, claim]) => claim);
  const lost = observed.registry.claims.filter((claim) => {
    const ofThisHost = isOfThisHost(claim, host) && !present.has(claimKey(claim));
    return claim.owner.spec === spec && (ofThisHost || claim.owner.bootId !== host.bootId);
  });
  return { owned, lost, claimedBy, unproven: unprovenRoutes(untouched, gone, tag, spec) };
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
  const halves = coveredByHalves(host.routes);
  const foreign = host.routes
    .filter((route) => route.table === MAIN_TABLE && scope.overlaps(route.destination))
    .map((route) => ({ route, spec: claimedBy.get(route) ?? null }))
    .filter((one) => one.spec !== spec && !isDefault(one.route, halves))
    // The index keeps the order of equal destinations: without this, output would depend on the order of the dump.
    .sort((a, b) => compareRoutes(a.route, b.route));
  return new PrefixIndex(foreign, (one) => one.route.destination);
}

/** Whether a route makes its destination a network that the host itself is on. */
export function isOnLink(route: Route): boolean {
  return (
    route.type === 'unicast' && route.gateway === null && route.nextHops.length === 0 && route.device !== 'lo'
  );
}
