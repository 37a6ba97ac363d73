import type { DesiredLoadBalancer, DesiredProfile } from '../../model/desired.ts';
import { FIELD_MANAGER, type ObservedCluster, type ObservedService } from '../../model/observed.ts';
import type { ObservedParticipant, Serving } from '../../model/participant.ts';
import { parseAddress } from '../../model/prefix.ts';
import { type AddressRange, formatRange, parseRange, rangeHolds } from '../../model/range.ts';
import { isAssignable, subtract } from './pool.ts';
import { othersIn } from './unclassed.ts';

/**
 * What tunnels that share a cluster leave to each other. Each says in its Lease which Services it serves, and from which
 * pool. A Service whose addresses are all of the pool of a tunnel that serves it is in use by that one as long as its
 * Lease holds: another tunnel with another pool gives it nothing else, so that they do not renumber it in turns.
 */

/** Whether the ingress that a Service shows was written by mkplan. */
export function isOurIngress(service: ObservedService): boolean {
  return service.ingress.length > 0 && service.ingressManager === FIELD_MANAGER;
}

/** Whether Services that name no class are served. */
export function servesUnclassed(
  { unclassed }: Pick<Serving, 'unclassed'>,
  cluster: ObservedCluster,
): boolean {
  return unclassed === 'auto' ? othersIn(cluster).length === 0 : unclassed;
}

function servingOf({ assign, pool, exclude, class: served, unclassed }: DesiredLoadBalancer): Serving {
  const ranges = pool.flatMap((range) => subtract(range, exclude)).map(formatRange);
  return { class: served, unclassed, pool: assign === 'clusterIP' ? null : ranges };
}

/** What profiles of one cluster serve there. */
export function servingsOf(profiles: readonly DesiredProfile[]): Serving[] {
  return profiles
    .filter((profile) => profile.loadBalancer.assign !== 'none')
    .map(({ loadBalancer }) => servingOf(loadBalancer));
}

/** Whether two of them come to the same, said in the same order. */
export function sameServing(a: readonly Serving[] | null, b: readonly Serving[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function serves(serving: Serving, service: ObservedService, cluster: ObservedCluster): boolean {
  const { loadBalancerClass } = service;
  return loadBalancerClass === null ? servesUnclassed(serving, cluster) : loadBalancerClass === serving.class;
}

/** What was read of a pool: it is asked for every Service. */
const PARSED = new WeakMap<readonly string[], readonly AddressRange[]>();

function rangesOf(pool: readonly string[]): readonly AddressRange[] {
  const known = PARSED.get(pool);
  if (known !== undefined) return known;
  const ranges = pool.map(parseRange).filter((range) => range !== null);
  PARSED.set(pool, ranges);
  return ranges;
}

/** Whether all that a Service shows could be given to it from this pool. */
function givesAll({ pool }: Serving, { ingress, clusterIps }: ObservedService): boolean {
  if (pool === null) return ingress.every((address) => clusterIps.includes(address));
  const ranges = rangesOf(pool);
  return ingress.every((text) => {
    const address = parseAddress(text);
    return address !== null && ranges.some((range) => rangeHolds(range, address));
  });
}

/** Whether all that a Service shows is what this pool may give it. */
function keepsAll(pool: DesiredLoadBalancer, { ingress, clusterIps }: ObservedService): boolean {
  if (pool.assign === 'clusterIP') return ingress.every((address) => clusterIps.includes(address));
  return ingress.every((text) => {
    const address = parseAddress(text);
    return address !== null && isAssignable(pool, address);
  });
}

/** The other tunnels whose Leases hold, and which stay. */
export function stayingOthers({ participants }: ObservedCluster): ObservedParticipant[] {
  return (participants ?? []).filter(({ live, own, leaving }) => live && !own && !leaving);
}

/** The others of whom the cluster knows that they use what a Service shows, or who do not say what they use. */
export function usersOf(service: ObservedService, cluster: ObservedCluster): ObservedParticipant[] {
  return stayingOthers(cluster).filter(
    (other) =>
      other.serves === null ||
      other.serves.some((serving) => serves(serving, service, cluster) && givesAll(serving, service)),
  );
}

/** Those of them that serve other Services than a profile does, or from another pool. */
export function rivalsOf(
  service: ObservedService,
  { loadBalancer }: DesiredProfile,
  cluster: ObservedCluster,
): ObservedParticipant[] {
  const users = usersOf(service, cluster);
  if (users.length === 0) return users;
  const own = servingOf(loadBalancer);
  return users.filter((other) => !other.serves?.some((one) => sameServing([one], [own])));
}

/** Those who keep a Service that a profile would serve, too, from having an address of that profile's pool. */
export function keepersOf(
  service: ObservedService,
  profile: DesiredProfile,
  cluster: ObservedCluster,
): ObservedParticipant[] {
  const isShared = isOurIngress(service) && stayingOthers(cluster).length > 0;
  if (!isShared || keepsAll(profile.loadBalancer, service)) return [];
  return rivalsOf(service, profile, cluster);
}

/** For people; a Lease may name nobody. */
export function holders(participants: readonly ObservedParticipant[]): string {
  return participants.map(({ holder, name }) => holder || `the holder of Lease ${name}`).join(' and ');
}
