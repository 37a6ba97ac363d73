import { setTimeout as sleep } from 'node:timers/promises';
import { guardTransaction } from '../../machine/guard.ts';
import { recover } from '../../machine/run.ts';
import type { ApprovalKind } from '../../model/policy.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { type Approved, approvedBy, linesOf } from '../transaction/approval.ts';
import { APPLIED, READY, UNDO } from '../transaction/guard-process.ts';
import { underLock } from '../transaction/under-lock.ts';
import { composeChanging, composeReading } from '../wiring/compose.ts';

export interface GuardOptions {
  readonly allow: readonly ApprovalKind[];
  /** The elevated helper is passed on. */
  readonly helper?: true;
}

/** The command that undoes the same, should this one be refused something. */
const RECOVERS = ['cleanup'];

/** How long whoever holds the lock is waited for; that one recovers the transaction itself. Milliseconds. */
const LOCK_PATIENCE_MS = 600_000;

/**
 * `mkplan guard TXID`, started by `apply --confirm-within` alone: undoes the transaction unless it is confirmed, also
 * when that apply is gone. Told to stop, it undoes it at once: nobody else would.
 */
export async function guard(context: CommandContext, txid: string, options: GuardOptions): Promise<number> {
  const { terminal, signal } = context;
  const told = new AbortController();
  const isApplied = hearApply(terminal.stdin, () => told.abort());
  terminal.stdout.write(`${READY}\n`);
  await isApplied;
  const reading = composeReading(terminal, approvedBy(RECOVERS, options.allow, null));
  // What was approved for it before counts for undoing it as well.
  const spec = (await reading.journal.open())?.spec ?? null;
  const ended = await guardTransaction(
    {
      journal: reading.journal,
      routeTable: reading.routeTable,
      uptimeMs: reading.uptimeMs,
      wait: async (ms, woken) => {
        // Woken early is woken.
        await sleep(ms, undefined, { signal: woken }).catch(() => undefined);
      },
      undo: (attempt, unconfirmed) =>
        undo(context, txid, approvedBy(RECOVERS, options.allow, spec), {
          inherited: attempt === 0 && options.helper === true,
          unconfirmed,
        }),
    },
    txid,
    AbortSignal.any([told.signal, signal]),
  );
  await reading.close();
  return ended === 'ended' ? EXIT.ok : EXIT.error;
}

/** Resolves when the apply has nothing more to do with the helper: it says so, or is gone. */
function hearApply(input: NodeJS.ReadableStream, onUndo: () => void): Promise<void> {
  const lines = linesOf(input);
  return new Promise((resolve) => {
    lines.on('line', (line) => {
      if (line === APPLIED) resolve();
      if (line === UNDO) onUndo();
    });
    lines.once('close', resolve);
  });
}

async function undo(
  context: CommandContext,
  txid: string,
  approved: Approved,
  { inherited, unconfirmed }: { readonly inherited: boolean; readonly unconfirmed: boolean },
): Promise<void> {
  const { terminal } = context;
  const adapters = await composeChanging(terminal, approved, { inherited });
  try {
    if (inherited) {
      // The apply may have been killed before its helper had let go of the lock, which whoever takes ours waits for.
      adapters.routeChanger.start();
      await adapters.routeChanger.release();
    }
    // The signals that end this process are no reason to stop undoing.
    const patient = { ...context, signal: new AbortController().signal };
    await underLock(
      patient,
      adapters,
      `undo ${txid}, which was not confirmed`,
      LOCK_PATIENCE_MS,
      async () => {
        if ((await adapters.journal.open())?.txid !== txid) return;
        await recover(adapters, () => undefined, { unconfirmed });
      },
    );
  } finally {
    await adapters.close();
  }
}
