import { Failure } from '../model/diagnostic.ts';

/**
 * There is no sudo(8). The helper learns from it for whom it works, and which rules let it run without a password;
 * `others` are installed programs that do the like and tell it neither.
 */
export function sudoMissing(others: readonly string[]): Failure {
  const refused = others.length === 0 ? '' : `, and cannot use ${others.join(' or ')} in its place`;
  return new Failure('error', [
    {
      code: 'sudo-missing',
      severity: 'error',
      summary: 'sudo is not installed',
      cause: `mkplan starts the helper that changes routes with sudo${refused}`,
      fix: 'Install sudo or sudo-rs as root, and let your user run commands with it.',
    },
  ]);
}

/** sudo(8) did not start the helper: no password, no right, no terminal. */
export function elevationRefused(cause: string): Failure {
  return new Failure('error', [
    {
      code: 'elevation-refused',
      severity: 'error',
      summary: 'the rights to change routes were not given',
      cause,
      fix: 'allow it at the prompt of sudo, or try sudo by itself to see what it needs',
      command: 'sudo -v',
    },
  ]);
}

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
