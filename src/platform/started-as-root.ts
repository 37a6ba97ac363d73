import { Failure } from '../model/diagnostic.ts';

/** Variables that tell for whom a program was started as root, and who sets them; run0(1) sets sudo's. */
const STARTED_BY = [
  ['SUDO_UID', 'sudo'],
  ['DOAS_USER', 'doas'],
  ['PKEXEC_UID', 'pkexec'],
] as const;

/**
 * Throws a Failure when mkplan was started as root for another user. As root it would write root's files into the
 * user's state directory and run programs of the user's PATH; only the helper needs root, and mkplan elevates it by
 * itself.
 */
export function refuseElevated(
  env: Readonly<Record<string, string | undefined>>,
  effectiveUid: number | undefined,
): void {
  const by = STARTED_BY.find(([variable]) => env[variable] !== undefined)?.[1];
  if (by === undefined || effectiveUid !== 0) return;
  throw new Failure('error', [
    {
      code: 'started-by-sudo',
      severity: 'error',
      summary: `mkplan does not run under ${by}`,
      cause: 'it runs as the user whose cluster and state it uses; only its helper needs root',
      fix: `run the same command without ${by}: mkplan calls sudo by itself when it changes the first route`,
    },
  ]);
}
