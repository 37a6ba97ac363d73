import type { ServiceTarget } from '../kubernetes/cluster.ts';
import type { ServiceEvent } from '../model/condition.ts';
import { type Diagnostic, messageOf } from '../model/diagnostic.ts';
import type { Plan, ServiceReport, ServiceStep } from '../model/plan.ts';
import { eachByProfile, type ServicePort, type StatusWriter, Unreachable, wasRefused } from './services.ts';

/** What of some best-effort work was not done. */
class Shortfall {
  count = 0;
  /** What went wrong first; null while nothing did. */
  first: unknown = null;

  failed(thrown: unknown): void {
    this.count++;
    this.first ??= thrown;
  }

  diagnostic(what: Pick<Diagnostic, 'code' | 'summary' | 'fix'>): Diagnostic[] {
    if (this.count === 0) return [];
    const cause = this.first === null ? 'The command was told to stop.' : messageOf(this.first);
    return [{ ...what, severity: 'warning', cause }];
  }
}

interface Work<T> {
  readonly atATime?: number;
  readonly items: readonly T[];
  readonly signal: AbortSignal;
  readonly unreachable: Unreachable;
  readonly profileOf: (item: T) => string;
  readonly perform: (item: T) => Promise<void>;
}

/** Several at a time in each cluster; nothing more once the signal is aborted, and nothing more to a server that does not answer. */
async function bestEffort<T>({
  atATime,
  items,
  signal,
  unreachable,
  profileOf,
  perform,
}: Work<T>): Promise<Shortfall> {
  const shortfall = new Shortfall();
  const each = async (item: T) => {
    const profile = profileOf(item);
    if (signal.aborted || unreachable.has(profile)) {
      shortfall.count++;
      return;
    }
    try {
      await perform(item);
    } catch (thrown) {
      unreachable.note(profile, thrown);
      // A Service that was changed, deleted or taken meanwhile is not what the news is about any more.
      if (!wasRefused(thrown)) shortfall.failed(thrown);
    }
  };
  await eachByProfile(items, profileOf, each, atATime);
  return shortfall;
}

/** Something that happened to a Service, and has not been told yet. */
export interface News {
  readonly profile: string;
  readonly target: ServiceTarget;
  readonly event: ServiceEvent;
}

interface TellOptions {
  readonly signal: AbortSignal;
  readonly unreachable?: Unreachable;
  readonly atATime?: number;
}

/** Writes Events. Best effort, as {@link tellServices} is. */
export async function tellEvents(
  port: Pick<ServicePort, 'createEvent'>,
  news: readonly News[],
  { unreachable = new Unreachable(), ...options }: TellOptions,
): Promise<Diagnostic[]> {
  const events = await bestEffort<News>({
    ...options,
    unreachable,
    items: news,
    profileOf: ({ profile }) => profile,
    perform: ({ profile, target, event }) => port.createEvent(profile, target, event),
  });
  return events.diagnostic(eventsUnwritten(events.count));
}

/** That so many Events were not written. */
export function eventsUnwritten(count: number): Pick<Diagnostic, 'code' | 'summary' | 'fix'> {
  return {
    code: 'events-unwritten',
    summary: `${count} Events about Services could not be written`,
    fix: 'Nothing has to be done: addresses and conditions do not depend on them.',
  };
}

/**
 * Tells Services, once a plan is committed, what became of them: writes the conditions that no step carried, then an
 * Event for each thing that was done. Best effort: never throws, and what was not done is in the warnings that it
 * returns. The next plan has what is missing of the conditions; an Event that was not written is not written later.
 */
export async function tellServices(
  port: ServicePort,
  { plan, statuses }: { readonly plan: Pick<Plan, 'steps' | 'reports'>; readonly statuses: StatusWriter },
  signal: AbortSignal,
): Promise<Diagnostic[]> {
  const unreachable = new Unreachable();
  const done = new Set<ServiceStep | ServiceReport>();
  for (const step of plan.steps) {
    // Not all were: another mkplan may have come before us, and then tells of it; and a Service may have been left.
    if (step.kind === 'service' && step.action !== 'none' && statuses.hasWritten(step)) done.add(step);
  }
  const conditions = await bestEffort({
    items: plan.reports,
    signal,
    unreachable,
    profileOf: ({ profile }) => profile,
    perform: async (report) => {
      await statuses.report(report);
      done.add(report);
    },
  });
  const news = [...done].flatMap((target) => {
    const { profile, namespace, name, uid, events } = target;
    const resourceVersion = statuses.versionOf(target);
    return events.map((event) => ({ profile, target: { namespace, name, uid, resourceVersion }, event }));
  });
  const untold = await tellEvents(port, news, { signal, unreachable });
  return [
    ...conditions.diagnostic({
      code: 'conditions-unwritten',
      summary: `the conditions of ${conditions.count} of ${plan.reports.length} Services could not be written`,
      fix: 'Run `mkplan apply` again once the cluster answers: it writes those that are missing.',
    }),
    ...untold,
  ];
}
