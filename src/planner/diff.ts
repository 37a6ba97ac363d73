import type { Claim } from '../model/claim.ts';
import type { ObservedCluster, ObservedService } from '../model/observed.ts';
import type { RouteStep, ServiceStep, ServiceSummary } from '../model/plan.ts';
import { serviceName } from '../model/plan.ts';
import { formatPrefix } from '../model/prefix.ts';
import { MAIN_TABLE, METRICS, type Route, routeKey, sameNextHop } from '../model/route.ts';
import { conditionChange, eventsOf } from './addresses/conditions.ts';
import { keptFor } from './addresses/participants.ts';
import { isToTakeBack, type SeenProfile } from './addresses/served.ts';
import { isOurIngress } from './addresses/sharing.ts';
import type { Ownership } from './conflicts/foreign.ts';
import type { WantedRoute } from './networks/wanted.ts';
import { mayPatch } from './rights.ts';
import { routeStep, serviceStep, takingStep } from './step.ts';

/** A wanted route that may be made, or that a foreign route satisfies already. */
export interface Admitted {
  readonly wanted: WantedRoute;
  readonly satisfiedBy: Route | null;
}

function toRoute(wanted: WantedRoute, metric: number, protocol: number): Route {
  return {
    type: wanted.type,
    destination: wanted.destination,
    tos: 0,
    table: MAIN_TABLE,
    metric,
    gateway: wanted.gateway,
    device: wanted.device,
    protocol,
    nextHops: [],
  };
}

/** The metric that the other is not: a move goes in beside the old route before that goes. */
function otherMetric(metric: number): number {
  return metric === METRICS[0] ? METRICS[1] : METRICS[0];
}

/**
 * Holds the admitted routes against what this spec owns:
 *
 * | wanted | owned in the kernel        | claim alone | step                                     |
 * |--------|----------------------------|-------------|------------------------------------------|
 * | yes    | same next hop              |             | none                                     |
 * | yes    | another next hop           |             | replace, at the other metric             |
 * | yes    | no                         | yes         | create: drift                            |
 * | yes    | no                         | no          | create, or none if foreign and satisfied |
 * | no     | yes                        |             | delete                                   |
 * | unsure | yes                        |             | none                                     |
 * | no     | no                         | yes         | forget                                   |
 */
export class RouteDiff {
  readonly #protocol: number;
  readonly #isUnsure: (claim: Claim) => boolean;
  readonly #ownedAt = new Map<string, { claim: Claim; route: Route }[]>();
  readonly #lostAt = new Map<string, Claim[]>();

