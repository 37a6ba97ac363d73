import type { ServicePort } from '../executor/services.ts';
import { type Diagnostic, type Failure, messageOf } from '../model/diagnostic.ts';
import type { EmitWatchEvent } from '../model/event.ts';
import type { Step } from '../model/plan.ts';
import type { ApplyOutcome, ApplyPorts } from './apply-ports.ts';
import { EventQueue } from './event-queue.ts';
import { runApply } from './run.ts';
import type { Patience } from './watch-patience.ts';
import type { WatchOptions, WatchPorts } from './watch-ports.ts';

/** So often in a row a transaction may find that its facts had changed under it. */
export const MAX_STALE = 5;

/** A step that could not be done. */
export interface FailedStep {
  readonly step: Step;
  readonly diagnostic: Diagnostic;
}

/** How a transaction of a session ended, with what of it was left. */
export interface SessionOutcome extends ApplyOutcome {
  readonly failed: readonly FailedStep[];
}

/** The transactions of a session: nobody is asked, a Service that cannot be written to is left, and Events wait. */
export class SessionTransactions {
  readonly #ports: WatchPorts['apply'];
  readonly #options: Pick<WatchOptions, 'waitMs' | 'doing'>;
  readonly #emit: EmitWatchEvent;
  readonly #events: EventQueue;
  #unwritten = new Map<string, string>();

  constructor(
    ports: WatchPorts['apply'],
    options: Pick<WatchOptions, 'waitMs' | 'doing'>,
    emit: EmitWatchEvent,
  ) {
    this.#ports = ports;
    this.#options = options;
    this.#emit = emit;
    this.#events = new EventQueue(ports.services, (diagnostic) =>
      emit({ type: 'watch.warning', diagnostic }),
    );
  }

  /** The profiles whose record of allocations, or our Lease there, the last one could not write, and why. */
  get unwritten(): ReadonlyMap<string, string> {
    return this.#unwritten;
  }

  /** As {@link runApply} does; with patience, clusters are waited for no longer than that. Throws a Failure where nothing was changed. */
  async apply(
    planned: Pick<ApplyPorts, 'observe' | 'seen'>,
    signal: AbortSignal,
    patience?: Patience,
  ): Promise<SessionOutcome> {
    const { waitMs, doing } = this.#options;
    const failed: FailedStep[] = [];
    this.#unwritten = new Map();
    const services = patience?.with(this.#ports.services) ?? this.#ports.services;
    const outcome = await runApply(
      { ...this.#ports, services: this.#services(services), ...planned },
      {
        fingerprint: null,
        approve: () => null,
        waitMs,
        doing,
        signal,
        lenient: true,
        confirmation: null,
      },
      (event) => {
        if (event.type === 'change.failed') failed.push(event);
        this.#emit(event);
      },
    );
    return { ...outcome, failed };
  }

  /** Resolves when all Events are written, or `enough` is over. */
  close(enough: Promise<unknown>): Promise<void> {
    return this.#events.close(enough);
  }

  /** Notes whose record of allocations, or our Lease there, could not be written: that holds no other profile up. */
  #services(services: ServicePort): ServicePort {
    const unwritten = this.#unwritten;
    const noting = async (profile: string, write: Promise<void>) => {
      try {
        await write;
      } catch (thrown) {
        unwritten.set(profile, messageOf(thrown));
        throw thrown;
      }
    };
    return {
      applyStatus: (profile, target, status) => services.applyStatus(profile, target, status),
      createEvent: async (profile, target, event) => this.#events.add({ profile, target, event }),
      list: (profile) => services.list(profile),
      writeAllocations: (change) => noting(change.profile, services.writeAllocations(change)),
      join: (profile, serves) => noting(profile, services.join(profile, serves)),
      announceLeaving: (profile) => noting(profile, services.announceLeaving(profile)),
      // When all else is done: what fails then is told.
      leave: (profile) => services.leave(profile),
    };
  }
}

/** Whether the helper ended over it: the next transaction starts another one. */
export function lostHelper({ diagnostics }: { readonly diagnostics: readonly Diagnostic[] }): boolean {
  return diagnostics.some(({ code }) => code === 'helper-gone');
}

/** Whether what a transaction failed for, with nothing changed, is over by the next one. */
export function mayPass(failure: Failure): boolean {
  return failure.kind === 'stale' || lostHelper(failure);
}
