import { Failure } from '../model/diagnostic.ts';
import { type ServicePort, type StatusPort, wasUnanswered } from './services.ts';

/** What every cluster has for one phase of a transaction, in milliseconds: as long as one call may take. */
const PHASE_MS = 10_000;
/** What each change of a Service adds to that: a cluster that answers carries out several at a time, each in less. */
const CHANGE_MS = 100;

/** How long a cluster may take for a phase in which so many of its Services are changed; milliseconds. */
export function phaseMs(changes: number): number {
  return PHASE_MS + changes * CHANGE_MS;
}

/**
 * What one cluster is asked in one phase. Its time runs while it is asked something, and stands still while the host or
 * another cluster is waited for.
 */
interface Phase {
  readonly allowedMs: number;
  readonly givenUp: AbortController;
  leftMs: number;
  calls: number;
  /** When the first of the calls under way was made; milliseconds, monotonic. */
  askedAt: number;
  timer: NodeJS.Timeout | undefined;
}

function tooSlow(profile: string, ms: number): Failure {
  return new Failure('error', [
    {
      code: 'cluster-slow',
      severity: 'error',
      summary: `profile ${profile}: its cluster did not carry out everything within ${ms / 1000} s`,
      cause:
        'All requests of a transaction to one cluster share one deadline, because the host is locked meanwhile.',
      fix: 'Run the command again once the cluster answers faster.',
    },
  ]);
}

/**
 * One deadline for everything that a cluster is asked in one phase of a transaction: doing, undoing, telling. Once a call is
 * not answered, or the deadline has passed, the cluster is given up: what is under way there ends, what waits is not sent,
 * and every further call of the phase fails with the same Failure. Each cluster has a deadline of its own.
 */
export class ClusterDeadlines {
  readonly #port: Pick<StatusPort, 'giveUp'>;
  readonly #msOf: (profile: string) => number;
  readonly #phases = new Map<string, Phase>();

  /** `msOf`: how long the cluster of a profile may take for a phase; milliseconds. */
  constructor(port: Pick<StatusPort, 'giveUp'>, msOf: (profile: string) => number) {
    this.#port = port;
    this.#msOf = msOf;
  }

  /** Begins another phase: every cluster is asked again, and its time starts anew with the first call. */
  renew(): void {
    this.#phases.clear();
  }

  /** Makes a call. Throws what the call throws, and the Failure that the cluster was given up with. */
  async ask<T>(profile: string, call: () => Promise<T>): Promise<T> {
    const phase = this.#phaseOf(profile);
    const { signal } = phase.givenUp;
    signal.throwIfAborted();
    this.#start(profile, phase);
    try {
      return await untilAborted(call(), signal);
    } catch (thrown) {
      if (wasUnanswered(thrown)) this.#giveUp(profile, phase, thrown);
      throw thrown;
    } finally {
      this.#stop(phase);
    }
  }

  #phaseOf(profile: string): Phase {
    const known = this.#phases.get(profile);
    if (known !== undefined) return known;
    const allowedMs = this.#msOf(profile);
    const givenUp = new AbortController();
    const phase: Phase = { allowedMs, givenUp, leftMs: allowedMs, calls: 0, askedAt: 0, timer: undefined };
    this.#phases.set(profile, phase);
    return phase;
  }

  #start(profile: string, phase: Phase): void {
    if (phase.calls++ > 0) return;
    phase.askedAt = performance.now();
    const late = () => this.#giveUp(profile, phase, tooSlow(profile, phase.allowedMs));
    phase.timer = setTimeout(late, Math.max(phase.leftMs, 0));
  }

  #stop(phase: Phase): void {
    if (--phase.calls > 0) return;
    clearTimeout(phase.timer);
    phase.leftMs -= performance.now() - phase.askedAt;
  }

  #giveUp(profile: string, { givenUp }: Phase, why: unknown): void {
    if (givenUp.signal.aborted) return;
    givenUp.abort(why);
    this.#port.giveUp(profile);
  }
}

/** Waits for work no longer than until the signal is aborted; throws its reason then. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** The same Services, asked within these deadlines. */
export function statusesInTime(port: StatusPort, deadlines: ClusterDeadlines): StatusPort {
  return {
    applyStatus: (profile, target, status) =>
      deadlines.ask(profile, () => port.applyStatus(profile, target, status)),
    list: (profile) => deadlines.ask(profile, () => port.list(profile)),
    giveUp: (profile) => port.giveUp(profile),
  };
}

/** The same clusters, asked within these deadlines. */
export function servicesInTime(port: ServicePort, deadlines: ClusterDeadlines): ServicePort {
  return {
    ...statusesInTime(port, deadlines),
    createEvent: (profile, target, event) =>
      deadlines.ask(profile, () => port.createEvent(profile, target, event)),
    writeAllocations: (change) => deadlines.ask(change.profile, () => port.writeAllocations(change)),
    join: (profile, serves) => deadlines.ask(profile, () => port.join(profile, serves)),
    announceLeaving: (profile) => deadlines.ask(profile, () => port.announceLeaving(profile)),
    leave: (profile) => deadlines.ask(profile, () => port.leave(profile)),
  };
}
