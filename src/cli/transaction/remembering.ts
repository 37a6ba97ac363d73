import type { DesiredState } from '../../model/desired.ts';
import { Failure } from '../../model/diagnostic.ts';
import type { Plan, RememberedApproval } from '../../model/plan.ts';
import { approvalKey, contextsOf, rememberable } from '../../planner/approvals.ts';
import type { CommandContext } from '../run-command.ts';
import type { ChangeAdapters, ReadAdapters } from '../wiring/compose.ts';
import { underLock } from './under-lock.ts';

/** What was approved before. Where that cannot be read it is said, and nothing counts as approved. */
export async function recall(
  context: CommandContext,
  { approvals }: Pick<ReadAdapters, 'approvals'>,
): Promise<readonly RememberedApproval[]> {
  return (await orWarn(context, () => approvals.read())) ?? [];
}

/** Remembers what a plan showed as open and a person has approved. */
export async function rememberShown(
  context: CommandContext,
  adapters: Pick<ChangeAdapters, 'approvals' | 'lock'>,
  plan: Plan,
  { profiles }: DesiredState,
  waitMs: number,
): Promise<void> {
  const given = rememberable(plan, contextsOf(profiles), new Date().toISOString());
  await rememberOrWarn(context, adapters, given, waitMs);
}

/** Remembers approvals. Where that fails it is said: the yes counts once. */
export async function rememberOrWarn(
  context: CommandContext,
  adapters: Pick<ChangeAdapters, 'approvals' | 'lock'>,
  given: readonly RememberedApproval[],
  waitMs: number,
): Promise<void> {
  if (given.length === 0) return;
  await orWarn(context, () => remember(context, adapters, given, waitMs));
}

/** Adds approvals to what is remembered. Throws a Failure where that cannot be written. */
export async function remember(
  context: CommandContext,
  { approvals, lock }: Pick<ChangeAdapters, 'approvals' | 'lock'>,
  given: readonly RememberedApproval[],
  waitMs: number,
): Promise<void> {
  const keys = new Set(given.map(approvalKey));
  await underLock(context, { lock }, 'remember approvals', waitMs, async () => {
    const known = await approvals.read();
    await approvals.write([...known.filter((one) => !keys.has(approvalKey(one))), ...given]);
  });
}

/** Null, and a warning for each thing that is wrong, where `work` fails for the file of approvals. */
async function orWarn<T>({ output, names }: CommandContext, work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.kind !== 'error') throw thrown;
    for (const diagnostic of thrown.diagnostics)
      output.diagnostic({ ...diagnostic, severity: 'warning' }, names);
    return null;
  }
}
