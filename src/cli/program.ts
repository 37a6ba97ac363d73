import { Command, CommanderError, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { APPROVAL_KINDS } from '../model/policy.ts';
import { EXIT } from './exit-code.ts';
import { parseAllow, parseDuration, parseListenAddress, parsePatience } from './option-values.ts';
import { type CommandContext, runCommand } from './run-command.ts';
import type { Terminal } from './terminal.ts';

const DEFAULT_SPEC = 'tunnel.yaml';
const DEFAULT_LOCK_TIMEOUT = '30s';

/** How a command is registered: what it may do decides how its signals and its user are treated. */
interface Registration {
  /** What a signal makes it do. Null where it only reads; any other is refused under sudo. */
  readonly onSignal: string | null;
  /** Whether SIGHUP asks it to look again where there is no terminal. */
  readonly rereads?: true;
}

/** Runs the work of a command and keeps its exit code. */
type Act = (
  command: Command,
  spec: string,
  registration: Registration,
  work: (context: CommandContext) => Promise<number>,
) => Promise<void>;

const READS: Registration = { onSignal: null };
const MUTATES: Registration = { onSignal: 'finishing what is under way, then rolling back' };
const WATCHES: Registration = { onSignal: 'leaving', rereads: true };
const CONFIRMS: Registration = { onSignal: 'stopping' };

/**
 * Runs one command line and returns its exit code. Only the command that is run gets loaded. Whatever fails has been
 * told to the user by then.
 */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT.ok;
  const act: Act = async (command, spec, { onSignal, rereads = false }, work) => {
    const { json, color } = command.optsWithGlobals<{ json?: true; color: boolean }>();
    const options = { json: json === true, color, spec, onSignal, rereads };
    exitCode = await runCommand(terminal, options, work);
  };
  const program = createProgram(terminal);
  for (const register of [
    registerInit,
    registerValidate,
    registerPlan,
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
    registerGuard,
  ]) {
    register(program, act);
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown;
    return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return exitCode;
}

function createProgram(terminal: Terminal): Command {
  const program = new Command('mkplan');
  // Commands copy these settings when they are added, so they come first.
  program
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      outputError: (text, write) => write(`${text}See \`mkplan --help\`.\n`),
    })
    .configureHelp({ showGlobalOptions: true })
    .description(
      'Makes local Kubernetes clusters reachable from this host: routes and LoadBalancer addresses, from a committed tunnel.yaml.',
    )
    .version(packageJson.version, '-V, --version', 'print the version')
    .option('--json', 'print one JSON object a line on stdout')
    .option('--no-color', 'print without colour (so does NO_COLOR=1)')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command');
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

/** The examples at the end of a help page: command lines and what they do, aligned. */
function examples(...lines: readonly (readonly [string, string])[]): string {
  const width = Math.max(...lines.map(([line]) => line.length));
  return `\nExamples:\n${lines.map(([line, text]) => `  $ ${line.padEnd(width)}  ${text}\n`).join('')}`;
}

function registerInit(program: Command, act: Act): void {
  program
    .command('init')
    .description(
      'write a tunnel.yaml for the current minikube profile, with a pool that collides with nothing here',
    )
    .addHelpText('after', examples(['mkplan init', 'write ./tunnel.yaml; a file that is there is kept']))
    .action((_options, command: Command) =>
      act(command, DEFAULT_SPEC, READS, async (context) =>
        (await import('./commands/init.ts')).init(context),
      ),
    );
}

function registerValidate(program: Command, act: Act): void {
  program
    .command('validate')
    .description('check a spec and report everything that is wrong with it')
    .argument('[spec]', 'the spec', DEFAULT_SPEC)
    .addHelpText(
      'after',
      examples(
        ['mkplan validate', 'check ./tunnel.yaml'],
        ['mkplan validate team/tunnel.yaml', 'check another file'],
      ),
    )
    .action((spec: string, _options, command: Command) =>
      act(command, spec, READS, async (context) =>
        (await import('./commands/validate.ts')).validate(context),
      ),
    );
}

function registerPlan(program: Command, act: Act): void {
  addReadOptions(
    program
      .command('plan')
      .description('show what apply would change, and change nothing')
      .argument('[spec]', 'the spec', DEFAULT_SPEC),
  )
    .option('--observed <file>', 'plan from a recorded observation instead of this host and its clusters')
    .option('--out <file>', 'save the plan to a new file, for `mkplan apply FILE`')
    .option('--destroy', 'plan the removal of everything that the spec made')
    .option('--detailed-exitcode', 'exit 2 when there are changes, 0 when there are none')
    .addHelpText(
      'after',
      examples(
        ['mkplan plan', 'plan ./tunnel.yaml'],
        ['mkplan plan --out dev.plan.json', 'save the plan, to apply exactly that'],
        ['mkplan plan --observed observed.yaml', 'plan from a recording: no cluster, no rights, any system'],
        ['mkplan plan --detailed-exitcode', 'exit 2 if anything has drifted'],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, READS, async (context) =>
        (await import('./commands/plan.ts')).plan(context, options),
      ),
    );
}

