import { readFileSync } from 'node:fs';
import { Failure } from '../model/diagnostic.ts';
import type { Argv } from '../platform/command.ts';

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
 * host's routes. The kernel then refuses each change with EPERM, which is reported like every other refusal.
 */
export function needsElevation(): boolean {
  return !hasNetAdmin(readFileSync('/proc/self/status', 'utf8'));
}

/**
 * Throws a Failure when mkplan was started by sudo(8). As root it would write root's files into the user's state
 * directory and run programs of the user's PATH; only the helper needs root, and mkplan elevates it by itself.
 */
export function refuseSudo(
  env: Readonly<Record<string, string | undefined>>,
  effectiveUid: number | undefined,
): void {
  if (env['SUDO_UID'] === undefined || effectiveUid !== 0) return;
  throw new Failure('error', [
    {
      code: 'started-by-sudo',
      severity: 'error',
      summary: 'mkplan does not run under sudo',
      cause: 'it runs as the user whose cluster and state it uses; only its helper needs root',
      fix: 'run the same command without sudo: it asks for the password when the first route is changed',
    },
  ]);
}

/** The helper's command through sudo(8), which asks on the terminal by itself. Both paths are absolute. */
export function elevatedCommand(node: string, helper: string): Argv {
  return ['sudo', '--', node, helper];
}
