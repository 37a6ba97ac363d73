import type { Plan } from '../../model/plan.ts';
import type { ApprovalKind } from '../../model/policy.ts';
import { contextsOf, rememberable, withRemembered } from '../../planner/approvals.ts';
import { plan as makePlan } from '../../planner/plan.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { refusalOf } from '../transaction/apply-plan.ts';
import { approvedBy, ask, missingApprovals, unapproved } from '../transaction/approval.ts';
import { asideRefusal } from '../transaction/aside.ts';
import { agreeToPrograms } from '../transaction/programs.ts';
import { remember } from '../transaction/remembering.ts';
import { underLock } from '../transaction/under-lock.ts';
import { composeChanging, composeReading } from '../wiring/compose.ts';
import { loadDesired } from '../wiring/desired.ts';
import { observeShowing } from '../wiring/observing.ts';

export interface AllowOptions {
  readonly allow: readonly ApprovalKind[];
  readonly list?: true;
  readonly revoke?: true;
  /** Milliseconds. */
  readonly lockTimeout: number;
}

/** `mkplan allow [SPEC]`: remembers what the plan of a spec needs approved, and applies nothing. */
export async function allow(context: CommandContext, options: AllowOptions): Promise<number> {
  if (options.list === true) return await list(context);
  if (options.revoke === true) return await revoke(context, options);
  const { output, names, terminal } = context;
  const desired = await loadDesired(context, 'present');
  const adapters = await composeChanging(
    terminal,
    approvedBy(['allow', names.spec], options.allow, desired.spec),
  );
  try {
    if (!(await agreeToPrograms(context, adapters, desired, options.lockTimeout))) {
      output.note('Nothing is remembered.\n');
      return EXIT.error;
    }
    // Unlike elsewhere, what cannot be read is no mere warning: nothing could be remembered.
    const known = await adapters.approvals.read();
    const observed = await observeShowing(context, desired, adapters);
    const contextOf = contextsOf(desired.profiles);
    const plan = withRemembered(makePlan(desired, observed), contextOf, known);
    output.plan(plan, names);
    const refusal = refusalOf(plan) ?? asideRefusal(plan, false);
    if (refusal !== null) throw refusal;
    const given = rememberable(plan, contextOf, new Date().toISOString());
    if (given.length === 0) {
      output.note('This plan needs no further approval.\n');
      return EXIT.ok;
    }
    if (!(await isApproved(context, plan, options.allow))) {
      output.note('Nothing is remembered.\n');
      return EXIT.error;
    }
    await remember(context, adapters, given, options.lockTimeout);
    output.tell({ type: 'remembered', approvals: given, names });
    return EXIT.ok;
  } finally {
    await adapters.close();
  }
}

/** Whether `--allow` or a person approves all of it. Throws a Failure where `--allow` does not and nobody can be asked. */
async function isApproved(
  { terminal, output, signal }: CommandContext,
  plan: Plan,
  kinds: readonly ApprovalKind[],
): Promise<boolean> {
  const missing = unapproved(plan, kinds);
  if (missing === null) return true;
  if (!output.canAsk) throw missing;
  const asked = missingApprovals(plan, kinds).join(', ');
  return await ask(terminal, `\nRemember that ${asked} is approved, as shown above?`, signal);
}

async function list({ terminal, output }: CommandContext): Promise<number> {
  const adapters = composeReading(terminal, approvedBy(['allow'], [], null));
  try {
    output.tell({ type: 'approvals', approvals: await adapters.approvals.read() });
    return EXIT.ok;
  } finally {
    await adapters.close();
  }
}

/** Forgets what was approved for a spec, which may be gone. */
async function revoke(context: CommandContext, { lockTimeout }: AllowOptions): Promise<number> {
  const { terminal, names, output } = context;
  const adapters = await composeChanging(terminal, approvedBy(['allow'], [], null));
  try {
    const revoked = await underLock(context, adapters, `revoke ${names.absolute}`, lockTimeout, async () => {
      const known = await adapters.approvals.read();
      const kept = known.filter(({ spec }) => spec !== names.absolute);
      if (kept.length < known.length) await adapters.approvals.write(kept);
      return known.length - kept.length;
    });
    output.tell({ type: 'revoked', spec: names.spec, approvals: revoked });
    return EXIT.ok;
  } finally {
    await adapters.close();
  }
}