  /** `isUnsure`: whether a claim may still be wanted, since what would tell could not be read. */
  constructor(ownership: Ownership, protocol: number, isUnsure: (claim: Claim) => boolean) {
    this.#protocol = protocol;
    this.#isUnsure = isUnsure;
    for (const one of ownership.owned.values()) push(this.#ownedAt, formatPrefix(one.route.destination), one);
    for (const claim of ownership.lost) push(this.#lostAt, formatPrefix(claim.route.destination), claim);
  }

  /** Steps for every admitted route, then for everything owned that none of them wants. */
  steps(admitted: readonly Admitted[], kept: readonly WantedRoute[]): RouteStep[] {
    const steps = admitted.flatMap((one) => this.#step(one));
    for (const wanted of kept) this.#keep(wanted, steps);
    for (const owned of this.#ownedAt.values()) {
      for (const { claim, route } of owned) {
        steps.push(this.#isUnsure(claim) ? stays(claim, route) : remove(claim, route));
      }
    }
    for (const claims of this.#lostAt.values()) {
      for (const claim of claims) steps.push(forget(claim));
    }
    return steps;
  }

  /** Takes what is owned at a destination out of the maps, since it is now spoken for. */
  #takeOwned(destination: string): { claim: Claim; route: Route }[] {
    const owned = this.#ownedAt.get(destination) ?? [];
    this.#ownedAt.delete(destination);
    return owned.sort((a, b) => a.route.metric - b.route.metric);
  }

  #step({ wanted, satisfiedBy }: Admitted): RouteStep[] {
    const { profile, purpose } = wanted;
    const destination = formatPrefix(wanted.destination);
    const owned = this.#takeOwned(destination);
    const lost = this.#lostAt.get(destination) ?? [];
    this.#lostAt.delete(destination);
    const forgets = lost.slice(1).map((claim) => forget(claim));
    const [first] = owned;
    if (first !== undefined) {
      const same = owned.find((one) =>
        sameNextHop(one.route, toRoute(wanted, one.route.metric, this.#protocol)),
      );
      const extra = owned.filter((one) => one !== (same ?? first)).map((one) => remove(one.claim, one.route));
      return [
        same === undefined ? this.#move(wanted, first.route) : unchanged(wanted, same.route),
        ...extra,
        ...lost.map((claim) => forget(claim)),
      ];
    }
    if (satisfiedBy !== null) {
      const reason = 'a foreign route does this already; it is left alone';
      return [
        routeStep('none', profile, purpose, { before: satisfiedBy, after: satisfiedBy }, reason),
        ...lost.map((claim) => forget(claim)),
      ];
    }
    const drifted = lost[0];
    const after = toRoute(wanted, drifted?.route.metric ?? METRICS[0], this.#protocol);
    const reason = drifted === undefined ? wanted.reason : driftReason(wanted, drifted.route);
    const replacesClaim = drifted !== undefined && routeKey(drifted.route) !== routeKey(after);
    return [
      routeStep('create', profile, purpose, { before: null, after }, reason),
      ...(replacesClaim ? [forget(drifted)] : []),
      ...forgets,
    ];
  }

  #move(wanted: WantedRoute, before: Route): RouteStep {
    const after = toRoute(wanted, otherMetric(before.metric), this.#protocol);
    const reason =
      before.gateway === after.gateway
        ? wanted.reason
        : `the gateway moved from ${before.gateway ?? 'none'} to ${after.gateway ?? 'none'}`;
    return routeStep('replace', wanted.profile, wanted.purpose, { before, after }, reason);
  }

  /** A refused route that is owned stays as it is, for nothing at all is applied. */
  #keep(wanted: WantedRoute, steps: RouteStep[]): void {
    const destination = formatPrefix(wanted.destination);
    for (const { route } of this.#takeOwned(destination)) steps.push(unchanged(wanted, route));
    this.#lostAt.delete(destination);
  }
}

function driftReason(wanted: WantedRoute, lost: Route): string {
  return wanted.gateway === lost.gateway
    ? `${wanted.reason}; it was there and is gone (drift)`
    : `the gateway moved from ${lost.gateway ?? 'none'} to ${wanted.gateway ?? 'none'}, and the old route went with it`;
}

function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const items = map.get(key);
  if (items === undefined) map.set(key, [item]);
  else items.push(item);
}

function unchanged(wanted: WantedRoute, route: Route): RouteStep {
  return routeStep('none', wanted.profile, wanted.purpose, { before: route, after: route }, wanted.reason);
}

function remove(claim: Claim, route: Route): RouteStep {
  return routeStep(
    'delete',
    claim.profile,
    claim.purpose,
    { before: route, after: null },
    'no longer wanted',
  );
}

function stays({ profile, purpose }: Claim, route: Route): RouteStep {
  const reason = 'it stays: what would tell whether it is still wanted could not be read';
  return routeStep('none', profile, purpose, { before: route, after: route }, reason);
}

/** Drops a claim whose route is gone. */
export function forget(claim: Claim, reason = 'its route is gone'): RouteStep {
  return routeStep('forget', claim.profile, claim.purpose, { before: claim.route, after: null }, reason);
}

/**
 * Steps for the ingress of Services. An address is only announced when its route is admitted; what mkplan gave to a
 * Service that it no longer serves is taken back.
 */
export function serviceSteps(
  profiles: readonly SeenProfile[],
  summaries: readonly ServiceSummary[],
): ServiceStep[] {
  const bySummary = new Map(summaries.map((one) => [`${one.profile}/${serviceName(one)}`, one]));
  return profiles.flatMap(({ profile, seen: { cluster }, routed, left }) =>
    cluster === null
      ? []
      : cluster.services
          .flatMap((service): ServiceStep[] => {
            const summary = bySummary.get(`${profile.name}/${serviceName(service)}`);
            if (summary?.state !== 'served' && !isToTakeBack(service, profile, cluster, routed)) return [];
            // What it is ours to serve, and has no address for, is cleared; other Services somebody else may still use.
            const isOurs = summary?.state === 'served' || summary?.state === 'pending';
            const kept = isOurs || service.type !== 'LoadBalancer' ? null : keptFor(service, cluster);
            if (kept !== null) return [keptStep(profile.name, service, kept)];
            const takes = summary?.state === 'served' && left.has(service);
            return [serviceStepOf(profile.name, service, summary, { cluster, takes })];
          })
          .filter(({ action }) => action === 'none' || mayPatch(cluster)),
  );
}

/** What to do to a Service that is served, or whose ingress is taken back. `takes`: its ingress is still minikube's. */
function serviceStepOf(
  profile: string,
  service: ObservedService,
  summary: ServiceSummary | undefined,
  { cluster, takes }: { readonly cluster: ObservedCluster; readonly takes: boolean },
): ServiceStep {
  const before = takes || isOurIngress(service) ? service.ingress : [];
  const after = summary?.state === 'served' ? summary.addresses : [];
  const reason = summary?.reason ?? 'it is no longer served';
  const condition = conditionChange(service, summary);
  const events = eventsOf({ before, after, reason, unmet: summary?.unmet, condition }, cluster);
  const step = serviceStep(profile, service, before, after, reason, { condition, events });
  return takes && service.ingressManager !== null ? takingStep(step, service.ingressManager) : step;
}

function keptStep(profile: string, service: ObservedService, reason: string): ServiceStep {
  const condition = conditionChange(service, undefined).before;
  const told = { condition: { before: condition, after: condition }, events: [] };
  return serviceStep(profile, service, service.ingress, service.ingress, reason, told);
}
