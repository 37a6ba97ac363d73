import type { Claim } from '../../src/model/claim.ts';
import { claimKey } from '../../src/model/claim.ts';
import type { Condition } from '../../src/model/condition.ts';
import type { ObservedService, ObservedState } from '../../src/model/observed.ts';
import type { ObservedParticipant } from '../../src/model/participant.ts';
import type { Change, LeaseChange, Plan, RouteStep, ServiceStep } from '../../src/model/plan.ts';
import { contains, type Prefix } from '../../src/model/prefix.ts';
import { MAIN_TABLE, type Route, routeKey } from '../../src/model/route.ts';
import { HOST_ID, OWN } from './build.ts';

/** The world after each wave of a plan, as an ideal executor would leave it; the first entry is the world before. */
export function replay(plan: Plan, before: ObservedState): ObservedState[] {
  const worlds = [before];
  let world = joinClusters(plan, recordAllocations(plan, before));
  for (const wave of plan.waves) {
    for (const change of wave) world = apply(plan, change, world);
    worlds.push(world);
  }
  world = leaveClusters(plan, tell(plan, world));
  worlds.push({ ...world, registry: { claims: commit(plan, world.registry.claims), open: null } });
  return worlds;
}

/** Before anything else, the records of allocations. */
function recordAllocations(plan: Plan, world: ObservedState): ObservedState {
  const profiles = world.profiles.map((profile) => {
    const change = plan.allocations.find((one) => one.profile === profile.name);
    if (change === undefined || profile.cluster === null) return profile;
    const allocations = { resourceVersion: '1', allocations: change.after };
    return { ...profile, cluster: { ...profile.cluster, allocations } };
  });
  return { ...world, profiles };
}

/** The participants of each profile's cluster, changed where the plan does this to our Lease. */
function changeLeases(
  plan: Plan,
  world: ObservedState,
  action: 'join' | 'leave',
  change: (others: readonly ObservedParticipant[], lease: LeaseChange) => readonly ObservedParticipant[],
): ObservedState {
  const due = plan.leases.filter((one) => one.action === action);
  const profiles = world.profiles.map((profile) => {
    const lease = due.find((one) => one.profile === profile.name);
    if (lease === undefined || profile.cluster === null) return profile;
    const others = (profile.cluster.participants ?? []).filter(({ own }) => !own);
    return { ...profile, cluster: { ...profile.cluster, participants: change(others, lease) } };
  });
  return { ...world, profiles };
}

function joinClusters(plan: Plan, world: ObservedState): ObservedState {
  return changeLeases(plan, world, 'join', (others, { serves }) => [...others, { ...OWN, serves }]);
}

/** When all else is done. */
function leaveClusters(plan: Plan, world: ObservedState): ObservedState {
  return changeLeases(plan, world, 'leave', (others) => others);
}

function apply(plan: Plan, change: Change, world: ObservedState): ObservedState {
  const step = plan.steps[change.step];
  if (step === undefined) throw new Error('a wave names a step that is not in the plan');
  return step.kind === 'route' ? applyRoute(step, change, world) : applyService(step, world);
}

function applyRoute(step: RouteStep, change: Change, world: ObservedState): ObservedState {
  const routes = [...world.host.routes];
  const target = change.op === 'add' ? step.after : step.before;
  if (target === null) throw new Error(`${change.op} without a route`);
  const at = routes.findIndex((route) => routeKey(route) === routeKey(target));
  if (change.op === 'delete') {
    if (at < 0) throw new Error(`ESRCH ${routeKey(target)}`);
    routes.splice(at, 1);
  } else {
    const taken = routes.some((route) => sameSlot(route, target));
    if (taken) throw new Error(`EEXIST ${routeKey(target)}`);
    routes.push(target);
  }
  return { ...world, host: { ...world.host, routes } };
}

/** What the kernel's exclusive add guards: destination, tos, table and metric. */
function sameSlot(a: Route, b: Route): boolean {
  return (
    a.table === b.table &&
    a.tos === b.tos &&
    a.metric === b.metric &&
    a.destination.family === b.destination.family &&
    a.destination.start === b.destination.start &&
    a.destination.length === b.destination.length
  );
}

function applyService(step: ServiceStep, world: ObservedState): ObservedState {
  const update = (service: ObservedService): ObservedService =>
    service.uid === step.uid
      ? {
          ...service,
          ingress: step.after,
          ingressManager: step.after.length > 0 ? 'mkplan' : null,
          condition: shownCondition(step.condition.after),
        }
      : service;
  const profiles = world.profiles.map((profile) =>
    profile.name === step.profile && profile.cluster !== null
      ? { ...profile, cluster: { ...profile.cluster, services: profile.cluster.services.map(update) } }
      : profile,
  );
  return { ...world, profiles };
}

/** What the cluster shows of a condition that was applied. */
export function shownCondition(condition: Condition | null): ObservedService['condition'] {
  if (condition === null) return null;
  const lastTransitionTime = condition.lastTransitionTime ?? '2026-01-01T00:00:00Z';
  return { ...condition, lastTransitionTime, manager: 'mkplan' };
}

/** Conditions that no step carried, once all else is done. */
function tell(plan: Plan, world: ObservedState): ObservedState {
  const conditions = new Map(plan.reports.map((report) => [report.uid, report.condition.after]));
  const update = (service: ObservedService): ObservedService => {
    const condition = conditions.get(service.uid);
    return condition === undefined ? service : { ...service, condition: shownCondition(condition) };
  };
  const profiles = world.profiles.map((profile) =>
    profile.cluster === null
      ? profile
      : { ...profile, cluster: { ...profile.cluster, services: profile.cluster.services.map(update) } },
  );
  return { ...world, profiles };
}

function commit(plan: Plan, claims: readonly Claim[]): Claim[] {
  const steps = plan.steps.filter((step) => step.kind === 'route');
  const dropped = new Set(
    steps.flatMap((step) =>
      step.before !== null && ['replace', 'delete', 'forget'].includes(step.action)
        ? [routeKey(step.before)]
        : [],
    ),
  );
  const created = steps.flatMap((step): Claim[] => {
    if (step.after === null || !['create', 'replace', 'adopt'].includes(step.action)) return [];
    const owner = { spec: plan.spec, mode: 'persistent' as const, pid: 1, startTime: '1', ...HOST_ID };
    return [
      {
        profile: step.profile,
        purpose: step.purpose,
        route: step.after,
        owner,
        created: '2026-01-01T00:00:00Z',
      },
    ];
  });
  const made = new Set(created.map(claimKey));
  return [...claims.filter((one) => !dropped.has(claimKey(one)) && !made.has(claimKey(one))), ...created];
}

/** Who gets an address: longest prefix of table main, then lowest metric. */
export function lookup(routes: readonly Route[], address: Prefix): string {
  let best: Route | null = null;
  for (const route of routes) {
    if (route.table !== MAIN_TABLE || !contains(route.destination, address)) continue;
    const longer = best === null || route.destination.length > best.destination.length;
    const cheaper =
      best !== null && route.destination.length === best.destination.length && route.metric < best.metric;
    if (longer || cheaper) best = route;
  }
  return best === null ? 'none' : routeKey(best);
}
