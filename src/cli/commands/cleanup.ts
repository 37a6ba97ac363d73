import { stat } from 'node:fs/promises';
import type { Claim } from '../../model/claim.ts';
import { planCleanup } from '../../planner/cleanup.ts';
import type { Processes } from '../../platform/processes.ts';
import type { CommandContext } from '../run-command.ts';
import { forgetDeadSessions } from '../session/session.ts';
import { type ApplyOptions, applyPlan, concludeApply } from '../transaction/apply-plan.ts';
import { nothingDesired } from '../wiring/desired.ts';

export interface CleanupOptions extends ApplyOptions {
  /** Also what belongs to specs that still exist. */
  readonly all?: true;
  /** Also what each `minikube tunnel` left that has ended. */
  readonly minikube?: true;
}

/** `mkplan cleanup`: recovers what was cut off and removes what nobody owns any more; needs no spec and no cluster. */
export async function cleanup(context: CommandContext, options: CleanupOptions): Promise<number> {
  let forget: () => Promise<void> = async () => undefined;
  const outcome = await applyPlan(context, options, {
    desired: nothingDesired(''),
    verb: 'cleanup',
    words: [
      'cleanup',
      ...(options.all === true ? ['--all'] : []),
      ...(options.minikube === true ? ['--minikube'] : []),
    ],
    names: context.names,
    saved: null,
    guarding: null,
    makePlan: async (observed, adapters) => {
      forget = () => forgetDeadSessions(adapters);
      return planCleanup(observed, {
        all: options.all === true,
        minikube: options.minikube === true,
        orphaned: await orphanedClaims(observed.registry.claims, adapters.processes),
      });
    },
  });
  if (outcome !== null) await forget();
  return concludeApply(context, outcome);
}

/**
 * Why the owner of a claim is gone: a session whose process ended, or is another one by its start time
 * although it has the same pid; a spec that was deleted. What was applied to last is owned by its spec, not by the
 * process that applied it.
 */
async function orphanedClaims(
  claims: readonly Claim[],
  processes: Pick<Processes, 'isAlive'>,
): Promise<Map<Claim, string>> {
  const gone = new Map<string, Promise<boolean>>();
  const orphaned = new Map<Claim, string>();
  for (const claim of claims) {
    const { spec, mode, pid, startTime } = claim.owner;
    const owner = mode === 'session' ? `${pid} ${startTime}` : spec;
    const known = gone.get(owner) ?? isGone(claim, processes);
    gone.set(owner, known);
    if (!(await known)) continue;
    const reason = mode === 'session' ? `its session (pid ${pid}) has ended` : `its spec ${spec} is gone`;
    orphaned.set(claim, reason);
  }
  return orphaned;
}

async function isGone({ owner }: Claim, processes: Pick<Processes, 'isAlive'>): Promise<boolean> {
  const { spec, mode, pid, startTime } = owner;
  return mode === 'session' ? !(await processes.isAlive(pid, startTime)) : !(await exists(spec));
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
