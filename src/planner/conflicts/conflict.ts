import type { ObservedHost } from '../../model/observed.ts';
import type { Conflict, Relation } from '../../model/plan.ts';
import { POLICY_PATH } from '../../model/policy.ts';
import { contains, formatPrefix, type Prefix, parseAddress } from '../../model/prefix.ts';
import { PrefixIndex } from '../../model/prefix-index.ts';
import { formatRoute, METRICS, type Route, sameNextHop } from '../../model/route.ts';
import { whyNotPrivate } from '../../model/scope.ts';
import type { WantedRoute } from '../networks/wanted.ts';
import { type CriticalPoint, criticalPoints } from './critical.ts';
import { defaultRoutes, type ForeignRoute, isOnLink, type Ownership } from './foreign.ts';
import { likelyOwner } from './owner.ts';
import { type Dispute, Preemption } from './preempted.ts';

/** What stands against one wanted route. */
export interface Finding {
  readonly conflicts: readonly Conflict[];
  /** A foreign route that already does what is wanted; it is left alone, and never removed by us. */
  readonly satisfiedBy: Route | null;
}

const CLEAN: Finding = { conflicts: [], satisfiedBy: null };

/**
 * Holds wanted routes against everything that is not ours:
 *
 * | relation        | it stands against the wanted route                            | outcome            |
 * |-----------------|---------------------------------------------------------------|--------------------|
 * | forbidden       | it is no private network, nor one that the host allows        | always refused     |
 * | critical        | it holds an address that must not change its way              | always refused     |
 * | gateway-inside  | it holds its own gateway                                      | refused or skipped |
 * | preempted       | a rule or table asked before main decides about it            | refused or skipped |
 * | conflict        | a foreign route has the same destination, another next hop    | refused or skipped |
 * | on-link         | the host itself is on a network that overlaps it              | refused or skipped |
 * | inside          | a foreign route is more specific                              | refused or skipped |
 * | covers          | a foreign route is less specific                              | warned             |
 *
 * A foreign route with the same destination and next hop satisfies the wanted one.
 */
export class ConflictCheck {
  readonly #host: ObservedHost;
  readonly #foreign: PrefixIndex<ForeignRoute>;
  readonly #critical: PrefixIndex<CriticalPoint>;
  readonly #preemption: Preemption;
  readonly #unproven: ReadonlySet<Route>;

  constructor(host: ObservedHost, ownership: Ownership, foreign: PrefixIndex<ForeignRoute>) {
    this.#host = host;
    this.#foreign = foreign;
    this.#preemption = new Preemption(host, foreign);
    this.#unproven = new Set(ownership.unproven.map((one) => one.route));
    const owned = new PrefixIndex(ownership.owned.values(), (one) => one.route.destination);
    const points = criticalPoints(host, defaultRoutes(host)).filter((point) => {
      // A live peer behind one of our own routes keeps its way: that is what the tunnel is for.
      const { address } = point;
      return (
        point.kind !== 'live-peer' ||
        (owned.exact(address).length === 0 && owned.ancestors(address).length === 0)
      );
    });
    this.#critical = new PrefixIndex(points, (point) => point.address);
  }

  /**
   * Whether nothing foreign or critical lies at or inside a prefix and nothing preempts it: then its parts need not
   * be looked at one by one.
   */
  isClear(prefix: Prefix): boolean {
    return (
      this.#foreign.exact(prefix).length === 0 &&
      this.#foreign.descendants(prefix).length === 0 &&
      this.#critical.exact(prefix).length === 0 &&
      this.#critical.descendants(prefix).length === 0 &&
      this.#preemption.of(prefix).length === 0
    );
  }

  /** Whether nothing that is asked before main rejects a next hop. */
  mayPass(gateway: string | null): boolean {
    return this.#preemption.mayPass(gateway);
  }

