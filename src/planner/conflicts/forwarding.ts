import type { ObservedHost, Rule } from '../../model/observed.ts';
import { addressOf, contains, type Family, lastOf, type Prefix } from '../../model/prefix.ts';
import { PrefixIndex } from '../../model/prefix-index.ts';
import { MAIN_TABLE, type Route } from '../../model/route.ts';
import { isSuppressed, rulesBeforeMain } from '../../model/rule.ts';

/** Who decides about an address. */
export type Decision =
  /** A route that a rule's table has. Of `route.nextHops`, any may be taken. */
  | { readonly by: 'route'; readonly rule: Rule; readonly route: Route }
  /** A rule that rejects by itself. */
  | { readonly by: 'rule'; readonly rule: Rule }
  /** Table main, by a route as long as the one that was assumed there, or by a longer one. */
  | { readonly by: 'assumed'; readonly rule: Rule }
  /** The first rule or route of which it cannot be told whether it decides. */
  | { readonly by: 'unknown'; readonly rule: Rule }
  | { readonly by: 'nobody' };

/** A route that lets the next rule be asked, as if its table had none (ip-route(8)). */
const PASSES_ON = 'throw';

/** Types that are an answer in themselves, which `suppress_prefixlength` does not discard (Linux, fib_rules_lookup). */
export const REJECTS: ReadonlySet<string> = new Set(['blackhole', 'unreachable', 'prohibit']);

/**
 * A model of how Linux forwards what the invoking user sends from this host, with neither mark nor tos nor a source
 * chosen yet (ip-rule(8), ip-route(8)): rules by priority, the longest prefix of each table, the lowest metric. What
 * it does not model is `unknown`. test/kernel/forwarding.test.ts holds it against the kernel's own answers.
 */
export class Forwarding {
  readonly #rules: Readonly<Record<Family, readonly Rule[]>>;
  readonly #routes: readonly Route[];
  /** Made when a table is first asked: main may be large, and is not asked where a route of it is assumed. */
  readonly #tables = new Map<number, PrefixIndex<Route>>();

  constructor({ rules, routes }: Pick<ObservedHost, 'rules' | 'routes'>) {
    const of = (family: Family) =>
      rules.filter((rule) => rule.family === family).sort((a, b) => a.priority - b.priority);
    this.#rules = { 4: of(4), 6: of(6) };
    this.#routes = routes;
  }

  /**
   * Who decides about an address (a prefix of full length). With `assumed`, a destination that holds it, main is taken
   * to have a route to that besides its own.
   */
  decide(address: Prefix, assumed: Prefix | null = null): Decision {
    for (const rule of this.#rules[address.family]) {
      const matches = matchOf(rule, address);
      if (matches === 'never') continue;
      const decision = this.#consult(rule, address, assumed);
      if (decision === null) continue;
      return matches === 'unknown' ? { by: 'unknown', rule } : decision;
    }
    return { by: 'nobody' };
  }

  /** The rules that may decide about an address of a destination before a route to that in main is asked. */
  rulesBefore(destination: Prefix): readonly Rule[] {
    return rulesBeforeMain(this.#rules[destination.family], destination.length);
  }

  /**
   * Addresses of a destination, one for each part of it that may be decided differently before a route to it in main
   * is asked: its first, and the edges of what earlier rules and their tables tell apart.
   */
  *parts(destination: Prefix): Generator<Prefix> {
    yield* edges(destination, destination);
    for (const { to, table } of this.rulesBefore(destination)) {
      if (to !== null) yield* edges(destination, to);
      if (table === null || table === MAIN_TABLE) continue;
      for (const route of this.#table(table).descendants(destination)) {
        yield* edges(destination, route.destination);
      }
    }
  }

  /** What a rule that matches says; null where the next one is asked. */
  #consult(rule: Rule, address: Prefix, assumed: Prefix | null): Decision | null {
    if (rule.action === 'other' || (rule.action === 'lookup' && rule.table === null))
      return { by: 'unknown', rule };
    if (rule.table === null) return { by: 'rule', rule };
    if (rule.table === MAIN_TABLE && assumed !== null) {
      return isSuppressed(rule, assumed.length) ? null : { by: 'assumed', rule };
    }
    const found = this.#lookUp(rule.table, address);
    if (found === null || found.type === PASSES_ON) return null;
    if (found.type === 'other' || !isOrdinary(found)) return { by: 'unknown', rule };
    if (isSuppressed(rule, found.destination.length) && !REJECTS.has(found.type)) return null;
    return { by: 'route', rule, route: found };
  }

  #lookUp(table: number, address: Prefix): Route | null {
    const index = this.#table(table);
    // A route for another tos than 0 is not for ordinary traffic.
    const candidates = (routes: readonly Route[]) => routes.filter((route) => route.tos === 0);
    const exact = candidates(index.exact(address));
    const [nearest] = exact.length > 0 ? exact : candidates(index.ancestors(address));
    if (nearest === undefined) return null;
    const equals = candidates(index.exact(nearest.destination));
    return equals.reduce((best, route) => (route.metric < best.metric ? route : best), nearest);
  }

  #table(table: number): PrefixIndex<Route> {
    const known = this.#tables.get(table);
    if (known !== undefined) return known;
    const made = new PrefixIndex(
      this.#routes.filter((route) => route.table === table),
      (route) => route.destination,
    );
    this.#tables.set(table, made);
    return made;
  }
}

/** Whether a route is chosen by its destination alone; one that is for some sources only is not. */
function isOrdinary(route: Route): boolean {
  return !route.nextHops.some((hop) => /(^| )from /.test(hop.gateway ?? ''));
}

function matchOf(rule: Rule, address: Prefix): Rule['applies'] {
  const applies = rule.to === null || contains(rule.to, address) ? rule.applies : 'never';
  if (!rule.not || applies === 'unknown') return applies;
  return applies === 'always' ? 'never' : 'always';
}

/** The first address of a prefix, and the one after its last, as far as they are in the destination. */
function* edges(destination: Prefix, prefix: Prefix): Generator<Prefix> {
  const { family } = destination;
  for (const value of [BigInt(prefix.start), BigInt(lastOf(prefix)) + 1n]) {
    const address = addressOf(family, value);
    // Of a default route the next address is one too many; of a prefix that holds the destination both are outside.
    if (address !== null && contains(destination, address)) yield address;
  }
}

/** For people: which rule it is that decides before table main. */
export function describeRule({ priority, table, action, selector }: Rule): string {
  const what = table === null ? (action === 'other' ? selector : `${action} by itself`) : `table ${table}`;
  return `the policy rule of priority ${priority} (${what})`;
}
