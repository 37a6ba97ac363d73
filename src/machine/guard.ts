import { timeLeft } from '../executor/confirmation.ts';
import type { RouteTable } from '../platform/route-table.ts';
import type { Journal } from '../registry/registry.ts';

export interface GuardPorts {
  readonly journal: Pick<Journal, 'open'>;
  readonly routeTable: Pick<RouteTable, 'identity'>;
  /** Milliseconds since boot, suspended time included. */
  uptimeMs(): number;
  /** Waits so many milliseconds, or until the signal is aborted; a host that is suspended meanwhile may wait longer. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /**
   * Takes the lock and recovers the transaction, if it is still open; with `unconfirmed`, though it may still be
   * confirmed. Throws where that has to be tried again.
   */
  undo(attempt: number, unconfirmed: boolean): Promise<void>;
}

/** A timer does not count while the host is suspended: so often the clock that does is looked at. Milliseconds. */
const TICK_MS = 1000;

/** What cannot be undone by then waits, in the journal, for whoever runs mkplan next. */
const MAX_ATTEMPTS = 10;

/**
 * Stays until a transaction has ended that needs confirmation, and undoes it when the time is over, when it was cut off,
 * or at once when `undoNow` is aborted. Begins when the process that applies it has ended or has nothing more to do.
 */
export async function guardTransaction(
  ports: GuardPorts,
  txid: string,
  undoNow: AbortSignal,
): Promise<'ended' | 'given-up'> {
  let attempt = 0;
  while (attempt < MAX_ATTEMPTS) {
    const open = await ports.journal.open();
    if (open === null || open.txid !== txid) return 'ended';
    const here = await ports.routeTable.identity();
    const msLeft = open.awaiting ? timeLeft(open, here, ports.uptimeMs()) : 0;
    if (msLeft > 0 && !undoNow.aborted) {
      await ports.wait(Math.min(msLeft, TICK_MS), undoNow);
      continue;
    }
    try {
      await ports.undo(attempt, undoNow.aborted);
    } catch {
      // Nobody listens. The journal is still open, which says all there is to say.
      attempt++;
      await ports.wait(TICK_MS, new AbortController().signal);
    }
  }
  return 'given-up';
}