  /** Everything that stands against one wanted route, the gravest first. */
  of(wanted: WantedRoute): Finding {
    const forbidden = this.#forbidden(wanted.destination);
    if (forbidden.length > 0) return this.#finding(wanted, forbidden);
    const exact = this.#foreign.exact(wanted.destination).map((one) => one.route);
    const equal = exact.find((route) => sameNextHop(route, { ...route, ...nextHopOf(wanted) }));
    const gatewayInside = this.#gatewayInside(wanted);
    const preempted = this.#preemption.of(wanted.destination);
    const inside = this.#inside(wanted, gatewayInside[0]?.foreign ?? null);
    const ahead = preempted.length > 0 ? preempted : this.#preemption.ofGateway(wanted);
    if (equal !== undefined && exact.length === 1) {
      // It has the addresses already: what counts is whether all of them come this way. A guard closes what is left of its pool.
      const missed = wanted.purpose === 'guard' ? [] : inside;
      return { ...this.#finding(wanted, [...gatewayInside, ...ahead, ...missed]), satisfiedBy: equal };
    }
    return this.#finding(wanted, [
      ...this.#criticalInside(wanted),
      ...gatewayInside,
      ...ahead,
      ...this.#same(wanted),
      ...inside,
      ...this.#covering(wanted),
    ]);
  }

  #finding(wanted: WantedRoute, disputes: readonly Dispute[]): Finding {
    if (disputes.length === 0) return CLEAN;
    const conflicts = disputes.map((dispute) => this.#orImport(toConflict(wanted, dispute)));
    return { conflicts, satisfiedBy: null };
  }

  /** What may be ours for all that the registry tells has a way out that a foreign route has not. */
  #orImport(conflict: Conflict): Conflict {
    const { foreign, outcome, resolution } = conflict;
    if (foreign === null || outcome !== 'refused' || !this.#unproven.has(foreign)) return conflict;
    const argument = formatPrefix(foreign.destination);
    return { ...conflict, resolution: `\`mkplan import ${argument}\` if it is yours; else ${resolution}` };
  }

  #forbidden(destination: Prefix): Dispute[] {
    const why = whyNotPrivate(destination, this.#host.policy.ranges);
    if (why === null) return [];
    return [
      {
        relation: 'forbidden',
        foreign: null,
        owner: 'whoever has those addresses',
        disputed: formatPrefix(destination),
        winner: 'nobody: it is not applied',
        summary: `${why}; only private networks are routed, and what ${POLICY_PATH} allows`,
      },
    ];
  }

  #criticalInside(wanted: WantedRoute): Dispute[] {
    const { destination, gateway } = wanted;
    const inside = [...this.#critical.exact(destination), ...this.#critical.descendants(destination)];
    return inside
      .filter((point) => point.text !== gateway && !this.#keepsItsWay(point, destination))
      .map((point) => ({
        relation: 'critical',
        foreign: null,
        owner: point.owner,
        disputed: formatPrefix(point.address),
        winner: 'nobody: it is not applied',
        summary: `${formatPrefix(destination)} would take ${point.text}, ${point.detail}`,
      }));
  }

  /** Whether a foreign route more specific than the destination still carries a critical address. */
  #keepsItsWay(point: CriticalPoint, destination: Prefix): boolean {
    const carriers = [...this.#foreign.exact(point.address), ...this.#foreign.ancestors(point.address)];
    return carriers.some((one) => one.route.destination.length > destination.length);
  }

  #gatewayInside(wanted: WantedRoute): Dispute[] {
    const { destination, gateway } = wanted;
    const address = gateway === null ? null : parseAddress(gateway);
    if (address === null || !contains(destination, address)) return [];
    const network =
      this.#foreign.ancestors(address).find((one) => isOnLink(one.route, this.#host))?.route ?? null;
    const where = network === null ? '' : `, on ${formatRoute(network)}`;
    return [
      {
        relation: 'gateway-inside',
        foreign: network,
        owner: network === null ? 'the VM' : likelyOwner(network),
        disputed: formatPrefix(
          network !== null && contains(destination, network.destination) ? network.destination : address,
        ),
        winner: network === null ? 'unknown' : `the host's own network on ${network.device}`,
        summary: `the gateway ${gateway} lies inside ${formatPrefix(destination)} itself${where}`,
      },
    ];
  }

  #same(wanted: WantedRoute): Dispute[] {
    return this.#foreign
      .exact(wanted.destination)
      .filter((one) => !sameNextHop(one.route, { ...one.route, ...nextHopOf(wanted) }))
      .map((one) => {
        const relation = isOnLink(one.route, this.#host) ? 'on-link' : 'conflict';
        const winner = one.route.metric <= METRICS[0] ? 'the foreign route, by metric' : 'ours, by metric';
        return dispute(relation, one, wanted.destination, winner);
      });
  }

  /** What is inside, but for the network of the gateway and the host's addresses on it, which has been reported as such. */
  #inside(wanted: WantedRoute, reported: Route | null): Dispute[] {
    return this.#foreign
      .descendants(wanted.destination)
      .filter(
        ({ route }) =>
          reported === null ||
          !(isOnLink(route, this.#host) && contains(reported.destination, route.destination)),
      )
      .map((one) => {
        const relation = isOnLink(one.route, this.#host) ? 'on-link' : 'inside';
        return dispute(relation, one, one.route.destination, 'the foreign route, being more specific');
      });
  }

  /** Only the most specific covering route loses addresses to ours, but any network that the host is on matters. */
  #covering(wanted: WantedRoute): Dispute[] {
    const ancestors = this.#foreign.ancestors(wanted.destination);
    const onLink = ancestors.filter((one) => isOnLink(one.route, this.#host));
    if (onLink.length > 0) {
      return onLink.map((one) => dispute('on-link', one, wanted.destination, 'ours, being more specific'));
    }
    const [nearest] = ancestors;
    return nearest === undefined
      ? []
      : [dispute('covers', nearest, wanted.destination, 'ours, being more specific')];
  }
}

function nextHopOf(wanted: WantedRoute): Pick<Route, 'type' | 'gateway' | 'device'> {
  return { type: wanted.type, gateway: wanted.gateway, device: wanted.device };
}

const SAYS: Readonly<Record<'conflict' | 'on-link' | 'inside' | 'covers', string>> = {
  conflict: 'a foreign route has the same destination and another next hop',
  'on-link': 'the host itself is on a network that overlaps it',
  inside: 'a foreign route keeps part of it',
  covers: 'it takes part of a foreign range',
};

function dispute(relation: keyof typeof SAYS, one: ForeignRoute, disputed: Prefix, winner: string): Dispute {
  const owner = one.spec === null ? likelyOwner(one.route) : `claimed by another spec, ${one.spec}`;
  const summary = `${SAYS[relation]}: ${formatRoute(one.route)}`;
  return { relation, foreign: one.route, owner, disputed: formatPrefix(disputed), winner, summary };
}

/** Relations that no policy lets through. */
const ALWAYS_REFUSED: ReadonlySet<Relation> = new Set(['forbidden', 'critical']);

function outcomeOf(relation: Relation, wanted: WantedRoute): Conflict['outcome'] {
  if (relation === 'covers') return 'warned';
  return wanted.conflictPolicy === 'skip' && !ALWAYS_REFUSED.has(relation) ? 'skipped' : 'refused';
}

function resolutionOf(relation: Relation, outcome: Conflict['outcome'], wanted: WantedRoute): string {
  if (outcome === 'skipped') return 'left out, as conflictPolicy: skip says';
  switch (relation) {
    case 'covers':
      return 'approve it at the prompt, or with --allow covers';
    case 'forbidden':
    case 'critical':
      return 'narrow or remove this network; no policy lets it through';
    case 'gateway-inside':
      return 'list narrower networks here, or give the VM or its cluster another network';
    default:
      return wanted.purpose === 'guard' || wanted.purpose === 'load-balancer'
        ? 'choose another pool, or set conflictPolicy: skip'
        : 'narrow this network, or set conflictPolicy: skip to leave it out';
  }
}

function toConflict(wanted: WantedRoute, found: Dispute): Conflict {
  const outcome = outcomeOf(found.relation, wanted);
  return {
    ...found,
    profile: wanted.profile,
    purpose: wanted.purpose,
    destination: wanted.destination,
    outcome,
    resolution: resolutionOf(found.relation, outcome, wanted),
    at: wanted.at,
  };
}
