import type { DesiredProfile, DesiredState } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedHost } from '../../model/observed.ts';
import {
  addressOf,
  contains,
  formatPrefix,
  overlaps,
  type Prefix,
  parseAddress,
} from '../../model/prefix.ts';
import { type AddressRange, formatRange, prefixesOf } from '../../model/range.ts';
import { formatRoute, type Route } from '../../model/route.ts';
import { subtract } from '../addresses/pool.ts';
import { foreignRoutes, type Ownership } from '../conflicts/foreign.ts';
import { describeRule, Forwarding, REJECTS } from '../conflicts/forwarding.ts';
import { likelyOwner } from '../conflicts/owner.ts';
import type { WantedProfile } from './wanted.ts';

/** kube-proxy in IPVS mode gives every address of a Service to this device of its own. */
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
 * | the kernel's way to the pool         | a connection to an address of a Service             |
 * |--------------------------------------|-----------------------------------------------------|
 * | the default route                    | is answered                                         |
 * | a network of this host, a VPN, …     | is answered, in place of what has the address there |
 * | none at all, or an unreachable route | fails before kube-proxy sees it                     |
 */
export function poolsOnThisHost(
  desired: DesiredState,
  wanted: readonly WantedProfile[],
  host: ObservedHost,
  ownership: Ownership,
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
  const routes = host.routes.filter((route) => ownership.claimedBy.get(route) !== desired.spec);
  const forwarding = new Forwarding({ rules: host.rules, routes });
  return pools.flatMap((pool): Diagnostic[] => {
    const met = routesAt(pool, foreignRoutes(host, desired.spec, ownership, pool.prefixes));
    const found = [unreachable(pool, met, forwarding), inUse(pool, met, host)];
    return found
      .filter((one) => one !== null)
      .map((one) => ({ ...one, profile: pool.profile.name, at: pool.profile.loadBalancer.at }));
  });
}

/** Routes into a pool, and the nearest around each part of it. */
function routesAt({ prefixes }: Pool, foreign: ReturnType<typeof foreignRoutes>): Route[] {
  const met = prefixes.flatMap((prefix) => [
    ...foreign.ancestors(prefix).slice(0, 1),
    ...foreign.exact(prefix),
    ...foreign.descendants(prefix),
  ]);
  return [...new Set(met.map(({ route }) => route))];
}

/** What rejects a connection before kube-proxy sees it, for people; null for nothing. */
function rejection({ prefixes }: Pool, met: readonly Route[], forwarding: Forwarding): string | null {
  const route = met.find(({ type }) => REJECTS.has(type));
  if (route !== undefined) return `the route ${formatRoute(route)} rejects them`;
  for (const prefix of prefixes) {
    const first = addressOf(prefix.family, BigInt(prefix.start));
    const decision = first === null ? null : forwarding.decide(first);
    if (decision?.by === 'nobody') return 'this host has no route that leads there, not even a default route';
    if (decision?.by === 'rule') return `${describeRule(decision.rule)} rejects them`;
    if (decision?.by === 'route' && REJECTS.has(decision.route.type)) {
      return `the route ${formatRoute(decision.route)} rejects them`;
    }
  }
  return null;
}

function unreachable(pool: Pool, met: readonly Route[], forwarding: Forwarding) {
  const why = rejection(pool, met, forwarding);
  if (why === null) return null;
  const { profile, range, prefixes } = pool;
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

/** What has addresses of a pool besides its Services, for people; null for nothing. */
function holderOf({ prefixes }: Pool, met: readonly Route[], host: ObservedHost): string | null {
  const own = host.addresses.find(({ address: text, device }) => {
    const address = parseAddress(text);
    return (
      device !== KUBE_PROXYS_DEVICE &&
      address !== null &&
      prefixes.some((prefix) => contains(prefix, address))
    );
  });
  if (own !== undefined) return `this host itself has the address ${own.address} on ${own.device}`;
  const route = met.find(({ type }) => type === 'unicast');
  return route === undefined ? null : `the route ${formatRoute(route)} leads there, ${likelyOwner(route)}`;
}

function inUse(pool: Pool, met: readonly Route[], host: ObservedHost) {
  const holder = holderOf(pool, met, host);
  if (holder === null) return null;
  const { profile, range } = pool;
  return {
    code: 'pool-in-use',
    severity: 'warning' as const,
    summary: `profile ${profile.name}: its pool ${formatRange(range)} has addresses that lead somewhere else`,
    cause: `${holder}; on the ports of a Service, kube-proxy on this host answers in its place`,
    fix: 'Choose a pool that no other network has.',
  };
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
