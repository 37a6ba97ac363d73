import { existsSync, readFileSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { Failure, messageOf } from '../../model/diagnostic.ts';
import type { Argv, CommandStream, CommandStreamer } from '../command.ts';
import type { Elevation, HelperEnd } from '../elevation.ts';
import { procUnreadable } from './proc.ts';

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
function needsElevation(): boolean {
  return !hasNetAdmin(ownStatus());
}

function ownStatus(): string {
  try {
    return readFileSync(STATUS, 'utf8');
  } catch (thrown) {
    throw procUnreadable(STATUS, messageOf(thrown));
  }
}

/** Programs that elevate others, which the helper cannot be started with. */
const OTHERS = ['doas', 'run0', 'pkexec'];

/** Those of them that a PATH leads to. */
export function otherElevators(path: string | undefined): string[] {
  const folders = (path ?? '').split(delimiter).filter(isAbsolute);
  return OTHERS.filter((name) => folders.some((folder) => existsSync(join(folder, name))));
}

/** Through sudo(8), which asks on the terminal by itself; directly where this process has CAP_NET_ADMIN. */
export class LinuxElevation implements Elevation {
  readonly #streamer: CommandStreamer;
  readonly #isNeeded: () => boolean;

  constructor(streamer: CommandStreamer, isNeeded = needsElevation) {
    this.#streamer = streamer;
    this.#isNeeded = isNeeded;
  }

  stream(helper: Argv, onLine: (line: string) => void): CommandStream {
    // The helper itself ignores what the terminal sends, but a child that is being forked just then does not yet.
    return this.#isNeeded()
      ? this.#streamer.stream(['sudo', '--', ...helper], onLine, { detached: false })
      : this.#streamer.stream(helper, onLine, { detached: true });
  }

  refusal({ message, cause }: HelperEnd): Failure | null {
    if (!this.#isNeeded()) return null;
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    return missing ? sudoMissing(otherElevators(process.env['PATH'])) : elevationRefused(message);
  }
}

/**
 * There is no sudo(8). The helper learns from it for whom it works, and which rules let it run without a password;
 * `others` are installed programs that do the like and tell it neither.
 */
function sudoMissing(others: readonly string[]): Failure {
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
function elevationRefused(cause: string): Failure {
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
