import { messageOf } from '../../../model/diagnostic.ts';
import type { CommandOptions, CommandResult, CommandRunner } from '../../command.ts';
import type { ChangeFailure, RouteChange } from '../../route-table.ts';
import { END_OF_BATCH, parseBatchErrors } from '../parse/batch-errors.ts';
import { batchLine } from './batch.ts';
import { deletesPlain, readAlike, whyNotDeleted } from './plain.ts';

/** How long one `ip` may take over a request; a full one takes a fiftieth of a second. */
const DEADLINE_MS = 20_000;

export interface PerformOptions {
  readonly runner: CommandRunner;
  /** Path of ip(8). */
  readonly ip: string;
  /** Gives the locked descriptor, which the child keeps open: the lock is free only after its last child is gone. */
  readonly lock: () => Promise<number>;
}

/** A change, and where it stands among those that were asked for. */
interface Tried {
  readonly index: number;
  readonly change: RouteChange;
}

/**
 * Makes changes ready. What it returns tries each, in order, and tells of those refused. One `ip -force -batch -` tries them
 * all, unless plain routes are to be deleted: those are read first. The children have a session of their own, so that no
 * signal from the terminal ends them half-way.
 */
export function prepareBatches(
  changes: readonly RouteChange[],
  options: PerformOptions,
): () => Promise<ChangeFailure[]> {
  const runs = runsOf(changes.map((change, index) => ({ index, change })));
  return () => performRuns(runs, options);
}

function refusal(index: number, why: string): ChangeFailure {
  return { index, message: `the helper refuses: ${why}` };
}

/** The family of the plain route that a change deletes; null for every other change. */
function plainFamily({ change }: Tried): number | null {
  return deletesPlain(change) ? change.route.destination.family : null;
}

/** The changes in parts, in its order: deletes of plain routes of one family, which are read at once, and the others. */
function runsOf(tried: readonly Tried[]): Tried[][] {
  const runs: Tried[][] = [];
  for (const one of tried) {
    const [first] = runs.at(-1) ?? [];
    if (first !== undefined && plainFamily(first) === plainFamily(one)) runs.at(-1)?.push(one);
    else runs.push([one]);
  }
  return runs;
}

/** Stops at a run of which it is not known how far it came: nothing more is asked of a system in that state. */
async function performRuns(runs: readonly Tried[][], options: PerformOptions): Promise<ChangeFailure[]> {
  const failures: ChangeFailure[] = [];
  const notTried = (from: number, why: string) =>
    runs.slice(from).flatMap((run) => run.map(({ index }) => ({ index, message: `not tried: ${why}` })));
  for (const [number, run] of runs.entries()) {
    try {
      const { failed, broke } = await performRun(run, options);
      failures.push(...failed);
      if (broke !== null) return [...failures, ...notTried(number + 1, broke)];
    } catch (error) {
      // Of the first run alone can it be said that nothing was changed.
      if (number === 0) throw error;
      return [...failures, ...notTried(number, messageOf(error))];
    }
  }
  return failures;
}

interface RunEnd {
  readonly failed: readonly ChangeFailure[];
  /** Why it is not known how far the run came; null when it is. */
  readonly broke: string | null;
}

async function performRun(run: readonly Tried[], { runner, ip, lock }: PerformOptions): Promise<RunEnd> {
  const child = { timeoutMs: DEADLINE_MS, descriptors: [await lock()], detached: true };
  const refused = await refusedPlain(run, runner, ip, child);
  const tried = run.filter(({ index }) => !refused.has(index));
  const failed = [...refused].map(([index, why]) => refusal(index, why));
  if (tried.length === 0) return { failed, broke: null };
  const input = [...tried.map(({ change }) => batchLine(change)), END_OF_BATCH, ''].join('\n');
  const result = await runner.run([ip, '-force', '-batch', '-'], { input, ...child });
  const { said, broke } = answersOf(tried.length, result);
  const unknown = broke === null ? null : `not known whether it was done: ${broke}`;
  for (const [at, { index }] of tried.entries()) {
    const message = said.get(at + 1) ?? unknown;
    if (message !== null) failed.push({ index, message });
  }
  return { failed, broke };
}

/** Why plain routes of a run are not deleted, by index: those that stand are read just before. */
async function refusedPlain(
  run: readonly Tried[],
  runner: CommandRunner,
  ip: string,
  child: CommandOptions,
): Promise<Map<number, string>> {
  const [first] = run;
  if (first === undefined || !deletesPlain(first.change)) return new Map();
  const routes = run.map(({ change }) => change.route);
  let whys: (string | null)[];
  try {
    whys = whyNotDeleted(routes, await readAlike(first.change.route, runner, ip, child));
  } catch (error) {
    whys = routes.map(() => `the routes that stand could not be read: ${messageOf(error)}`);
  }
  const refused = new Map<number, string>();
  for (const [at, { index }] of run.entries()) {
    const why = whys[at] ?? null;
    if (why !== null) refused.set(index, why);
  }
  return refused;
}

interface Said {
  /** What was said about each line of a batch that failed, counted from 1. */
  readonly said: ReadonlyMap<number, string>;
  /** Why nothing is known of the other lines; null when they succeeded. */
  readonly broke: string | null;
}

function answersOf(lines: number, { stderr, timedOut }: CommandResult): Said {
  const said = new Map(parseBatchErrors(stderr).map(({ line, message }) => [line, message]));
  if (said.has(lines + 1)) return { said, broke: null };
  // Without its complaint about the end, how far `ip` came is not known: only rereading tells.
  const last = stderr.trim().split('\n').at(-1) ?? '';
  const broke = timedOut
    ? `ip did not end within ${DEADLINE_MS / 1000} s`
    : `ip ended early${last === '' ? '' : ` (${last})`}`;
  return { said, broke };
}
