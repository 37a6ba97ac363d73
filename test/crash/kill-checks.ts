import type { Ended } from './kill-run.ts';
import {
  type Command,
  type Lasting,
  nameOf,
  type Routes,
  type SpecName,
  settledClaims,
  settledRoutes,
  targetOf,
  withoutMetrics,
} from './kill-world.ts';

/** What is wrong, a sentence each; nothing when all is well. */
type Problems = string[];

const list = (routes: Iterable<string>) => [...routes].sort().join(', ') || 'nothing';
const same = (a: Iterable<string>, b: Iterable<string>) => list(a) === list(b);
const destinations = (routes: Iterable<string>) => new Set([...routes].map((name) => name.split(' ')[0]));

/** Routes that an open transaction speaks of. */
function journaled({ open }: Lasting): Routes {
  const routes = (open?.intents ?? []).flatMap(({ step }) => [step.before, step.after]);
  return new Set(routes.flatMap((route) => (route === null ? [] : [nameOf(route)])));
}

/** Claims of a session end with it, and every session here has ended. */
function persistent(lasting: Lasting): Routes {
  const claims = settledClaims(lasting).filter(({ owner }) => owner.mode === 'persistent');
  return new Set(claims.map(({ route }) => nameOf(route)));
}

function wanted({ verb, spec }: Command): readonly string[] {
  return targetOf(verb === 'destroy' ? null : spec);
}

/** What must hold at whatever moment a process died: nothing foreign was changed, nothing of ours is without a name. */
export function checkDead(foreign: string, before: Lasting, after: Lasting, command: Command): Problems {
  const problems: Problems = [];
  if (after.foreign !== foreign) problems.push(`foreign routes changed: ${after.foreign}`);
  const named = new Set([...after.claims.map(({ route }) => nameOf(route)), ...journaled(after)]);
  const unnamed = [...after.kernel].filter((name) => !named.has(name));
  if (unnamed.length > 0) problems.push(`neither claimed nor journaled: ${list(unnamed)}`);
  const settled = settledRoutes(after);
  // Nothing may be claimed in the end that is not there; an undecided transaction may have it on its way.
  const isDecided = after.open?.decided === true;
  const lost = [...settled].filter(
    (name) => !after.kernel.has(name) && (isDecided || !journaled(after).has(name)),
  );
  if (lost.length > 0) problems.push(`claimed and gone, and no journal says so: ${list(lost)}`);
  problems.push(...checkEnds(before, after, command), ...checkContinuity(before, after, command));
  return problems;
}

/** A recovery ends in what was there before or, once that is decided, in what was asked for, whatever the moment. */
function checkEnds(before: Lasting, after: Lasting, { verb, spec }: Command): Problems {
  const settled = settledRoutes(after);
  if (same(settled, settledRoutes(before))) return [];
  // A watch makes several transactions: what an earlier one made is there while a later one is open.
  const mayBeAfter = after.open === null || after.open.decided || verb === 'watch';
  const isAllAfter =
    verb === 'cleanup'
      ? same(settled, persistent(before))
      : same(withoutMetrics(settled), wanted({ verb, spec }));
  if (mayBeAfter && isAllAfter) return [];
  return [`neither all before nor all after: ${list(settledRoutes(before))} became ${list(settled)}`];
}

/** A destination that was routed and is to stay routed is never without a route. */
function checkContinuity(before: Lasting, after: Lasting, command: Command): Problems {
  if (command.verb === 'watch') return [];
  const stays = command.verb === 'cleanup' ? persistent(before) : wanted(command);
  const had = destinations([...settledRoutes(before)].filter((name) => before.kernel.has(name)));
  const has = destinations(after.kernel);
  const without = [...destinations(stays)].filter((one) => had.has(one) && !has.has(one));
  return without.length === 0 ? [] : [`without a route meanwhile: ${without.join(', ')}`];
}

/** What a process that was not killed itself has to have done, by the exit code that it gave. */
export function checkEnded(before: Lasting, after: Lasting, command: Command, ended: Ended): Problems {
  const { code, output } = ended;
  if (code === 6) return checkNamed(after, output);
  const settled = settledRoutes(after);
  return isTrue(before, after, command, code)
    ? []
    : [`exit ${code}, and ${list(after.kernel)} is there for ${list(settled)}`];
}