function registerApply(program: Command, act: Act): void {
  addApplyOptions(
    program
      .command('apply')
      .description('make routes and Services as the spec asks, as one transaction')
      .argument('[spec-or-plan]', 'the spec, or a plan file that `plan --out` wrote', DEFAULT_SPEC)
      .addOption(
        new Option('--confirm-within <duration>', 'undo it all unless confirmed in time: 60s, 5m').argParser(
          parsePatience,
        ),
      ),
  )
    .addHelpText(
      'after',
      examples(
        ['mkplan apply', 'plan ./tunnel.yaml, ask, apply'],
        ['mkplan apply --auto-approve', 'apply without asking'],
        ['mkplan apply --confirm-within 60s', 'over ssh: undone, unless you can still answer'],
        ['mkplan apply dev.plan.json', 'apply a saved plan, if its facts still hold'],
        ['mkplan apply --auto-approve --allow covers', 'and take part of a VPN’s range, as the plan shows'],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, MUTATES, async (context) =>
        (await import('./commands/apply.ts')).apply(context, options),
      ),
    );
}

function registerConfirm(program: Command, act: Act): void {
  program
    .command('confirm')
    .description('keep what `apply --confirm-within` made')
    .argument('[spec]', 'the spec that it was applied for; any, without one')
    .addOption(lockTimeout())
    .addHelpText(
      'after',
      examples(
        ['mkplan confirm', 'from any shell, before the time is over'],
        ['mkplan confirm tunnel.yaml', 'only if it is that spec’s'],
      ),
    )
    .action((spec: string | undefined, options, command: Command) =>
      act(command, spec ?? DEFAULT_SPEC, CONFIRMS, async (context) =>
        (await import('./commands/confirm.ts')).confirm(context, spec !== undefined, options),
      ),
    );
}

/** What `apply --confirm-within` starts for itself. */
function registerGuard(program: Command, act: Act): void {
  program
    .command('guard', { hidden: true })
    .argument('<txid>')
    .option('--helper')
    .addOption(allowOption('what the apply was allowed'))
    .action((txid: string, options, command: Command) =>
      act(command, DEFAULT_SPEC, CONFIRMS, async (context) =>
        (await import('./commands/guard.ts')).guard(context, txid, options),
      ),
    );
}

function registerWatch(program: Command, act: Act): void {
  addApplyOptions(
    program
      .command('watch')
      .description('keep routes and Services as the spec asks, until it is ended; then take them away again')
      .argument('[spec]', 'the spec', DEFAULT_SPEC)
      .option('--keep', 'leave what it made when it ends')
      .addOption(
        new Option(
          '--metrics <address>',
          'serve metrics for Prometheus: 9469, 127.0.0.1:9469, [::1]:9469',
        ).argParser(parseListenAddress),
      ),
  )
    .addHelpText(
      'after',
      examples(
        ['mkplan watch', 'plan ./tunnel.yaml, ask, then follow every change; Ctrl-C ends it'],
        ['mkplan watch --auto-approve', 'without asking, for a service manager'],
        ['mkplan watch --keep', 'what it made stays until `mkplan destroy`'],
        ['mkplan watch --metrics 9469', 'and tell Prometheus at http://127.0.0.1:9469/metrics'],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, WATCHES, async (context) =>
        (await import('./commands/watch.ts')).watch(context, options),
      ),
    );
}

function registerDestroy(program: Command, act: Act): void {
  addApplyOptions(
    program
      .command('destroy')
      .description('remove every route and Service address that apply made for the spec')
      .argument('[spec]', 'the spec', DEFAULT_SPEC),
  )
    .addHelpText(
      'after',
      examples(
        ['mkplan destroy', 'plan the removal, ask, remove'],
        ['mkplan destroy --auto-approve', 'remove without asking'],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, MUTATES, async (context) =>
        (await import('./commands/destroy.ts')).destroy(context, options),
      ),
    );
}

function registerStatus(program: Command, act: Act): void {
  addReadOptions(
    program
      .command('status')
      .description('show each link of the path: route, node, endpoints, answer')
      .argument('[spec]', 'the spec; without one, what is recorded on this host is shown', DEFAULT_SPEC),
  )
    .addHelpText(
      'after',
      examples(['mkplan status', 'of ./tunnel.yaml'], ['mkplan status --json', 'for programs']),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, READS, async (context) =>
        (await import('./commands/status.ts')).status(context, options),
      ),
    );
}

