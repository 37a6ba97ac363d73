import { announce } from '../../executor/leases.ts';
import { refusedService, unansweredServices, untriedService } from '../../executor/refusal.ts';
import { tellServices } from '../../executor/reports.ts';
import { type ServicePort, StatusWriter, wasUnanswered } from '../../executor/services.ts';
import { type Diagnostic, Failure, messageOf } from '../../model/diagnostic.ts';
import type { EmitWatchEvent } from '../../model/event.ts';
import type { ClusterShare, ServiceStep } from '../../model/plan.ts';
import type { EventQueue } from './event-queue.ts';
import type { Given } from './given.ts';
import type { Made } from './made.ts';
import type { WatchPorts } from './ports.ts';
import { type FailedStep, MAX_STALE } from './transactions.ts';
import { keyOf, type Unit, type Units, unitOf } from './units.ts';

/** Before what had changed meanwhile is asked for again, in milliseconds. */
const RETRY_MS = 20;

/** Before conditions that could not be written are tried again, in milliseconds: nothing depends on them. */
const TELL_AGAIN_MS = 10_000;
/** A cluster that is asked the same again within this time did not do it, whatever it said. Milliseconds. */
const REPEATED_WITHIN_MS = 60_000;

const NOT_DONE = 'its cluster says that it has done what it was asked for, and shows otherwise';

/** How a cluster took what it was asked for. */
export interface ClusterOutcome {
  readonly share: ClusterShare;
  /** Of its changes, those that were made. */
  readonly done: readonly ServiceStep[];
  readonly failed: readonly FailedStep[];
  /** Why the cluster did not answer to some of its changes, which then are not among those that failed; null where it did. */
  readonly unanswered: Diagnostic | null;
  /** What the Lease or the record was refused with, so that nothing else was asked for; null where they were written. */
  readonly thrown: unknown;
  /** What was not told, and that nothing depends on. */
  readonly untold: readonly Diagnostic[];
}

/** Asks one cluster for its share, in the order in which that is safe to stop. Never throws. */
async function askCluster(
  services: ServicePort,
  {
    share,
    txid,
    signal,
  }: { readonly share: ClusterShare; readonly txid: string; readonly signal: AbortSignal },
  emit: EmitWatchEvent,
): Promise<ClusterOutcome> {
  const done: ServiceStep[] = [];
  const failed: FailedStep[] = [];
  try {
    await announce(services, share.leases);
    for (const change of share.allocations) await services.writeAllocations(change);
    for (const { profile, announced } of share.leases) if (announced) await services.leave(profile);
  } catch (thrown) {
    return { share, done, failed, unanswered: null, thrown, untold: [] };
  }
  const statuses = new StatusWriter(services);
  const lost: { readonly given: ClusterShare['changes'][number]; readonly thrown: unknown }[] = [];
  const fail = ({ change, step }: ClusterShare['changes'][number], diagnostic: Diagnostic) =>
    emit({ type: 'change.failed', txid, change, step, diagnostic });
  const untried = await statuses.perform(
    share.changes,
    () => undefined,
    (tried, { thrown }) => {
      const { change, step } = tried;
      if (thrown !== null) {
        const diagnostic = refusedService(tried, thrown);
        if (wasUnanswered(thrown)) lost.push({ given: tried, thrown });
        else failed.push({ step, diagnostic });
        return fail(tried, diagnostic);
      }
      done.push(step);
      emit({ type: 'change.done', txid, change, step });
    },
  );
  for (const one of untried) fail(one, untriedService(one));
  const told = { steps: done, reports: share.reports };
  const untold = await tellServices(services, { plan: told, statuses }, signal);
  for (const diagnostic of untold) emit({ type: 'warning', txid, diagnostic });
  const [unanswered = null] = unansweredServices(lost, untried);
  return { share, done, failed, unanswered, thrown: null, untold };
}

/** What a session's work on its clusters is made with. */
export interface ClusterWorkOptions {
  readonly units: Units;
  readonly made: Made;
  readonly given: Given;
  readonly events: EventQueue;
  readonly emit: EmitWatchEvent;
  /** Asks for another pass. */
  readonly wake: () => void;
}

/**
 * A session's work on its clusters: each is asked by itself, so that none waits for another and no pass for any.
 *
 *     idle ─► asking ─► looking anew ─► idle
 *
 * A pass that finds something to ask for begins it; once that is over there is another pass, which finds what is next.
 */
export class ClusterWork {
  readonly #ports: WatchPorts;
  readonly #options: ClusterWorkOptions;
  /** Ended once the session has left: what is still to be told is not, then. */
  readonly #end = new AbortController();
  readonly #asking = new Map<string, Promise<void>>();
  /** By unit: how often in a row it turned out to have changed meanwhile. */
  readonly #overtaken = new Map<string, number>();
  /** By profile: what was told and recorded last, and when, in milliseconds of the clock. */
  readonly #told = new Map<string, { readonly text: string; readonly at: number }>();
  /** By profile: until when no condition is written there, since one could not be. Milliseconds of the clock. */
  readonly #quietUntil = new Map<string, number>();