/** Whether what is there is what an exit code says. */
function isTrue(before: Lasting, after: Lasting, command: Command, code: number | null): boolean {
  const settled = settledRoutes(after);
  const isSettled = after.open === null && same(after.kernel, settled);
  const isAsBefore = same(settled, settledRoutes(before));
  const isStopped = code === 130 || code === 143;
  // A watch that is told to end has removed what it made; anything else is undone.
  if (code === 0 || (isStopped && command.verb === 'watch'))
    return isSettled && isDone(before, after, command);
  // What was to be recovered may be still.
  if (code === 1 || code === 7 || isStopped) return isAsBefore && (isSettled || before.open !== null);
  return code === 5 && isAsBefore && isSettled;
}

/** Residue: whatever is otherwise than the claims say is named or journaled, and so is what ends it. */
function checkNamed(after: Lasting, output: string): Problems {
  const settled = settledRoutes(after);
  const told = journaled(after);
  const residue = [...after.kernel, ...settled].filter(
    (name) => after.kernel.has(name) !== settled.has(name) && !told.has(name),
  );
  const unnamed = [...destinations(residue)].filter((destination) => !output.includes(String(destination)));
  if (unnamed.length > 0) return [`exit 6, and not named: ${unnamed.join(', ')}`];
  const isEndNamed = /mkplan cleanup|next apply, destroy or cleanup|ip route (add|del)/.test(output);
  return isEndNamed ? [] : ['exit 6, and no command is named'];
}

/** Whether everything is there that was asked for, and nothing else. */
function isDone(before: Lasting, after: Lasting, command: Command): boolean {
  const settled = settledRoutes(after);
  switch (command.verb) {
    case 'watch':
      return same(settled, persistent(after));
    case 'cleanup':
      return same(settled, persistent(before));
    default:
      return same(withoutMetrics(settled), wanted(command));
  }
}

/** What the next command, which nobody disturbs, makes of whatever was left. */
export function checkSettled(
  foreign: string,
  before: Lasting,
  after: Lasting,
  command: Command,
  ended: Ended,
): Problems {
  const code = ended.code === 0 ? [] : [`exit ${ended.code} of a command that nobody disturbed`];
  const dead = checkDead(foreign, before, after, command);
  return [...code, ...dead, ...checkEnded(before, after, command, ended)];
}

interface StatusLine {
  readonly type: string;
  readonly state?: string;
  readonly route?: { readonly destination: string; readonly gateway?: string; readonly metric: number };
}

/** Whether `status` and `plan` tell what is there. */
export function checkTold(lasting: Lasting, spec: SpecName, status: Ended, plan: Ended): Problems {
  if (status.code !== 0) return [`status: exit ${status.code}`];
  const problems: Problems = [];
  const lines = status.output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line): StatusLine => JSON.parse(line));
  for (const { type, state, route } of lines) {
    // Outdated is what is claimed; what is shown is what is to come of it, which an open transaction may have made.
    if (type !== 'route' || route === undefined || state === 'outdated') continue;
    const name = `${route.destination} via ${route.gateway} metric ${route.metric}`;
    const isThere = state === 'present' || state === 'unwanted' || state === 'unknown';
    if (lasting.kernel.has(name) !== isThere) problems.push(`status says ${state} of ${name}`);
  }
  const untold = [...destinations(lasting.kernel)].filter((one) => !status.output.includes(`"${one}"`));
  if (untold.length > 0) problems.push(`status does not tell of ${untold.join(', ')}`);
  if (!status.output.includes('"10.77.0.0/16"')) problems.push('status does not tell of the unproven route');
  if (lasting.open !== null) {
    const silent = [status, plan].filter(({ output }) => !output.includes('transaction-open'));
    if (silent.length > 0) problems.push('status or plan does not tell of the open transaction');
    return problems;
  }
  const expected = same(withoutMetrics(lasting.kernel), targetOf(spec)) ? 0 : 2;
  if (plan.code !== expected) problems.push(`plan --detailed-exitcode: ${plan.code}, not ${expected}`);
  return problems;
}
