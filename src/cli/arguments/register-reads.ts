import { type Command, CommanderError, Option } from 'commander';
import { EXIT } from '../exit-code.ts';
import { examples, remark } from './help.ts';
import { collect, DEFAULT_WAIT, parseProfileName, parseWait } from './option-values.ts';
import { DEFAULT_SPEC } from './paths.ts';
import { type Act, addReadOptions, profileOption, READS, strictOption, withoutJson } from './registration.ts';

/** `mkplan init`. */
export function registerInit(program: Command, act: Act): void {
  program
    .command('init')
    .description('write a tunnel.yaml for a cluster, with a pool that collides with nothing here')
    .argument('[path]', 'the file to write, or the directory for it', DEFAULT_SPEC)
    .option('-p, --profile <name>', 'a minikube profile or a kubeconfig context; the current one without it')
    .addOption(
      new Option('--pool <range>', 'a CIDR or FIRST-LAST for LoadBalancer addresses; may be repeated')
        .argParser(collect)
        .default([], 'one that is free'),
    )
    .option('--print', 'print it, and write nothing')
    .option('--force', 'replace the file if it is there')
    .addHelpText(
      'after',
      examples(
        ['mkplan init', 'write ./tunnel.yaml; a file that is there is kept'],
        ['mkplan init -p dev k8s/tunnel.yaml', 'for another profile, in another place'],
        ['mkplan init --pool 10.60.0.0/24 --print', 'with a pool of your own, to look at'],
      ),
    )
    .action((path: string, options, command: Command) =>
      act(command, path, READS, async (context) =>
        (await import('../commands/init.ts')).init(context, options),
      ),
    );
}

/** `mkplan validate`. */
export function registerValidate(program: Command, act: Act): void {
  program
    .command('validate')
    .description('check specs and report everything that is wrong with them')
    .argument('[specs...]', 'the specs; `-` is standard input (default: "tunnel.yaml")')
    .addHelpText(
      'after',
      examples(
        ['mkplan validate', 'check ./tunnel.yaml'],
        ['mkplan validate */tunnel.yaml', 'check several files'],
        ['mkplan init --print | mkplan validate -', 'check what comes through a pipe'],
      ),
    )
    .action((given: readonly string[], _options, command: Command) => {
      const specs = given.length === 0 ? [DEFAULT_SPEC] : given;
      return act(command, DEFAULT_SPEC, READS, async (context) =>
        (await import('../commands/validate.ts')).validate(context, specs),
      );
    });
}

/** `mkplan plan`. */
export function registerPlan(program: Command, act: Act): void {
  addReadOptions(
    program
      .command('plan')
      .description('show what apply would change, and change nothing')
      .argument('[spec]', 'the spec', DEFAULT_SPEC),
  )
    .addOption(profileOption())
    .addOption(strictOption())
    .option('--observed <file>', 'plan from a recorded observation instead of this host and its clusters')
    .option('--out <file>', 'save the plan to a new file, for `mkplan apply FILE`')
    .option('--destroy', 'plan the removal of everything that the spec made')
    .option('--detailed-exitcode', 'exit 2 when there are changes; else as without it')
    .addHelpText(
      'after',
      examples(
        ['mkplan plan', 'plan ./tunnel.yaml'],
        ['mkplan plan -p dev', 'plan that profile of the spec alone'],
        ['mkplan plan --out dev.plan.json', 'save the plan, to apply exactly that'],
        ['mkplan plan --observed observed.yaml', 'plan from a recording: no cluster, no rights, any system'],
        ['mkplan plan --detailed-exitcode', 'exit 2 if anything has drifted'],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, READS, async (context) =>
        (await import('../commands/plan.ts')).plan(context, options),
      ),
    );
}

/** `mkplan status`. */
export function registerStatus(program: Command, act: Act): void {
  addReadOptions(
    program
      .command('status')
      .description('is it right now? shows each link of the path: route, node, endpoints, answer')
      .argument('[spec]', 'the spec; without one, what is recorded on this host is shown', DEFAULT_SPEC),
  )
    .addOption(profileOption())
    .option(
      '--detailed-exitcode',
      'exit 0 if all is as the spec asks, 2 if something is not, 1 if that is unknown',
    )
    .addOption(
      new Option(
        '--wait [duration]',
        'wait until all is as the spec asks; then exit as with --detailed-exitcode',
      )
        .argParser(parseWait)
        .preset(DEFAULT_WAIT),
    )
    .addHelpText(
      'after',
      examples(
        ['mkplan status', 'of ./tunnel.yaml'],
        ['mkplan status -p dev', 'of that profile alone'],
        ['mkplan status --wait=30s', 'until all is as the spec asks, for 30 seconds at most'],
        ['mkplan status --json', 'for programs'],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, READS, async (context) =>
        (await import('../commands/status.ts')).status(context, options),
      ),
    );
}

