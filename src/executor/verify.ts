import type { Diagnostic } from '../model/diagnostic.ts';
import type { Answer } from '../model/observed.ts';
import type { Plan, RouteStep } from '../model/plan.ts';
import { addressBits, addressOf, formatAddress, lastOf, type Prefix, samePrefix } from '../model/prefix.ts';
import { PrefixIndex } from '../model/prefix-index.ts';
import { formatRoute, type Route } from '../model/route.ts';
import { ASK_ROUTE } from '../model/system.ts';
import type { RouteTable, RouteWords } from '../platform/route-table.ts';
import { keyOf } from './key.ts';
import { familiesOf, TableView } from './table-view.ts';

interface Expectation {
  readonly number: number;
  readonly step: RouteStep;
}

const EXPECTED_AFTER: ReadonlySet<string> = new Set(['create', 'replace', 'adopt']);
const GONE_AFTER: ReadonlySet<string> = new Set(['replace', 'delete']);

/** A route that the table lacks, or still has. */
interface Odd {
  readonly number: number;
  readonly route: Route;
}

/** What became of routes, of one and of several. */
interface Fate {
  readonly code: string;
  readonly one: readonly [is: string, cause: string];
  readonly several: readonly [are: string, cause: string];
}

const MISSING: Fate = {
  code: 'verify-missing',
  one: ['is not there', 'It was made and has vanished again.'],
  several: ['are not there', 'They were made and have vanished again, as they do when their link goes down.'],
};
const REMAINS: Fate = {
  code: 'verify-remains',
  one: ['is still there', 'It was deleted and has come back.'],
  several: ['are still there', 'They were deleted and have come back.'],
};

/** So many routes are named where several have one fate. */
const NAMED = 3;

/** What became of routes on one device: one cause, one diagnostic. */
function problem(
  { code, one, several }: Fate,
  [first, ...rest]: readonly [Odd, ...Odd[]],
  words: RouteWords,
): Diagnostic {
  const named = [first, ...rest].slice(0, NAMED).map(({ route }) => formatRoute(route));
  const more = rest.length < NAMED ? '' : ` and ${rest.length + 1 - NAMED} more`;
  const [summary, cause] =
    rest.length === 0
      ? [`step ${first.number}: the route ${named.join()} ${one[0]}`, one[1]]
      : [
          `step ${first.number} and others: ${rest.length + 1} routes ${several[0]}: ${named.join(', ')}${more}`,
          several[1],
        ];
  return {
    code,
    severity: 'error',
    summary,
    cause,
    fix: 'Find out what else changes the routes of this host, then run `mkplan plan` again.',
    command: words.show(first.route),
  };
}

function problems(fate: Fate, odd: readonly Odd[], words: RouteWords): Diagnostic[] {
  const devices = new Map<string | null, [Odd, ...Odd[]]>();
  for (const one of odd) {
    const alike = devices.get(one.route.device);
    if (alike === undefined) devices.set(one.route.device, [one]);
    else alike.push(one);
  }
  return [...devices.values()].map((alike) => problem(fate, alike, words));
}

/** What the reread table lacks, or still has. */
function tableProblems(steps: readonly Expectation[], view: TableView, words: RouteWords): Diagnostic[] {
  const missing: Odd[] = [];
  const remaining: Odd[] = [];
  for (const { number, step } of steps) {
    const { action, before, after } = step;
    if (after !== null && EXPECTED_AFTER.has(action) && !view.has(keyOf(after)))
      missing.push({ number, route: after });
    if (before !== null && GONE_AFTER.has(action) && view.has(keyOf(before)))
      remaining.push({ number, route: before });
  }
  return [...problems(MISSING, missing, words), ...problems(REMAINS, remaining, words)];
}

/** The first address of a destination that no more specific route takes; null when they take all of it. */
function freeAddress(destination: Prefix, inside: readonly Route[]): Prefix | null {
  if (inside.length === 0) return { ...destination, length: addressBits(destination.family) };
  let next = BigInt(destination.start);
  for (const { destination: taken } of inside) {
    if (BigInt(taken.start) > next) break;
    const last = BigInt(lastOf(taken));
    if (last >= next) next = last + 1n;
  }
  return next > BigInt(lastOf(destination)) ? null : addressOf(destination.family, next);
}

const isFullLength = (prefix: Prefix) => prefix.length === addressBits(prefix.family);

