import { claimKey } from '../model/claim.ts';
import type { ObservedHost, ObservedProfile, ObservedState } from '../model/observed.ts';
import { type Plan, type Relation, type Step, serviceName } from '../model/plan.ts';
import { contains, formatAddress, formatPrefix, parseAddress } from '../model/prefix.ts';
import { routeKey } from '../model/route.ts';
import { fingerprintOf } from './fingerprint.ts';
import { wavesOf } from './order.ts';

/**
 * What is left as it is for now, so that the rest can go on: profiles by name, Services as `profile namespace/name`,
 * destinations as CIDR. Each with the reason, for people.
 */
export interface Held {
  readonly profiles: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<string, string>;
  readonly destinations: ReadonlyMap<string, string>;
}

function isHeld(step: Step, held: Held): boolean {
  if (held.profiles.has(step.profile)) return true;
  if (step.kind === 'service') return held.services.has(`${step.profile} ${serviceName(step)}`);
  const route = step.after ?? step.before;
  return route !== null && held.destinations.has(formatPrefix(route.destination));
}

/** Addresses that are to have routes of their own, which are held: no Service is told them meanwhile. */
function withoutWay(plan: Plan, held: Held): ReadonlySet<string> {
  const addresses = new Set<string>();
  for (const step of plan.steps) {
    if (step.kind !== 'route' || step.action === 'none' || step.after === null) continue;
    if (isHeld(step, held)) addresses.add(formatAddress(step.after.destination));
  }
  return addresses;
}

/** The plan with only some of its steps; what is left out is neither made nor undone. */
function withSteps(plan: Plan, steps: readonly Step[], host: ObservedHost): Plan {
  const body: Plan = { ...plan, steps, waves: wavesOf(steps) };
  return { ...body, fingerprint: fingerprintOf(body, host) };
}

/**
 * A plan without what is held. What refused a held profile refuses the others no more: it is told, and left at that.
 */
export function hold(plan: Plan, held: Held, host: ObservedHost): Plan {
  const isOut = (profile: string | undefined) => profile !== undefined && held.profiles.has(profile);
  const rest: Plan = {
    ...plan,
    clusters: plan.clusters.filter(({ profile }) => !isOut(profile)),
    allocations: plan.allocations.filter((change) => !isOut(change.profile)),
    leases: plan.leases.filter((change) => !isOut(change.profile)),
    reports: plan.reports.filter(
      (report) => !isOut(report.profile) && !held.services.has(`${report.profile} ${serviceName(report)}`),
    ),
    approvals: plan.approvals.filter(
      ({ kind, profile, subject }) =>
        !isOut(profile) && !(kind === 'minikube' && held.services.has(`${profile} ${subject}`)),
    ),
    conflicts: plan.conflicts.map((conflict) =>
      conflict.outcome === 'refused' &&
      (isOut(conflict.profile) || held.destinations.has(formatPrefix(conflict.destination)))
        ? { ...conflict, outcome: 'skipped' }
        : conflict,
    ),
    diagnostics: plan.diagnostics.map((diagnostic) =>
      isOut(diagnostic.profile) ? { ...diagnostic, severity: 'warning' } : diagnostic,
    ),
  };
  const stranded = withoutWay(plan, held);
  const isStranded = (step: Step) =>
    step.kind === 'service' && step.action !== 'none' && step.after.some((address) => stranded.has(address));
  return withSteps(
    rest,
    plan.steps.filter((step) => !isHeld(step, held) && !isStranded(step)),
    host,
  );
}

/** Why a plan is refused, by the profile that it is refused for; the empty name stands for the plan as a whole. */
export function refusalsByProfile(plan: Plan): Map<string, string> {
  const refusals = new Map<string, string>();
  const note = (profile: string, why: string) => {
    if (!refusals.has(profile)) refusals.set(profile, why);
  };
  for (const { outcome, profile, summary } of plan.conflicts)
    if (outcome === 'refused') note(profile, summary);
  for (const { severity, profile, summary } of plan.diagnostics) {
    if (severity === 'error') note(profile ?? '', summary);
  }
  for (const [profile, why] of servedTwice(plan)) note(profile, why);
  return refusals;
}

