import type { DesiredState } from '../../model/desired.ts';
import { type Diagnostic, Failure } from '../../model/diagnostic.ts';
import { ROUTE_TYPES } from '../../model/route.ts';
import { observe } from '../../observe/observe.ts';
import { fateOf, type Importable, importable, planImport } from '../../planner/import.ts';
import { EXIT } from '../exit-code.ts';
import type { CommandContext } from '../run-command.ts';
import { type ApplyOptions, applyPlan, concludeApply } from '../transaction/apply-plan.ts';
import { approvedBy } from '../transaction/approval.ts';
import { composeReading } from '../wiring/compose.ts';
import { loadDesired } from '../wiring/desired.ts';

export interface ImportOptions extends ApplyOptions {
  /** Whatever the spec asks for, of what is shown as `?`. */
  readonly all?: true;
}

/** The arguments of `mkplan import`, told apart: routes begin with a type, an address or a CIDR; a spec is a path. */
export function splitArguments(given: readonly string[]): {
  readonly routes: string[];
  readonly specs: string[];
} {
  const types = new Set<string>(['default', ...ROUTE_TYPES]);
  const isRoute = (text: string) => {
    const [first = ''] = text.split(' ');
    return types.has(first) || /^[\da-f:.]*[:.][\da-f:.]*(\/\d+)?$/i.test(first);
  };
  return { routes: given.filter(isRoute), specs: given.filter((text) => !isRoute(text)) };
}

/**
 * `mkplan import [ROUTE…] [SPEC]`: adopts routes that are there without a claim. Without a route it lists those that
 * can be adopted, each by the argument that names it, and changes nothing.
 */
export async function importRoutes(
  context: CommandContext,
  given: readonly string[],
  options: ImportOptions,
): Promise<number> {
  const { routes, specs } = splitArguments(given);
  if (specs.length > 1) throw tooManySpecs(specs);
  const desired = await loadDesired(context, 'present').catch((thrown: unknown) => {
    throw specs.length > 0 && thrown instanceof Failure ? neitherRouteNorSpec(specs, thrown) : thrown;
  });
  let named: readonly string[] = routes;
  if (options.all === true || routes.length === 0) {
    const found = await findImportable(context, importWords(given, options), options, desired);
    const wanted = found.filter((one) => one.wanted && one.unproven).map((one) => one.argument);
    if (options.all !== true || wanted.length === 0) {
      const told = found.map((one) => ({ ...one, fate: fateOf(one) }));
      context.output.tell({ type: 'importable', found: told, spec: context.names.spec });
      return EXIT.ok;
    }
    named = [...routes, ...wanted];
  }
  const outcome = await applyPlan(context, options, {
    desired,
    verb: 'import',
    words: importWords(given, options),
    names: context.names,
    saved: null,
    guarding: null,
    makePlan: (observed) => planImport(desired, observed, named),
  });
  return concludeApply(context, outcome);
}

function importWords(given: readonly string[], { all }: ImportOptions): string[] {
  return ['import', ...given, ...(all === true ? ['--all'] : [])];
}

async function findImportable(
  { terminal, signal }: CommandContext,
  words: readonly string[],
  { allow }: ApplyOptions,
  desired: DesiredState,
): Promise<readonly Importable[]> {
  const adapters = composeReading(terminal, approvedBy(words, allow, desired.spec));
  try {
    return importable(desired, await observe(desired, adapters, signal));
  } finally {
    await adapters.close();
  }
}

/** What is neither a route nor a file is a route that was mistyped, as likely as not: nobody wants a spec of that name. */
function neitherRouteNorSpec([given = '']: readonly string[], thrown: Failure): Failure {
  if (thrown.diagnostics.every(({ code }) => code !== 'spec-missing')) return thrown;
  const diagnostic: Diagnostic = {
    code: 'import-arguments',
    severity: 'error',
    summary: `${given} is no route, and there is no such file`,
    cause: 'A route is named by its destination, or by the whole of it as `ip route` shows it, in quotes.',
    fix: 'See which routes there are, or give the path of a tunnel.yaml.',
    command: 'mkplan import',
  };
  return new Failure('error', [diagnostic], { cause: thrown });
}

function tooManySpecs(specs: readonly string[]): Failure {
  return new Failure('usage', [
    {
      code: 'import-arguments',
      severity: 'error',
      summary: `${specs.join(' and ')} are no routes, and one spec is the most that can be named`,
      cause: 'A route is named by its destination, or by the whole of it as `ip route` shows it, in quotes.',
      fix: 'See which routes there are.',
      command: 'mkplan import',
    },
  ]);
}
