import type { Prefix } from '../model/prefix.ts';
import type { CommandResult, CommandRunner } from '../platform/command.ts';
import { END_OF_BATCH, parseBatchErrors } from '../platform/linux/batch-errors.ts';
import type { ChangeFailure, RouteChange } from '../platform/route-table.ts';
import { batchLine } from './batch.ts';
import { whyRefused } from './guard.ts';

/** How long one `ip` may take over a request; a full one takes a fiftieth of a second. */
const DEADLINE_MS = 20_000;

export interface PerformOptions {
  readonly runner: CommandRunner;
  /** Path of ip(8). */
  readonly ip: string;
  /** Gives the locked descriptor, which the child keeps open: the lock is free only after its last child is gone. */
  readonly lock: () => Promise<number>;
  /** Ranges that the host's policy adds to the private ones. */
  readonly allowed: readonly Prefix[];
}

/**
 * Looks at changes and makes them ready. What it returns tries each that the guard lets pass, in one
 * `ip -force -batch -`, and tells of those refused by either. The child has a session of its own, so that no signal
 * from the terminal ends it half-way.
 */
export function prepare(
  changes: readonly RouteChange[],
  { runner, ip, lock, allowed }: PerformOptions,
): () => Promise<ChangeFailure[]> {
  const refused: ChangeFailure[] = [];
  const tried: number[] = [];
  let input = '';
  for (const [index, change] of changes.entries()) {
    const why = whyRefused(change, allowed);
    if (why !== null) {
      refused.push({ index, message: `the helper refuses: ${why}` });
      continue;
    }
    tried.push(index);
    input += `${batchLine(change)}\n`;
  }
  if (tried.length === 0) return async () => refused;
  return async () => {
    const result = await runner.run([ip, '-force', '-batch', '-'], {
      input: `${input}${END_OF_BATCH}\n`,
      timeoutMs: DEADLINE_MS,
      descriptors: [await lock()],
      detached: true,
    });
    const messages = refusals(tried.length, result);
    const failed = tried.flatMap((index, at) => {
      const message = messages(at + 1);
      return message === undefined ? [] : [{ index, message }];
    });
    return [...refused, ...failed].sort((a, b) => a.index - b.index);
  };
}

/** What was said about each line of a batch, counted from 1; undefined for a line that succeeded. */
function refusals(lines: number, result: CommandResult): (line: number) => string | undefined {
  const said = new Map(parseBatchErrors(result.stderr).map(({ line, message }) => [line, message]));
  if (said.has(lines + 1)) return (line) => said.get(line);
  // Without its complaint about the end, how far `ip` came is not known: only rereading tells.
  const last = result.stderr.trim().split('\n').at(-1) ?? '';
  const unknown = result.timedOut
    ? `not known whether it was done: ip did not end within ${DEADLINE_MS / 1000} s`
    : `not known whether it was done: ip ended early${last === '' ? '' : ` (${last})`}`;
  return (line) => said.get(line) ?? unknown;
}
