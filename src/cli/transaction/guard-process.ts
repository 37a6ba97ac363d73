import type { HelperClient } from '../../helper/client.ts';
import { Failure, messageOf } from '../../model/diagnostic.ts';
import type { ApprovalKind } from '../../model/policy.ts';
import type { Argv, CommandStreamer } from '../../platform/command.ts';

/** What the guard says once it can be left alone. */
export const READY = 'ready';

/** What the guard is told: that everything is applied, and that it is to be undone at once. */
export const APPLIED = 'applied';
export const UNDO = 'undo';

/**
 * The process that outlives an apply which needs confirmation: in a session of its own, with the elevated helper
 * passed on to it. It learns by the end of its input that the apply is gone.
 */
export interface Guard {
  /** Everything is applied: from here on it is the guard that uses the helper. */
  handOver(): Promise<void>;
  /** Has it undo everything now; after {@link handOver} only. */
  undo(): void;
  readonly isAlive: () => boolean;
  /** Lets it go on alone. */
  leave(): void;
}

/**
 * Starts the guard of a transaction with mkplan's own command line, and waits until it listens. `kinds`: what was
 * approved, since undoing may need the same. Throws a Failure where it, or the helper, does not start.
 */
export async function startGuard(
  mkplan: readonly [string, string],
  processes: CommandStreamer,
  helper: HelperClient,
  { txid, kinds }: { readonly txid: string; readonly kinds: readonly ApprovalKind[] },
): Promise<Guard> {
  const passedOn = await helper.stream();
  const argv: Argv = [
    ...mkplan,
    'guard',
    txid,
    ...(passedOn === null ? [] : ['--helper']),
    ...(kinds.length === 0 ? [] : ['--allow', kinds.join(',')]),
  ];
  let hear: (line: string) => void = () => undefined;
  const ready = new Promise<string>((resolve) => {
    hear = resolve;
  });
  const stream = processes.stream(argv, (line) => hear(line), {
    detached: true,
    ...(passedOn === null ? {} : { heirTo: passedOn }),
  });
  let alive = true;
  const ended = stream.exit.then(
    ({ stderr }) => stderr.trim(),
    (thrown: unknown) => messageOf(thrown),
  );
  void ended.then(() => {
    alive = false;
  });
  const said = await Promise.race([ready, ended]);
  if (said !== READY) throw unguarded(said);
  return {
    handOver: async () => {
      await helper.leave();
      stream.write(`${APPLIED}\n`);
    },
    undo: () => stream.write(`${UNDO}\n`),
    isAlive: () => alive,
    leave: () => stream.leave(),
  };
}

function unguarded(said: string): Failure {
  return new Failure('error', [
    {
      code: 'guard-failed',
      severity: 'error',
      summary: 'the process that would undo this apply could not be started',
      cause: said === '' ? 'It ended at once.' : said,
      fix: 'Put that right, or apply without --confirm-within.',
    },
  ]);
}
