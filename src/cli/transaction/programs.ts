import { type DesiredState, needsCluster } from '../../model/desired.ts';
import type { CommandContext } from '../run-command.ts';
import { printableLine } from '../views/text.ts';
import type { ChangeAdapters } from '../wiring/compose.ts';
import type { UnapprovedProgram } from '../wiring/programs.ts';
import { ask } from './approval.ts';
import { rememberOrWarn } from './remembering.ts';

/**
 * Asks about each program that would make credentials for the spec and that nobody approved: observing runs it, so no plan can
 * show it first. A yes is remembered. Returns whether all were approved; where nobody can be asked nothing is, and observing
 * refuses to run it.
 */
export async function agreeToPrograms(
  context: CommandContext,
  adapters: Pick<ChangeAdapters, 'approvals' | 'lock' | 'programs'>,
  { profiles }: DesiredState,
  waitMs: number,
): Promise<boolean> {
  const { terminal, output, signal } = context;
  if (!output.canAsk) return true;
  const agreed: UnapprovedProgram[] = [];
  for (const profile of profiles.filter(needsCluster)) {
    const program = await adapters.programs.unapproved(profile);
    if (program === null) continue;
    output.note(`Context ${printableLine(program.context)} has a program make its credentials:\n`);
    output.note(`\n    ${printableLine(program.subject)}\n`);
    const named = `The spec names this context for profile ${printableLine(program.profile)}.`;
    const question = `\n${named} Run the program? mkplan remembers that it may, until it or the context changes.`;
    if (!(await ask(terminal, question, signal))) return false;
    agreed.push(program);
    adapters.programs.approve([program]);
  }
  const approvedOn = new Date().toISOString();
  await rememberOrWarn(
    context,
    adapters,
    agreed.map((program) => ({ ...program, approvedOn })),
    waitMs,
  );
  return true;
}
