import { loadSpec } from '../../spec/load.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';

/** `mkplan validate [SPEC]`: everything that is wrong with a spec; what is only doubtful does not fail it. */
export async function validate({ output, names }: CommandContext): Promise<number> {
  const { desired, warnings } = await loadSpec(names.absolute);
  for (const warning of warnings) output.diagnostic(warning, names);
  output.print(`${output.colors.add('OK')}  ${names.spec} (tunnel ${desired.name})\n`);
  output.line({ type: 'valid', name: desired.name, spec: names.spec });
  return EXIT.ok;
}
