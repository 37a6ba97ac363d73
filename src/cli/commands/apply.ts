import { plan as makePlan } from '../../planner/plan.ts';
import { readHostPolicy } from '../../platform/host-policy.ts';
import { loadSpec } from '../../spec/load.ts';
import { type FileNames, namesFrom } from '../arguments/paths.ts';
import type { CommandContext } from '../run-command.ts';
import { type ApplyOptions, applyPlan, concludeApply } from '../transaction/apply-plan.ts';
import { approvedBy } from '../transaction/approval.ts';
import { Confirming } from '../transaction/confirming.ts';
import { isPlanFile, readPlan, requireSameHost, requireShown } from '../transaction/plan-file.ts';
import { loadDesired } from '../wiring/desired.ts';

export interface ApplyCommandOptions extends ApplyOptions {
  /** Milliseconds. */
  readonly confirmWithin?: number;
}

/** `mkplan apply [SPEC|PLANFILE]`: makes routes and Services as the spec asks. */
export async function apply(context: CommandContext, options: ApplyCommandOptions): Promise<number> {
  if (await isPlanFile(context.names.absolute)) return await applySaved(context, options);
  const desired = await loadDesired(context, 'present');
  const confirming = confirmingOf(context, context.names, options);
  const outcome = await applyPlan(context, options, {
    desired,
    verb: 'apply',
    words: ['apply', context.names.spec],
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
  { allow, confirmWithin }: ApplyCommandOptions,
): Confirming | null {
  if (confirmWithin === undefined) return null;
  return new Confirming(
    context,
    names,
    approvedBy(['apply', names.spec], allow, names.absolute),
    confirmWithin,
  );
}

/** A saved plan is made anew under the lock, and applied if it is the same one. */
async function applySaved(context: CommandContext, options: ApplyCommandOptions): Promise<number> {
  const { names, terminal } = context;
  const saved = await readPlan(names.absolute, names.spec);
  const { spec, mode } = saved.plan;
  const { desired } = await loadSpec(spec, readHostPolicy().ranges);
  const specNames = namesFrom(spec, terminal.cwd);
  const confirming = confirmingOf(context, specNames, options);
  const outcome = await applyPlan(context, options, {
    desired: { ...desired, mode },
    verb: 'apply',
    words: ['apply', names.spec],
    names: specNames,
    guarding: confirming,
    saved: { saved, shown: names.spec },
    makePlan: (observed) => {
      requireSameHost(saved, observed.host, names.spec);
      const made = makePlan({ ...desired, mode }, observed);
      requireShown(saved, made, names.spec);
      return made;
    },
  });
  return confirming === null ? concludeApply(context, outcome) : await confirming.conclude(outcome);
}
