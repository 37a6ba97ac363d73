import type { Change, ClusterShare, Plan, PlanShares, RouteStep, ServiceStep, Step } from '../model/plan.ts';
import { addressBits, contains, formatAddress, type Prefix, parseAddress } from '../model/prefix.ts';
import { wavesOf } from './order.ts';

/** Addresses and wider ranges, to be asked whether they touch. */
class Touched {
  readonly #addresses = new Set<string>();
  readonly #parsed: Prefix[] = [];
  readonly #ranges: Prefix[] = [];

  addAddress(text: string): void {
    this.#addresses.add(text);
    const address = parseAddress(text);
    if (address !== null) this.#parsed.push(address);
  }

  addRange(range: Prefix): void {
    if (range.length === addressBits(range.family)) this.#addresses.add(formatAddress(range));
    else this.#ranges.push(range);
  }

  /** Whether one of the addresses lies in the range. */
  meets(range: Prefix): boolean {
    if (range.length === addressBits(range.family)) return this.#addresses.has(formatAddress(range));
    return this.#parsed.some((address) => contains(range, address));
  }

  /** Whether one of the ranges holds the address. */
  holds(text: string): boolean {
    if (this.#addresses.has(text)) return true;
    if (this.#ranges.length === 0) return false;
    const address = parseAddress(text);
    return address !== null && this.#ranges.some((range) => contains(range, address));
  }
}

/** What of a plan stands in the way of what else. */
interface Pending {
  /** Profiles whose cluster has to be told something, or to record something, first. */
  readonly due: ReadonlySet<string>;
  /** Addresses that some Service shows and is to lose. */
  readonly shown: Touched;
  /** Destinations that have no route yet, or one to another gateway. */
  readonly unrouted: Touched;
}

function pendingOf({ steps, leases, allocations }: Plan): Pending {
  const due = new Set(allocations.map(({ profile }) => profile));
  for (const { profile, announced } of leases) if (!announced) due.add(profile);
  const shown = new Touched();
  const unrouted = new Touched();
  for (const step of steps) {
    if (step.kind === 'service') {
      if (step.action !== 'none') for (const address of lostBy(step)) shown.addAddress(address);
    } else if (makes(step) && step.after !== null && step.purpose !== 'guard')
      unrouted.addRange(step.after.destination);
  }
  return { due, shown, unrouted };
}

const lostBy = ({ before, after }: ServiceStep) => before.filter((address) => !after.includes(address));
const makes = ({ action }: Step) => action === 'create' || action === 'replace';

/**
 * What a session can do now. Each part is safe to stop after, and the next plan says how to go on:
 *
 * | what                                   | waits until                                                           |
 * |----------------------------------------|-----------------------------------------------------------------------|
 * | a Lease is made or says that it leaves | nothing                                                               |
 * | the record of allocations              | the Lease                                                             |
 * | a Service loses its address            | the Lease                                                             |
 * | a route of an address is added         | Lease and record                                                      |
 * | any other route is added or moved      | nothing                                                               |
 * | a Service gets its address             | record; its route stands; no other Service shows the address          |
 * | a condition is written                 | record                                                                |
 * | a route goes                           | Lease and record; no Service shows an address in it; the profile is not `busy` |
 * | a Lease goes                           | all else of its profile                                               |
 *
 * `busy` are profiles whose cluster is being asked for something: what it shows meanwhile is not known.
 */
export function shareOf(plan: Plan, busy: ReadonlySet<string>): PlanShares {
  const pending = pendingOf(plan);
  const mayStart = (step: RouteStep) => {
    if (step.purpose === 'guard') return true;
    const isDue = pending.due.has(step.profile);
    if (step.action === 'create') return !(isDue && step.purpose === 'load-balancer');
    if (step.action !== 'delete' || step.before === null) return true;
    return !isDue && !busy.has(step.profile) && !pending.shown.meets(step.before.destination);
  };
  return { host: routesWhere(plan, mayStart), clusters: clustersOf(plan, pending) };
}

/** The same plan with its changes of routes alone. */
export function routesAlone(plan: Plan): Plan {
  return routesWhere(plan, () => true);
}

/** The steps that may not start do nothing, and keep their number. */
function routesWhere(plan: Plan, mayStart: (step: RouteStep) => boolean): Plan {
  const steps = plan.steps.map((step) => (step.kind === 'route' && mayStart(step) ? step : resting(step)));
  return { ...plan, steps, waves: wavesOf(steps), allocations: [], leases: [], reports: [] };
}

function resting(step: Step): Step {
  if (step.action === 'none') return step;
  if (step.kind === 'service') {
    const { before } = step;
    return { ...step, action: 'none', after: before, inverse: { action: 'none', before, after: before } };
  }
  const { before } = step;
  return { ...step, action: 'none', after: before, inverse: { action: 'none', before, after: before } };
}

/** Changes of Services, by profile. */
function changesOf({
  steps,
  waves,
}: Plan): Map<string, { readonly change: Change; readonly step: ServiceStep }[]> {
  const changes = new Map<string, { readonly change: Change; readonly step: ServiceStep }[]>();
  for (const change of waves.flat()) {
    const step = steps[change.step];
    if (step?.kind !== 'service') continue;
    const known = changes.get(step.profile);
    if (known === undefined) changes.set(step.profile, [{ change, step }]);
    else known.push({ change, step });
  }
  return changes;
}

function clustersOf(plan: Plan, pending: Pending): ClusterShare[] {
  const changes = changesOf(plan);
  const names = new Set([
    ...[...plan.leases, ...plan.allocations, ...plan.reports].map(({ profile }) => profile),
    ...changes.keys(),
  ]);
  return [...names]
    .sort()
    .map((profile) => clusterShare(plan, profile, changes.get(profile) ?? [], pending))
    .filter(
      ({ leases, allocations, changes, reports }) =>
        leases.length + allocations.length + changes.length + reports.length > 0,
    );
}

function clusterShare(
  plan: Plan,
  profile: string,
  changes: ClusterShare['changes'],
  { shown, unrouted }: Pending,
): ClusterShare {
  const of = <T extends { readonly profile: string }>(all: readonly T[]) =>
    all.filter((one) => one.profile === profile);
  const leases = of(plan.leases);
  const nothing: ClusterShare = { profile, leases: [], allocations: [], changes: [], reports: [] };
  const unannounced = leases.filter(({ announced }) => !announced);
  if (unannounced.length > 0) return { ...nothing, leases: unannounced };
  const cleared = changes.filter(({ change }) => change.op === 'clear');
  const allocations = of(plan.allocations);
  if (allocations.length > 0) return { ...nothing, allocations, changes: cleared };
  const clearing = new Set(cleared.map(({ change }) => change.step));
  const assigned = changes.filter(
    ({ change, step }) =>
      change.op === 'assign' &&
      !clearing.has(change.step) &&
      step.after.every((address) => !unrouted.holds(address) && !shown.holds(address)),
  );
  const reports = of(plan.reports);
  const isOver =
    changes.length + reports.length === 0 && of(plan.steps).every(({ action }) => action === 'none');
  return { ...nothing, leases: isOver ? leases : [], changes: [...cleared, ...assigned], reports };
}
