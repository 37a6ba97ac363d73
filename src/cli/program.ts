import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { examples, HELP, PAGE_WIDTH } from './arguments/help.ts';
import { addFormOptions, formOf } from './arguments/output-form.ts';
import {
  registerAllow,
  registerApply,
  registerCleanup,
  registerConfirm,
  registerDestroy,
  registerGuard,
  registerImport,
  registerWatch,
} from './arguments/register-changes.ts';
import {
  registerHelp,
  registerInit,
  registerObserve,
  registerPlan,
  registerSandbox,
  registerSchema,
  registerShow,
  registerStatus,
  registerValidate,
  registerVersion,
} from './arguments/register-reads.ts';
import type { Act } from './arguments/registration.ts';
import { EXIT } from './exit-code.ts';
import { runCommand } from './run-command.ts';
import { columnsOf, type Terminal } from './terminal.ts';
import { printableLine } from './views/text.ts';

/** commander's own line break, before names that it knows itself. */
const SUGGESTION = /\n\(Did you mean [^\n]*\?\)$/;

/** What commander says of a command line; it quotes what was typed as it is. */
function usageError(text: string): string {
  const said = text.trimEnd();
  const [suggestion = ''] = SUGGESTION.exec(said) ?? [];
  return printableLine(said.slice(0, said.length - suggestion.length)) + suggestion;
}

import { tellUsageError } from './usage-error.ts';

/**
 * Runs one command line and returns its exit code. Only the command that is run gets loaded. Whatever fails has been
 * told to the user by then.
 */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT.ok;
  const act: Act = async (command, spec, { onSignal, beforeChanges, rereads = false }, work) => {
    const { color } = command.optsWithGlobals<{ color: boolean }>();
    const options = { ...formOf(command), color, spec, onSignal, beforeChanges, rereads };
    exitCode = await runCommand(terminal, options, work);
  };
  const program = createProgram(terminal);
  for (const register of [
    registerInit,
    registerValidate,
    registerPlan,
    registerAllow,
    registerApply,
    registerConfirm,
    registerWatch,
    registerDestroy,
    registerStatus,
    registerCleanup,
    registerImport,
    registerShow,
    registerObserve,
    registerSandbox,
    registerSchema,
    registerVersion,
    registerHelp,
    registerGuard,
  ]) {
    register(program, act);
  }
  for (const command of program.commands) addFormOptions(command);
  try {
    await program.parseAsync(withoutHelpOfUnknown(program, argv), { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    if (thrown.exitCode === 0) return terminal.stdout.loss?.() == null ? EXIT.ok : EXIT.error;
    if (program.opts<{ json?: true }>().json === true) tellUsageError(terminal, thrown);
    return EXIT.usage;
  }
  return exitCode;
}

/** An unknown command with `--help` behind it, less that: commander would show the help of the program, as if nothing were wrong. */
function withoutHelpOfUnknown(program: Command, argv: readonly string[]): readonly string[] {
  const [name = '-'] = argv;
  if (name.startsWith('-') || program.commands.some((one) => one.name() === name)) return argv;
  return argv.filter((word) => word !== '--help' && word !== '-h');
}

function createProgram(terminal: Terminal): Command {
  const program = new Command('mkplan');
  // Commands copy these settings when they are added, so they come first.
  program
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      getOutHelpWidth: () => columnsOf(terminal.stdout) ?? PAGE_WIDTH,
      getErrHelpWidth: () => columnsOf(terminal.stderr) ?? PAGE_WIDTH,
      outputError: (text, write) => write(`${usageError(text)}\nSee \`mkplan --help\`.\n`),
    })
    .configureHelp(HELP)
    .description(
      'Makes local Kubernetes clusters reachable from this host: routes and LoadBalancer addresses, from a committed tunnel.yaml.',
    )
    .version(packageJson.version, '-V, --version', 'print the version')
    .option('--json', 'print one JSON object a line on stdout; short for -o json')
    .option('--no-color', 'print without colour (so does NO_COLOR=1)')
    .helpOption('-h, --help', 'print help')
    // Its own would answer an unknown command with the help of the program.
    .helpCommand(false);
  program.addHelpText(
    'after',
    examples(
      ['mkplan init', 'write a tunnel.yaml for the current minikube profile'],
      ['mkplan plan', 'show what would change'],
      ['mkplan apply', 'change it, as one transaction'],
      ['mkplan watch', 'and keep it so while clusters and VMs change'],
      ['mkplan destroy', 'remove it again'],
    ),
  );
  return program;
}
