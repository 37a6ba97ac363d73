import { realpathSync, type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { CommandRunner } from '../platform/command.ts';

const STICKY = 0o1000;
const GROUP_WRITABLE = 0o020;
const WORLD_WRITABLE = 0o002;

/** How long sudo(8) may take to list rules; those of a directory service come over the network. */
const LIST_TIMEOUT_MS = 20_000;

/** Whether a user can change what a file is by its owner and mode. A group that is not root's may be any user's. */
function isWritableBy(uid: number, stats: Stats): boolean {
  const byGroup = (stats.mode & GROUP_WRITABLE) !== 0 && stats.gid !== 0;
  return stats.uid === uid || byGroup || (stats.mode & WORLD_WRITABLE) !== 0;
}

/**
 * The part of a path that a user could put something else in the place of: the file itself, or a directory above it;
 * null where there is none. In a sticky directory (/tmp) only the owner of a file can do so.
 */
export function writablePart(path: string, uid: number): string | null {
  let part = realpathSync(path);
  let below = statSync(part);
  if (isWritableBy(uid, below)) return part;
  while (part !== dirname(part)) {
    part = dirname(part);
    const stats = statSync(part);
    const isKept = (stats.mode & STICKY) !== 0 && stats.uid !== uid && below.uid !== uid;
    if (!isKept && isWritableBy(uid, stats)) return part;
    below = stats;
  }
  return null;
}

/** sudo breaks what is wider than a terminal, or than 80 columns, at its blanks; the rest is indented by eight. */
const BROKEN_LINE = /\n {8,}/g;

/** Commands that a listing of `sudo -ll` allows without a password, as sudoers(5) writes them. */
function withoutPassword(listing: string): string[] {
  const whole = listing.replace(BROKEN_LINE, ' ');
  return whole.split(/\n\s*\n/).flatMap((entry) => {
    const options = /^\s*Options: (.*)$/m.exec(entry)?.[1] ?? '';
    const [, commands = ''] = entry.split(/^\s*Commands:\n/m);
    return options.split(', ').includes('!authenticate')
      ? commands.split('\n').map((line) => line.trim())
      : [];
  });
}

/**
 * Whether sudo(8) lets a user run the helper without a password, and less than everything else so: whoever may run
 * any program, or Node with any arguments, is root already. Of a listing that is not understood, nothing is said.
 */
export function opensTheWay(listing: string, node: string, helper: string): boolean {
  const commands = withoutPassword(listing);
  if (commands.some((command) => command === 'ALL' || command === node)) return false;
  return commands.some((command) => command.split(' ').includes(helper));
}

export interface ExposureOptions {
  readonly runner: CommandRunner;
  readonly node: string;
  readonly helper: string;
  /** Whom sudo(8) works for: SUDO_UID and SUDO_USER. */
  readonly uid: number;
  readonly user: string;
}

/**
 * Why the helper must not serve its caller, for people; null when it may. Asked as root, since to root sudo lists
 * anybody's rules without a password and without a line in its log. A password that is asked for protects nothing
 * more than the user's own account does; a rule without one must not let every program of the user become root.
 */
export async function whyExposed(options: ExposureOptions): Promise<string | null> {
  const { runner, node, helper, uid, user } = options;
  const part = writablePart(helper, uid) ?? writablePart(node, uid);
  if (part === null) return null;
  const argv = ['sudo', '-n', '-l', '-l', '-U', user] as const;
  const listed = await runner.run(argv, { timeoutMs: LIST_TIMEOUT_MS, detached: true });
  if (listed.code !== 0 || !opensTheWay(listed.stdout, node, helper)) return null;
  return `sudo lets ${user} run it without a password, and ${part} can be written to by others than root: whatever runs as ${user} could become root`;
}
