import { plan as makePlan } from '../../planner/plan.ts';
import type { CommandContext } from '../run-command.ts';
import { forgetDeadSessions, refuseLiveSession } from '../session/session.ts';
import { type ApplyOptions, applyPlan, concludeApply } from '../transaction/apply-plan.ts';
import { profileWords } from '../transaction/approval.ts';
import { loadDesired } from '../wiring/desired.ts';

export interface DestroyOptions extends ApplyOptions {
  readonly profile: readonly string[];
}

/** `mkplan destroy [SPEC]`: removes what apply made for the spec. */
export async function destroy(context: CommandContext, options: DestroyOptions): Promise<number> {
  const desired = await loadDesired(context, 'absent', { only: options.profile });
  let forget: () => Promise<void> = async () => undefined;
  const outcome = await applyPlan(context, options, {
    desired,
    verb: 'destroy',
    words: ['destroy', context.names.spec, ...profileWords(options.profile)],
    names: context.names,
    saved: null,
    guarding: null,
    makePlan: async (observed, adapters) => {
      forget = () => forgetDeadSessions(adapters, desired.spec);
      await refuseLiveSession(desired.spec, adapters, 'end it first: it takes away what it made');
      return makePlan(desired, observed);
    },
  });
  // What a dead session made for other profiles is there still.
  const isAll = desired.only === undefined;
  if (isAll && (outcome?.kind === 'done' || outcome?.kind === 'nothing')) await forget();
  return concludeApply(context, outcome);
}