  constructor(ports: WatchPorts, options: ClusterWorkOptions) {
    this.#ports = ports;
    this.#options = options;
  }

  /** Profiles whose cluster is being asked. */
  get busy(): ReadonlySet<string> {
    return new Set(this.#asking.keys());
  }

  /** When conditions may be written again that could not be; null where none wait for that. Milliseconds of the clock. */
  nextTelling(now: number): number | null {
    const ends = [...this.#quietUntil.values()].filter((at) => at > now);
    return ends.length === 0 ? null : Math.min(...ends);
  }

  /** Asks a cluster; false where it is being asked already, or there is nothing that it may be asked for now. */
  begin(share: ClusterShare): boolean {
    const { profile, leases, allocations, changes } = share;
    if (this.#asking.has(profile)) return false;
    const isQuiet = this.#ports.clock.now() < (this.#quietUntil.get(profile) ?? 0);
    if (isQuiet && leases.length + allocations.length + changes.length === 0) return false;
    const asking = this.ask(isQuiet ? { ...share, reports: [] } : share).then(async (outcome) => {
      // So that news of what has changed can arrive.
      if (this.#note(outcome)) await this.#ports.clock.wait(RETRY_MS, this.#end.signal);
      this.#asking.delete(profile);
      this.#options.wake();
    });
    this.#asking.set(profile, asking);
    return true;
  }

  /** Resolves once none of these is being asked any more. */
  async idle(profiles: Iterable<string> = this.#asking.keys()): Promise<void> {
    await Promise.all([...profiles].map((profile) => this.#asking.get(profile)));
  }

  /** Asks a cluster by itself, and looks at it anew. Never throws. */
  async ask(share: ClusterShare, services = this.#ports.apply.services): Promise<ClusterOutcome> {
    const { events, emit } = this.#options;
    const { signal } = this.#end;
    const queued: ServicePort = {
      ...services,
      createEvent: async (profile, target, event) => events.add({ profile, target, event }),
    };
    const outcome = await askCluster(queued, { share, txid: this.#ports.apply.txid(), signal }, emit);
    this.#options.given.told(outcome.done);
    await this.#ports.refresh(share.profile);
    return outcome;
  }

  /** Nothing more is told. */
  close(): void {
    this.#end.abort();
  }

  /** Sets aside what failed. True where something had changed meanwhile, and is asked for again at once. */
  #note({ share, done, failed, unanswered, thrown, untold }: ClusterOutcome): boolean {
    const { units, made } = this.#options;
    const now = this.#ports.clock.now();
    const profile: Unit = { kind: 'profile', name: share.profile };
    if (thrown !== null) return this.#failed(profile, messageOf(thrown), isStale(thrown));
    // Of many Services that wait for one cluster it is the cluster that is told of.
    if (unanswered !== null) units.failed(profile, unanswered.summary, now);
    else if (untold.length > 0) this.#quietUntil.set(share.profile, now + TELL_AGAIN_MS);
    else if (this.#isRepeated(share, now)) units.failed(profile, NOT_DONE, now);
    else this.#succeeded(profile);
    for (const step of done) this.#overtaken.delete(keyOf(unitOf(step)));
    made.note(done, units, now);
    const again = failed.map(({ step, diagnostic }) =>
      this.#failed(unitOf(step), diagnostic.summary, diagnostic.code === 'service-changed'),
    );
    return again.includes(true);
  }

  #succeeded(unit: Unit): void {
    this.#overtaken.delete(keyOf(unit));
    this.#options.units.succeeded(unit);
  }

  /** One that had just changed is asked for anew, a few times, before it counts as failed. */
  #failed(unit: Unit, why: string, isOvertaken: boolean): boolean {
    const times = (this.#overtaken.get(keyOf(unit)) ?? 0) + 1;
    if (isOvertaken && times < MAX_STALE) {
      this.#overtaken.set(keyOf(unit), times);
      return true;
    }
    this.#overtaken.delete(keyOf(unit));
    this.#options.units.failed(unit, why, this.#ports.clock.now());
    return false;
  }

  /** Whether the same had been told and recorded a moment ago. */
  #isRepeated({ profile, leases, allocations, reports }: ClusterShare, now: number): boolean {
    if (leases.length + allocations.length + reports.length === 0) return false;
    const text = JSON.stringify([
      leases,
      allocations.map(({ after }) => after),
      reports.map(({ uid, condition }) => [uid, condition.after]),
    ]);
    const last = this.#told.get(profile);
    this.#told.set(profile, { text, at: now });
    return last !== undefined && last.text === text && now - last.at < REPEATED_WITHIN_MS;
  }
}

function isStale(thrown: unknown): boolean {
  return thrown instanceof Failure && thrown.kind === 'stale';
}