/** One address of each destination that was made, with the route that has to answer for it. */
function questions(steps: readonly Expectation[], routes: readonly Route[]): Question[] {
  const made = steps.flatMap(({ number, step }) => {
    const { action, after } = step;
    // An `unreachable` route has no answer of its own to recognise it by; the reread has to do.
    const asked = after !== null && after.type === 'unicast' && (action === 'create' || action === 'replace');
    return asked ? [{ number, route: after }] : [];
  });
  // Most are single addresses, which nothing can be inside of; without others the table need not be sorted.
  const index = made.every(({ route }) => isFullLength(route.destination))
    ? null
    : new PrefixIndex(routes, (route) => route.destination);
  return made.flatMap(({ number, route }) => {
    const address = freeAddress(route.destination, index?.descendants(route.destination) ?? []);
    return address === null ? [] : [{ number, route, address: formatAddress(address) }];
  });
}

interface Question {
  readonly number: number;
  readonly route: Route;
  readonly address: string;
}

function answerProblem(
  { number, route, address }: Question,
  answer: Answer | null,
  ask: string,
): Diagnostic | null {
  if (
    answer !== null &&
    answer.type === 'unicast' &&
    answer.gateway === route.gateway &&
    (route.device === null || answer.device === route.device)
  ) {
    return null;
  }
  const way =
    answer === null
      ? 'has no route'
      : `leaves by ${answer.gateway ?? answer.type} on ${answer.device ?? 'no device'}`;
  const table = answer?.table == null ? '' : `, as table ${answer.table} says`;
  return {
    code: 'verify-answer',
    severity: 'error',
    summary: `step ${number}: ${address} ${way}, not by ${route.gateway ?? 'the link'} on ${route.device ?? 'its device'}`,
    cause: `The route ${formatRoute(route)} is there, but the kernel does not use it for that address${table}.`,
    fix: 'Look for a rule or a more preferred route, of a VPN say, that is asked first.',
    command: `${ask} ${address}`,
  };
}

/** Whether two rereads have the same destinations in the same order, which is all that the questions depend on. */
function sameDestinations(a: readonly Route[], b: readonly Route[]): boolean {
  if (a.length !== b.length) return false;
  return a.every(({ destination }, index) => {
    const other = b[index];
    return other !== undefined && samePrefix(destination, other.destination);
  });
}

/**
 * Re-observes before success is declared: every route that was made or adopted is in table main and every one that
 * was removed is not, and the kernel, asked for one address of each new destination, sends it by our gateway and
 * device. Returns what does not hold. Throws a Failure when the system cannot be read.
 *
 * `last` is the table as the last wave reread it, or null. It proves nothing here; it only lets the kernel be asked
 * while the table is read anew, and the answers count when that has the same destinations.
 */
export async function verify(
  routeTable: RouteTable,
  plan: Plan,
  last: readonly Route[] | null,
): Promise<Diagnostic[]> {
  const steps = plan.steps.flatMap((step, index) =>
    step.kind === 'route' && step.action !== 'none' ? [{ number: index + 1, step }] : [],
  );
  if (steps.length === 0) return [];
  const ask = (asked: readonly Question[]) => routeTable.answers(asked.map(({ address }) => address));
  const destinations: Prefix[] = [];
  for (const { step } of steps) {
    for (const route of [step.before, step.after]) if (route !== null) destinations.push(route.destination);
  }
  const reading = routeTable.mainRoutes(familiesOf(plan), destinations);
  const expected = last === null ? null : questions(steps, last);
  const early = expected === null ? null : ask(expected);
  // They are not waited for where the table already shows what is wrong.
  early?.catch(() => undefined);
  const routes = await reading;
  const odd = tableProblems(steps, new TableView(routes, destinations), routeTable.words);
  if (odd.length > 0) return odd;
  const isAsExpected = last !== null && sameDestinations(last, routes);
  const asked = (isAsExpected ? expected : null) ?? questions(steps, routes);
  const answers = await ((isAsExpected ? early : null) ?? ask(asked));
  return asked.flatMap(
    (question, index) => answerProblem(question, answers[index] ?? null, ASK_ROUTE[plan.platform]) ?? [],
  );
}

/** How many routes {@link verify} looks for. */
export function routesToVerify(plan: Plan): number {
  return plan.steps.filter((step) => step.kind === 'route' && EXPECTED_AFTER.has(step.action)).length;
}
