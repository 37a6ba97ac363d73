import { Failure, messageOf } from '../model/diagnostic.ts';
import type { CommandRunner } from './command.ts';

/** Exit status that stands for "someone else has it", told apart from every failure of flock(1) itself. */
const HELD = 75;

/**
 * Takes an exclusive flock(2) on an open descriptor by passing it to flock(1). Such a lock belongs to the open file
 * description: it stays when flock(1) exits, until the last process that holds a copy of the descriptor is gone.
 * Waits up to `waitSeconds`; false when someone else still has the lock then.
 * Throws a Failure when flock(1) is missing or the descriptor cannot be locked.
 */
export async function tryLock(runner: CommandRunner, descriptor: number, waitSeconds = 0): Promise<boolean> {
  const patience = waitSeconds === 0 ? ['-n'] : ['-w', String(waitSeconds)];
  const result = await runner
    .run(['flock', '-x', '-E', String(HELD), ...patience, '3'], {
      descriptors: [descriptor],
      // Whether a Ctrl-C at the terminal ends the wait is for the waiting program to decide, not for flock(1).
      detached: true,
      timeoutMs: waitSeconds * 1000 + 10_000,
    })
    .catch((error: unknown) => {
      throw error instanceof Failure ? error : unlockable(messageOf(error));
    });
  if (result.code === 0) return true;
  if (result.code === HELD) return false;
  throw unlockable(result.timedOut ? 'flock(1) did not end' : result.stderr.trim());
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
