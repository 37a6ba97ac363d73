import { createHash } from 'node:crypto';
import type { ObservedHost } from '../model/observed.ts';
import type { Conflict, Plan, Step } from '../model/plan.ts';
import { formatPrefix } from '../model/prefix.ts';
import { type Route, routeKey } from '../model/route.ts';
import { isOfObstacle } from './obstacles.ts';

/** Diagnostics that nothing of a plan rests on: pods start and end while it is looked at. */
export const NEWS: ReadonlySet<string> = new Set(['service-without-endpoints']);

/**
 * The fingerprint of the facts that a plan rests on: SHA-256, hex. The plan is a pure function of those facts, so
 * what it says is what they are; a fact that changes nothing in the plan is not one that it rests on. Texts that explain,
 * places in the spec, the conditions of Services and the count of all writes to them are no facts; neither is our own Lease,
 * which says what we do and not what there is, nor why a cluster is silent, which changes while its VM starts. The host's boot and network namespace are,
 * since another one has other routes.
 */
export function fingerprintOf(plan: Omit<Plan, 'fingerprint'>, host: ObservedHost): string {
  const facts = [
    [host.platform, host.bootId, host.networkNamespace, plan.name, plan.spec, plan.mode],
    ...(plan.only === null ? [] : [['only', ...plan.only]]),
    ...(plan.aside.length === 0
      ? []
      : [['aside', ...plan.aside.map(({ profile, state }) => [profile, state])]]),
    plan.profiles,
    plan.clusters,
    plan.services.map(({ profile, namespace, name, state, addresses }) => [
      profile,
      namespace,
      name,
      state,
      addresses,
    ]),
    plan.allocations.map(({ profile, after }) => [profile, after]),
    plan.steps.map(stepFacts),
    plan.conflicts.map(conflictFacts),
    plan.approvals.map(({ kind, profile, subject, byPolicy }) => [
      kind,
      profile,
      subject,
      ...(byPolicy === true ? ['policy'] : []),
    ]),
    plan.unproven.map(({ route }) => routeKey(route)),
    plan.diagnostics
      .filter((told) => !NEWS.has(told.code) && !isOfObstacle(told))
      .map(({ code, severity, summary }) => [code, severity, summary]),
  ];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

function stepFacts(step: Step): readonly unknown[] {
  const { action, profile, before, after } = step;
  if (step.kind === 'service') {
    const { namespace, name, uid, takenFrom } = step;
    const taken = takenFrom === undefined ? [] : [takenFrom];
    return [action, profile, namespace, name, uid, before, after, ...taken];
  }
  return [action, profile, step.purpose, keyOf(step.before), keyOf(step.after)];
}

function conflictFacts({
  relation,
  profile,
  destination,
  foreign,
  outcome,
  disputed,
  owner,
}: Conflict): readonly unknown[] {
  return [relation, profile, formatPrefix(destination), keyOf(foreign), outcome, disputed, owner];
}

function keyOf(route: Route | null): string | null {
  return route === null ? null : routeKey(route);
}
