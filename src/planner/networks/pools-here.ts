import type { DesiredProfile, DesiredState } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedHost } from '../../model/observed.ts';
import {
  addressOf,
  comparePrefixes,
  contains,
  formatAddress,
  formatPrefix,
  overlaps,
  type Prefix,
} from '../../model/prefix.ts';
import { type AddressRange, formatRange, prefixesOf } from '../../model/range.ts';
import { formatRoute, type Route } from '../../model/route.ts';
import { subtract } from '../addresses/pool.ts';
import type { Ownership } from '../conflicts/foreign.ts';
import { type Decision, describeRule, Forwarding, REJECTS } from '../conflicts/forwarding.ts';
import { likelyOwner } from '../conflicts/owner.ts';
import type { WantedProfile } from './wanted.ts';

/** kube-proxy in IPVS mode gives this device the addresses of all Services. */
const KUBE_PROXYS_DEVICE = 'kube-ipvs0';

/** A pool of a cluster on this host, as the prefixes that addresses are given from. */
interface Pool {
  readonly profile: DesiredProfile;
  readonly range: AddressRange;
  readonly prefixes: readonly Prefix[];
}

/**
 * Warns of the pools of clusters on this host. Their addresses have no routes of their own: the kernel looks for some route, most
 * often the default one, and then kube-proxy's rules (chain OUTPUT, table nat) send the connection to a pod instead.
 *
 * | the kernel's way to the pool             | a connection to an address of a Service             |
 * |------------------------------------------|-----------------------------------------------------|
 * | the default route, the loopback device   | is answered                                         |
 * | a network or address of this host, a VPN | is answered, in place of what has the address there |
 * | none at all, or a route that rejects     | fails before kube-proxy sees it                     |
 */
export function poolsOnThisHost(
  desired: DesiredState,
  wanted: readonly WantedProfile[],
  { rules, routes: all }: ObservedHost,
  { claimedBy }: Ownership,
): Diagnostic[] {
  const here = new Set(wanted.filter(({ summary }) => summary.onThisHost).map(({ summary }) => summary.name));
  const pools = desired.profiles
    .filter(({ name, loadBalancer }) => here.has(name) && loadBalancer.assign === 'pool')
    .flatMap((profile) =>
      profile.loadBalancer.pool.map((range): Pool => {
        const prefixes = subtract(range, profile.loadBalancer.exclude).flatMap(prefixesOf);
        return { profile, range, prefixes };
      }),
    );
  if (pools.length === 0) return [];
  // Ours go: a cluster that moved here leaves them behind until the plan is applied.
  const routes = all.filter((route) => claimedBy.get(route) !== desired.spec);
  const forwarding = new Forwarding({ rules, routes });
  return pools.flatMap((pool): Diagnostic[] => {
    const decisions = partsOf(pool, routes).map((address) => forwarding.decide(address));
    return [unreachable(pool, decisions), inUse(pool, decisions)]
      .filter((one) => one !== null)
      .map((one) => ({ ...one, profile: pool.profile.name, at: pool.profile.loadBalancer.at }));
  });
}

/** An address of each part of a pool that has a way of its own. */
function partsOf({ prefixes }: Pool, routes: readonly Route[]): Prefix[] {
  const inside = routes
    .map(({ destination }) => destination)
    .filter((destination) => prefixes.some((prefix) => contains(prefix, destination)))
    .sort(comparePrefixes);
  return [...prefixes, ...inside].flatMap(({ family, start }) => addressOf(family, BigInt(start)) ?? []);
}

function unreachable({ profile, range, prefixes }: Pool, decisions: readonly Decision[]) {
  const why = decisions.map(rejectionOf).find((one) => one !== null) ?? null;
  if (why === null) return null;
  const [first] = prefixes;
  return {
    code: 'pool-unreachable',
    severity: 'warning' as const,
    summary: `profile ${profile.name}: connections from this host to its pool ${formatRange(range)} fail`,
    cause: `${why}, and the kernel looks for a route before kube-proxy’s rules take the connection`,
    fix: 'Connect this host to a network with a default route, choose another pool, or give the pool a route to the loopback device.',
    ...(first === undefined ? {} : { command: `sudo ip route add ${formatPrefix(first)} dev lo` }),
  };
}

/** What rejects a connection before kube-proxy sees it, for people; null for nothing. */
function rejectionOf(decision: Decision): string | null {
  switch (decision.by) {
    case 'nobody':
      return 'this host has no route that leads there, not even a default route';
    case 'rule':
      return `${describeRule(decision.rule)} rejects them`;
    case 'route':
      return REJECTS.has(decision.route.type)
        ? `the route ${formatRoute(decision.route)} rejects them`
        : null;
    default:
      return null;
  }
}

function inUse({ profile, range }: Pool, decisions: readonly Decision[]) {
  const holder = decisions.map(holderOf).find((one) => one !== null) ?? null;
  if (holder === null) return null;
  return {
    code: 'pool-in-use',
    severity: 'warning' as const,
    summary: `profile ${profile.name}: its pool ${formatRange(range)} has addresses that lead somewhere else`,
    cause: `${holder}; on the ports of a Service, kube-proxy on this host answers in its place`,
    fix: 'Choose a pool that no other network has.',
  };
}

/** What has an address besides a Service, for people; null for nothing. */
function holderOf(decision: Decision): string | null {
  if (decision.by !== 'route') return null;
  const { route } = decision;
  if (route.device === KUBE_PROXYS_DEVICE) return null;
  if (route.type === 'local') {
    return `this host itself has the address ${formatAddress(route.destination)} on ${route.device}`;
  }
  // A default route, or one of two halves that make one; and nothing else has what leads to loopback.
  if (route.type !== 'unicast' || route.destination.length <= 1 || route.device === 'lo') return null;
  return `the route ${formatRoute(route)} leads there, ${likelyOwner(route)}`;
}

/** Warns of service networks that are routed elsewhere, and that a cluster on this host has as well. */
export function networksOnThisHost(wanted: readonly WantedProfile[]): Diagnostic[] {
  const here = wanted.flatMap((one) => one.here).filter(({ purpose }) => purpose === 'services');
  const routed = wanted.flatMap(({ routes }) => routes).filter(({ purpose }) => purpose === 'services');
  return routed.flatMap(({ profile, destination, at }): Diagnostic[] => {
    const own = here.find((network) => overlaps(network.destination, destination));
    if (own === undefined) return [];
    return [
      {
        code: 'network-on-this-host',
        severity: 'warning',
        profile,
        summary: `profile ${profile}: its service network ${formatPrefix(destination)} overlaps ${formatPrefix(own.destination)} of profile ${own.profile}, whose cluster runs on this host`,
        cause:
          'kube-proxy on this host takes the connections to every ClusterIP that both clusters have given to a Service',
        fix: `Reach the Services of profile ${profile} by LoadBalancer addresses, and write \`services: none\` under its cidrs.`,
        at,
      },
    ];
  });
}
