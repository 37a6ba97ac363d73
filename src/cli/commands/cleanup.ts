import { stat } from 'node:fs/promises';
import { type Claim, claimKey } from '../../model/claim.ts';
import { planCleanup } from '../../planner/cleanup.ts';
import type { Processes } from '../../platform/processes.ts';
import { type ApplyOptions, applyPlan, concludeApply } from '../apply-plan.ts';
import { nothingDesired } from '../desired.ts';
import type { CommandContext } from '../run-command.ts';

export interface CleanupOptions extends ApplyOptions {
  /** Also what belongs to specs that still exist. */
  readonly all?: true;
}

/** `mkplan cleanup`: recovers what was cut off and removes what nobody owns any more; needs no spec and no cluster. */
export async function cleanup(context: CommandContext, options: CleanupOptions): Promise<number> {
  const outcome = await applyPlan(context, options, {
    desired: nothingDesired(''),
    verb: 'cleanup',
    names: context.names,
    saved: null,
    makePlan: async (observed, { processes }) =>
      planCleanup(observed, {
        all: options.all === true,
        orphaned: await orphanedKeys(observed.registry.claims, processes),
      }),
  });
  return concludeApply(context, outcome);
}

/** Keys of the claims whose owner is gone: a spec that was deleted, or a session whose process ended. */
async function orphanedKeys(claims: readonly Claim[], processes: Processes): Promise<Set<string>> {
  const gone = new Map<string, boolean>();
  const orphaned = new Set<string>();
  for (const claim of claims) {
    const { spec, mode, pid, startTime } = claim.owner;
    const key = mode === 'session' ? `${pid} ${startTime}` : spec;
    let isGone = gone.get(key);
    if (isGone === undefined) {
      isGone = mode === 'session' ? !(await processes.isAlive(pid, startTime)) : !(await exists(spec));
      gone.set(key, isGone);
    }
    if (isGone) orphaned.add(claimKey(claim));
  }
  return orphaned;
}

/** Whether a spec is there. One that cannot be looked at is taken to be: nothing is removed on a guess. */
async function exists(spec: string): Promise<boolean> {
  try {
    await stat(spec);
    return true;
  } catch (thrown) {
    return !(thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT');
  }
}
