import { resolve } from 'node:path';
import { namesFrom } from '../arguments/paths.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { readPlan } from '../transaction/plan-file.ts';

/** `mkplan show PLANFILE`: a saved plan as `plan` printed it. Whether its facts still hold is not asked. */
export async function show({ terminal, output }: CommandContext, file: string): Promise<number> {
  const { plan } = await readPlan(resolve(terminal.cwd, file), file);
  output.plan(plan, namesFrom(plan.spec, terminal.cwd));
  return EXIT.ok;
}