function registerCleanup(program: Command, act: Act): void {
  addApplyOptions(
    program
      .command('cleanup')
      .description('recover an interrupted transaction and remove what specs that are gone left behind')
      .option('--all', 'remove also what belongs to specs that still exist')
      .option('--minikube', 'remove also the routes that an ended `minikube tunnel` left; needs approval'),
  )
    .addHelpText(
      'after',
      examples(
        ['mkplan cleanup', 'needs no spec, cluster or profile'],
        ['mkplan cleanup --all', 'remove everything that mkplan ever made here'],
      ),
    )
    .action((options, command: Command) =>
      act(command, DEFAULT_SPEC, MUTATES, async (context) =>
        (await import('./commands/cleanup.ts')).cleanup(context, options),
      ),
    );
}

function registerImport(program: Command, act: Act): void {
  addApplyOptions(
    program
      .command('import')
      .description('adopt routes that are there without a claim, shown as `?`; without a route, list them')
      .argument('[route-or-spec...]', 'destinations, or whole routes in quotes; and the spec')
      .option('--all', 'all routes shown as `?` whose destination the spec asks for'),
  )
    .addHelpText(
      'after',
      examples(
        ['mkplan import', 'list what ./tunnel.yaml can adopt, and change nothing'],
        ['mkplan import 10.96.0.0/12', 'adopt that route, which destroy then removes'],
        ['mkplan import --all', 'adopt what a lost registry had'],
      ),
    )
    .action(async (given: readonly string[], options, command: Command) => {
      const { importRoutes, splitArguments } = await import('./commands/import.ts');
      const spec = splitArguments(given).specs[0] ?? DEFAULT_SPEC;
      await act(command, spec, MUTATES, (context) => importRoutes(context, given, options));
    });
}

function registerShow(program: Command, act: Act): void {
  program
    .command('show')
    .description('print a saved plan, also when its facts no longer hold')
    .argument('<planfile>', 'a file that `mkplan plan --out` wrote')
    .addHelpText('after', examples(['mkplan show dev.plan.json', 'as `mkplan plan` printed it']))
    .action((file: string, _options, command: Command) =>
      act(command, DEFAULT_SPEC, READS, async (context) =>
        (await import('./commands/show.ts')).show(context, file),
      ),
    );
}

function registerObserve(program: Command, act: Act): void {
  addReadOptions(
    program
      .command('observe')
      .description('record what a plan of the spec would rest on; secrets are never in it')
      .argument('[spec]', 'the spec', DEFAULT_SPEC),
  )
    .option('-o, --output <file>', 'a new file; without it the record goes to stdout')
    .addHelpText(
      'after',
      examples(
        ['mkplan observe -o observed.yaml', 'record'],
        ['mkplan plan --observed observed.yaml', 'plan from it'],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, READS, async (context) =>
        (await import('./commands/observe.ts')).observe(context, options),
      ),
    );
}

function registerSchema(program: Command, act: Act): void {
  program
    .command('schema')
    .description('print the JSON Schema of tunnel.yaml')
    .addHelpText('after', examples(['mkplan schema > tunnel.schema.json', 'for an editor']))
    .action((_options, command: Command) =>
      act(command, DEFAULT_SPEC, READS, async (context) =>
        (await import('./commands/schema.ts')).schema(context),
      ),
    );
}

function registerSandbox(program: Command, act: Act): void {
  program
    .command('sandbox')
    .description('run a command beside a cluster that is not there, in namespaces of its own; needs no root')
    .argument('[command...]', 'what to run, after `--`; a shell without it')
    .option('--manifests <directory>', 'Nodes, Services and the like; without it, two nodes and one Service')
    .option('--profile <name>', 'the name of its minikube profile and context')
    .addHelpText(
      'after',
      examples(
        ['mkplan sandbox', 'open a shell in it: plan, apply and curl there'],
        ['mkplan sandbox --manifests k8s -- mkplan apply --auto-approve', 'check a spec in CI'],
      ),
    )
    .action((argv: readonly string[], options, command: Command) =>
      act(command, DEFAULT_SPEC, READS, async (context) =>
        (await import('./commands/sandbox.ts')).sandbox(context, argv, options),
      ),
    );
}

function allowOption(text: string): Option {
  return new Option('--allow <kinds>', text).argParser(parseAllow).default([], 'none');
}

/** The options of every command that only reads what a spec names. */
function addReadOptions(command: Command): Command {
  const text = 'as for apply; `context` lets the program be run that makes the credentials of a context';
  return command.addOption(allowOption(text));
}

function lockTimeout(): Option {
  return new Option('--lock-timeout <duration>', 'how long to wait for another mkplan: 500ms, 30s, 2m')
    .argParser(parseDuration)
    .default(parseDuration(DEFAULT_LOCK_TIMEOUT), DEFAULT_LOCK_TIMEOUT);
}

/** The options of every command that changes something. */
function addApplyOptions(command: Command): Command {
  return command
    .option('--auto-approve', 'do not ask; covers nothing that needs --allow')
    .addOption(allowOption(`approve what a spec may not do unasked: ${APPROVAL_KINDS.join(',')}`))
    .addOption(lockTimeout());
}
