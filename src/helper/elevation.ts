import { existsSync, readFileSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { Argv } from '../platform/command.ts';
import { procUnreadable } from '../platform/linux/proc.ts';

const STATUS = '/proc/self/status';

/** Bit of CAP_NET_ADMIN in a capability set (linux/capability.h). */
const CAP_NET_ADMIN = 12n;

/** Whether a /proc/PID/status (proc_pid_status(5)) shows CAP_NET_ADMIN as effective. */
export function hasNetAdmin(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return effective !== undefined && ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}

/**
 * Whether the helper has to be elevated to change routes. The capability counts in the user namespace that a process
 * is in: one that made itself a user namespace but no network namespace shows it and has it not over the
 * host's routes. The kernel then refuses each change with EPERM, which is reported like every other refusal. Throws a
 * Failure without proc(5).
 */
export function needsElevation(): boolean {
  return !hasNetAdmin(ownStatus());
}

function ownStatus(): string {
  try {
    return readFileSync(STATUS, 'utf8');
  } catch (thrown) {
    throw procUnreadable(STATUS, messageOf(thrown));
  }
}

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

/** Programs that elevate others, which the helper cannot be started with. */
const OTHERS = ['doas', 'run0', 'pkexec'];

/** Those of them that a PATH leads to. */
export function otherElevators(path: string | undefined): string[] {
  const folders = (path ?? '').split(delimiter).filter(isAbsolute);
  return OTHERS.filter((name) => folders.some((folder) => existsSync(join(folder, name))));
}

/** The helper's command through sudo(8), which asks on the terminal by itself. Both paths are absolute. */
export function elevatedCommand(node: string, helper: string): Argv {
  return ['sudo', '--', node, helper];
}
