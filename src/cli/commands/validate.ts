import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { loadDesired } from '../wiring/desired.ts';

/** `mkplan validate [SPEC]`: everything that is wrong with a spec; what is only doubtful does not fail it. */
export async function validate(context: CommandContext): Promise<number> {
  const { output, names } = context;
  const desired = await loadDesired(context, 'present');
  output.print(`${output.colors.add('OK')}  ${names.spec} (tunnel ${desired.name})\n`);
  output.line({ type: 'valid', name: desired.name, spec: names.spec });
  return EXIT.ok;
}