/**
 * Profiles that lead to the cluster of one before them, and would take Services from it that it serves: each would undo
 * what the other has done, for ever.
 */
function servedTwice({ steps }: Plan): Map<string, string> {
  const first = new Map<string, string>();
  const later = new Map<string, string>();
  for (const step of steps) {
    if (step.kind !== 'service' || step.after.length === 0) continue;
    const other = first.get(step.uid);
    if (other === undefined) first.set(step.uid, step.profile);
    else if (other !== step.profile && !later.has(step.profile)) {
      later.set(
        step.profile,
        `it leads to the same cluster as profile ${other}, and both serve ${serviceName(step)}: this tunnel would undo its own work; take one of them out of tunnel.yaml, or give this one a loadBalancer.class of its own and unclassed: false`,
      );
    }
  }
  return later;
}

/** What no spec can be blamed for when it appears: a VPN, a rule, a network or a name server that comes during a session. */
const OF_THE_HOST: ReadonlySet<Relation> = new Set(['critical', 'preempted', 'on-link']);

/**
 * The destinations of a plan, as CIDR, that are refused for what appeared on the host, with the reason: in a session they are
 * left alone, and the rest of their profile goes on.
 */
export function refusedDestinations(plan: Plan): Map<string, string> {
  return new Map(
    plan.conflicts.flatMap(({ outcome, relation, destination, summary }) =>
      outcome === 'refused' && OF_THE_HOST.has(relation)
        ? [[formatPrefix(destination), summary] as const]
        : [],
    ),
  );
}

/**
 * Of a plan that takes everything away, what a session made: routes of its claims, and addresses of Services that no
 * persistent route of this spec leads to; our Lease, where no such route stays. Conditions without an address stay where
 * the profile has persistent routes: `apply` may have told them. A cluster on this host has no routes that would tell: what its
 * Services have stays where `apply` made our Lease there.
 */
export function ofSession(plan: Plan, { host, profiles, registry }: ObservedState): Plan {
  const own = registry.claims.filter((claim) => claim.owner.spec === plan.spec);
  const session = new Set(own.filter(({ owner }) => owner.mode === 'session').map(claimKey));
  const persistent = own.filter(({ owner }) => owner.mode === 'persistent');
  const stays = (text: string) => {
    const address = parseAddress(text);
    return (
      address !== null &&
      persistent.some(({ purpose, route }) => purpose !== 'guard' && contains(route.destination, address))
    );
  };
  const routed = new Set(own.map(({ profile }) => profile));
  const kept = new Set(
    profiles.filter((one) => hasLastingLease(one) && !routed.has(one.name)).map(({ name }) => name),
  );
  const steps = plan.steps.filter((step) => {
    if (step.kind === 'service') return !kept.has(step.profile) && !step.before.some(stays);
    return step.before !== null && session.has(routeKey(step.before));
  });
  const ofPersistent = persistent.filter(({ purpose }) => purpose === 'load-balancer');
  const stillServed = new Set([...kept, ...ofPersistent.map(({ profile }) => profile)]);
  const leases = plan.leases.filter(({ profile }) => !stillServed.has(profile));
  const lasting = new Set([...kept, ...persistent.map(({ profile }) => profile)]);
  const reports = plan.reports.filter(({ profile }) => !lasting.has(profile));
  return withSteps({ ...plan, leases, reports }, steps, host);
}

/** Whether our Lease in a cluster holds until it is removed: `apply` made it, and not this session. */
function hasLastingLease({ cluster }: ObservedProfile): boolean {
  return (cluster?.participants ?? []).some(
    ({ own, lasting, leaving }) => own && lasting === true && !leaving,
  );
}
