import { Failure, messageOf } from '../../model/diagnostic.ts';
import type { CommandRunner } from '../command.ts';
import type { FileLocks, LockOptions } from '../file-locks.ts';

/** Exit status that stands for "someone else has it", told apart from every failure of flock(1) itself. */
const HELD = 75;

/** How long flock(1) may take beside the wait: milliseconds. */
const END_MS = 10_000;

/**
 * Locks of flock(2), taken by passing the descriptor to flock(1). Such a lock belongs to the open file description: it
 * stays when flock(1) exits.
 */
export class FlockLocks implements FileLocks {
  readonly #runner: CommandRunner;

  constructor(runner: CommandRunner) {
    this.#runner = runner;
  }

  async tryLock(descriptor: number, { waitMs = 0, signal }: LockOptions = {}): Promise<boolean> {
    const patience = waitMs === 0 ? ['-n'] : ['-w', String(waitMs / 1000)];
    const result = await this.#runner
      .run(['flock', '-x', '-E', String(HELD), ...patience, '3'], {
        descriptors: [descriptor],
        // Whether a Ctrl-C at the terminal ends the wait is for the waiting program to decide, not for flock(1).
        detached: true,
        timeoutMs: waitMs + END_MS,
        ...(signal === undefined ? {} : { signal }),
      })
      .catch((error: unknown) => {
        if (signal?.aborted === true) throw signal.reason;
        throw error instanceof Failure ? error : unlockable(messageOf(error));
      });
    if (result.code === 0) return true;
    if (result.code === HELD) return false;
    throw unlockable(result.timedOut ? 'flock(1) did not end' : result.stderr.trim());
  }
}

function unlockable(cause: string): Failure {
  return new Failure('error', [
    {
      code: 'lock-unavailable',
      severity: 'error',
      summary: 'cannot take a file lock with flock(1)',
      cause,
      fix: 'install util-linux, and keep the state directory on a local file system',
      command: 'flock --version',
    },
  ]);
}
