import { plan as makePlan } from '../../planner/plan.ts';
import { readHostPolicy } from '../../platform/host-policy.ts';
import { loadSpec } from '../../spec/load.ts';
import { type ApplyOptions, applyPlan, concludeApply } from '../apply-plan.ts';
import { loadDesired } from '../desired.ts';
import { namesFrom } from '../paths.ts';
import { isPlanFile, readPlan, requireSameHost } from '../plan-file.ts';
import type { CommandContext } from '../run-command.ts';

/** `mkplan apply [SPEC|PLANFILE]`: makes routes and Services as the spec asks. */
export async function apply(context: CommandContext, options: ApplyOptions): Promise<number> {
  if (await isPlanFile(context.names.absolute)) return await applySaved(context, options);
  const desired = await loadDesired(context, 'present');
  const outcome = await applyPlan(context, options, {
    desired,
    verb: 'apply',
    names: context.names,
    saved: null,
    makePlan: (observed) => makePlan(desired, observed),
  });
  return concludeApply(context, outcome);
}

/** A saved plan is made anew under the lock, and applied if it is the same one. */
async function applySaved(context: CommandContext, options: ApplyOptions): Promise<number> {
  const { names, terminal } = context;
  const saved = await readPlan(names.absolute, names.spec);
  const { spec, mode } = saved.plan;
  const { desired } = await loadSpec(spec, readHostPolicy().ranges);
  const outcome = await applyPlan(context, options, {
    desired: { ...desired, mode },
    verb: 'apply',
    names: namesFrom(spec, terminal.cwd),
    saved: { saved, shown: names.spec },
    makePlan: (observed) => {
      requireSameHost(saved, observed.host, names.spec);
      return makePlan({ ...desired, mode }, observed);
    },
  });
  return concludeApply(context, outcome);
}
