import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { examples, HELP, PAGE_WIDTH } from './arguments/help.ts';
import { addFormOptions, formBehindCommand, formOf, programFormOf } from './arguments/output-form.ts';
import { DEFAULT_SPEC, specNames } from './arguments/paths.ts';
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
import { runCommand, tellLoss } from './run-command.ts';
import { columnsOf, type Terminal } from './terminal.ts';
import { tellUsageError } from './usage-error.ts';
import { Output } from './views/output.ts';
import { printableLine, wrapText } from './views/text.ts';

/** commander's own line break, before names that it knows itself. */
const SUGGESTION = /\n\(Did you mean [^\n]*\?\)$/;

/** What commander says of a command line; it quotes what was typed as it is. */
function usageError(text: string): string {
  const said = text.trimEnd();
  const [suggestion = ''] = SUGGESTION.exec(said) ?? [];
  return printableLine(said.slice(0, said.length - suggestion.length)) + suggestion;
}

/**
 * Runs one command line and returns its exit code. Only the command that is run gets loaded. Whatever fails has been
 * told to the user by then.
 */
export async function run(given: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT.ok;
  const act: Act = async (command, spec, { onSignal, beforeChanges, rereads = false }, work) => {
    const { color } = command.optsWithGlobals<{ color: boolean }>();
    const options = { form: formOf(command), color, spec, onSignal, beforeChanges, rereads };
    exitCode = await runCommand(terminal, options, work);
  };
  const argv = formBehindCommand(given);
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
  /** The command line that helps with what was refused. */
  let help = helpOf(program);
  for (const command of [program, ...program.commands]) {
    addFormOptions(command);
    command.configureOutput({
      outputError: (text, write) => {
        help = helpOf(command);
        write(wrapText(`${usageError(text)}\nSee \`${help}\`.\n`, columnsOf(terminal.stderr)));
      },
    });
  }
  try {
    await program.parseAsync(withoutHelpOfUnknown(program, argv), { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    const names = specNames(DEFAULT_SPEC, '/');
    // Help, or the version.
    if (thrown.exitCode === 0) {
      const { color } = program.opts<{ color: boolean }>();
      return tellLoss(terminal, false, new Output(terminal, { form: 'text', color }), names, EXIT.ok);
    }
    const form = programFormOf(argv);
    if (form !== null) tellUsageError(terminal, form, thrown, help);
    return EXIT.usage;
  }
  return exitCode;
}

function helpOf(command: Command): string {
  return [...(command.parent === null ? [] : [command.parent.name()]), command.name(), '--help'].join(' ');
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
      ['mkplan init', 'write a tunnel.yaml for the current cluster'],
      ['mkplan plan', 'show what would change'],
      ['mkplan apply', 'change it, as one transaction'],
      ['mkplan watch', 'and keep it so while clusters and VMs change'],
      ['mkplan destroy', 'remove it again'],
    ),
  );
  return program;
}
