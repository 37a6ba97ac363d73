import type { Condition, ServiceEvent } from '../../model/condition.ts';
import { sameCondition } from '../../model/condition.ts';
import type { DesiredProfile } from '../../model/desired.ts';
import { FIELD_MANAGER, type ObservedCluster, type ObservedService } from '../../model/observed.ts';
import { type ServiceReport, type ServiceStep, type ServiceSummary, serviceName } from '../../model/plan.ts';
import { mayEmit, mayPatch } from '../rights.ts';
import { keptFor } from './participants.ts';
import { isForeign, isToldByOthers, type SeenProfile } from './served.ts';
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

function allocatedText(addresses: readonly string[]): string {
  return `allocated ${addresses.join(', ')}`;
}

function wantedCondition(summary: ServiceSummary | undefined): Omit<Condition, 'lastTransitionTime'> | null {
  if (summary?.state === 'served') {
    // Without why it has them: that is another reason once it has them.
    const { addresses, unmet } = summary;
    const message = [allocatedText(addresses), ...(unmet === undefined ? [] : [unmet])].join('; ');
    return { status: 'True', reason: 'IPAllocated', message: bounded(message) };
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
    /** What it asks for and is not given. */
    readonly unmet: string | undefined;
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
  if (condition.after !== null && !sameCondition(condition.before, condition.after)) {
    const refused = condition.after.status === 'False' ? condition.after.message : change.unmet;
    if (refused !== undefined)
      events.push({ type: 'Warning', reason: 'AllocationFailed', message: bounded(refused) });
  }
  return events;
}

/** Reports for the Services whose addresses no step changes, and whose condition is not what it should be. */
export function serviceReports(
  profiles: readonly SeenProfile[],
  summaries: readonly ServiceSummary[],
  steps: readonly ServiceStep[],
): ServiceReport[] {
  const keyOf = (one: { profile: string; namespace: string; name: string }) =>
    `${one.profile}/${serviceName(one)}`;
  const bySummary = new Map(summaries.map((one) => [keyOf(one), one]));
  const stepped = new Set(steps.filter(({ action }) => action !== 'none').map(keyOf));
  return profiles.flatMap(({ profile, seen: { cluster }, left }) => {
    if (cluster === null || !mayPatch(cluster)) return [];
    return cluster.services
      .flatMap((service) => {
        const key = `${profile.name}/${serviceName(service)}`;
        const summary = bySummary.get(key);
        const isTold =
          isToldByOthers(service, profile, cluster, left) ||
          isLeftTold(service, summary, cluster) ||
          isLeftRefused(service, summary, profile, cluster);
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
  const isOthers = isForeign(service);
  const isSilent = service.type === 'LoadBalancer' && !isOthers && wantedCondition(summary) === null;
  return isSilent && keptFor(service, cluster) !== null;
}

/** Whether a Service was told that it has to wait, or is refused something, and two tunnels with a pool each would tell it so in turns. */
function isLeftRefused(
  service: ObservedService,
  summary: ServiceSummary | undefined,
  profile: DesiredProfile,
  cluster: ObservedCluster,
): boolean {
  const { condition } = service;
  if (condition === null || condition.manager !== FIELD_MANAGER) return false;
  const given = allocatedText(summary?.addresses ?? []);
  const isToldAlready =
    summary?.state === 'pending'
      ? condition.status === 'False'
      : summary?.state === 'served' &&
        (condition.message === given || condition.message.startsWith(`${given}; `));
  return isToldAlready && rivalsOf(service, profile, cluster).length > 0;
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
  const told = { reason: summary?.reason ?? '', unmet: summary?.unmet, condition };
  const change = { before: addresses, after: addresses, ...told };
  const events = eventsOf(change, cluster);
  return [{ profile, namespace, name, uid, resourceVersion, addresses, condition, events }];
}
