import type { Condition, ServiceEvent } from '../../model/condition.ts';
import { sameCondition } from '../../model/condition.ts';
import type { DesiredProfile } from '../../model/desired.ts';
import {
  FIELD_MANAGER,
  type ObservedCluster,
  type ObservedProfile,
  type ObservedService,
} from '../../model/observed.ts';
import { type ServiceReport, type ServiceStep, type ServiceSummary, serviceName } from '../../model/plan.ts';
import { mayEmit, mayPatch } from '../rights.ts';
import { keptFor } from './participants.ts';
import { isToldByOthers } from './served.ts';
import { isOurIngress, rivalsOf } from './sharing.ts';

/** As long as an Event's note may be (events.k8s.io/v1, `note`). What a Service asks for may be any text. */
const LONGEST_MESSAGE = 1024;

function bounded(text: string): string {
  return text.length <= LONGEST_MESSAGE ? text : `${text.slice(0, LONGEST_MESSAGE - 1)}…`;
}

/** The condition before and after. */
interface ConditionChange {
  readonly before: Condition | null;
  readonly after: Condition | null;
}

/**
 * What the condition of a Service is and should be:
 *
 * | the Service is  | status | reason           | message       |
 * |-----------------|--------|------------------|---------------|
 * | served          | True   | IPAllocated      | its addresses |
 * | pending         | False  | AllocationFailed | why           |
 * | anything else   | none   |                  |               |
 *
 * A condition that somebody else wrote to is left alone: it would have to be taken from them.
 */
export function conditionChange(
  service: ObservedService,
  summary: ServiceSummary | undefined,
): ConditionChange {
  const observed = service.condition;
  if (observed !== null && observed.manager !== FIELD_MANAGER) return { before: null, after: null };
  const before = observed === null ? null : withoutManager(observed);
  const wanted = wantedCondition(summary);
  if (wanted === null) return { before, after: null };
  const lastTransitionTime = before?.status === wanted.status ? before.lastTransitionTime : null;
  return { before, after: { ...wanted, lastTransitionTime } };
}

function withoutManager({ status, reason, message, lastTransitionTime }: Condition): Condition {
  return { status, reason, message, lastTransitionTime };
}

function wantedCondition(summary: ServiceSummary | undefined): Omit<Condition, 'lastTransitionTime'> | null {
  if (summary?.state === 'served') {
    // Without why it has them: that is another reason once it has them.
    return { status: 'True', reason: 'IPAllocated', message: `allocated ${summary.addresses.join(', ')}` };
  }
  if (summary?.state !== 'pending') return null;
  return { status: 'False', reason: 'AllocationFailed', message: bounded(summary.reason) };
}

/** The Events of a step or a report: one for each thing that it changes, none for what stays. */
export function eventsOf(
  change: {
    readonly before: readonly string[];
    readonly after: readonly string[];
    readonly reason: string;
    readonly condition: ConditionChange;
  },
  cluster: ObservedCluster,
): ServiceEvent[] {
  if (!mayEmit(cluster)) return [];
  const { before, after, reason, condition } = change;
  const events: ServiceEvent[] = [];
  const lost = before.filter((address) => !after.includes(address));
  if (lost.length > 0) {
    const why = after.length === 0 ? `: ${reason}` : '';
    events.push({
      type: 'Normal',
      reason: 'ClearAssignment',
      message: bounded(`took back ${lost.join(', ')}${why}`),
    });
  }
  if (after.some((address) => !before.includes(address))) {
    const message = bounded(`allocated ${after.join(', ')}: ${reason}`);
    events.push({ type: 'Normal', reason: 'IPAllocated', message });
  }
  if (condition.after?.status === 'False' && !sameCondition(condition.before, condition.after)) {
    events.push({ type: 'Warning', reason: 'AllocationFailed', message: condition.after.message });
  }
  return events;
}

/** Reports for the Services whose addresses no step changes, and whose condition is not what it should be. */
export function serviceReports(
  profiles: readonly { readonly profile: DesiredProfile; readonly seen: ObservedProfile }[],
  summaries: readonly ServiceSummary[],
  steps: readonly ServiceStep[],
): ServiceReport[] {
  const keyOf = (one: { profile: string; namespace: string; name: string }) =>
    `${one.profile}/${serviceName(one)}`;
  const bySummary = new Map(summaries.map((one) => [keyOf(one), one]));
  const stepped = new Set(steps.filter(({ action }) => action !== 'none').map(keyOf));
  return profiles.flatMap(({ profile, seen: { cluster } }) => {
    if (cluster === null || !mayPatch(cluster)) return [];
    return cluster.services
      .flatMap((service) => {
        const key = `${profile.name}/${serviceName(service)}`;
        const summary = bySummary.get(key);
        const isTold =
          isToldByOthers(service, profile, cluster) ||
          isLeftTold(service, summary, cluster) ||
          isLeftPending(service, summary, profile, cluster);
        return stepped.has(key) || isTold ? [] : reportOf(profile.name, service, summary, cluster);
      })
      .sort((a, b) => (serviceName(a) < serviceName(b) ? -1 : 1));
  });
}

/** Whether there is nothing more to say of a Service, and somebody else may still go by what was said. */
function isLeftTold(
  service: ObservedService,
  summary: ServiceSummary | undefined,
  cluster: ObservedCluster,
): boolean {
  const isOthers = service.ingress.length > 0 && !isOurIngress(service);
  const isSilent = service.type === 'LoadBalancer' && !isOthers && wantedCondition(summary) === null;
  return isSilent && keptFor(service, cluster) !== null;
}

/** Whether a Service was told that it has to wait, and two tunnels with a pool each would tell it so in turns. */
function isLeftPending(
  service: ObservedService,
  summary: ServiceSummary | undefined,
  profile: DesiredProfile,
  cluster: ObservedCluster,
): boolean {
  const { condition } = service;
  const isToldAlready = condition?.manager === FIELD_MANAGER && condition.status === 'False';
  return summary?.state === 'pending' && isToldAlready && rivalsOf(service, profile, cluster).length > 0;
}

function reportOf(
  profile: string,
  service: ObservedService,
  summary: ServiceSummary | undefined,
  cluster: ObservedCluster,
): ServiceReport[] {
  const condition = conditionChange(service, summary);
  if (sameCondition(condition.before, condition.after)) return [];
  const { namespace, name, uid, resourceVersion } = service;
  const addresses = isOurIngress(service) ? service.ingress : [];
  const change = { before: addresses, after: addresses, reason: summary?.reason ?? '', condition };
  const events = eventsOf(change, cluster);
  return [{ profile, namespace, name, uid, resourceVersion, addresses, condition, events }];
}
