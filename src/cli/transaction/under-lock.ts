import type { LockHolder } from '../../registry/registry.ts';
import type { CommandContext } from '../run-command.ts';
import type { ChangeAdapters } from '../wiring/compose.ts';

/** Does something under the lock. Throws a Failure of kind `lock-held` when it cannot be had in time. */
export async function underLock<T>(
  { output, signal }: CommandContext,
  adapters: Pick<ChangeAdapters, 'lock'>,
  doing: string,
  waitMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const held = await adapters.lock.acquire({
    doing,
    waitMs,
    onWait: (holder) => output.event({ type: 'lock.waiting', holder: holderText(holder) }),
    signal,
  });
  try {
    return await work();
  } finally {
    await held.release();
  }
}

function holderText(holder: LockHolder | null): string {
  return holder === null ? 'unknown' : `pid ${holder.pid}, since ${holder.since}: ${holder.doing}`;
}
