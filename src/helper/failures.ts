import { Failure } from '../model/diagnostic.ts';

/** The helper did not start, or ended before it had answered. */
export function helperGone(cause: string): Failure {
  return new Failure('error', [
    {
      code: 'helper-gone',
      severity: 'error',
      summary: 'the helper that changes routes is gone',
      cause,
      fix: 'run the command again: it finds out what was done, and goes on from there',
    },
  ]);
}

/** The helper answered that it cannot do what was asked. */
export function helperUnable(cause: string): Failure {
  return new Failure('error', [
    {
      code: 'helper-unable',
      severity: 'error',
      summary: 'the helper cannot change routes',
      cause,
      fix: 'install mkplan anew if its version differs, and iproute2 and util-linux if they are missing',
    },
  ]);
}

/** The helper does not serve a user who could change its code, where sudo(8) starts it without a password. */
export function helperExposed(cause: string): Failure {
  return new Failure('error', [
    {
      code: 'helper-exposed',
      severity: 'error',
      summary: 'the helper that changes routes could be changed by its user',
      cause,
      fix: 'Install mkplan and Node as root and call those, or remove NOPASSWD from the rule (docs/install.md).',
    },
  ]);
}

/** A helper of another mkplan holds the lock. */
export function helperBusy(lockPath: string): Failure {
  return new Failure('lock-held', [
    {
      code: 'lock-held',
      severity: 'error',
      summary: 'a helper of an earlier mkplan still changes routes',
      cause: `it holds ${lockPath} until its last child is gone`,
      fix: 'wait until it has ended, then run the command again',
      command: `fuser -v '${lockPath}'`,
    },
  ]);
}
