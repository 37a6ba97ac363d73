import { Failure } from '../../model/diagnostic.ts';
import type { HostPolicy } from '../../model/policy.ts';
import { readHostPolicy } from '../../platform/host-policy.ts';
import { readSpecStream } from '../../spec/load.ts';
import { parseSpec } from '../../spec/parse.ts';
import { fileNames, specNames } from '../arguments/paths.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { loadDesired } from '../wiring/desired.ts';

/** What stands for standard input among the files. */
const STDIN = '-';

/**
 * `mkplan validate [SPEC…]`: everything that is wrong with any of the specs, each once; what is only doubtful does not
 * fail one. `-` is standard input.
 */
export async function validate(context: CommandContext, files: readonly string[]): Promise<number> {
  const policy = readHostPolicy();
  let exitCode: number = EXIT.ok;
  for (const file of new Set(files)) {
    const valid = await (file === STDIN
      ? validateStdin(context, policy)
      : validateFile(context, file, policy));
    if (!valid) exitCode = EXIT.error;
  }
  return exitCode;
}

async function validateFile(context: CommandContext, file: string, policy: HostPolicy): Promise<boolean> {
  const names = specNames(file, context.terminal.cwd);
  try {
    const { name } = await loadDesired({ ...context, names }, 'present', { policy });
    context.output.tell({ type: 'valid', name, spec: names.spec });
    return true;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    for (const diagnostic of thrown.diagnostics) context.output.diagnostic(diagnostic, names);
    return false;
  }
}

async function validateStdin(context: CommandContext, policy: HostPolicy): Promise<boolean> {
  const { terminal, output } = context;
  const names = fileNames(STDIN, STDIN);
  let text = '';
  try {
    text = await readSpecStream(terminal.stdin, STDIN);
    const { desired, warnings } = parseSpec(text, STDIN, undefined, policy.ranges);
    for (const warning of warnings) output.diagnostic(warning, names, () => text);
    output.tell({ type: 'valid', name: desired.name, spec: names.spec });
    return true;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    for (const diagnostic of thrown.diagnostics) output.diagnostic(diagnostic, names, () => text);
    return false;
  }
}
