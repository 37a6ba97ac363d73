import { type Command, Option } from 'commander';
import { OFFERED_APPROVALS } from '../../model/policy.ts';
import { examples } from './help.ts';
import { HTTP_ADDRESS, parseHttpHost, parseListenAddress, parsePatience } from './option-values.ts';
import { DEFAULT_SPEC } from './paths.ts';
import {
  type Act,
  addApplyOptions,
  allowOption,
  CONFIRMS,
  lockTimeout,
  MUTATES,
  profileOption,
  strictOption,
  WATCHES,
  withoutJson,
} from './registration.ts';

/** `mkplan apply`. */
export function registerApply(program: Command, act: Act): void {
  addApplyOptions(
    program
      .command('apply')
      .description('make routes and Services as the spec asks, as one transaction')
      .argument('[spec-or-plan]', 'the spec, or a plan file that `plan --out` wrote', DEFAULT_SPEC)
      .addOption(profileOption())
      .addOption(strictOption())
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
        ['mkplan apply -p dev', 'serve that profile, and leave the others of the spec alone'],
        ['mkplan apply --strict', 'or nothing at all, where a profile is out of reach'],
        ['mkplan apply dev.plan.json', 'apply a saved plan, if its facts still hold'],
        ['mkplan apply --auto-approve --allow covers', 'and take part of a VPN’s range, as the plan shows'],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, MUTATES, async (context) =>
        (await import('../commands/apply.ts')).apply(context, options),
      ),
    );
}

/** `mkplan allow`. */
export function registerAllow(program: Command, act: Act): void {
  program
    .command('allow')
    .description('remember what the plan of a spec needs approved, and apply nothing')
    .argument('[spec]', 'the spec', DEFAULT_SPEC)
    .addOption(allowOption(`approve without being asked: ${OFFERED_APPROVALS.join(',')}`))
    .addOption(new Option('--list', 'show what is remembered on this host').conflicts(['allow', 'revoke']))
    .addOption(new Option('--revoke', 'forget what was approved for the spec').conflicts('allow'))
    .addOption(lockTimeout())
    .addHelpText(
      'after',
      examples(
        ['mkplan allow', 'plan ./tunnel.yaml, show what needs approval, ask, remember'],
        ['mkplan allow --allow gateway', 'remember that, for a machine without a terminal'],
        ['mkplan allow --list', 'what is remembered, spec by spec'],
        ['mkplan allow --revoke', 'have ./tunnel.yaml ask again'],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, CONFIRMS, async (context) =>
        (await import('../commands/allow.ts')).allow(context, options),
      ),
    );
}

/** `mkplan confirm`. */
export function registerConfirm(program: Command, act: Act): void {
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
        (await import('../commands/confirm.ts')).confirm(context, spec !== undefined, options),
      ),
    );
}

/** What `apply --confirm-within` starts for itself. */
export function registerGuard(program: Command, act: Act): void {
  withoutJson(program.command('guard', { hidden: true }), 'it speaks with the apply that started it')
    .argument('<txid>')
    .option('--helper')
    .addOption(allowOption('what the apply was allowed'))
    .action((txid: string, options, command: Command) =>
      act(command, DEFAULT_SPEC, CONFIRMS, async (context) =>
        (await import('../commands/guard.ts')).guard(context, txid, options),
      ),
    );
}

/** `mkplan watch`. */
export function registerWatch(program: Command, act: Act): void {
  addApplyOptions(
    program
      .command('watch')
      .description('keep routes and Services as the spec asks, until it is ended; then take them away again')
      .argument('[spec]', 'the spec', DEFAULT_SPEC)
      .addOption(profileOption())
      .option('--keep', 'leave what it made when it ends')
      .addOption(
        new Option('--http [address]', 'serve /metrics and /healthz: --http=9469, --http=[::1]:9469')
          .preset(HTTP_ADDRESS)
          .argParser(parseListenAddress),
      )
      .addOption(
        new Option(
          '--http-host <name>',
          'answer by this name as well, where others reach the address; may be repeated',
        ).argParser(parseHttpHost),
      )
      // What --http was called before it served anything else.
      .addOption(
        new Option('--metrics <address>').argParser(parseListenAddress).conflicts('http').hideHelp(),
      ),
  )
    .addHelpText(
      'after',
      examples(
        ['mkplan watch', 'plan ./tunnel.yaml, ask, then follow every change; Ctrl-C ends it'],
        ['mkplan watch --auto-approve', 'without asking, for a service manager'],
        ['mkplan watch -p dev', 'only that profile of the spec'],
        ['mkplan watch --keep', 'what it made stays until `mkplan destroy`'],
        ['mkplan watch --http', `and let Prometheus read http://${HTTP_ADDRESS}/metrics`],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, WATCHES, async (context) =>
        (await import('../commands/watch.ts')).watch(context, { http: options.metrics, ...options }),
      ),
    );
}

/** `mkplan destroy`. */
export function registerDestroy(program: Command, act: Act): void {
  addApplyOptions(
    program
      .command('destroy')
      .description('remove every route and Service address that apply made for the spec')
      .argument('[spec]', 'the spec', DEFAULT_SPEC)
      .addOption(profileOption())
      .addOption(strictOption()),
  )
    .addHelpText(
      'after',
      examples(
        ['mkplan destroy', 'plan the removal, ask, remove'],
        ['mkplan destroy --auto-approve', 'remove without asking'],
        ['mkplan destroy -p dev', 'remove what was made for that profile alone'],
      ),
    )
    .action((spec: string, options, command: Command) =>
      act(command, spec, MUTATES, async (context) =>
        (await import('../commands/destroy.ts')).destroy(context, options),
      ),
    );
}

/** `mkplan cleanup`. */
export function registerCleanup(program: Command, act: Act): void {
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
        (await import('../commands/cleanup.ts')).cleanup(context, options),
      ),
    );
}

/** `mkplan import`. */
export function registerImport(program: Command, act: Act): void {
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
      const { importRoutes, splitArguments } = await import('../commands/import.ts');
      const spec = splitArguments(given).specs[0] ?? DEFAULT_SPEC;
      await act(command, spec, MUTATES, (context) => importRoutes(context, given, options));
    });
}
