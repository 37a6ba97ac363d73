import type { Diagnostic, Failure } from '../../model/diagnostic.ts';
import type { EmitWatchEvent } from '../../model/event.ts';
import type { Step } from '../../model/plan.ts';
import type { ApplyOutcome, ApplyPorts } from '../apply-ports.ts';
import { runApply } from '../run.ts';
import type { WatchOptions, WatchPorts } from './ports.ts';

/** So often in a row something may find that its facts had changed under it. */
export const MAX_STALE = 5;

/** A step that could not be done. */
export interface FailedStep {
  readonly step: Step;
  readonly diagnostic: Diagnostic;
}

/** How a transaction of a session ended, with what of it could not be done. */
export interface SessionOutcome extends ApplyOutcome {
  readonly failed: readonly FailedStep[];
}

/** The transactions of a session, which change routes alone: nobody is asked, and no cluster. */
export class SessionTransactions {
  readonly #ports: WatchPorts['apply'];
  readonly #options: Pick<WatchOptions, 'waitMs' | 'doing'>;
  readonly #emit: EmitWatchEvent;

  constructor(
    ports: WatchPorts['apply'],
    options: Pick<WatchOptions, 'waitMs' | 'doing'>,
    emit: EmitWatchEvent,
  ) {
    this.#ports = ports;
    this.#options = options;
    this.#emit = emit;
  }

  /** As {@link runApply} does. Throws a Failure where nothing was changed. */
  async apply(planned: Pick<ApplyPorts, 'observe' | 'seen'>, signal: AbortSignal): Promise<SessionOutcome> {
    const { waitMs, doing } = this.#options;
    const failed: FailedStep[] = [];
    const outcome = await runApply(
      { ...this.#ports, ...planned },
      { fingerprint: null, approve: () => null, waitMs, doing, signal, confirmation: null },
      (event) => {
        if (event.type === 'change.failed') failed.push(event);
        this.#emit(event);
      },
    );
    return { ...outcome, failed };
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