/** `mkplan show`. */
export function registerShow(program: Command, act: Act): void {
  program
    .command('show')
    .description('print a saved plan, even when its facts no longer hold')
    .argument('<planfile>', 'a file that `mkplan plan --out` wrote')
    .addHelpText('after', examples(['mkplan show dev.plan.json', 'as `mkplan plan` printed it']))
    .action((file: string, _options, command: Command) =>
      act(command, DEFAULT_SPEC, READS, async (context) =>
        (await import('../commands/show.ts')).show(context, file),
      ),
    );
}

/** `mkplan observe`. */
export function registerObserve(program: Command, act: Act): void {
  addReadOptions(
    program
      .command('observe')
      .description('record what a plan of the spec would rest on; secrets are never in it')
      .argument('[spec]', 'the spec', DEFAULT_SPEC),
  )
    .option('--out <file>', 'a new file; without it the record goes to stdout')
    .addHelpText(
      'after',
      examples(
        ['mkplan observe --out observed.yaml', 'record'],
        ['mkplan plan --observed observed.yaml', 'plan from it'],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, READS, async (context) =>
        (await import('../commands/observe.ts')).observe(context, options),
      ),
    );
}

/** `mkplan schema`. */
export function registerSchema(program: Command, act: Act): void {
  withoutJson(
    program.command('schema').description('print the JSON Schema of tunnel.yaml'),
    'it prints one JSON document',
  )
    .addHelpText('after', examples(['mkplan schema > tunnel.schema.json', 'for an editor']))
    .action((_options, command: Command) =>
      act(command, DEFAULT_SPEC, READS, async (context) =>
        (await import('../commands/schema.ts')).schema(context),
      ),
    );
}

const MANIFEST_HELP =
  'Of the manifests it uses Nodes, Services, EndpointSlices, Pods, Namespaces, ServiceCIDRs, Events, Leases, and the ConfigMaps kube-system/kubeadm-config and kube-system/mkplan-allocations. It skips everything else and counts it. A Service answers only if an EndpointSlice has a ready endpoint for it: the sandbox runs no controllers.';

/** `mkplan sandbox`. */
export function registerSandbox(program: Command, act: Act): void {
  withoutJson(
    program
      .command('sandbox')
      .description(
        'run a command beside a cluster that is not there, in namespaces of its own; needs no root',
      ),
    'what it prints is the output of the command that it runs; the options of that command stand after `--`',
  )
    .argument('[command...]', 'what to run, after `--`; a shell without it')
    .option(
      '--manifests <path>',
      'a directory of manifests, or one file; without it, two nodes and one Service',
    )
    .option('--fail-on-skipped', 'fail if a manifest is of a kind that the sandbox has no use for')
    .addOption(
      new Option(
        '-p, --profile <name>',
        'the minikube profile of its cluster (default: the first of ./tunnel.yaml, else minikube)',
      ).argParser(parseProfileName),
    )
    .addHelpText(
      'after',
      examples(
        ['mkplan sandbox', 'open a shell in it: plan, apply and curl there'],
        ['mkplan sandbox --manifests k8s -- mkplan apply --auto-approve', 'check a spec in CI'],
      ),
    )
    .addHelpText('after', remark(MANIFEST_HELP))
    .action((argv: readonly string[], options, command: Command) =>
      act(command, DEFAULT_SPEC, READS, async (context) =>
        (await import('../commands/sandbox.ts')).sandbox(context, argv, options),
      ),
    );
}

/** `mkplan version`. */
export function registerVersion(program: Command, act: Act): void {
  program
    .command('version')
    .description('print the version')
    .addHelpText('after', examples(['mkplan version', 'as `mkplan --version` does']))
    .action((_options, command: Command) =>
      act(command, DEFAULT_SPEC, READS, async (context) =>
        (await import('../commands/version.ts')).version(context),
      ),
    );
}

/** `mkplan help`. */
export function registerHelp(program: Command): void {
  program
    .command('help')
    .description('print help for a command')
    .argument('[command]', 'the command; without one, help for the program')
    .action(async (name: string | undefined) => {
      const command = name === undefined ? program : program.commands.find((one) => one.name() === name);
      if (command !== undefined) {
        command.outputHelp();
        // What `command.help()` does, which takes the code of a process that has not ended yet.
        throw new CommanderError(EXIT.ok, 'commander.help', '(outputHelp)');
      }
      // As a command, an unknown one is refused, with the nearest that there is.
      await program.parseAsync(name === undefined ? [] : [name], { from: 'user' });
    });
}
