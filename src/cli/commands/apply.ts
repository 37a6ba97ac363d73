import { Failure } from '../../model/diagnostic.ts';
import { plan as makePlan } from '../../planner/plan.ts';
import { readHostPolicy } from '../../platform/host-policy.ts';
import { loadSpec } from '../../spec/load.ts';
import { type FileNames, namesFrom } from '../arguments/paths.ts';
import type { CommandContext } from '../run-command.ts';
import { type ApplyOptions, applyPlan, concludeApply } from '../transaction/apply-plan.ts';
import { approvedBy, profileWords } from '../transaction/approval.ts';
import { Confirming } from '../transaction/confirming.ts';
import { isPlanFile, readPlan, requireSameHost, requireShown } from '../transaction/plan-file.ts';
import { loadDesired, onlyProfiles } from '../wiring/desired.ts';

export interface ApplyCommandOptions extends ApplyOptions {
  /** Milliseconds. */
  readonly confirmWithin?: number;
  readonly profile: readonly string[];
}

/** `mkplan apply [SPEC|PLANFILE]`: makes routes and Services as the spec asks. */
export async function apply(context: CommandContext, options: ApplyCommandOptions): Promise<number> {
  if (await isPlanFile(context.names.absolute)) return await applySaved(context, options);
  const desired = await loadDesired(context, 'present', { only: options.profile });
  const confirming = confirmingOf(context, context.names, options);
  const outcome = await applyPlan(context, options, {
    desired,
    verb: 'apply',
    words: ['apply', context.names.spec, ...profileWords(options.profile)],
    names: context.names,
    saved: null,
    guarding: confirming,
    makePlan: (observed) => makePlan(desired, observed),
  });
  return confirming === null ? concludeApply(context, outcome) : await confirming.conclude(outcome);
}

function confirmingOf(
  context: CommandContext,
  names: FileNames,
  { allow, confirmWithin, profile }: ApplyCommandOptions,
): Confirming | null {
  if (confirmWithin === undefined) return null;
  return new Confirming(
    context,
    names,
    approvedBy(['apply', names.spec, ...profileWords(profile)], allow, names.absolute),
    confirmWithin,
  );
}

function chosenAlready(planFile: string): Failure {
  return new Failure('usage', [
    {
      code: 'profile-with-plan',
      severity: 'error',
      summary: `${planFile} is a saved plan, and --profile chooses among the profiles of a spec`,
      cause: 'A saved plan is applied as it was shown, for the profiles that it was made for.',
      fix: 'Leave --profile out, or make another plan with it: `mkplan plan --profile NAME --out FILE`.',
    },
  ]);
}

/** A saved plan is made anew under the lock, and applied if it is the same one. */
async function applySaved(context: CommandContext, options: ApplyCommandOptions): Promise<number> {
  const { names, terminal } = context;
  if (options.profile.length > 0) throw chosenAlready(names.spec);
  const saved = await readPlan(names.absolute, names.spec);
  const { spec, mode, only } = saved.plan;
  const loaded = await loadSpec(spec, readHostPolicy().ranges);
  const desired = onlyProfiles({ ...loaded.desired, mode }, only ?? []);
  const specNames = namesFrom(spec, terminal.cwd);
  const confirming = confirmingOf(context, specNames, options);
  const outcome = await applyPlan(context, options, {
    desired,
    verb: 'apply',
    words: ['apply', names.spec],
    names: specNames,
    guarding: confirming,
    saved: { saved, shown: names.spec },
    makePlan: (observed) => {
      requireSameHost(saved, observed.host, names.spec);
      const made = makePlan(desired, observed);
      requireShown(saved, made, names.spec);
      return made;
    },
  });
  return confirming === null ? concludeApply(context, outcome) : await confirming.conclude(outcome);
}
