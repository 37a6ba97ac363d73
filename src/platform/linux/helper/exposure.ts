import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { CommandRunner } from '../../command.ts';
import { globExpression, parseSudoEntries, type SudoEntry } from './sudo-rules.ts';
import { writablePart } from './writable-part.ts';

/** How long sudo(8) may take to list rules; those of a directory service come over the network. */
const LIST_TIMEOUT_MS = 20_000;

/** What was started, and how. */
export interface Started {
  /** The program that runs, without links. */
  readonly node: string;
  /** The helper's code, without links. */
  readonly helper: string;
  /** What Node was called with, its absolute script first, links and all. */
  readonly called: readonly [string, ...string[]];
}

/** Whether two paths lead to one file. */
function isSame(path: string, real: string): boolean {
  try {
    return path === real || realpathSync(path) === real;
  } catch {
    // It leads nowhere.
    return false;
  }
}

/** Whether a command of sudoers(5) is everything, or Node with any arguments. */
function runsAnything(command: string, { node }: Started): boolean {
  if (command === 'ALL') return true;
  const [program = '', ...args] = command.split(' ');
  if (args.length > 0 && args.join(' ') !== '*') return false;
  if (program.endsWith('/')) return isSame(join(program, basename(node)), node);
  return isSame(program, node) || (isPattern(program) && globExpression(program).test(node));
}

function isPattern(word: string): boolean {
  return /[*?[]/.test(word);
}

/** The paths by which a command of sudoers(5) reaches the helper; none where it does not. */
function waysIn(command: string, { helper, called }: Started): string[] {
  const [program = '', first = '', ...more] = command.split(' ');
  const args = [first, ...more].join(' ');
  const words = [first, ...more].filter((word) => word !== '' && isSame(resolve(word), helper));
  // A path with blanks is several words.
  const whole = [called[0], helper].filter((path) => ` ${args.replaceAll('"', '')} `.includes(` ${path} `));
  const ways = [...words, ...whole];
  if (ways.length === 0 && matchesCall(first, args, called)) ways.push(called[0]);
  return ways.length === 0 ? [] : [...ways, program];
}

/** Whether arguments that are a pattern, or begin with one, allow what Node was called with. */
function matchesCall(first: string, args: string, called: Started['called']): boolean {
  if (!args.startsWith('^')) return isPattern(first) && globExpression(first).test(called[0]);
  try {
    return new RegExp(args, 's').test(called.join(' '));
  } catch {
    // An expression of regex(7) that is none of ours is not understood.
    return false;
  }
}

/** What decides how Node reads a script: the nearest package.json, if there is one. */
function packageOf(script: string): string[] {
  for (let folder = dirname(script); ; folder = dirname(folder)) {
    const path = join(folder, 'package.json');
    if (existsSync(path)) return [path];
    if (folder === dirname(folder)) return [];
  }
}

/** What is open to others than root of a way in, for people; null where nothing is. */
function openPart(way: string): string | null {
  // The caller chooses the directory that it is looked for in.
  return isAbsolute(way) ? writablePart(way) : `the directory in which a rule looks for ${way}`;
}

/**
 * Why a listing of sudo(8) lets the user put other code in the helper's place without a password, for people; null where
 * it does not. A user who may run any program as root, or Node with any arguments, is root already. Of a listing that is not
 * understood, nothing is said.
 */
export function whyOpen(listing: string, started: Started): string | null {
  const entries = parseSudoEntries(listing);
  // The last entry that matches counts.
  const anything = entries.findLast(
    ({ asRoot, commands }) => asRoot && commands.some((command) => runsAnything(command, started)),
  );
  if (anything?.password === 'unneeded') return null;
  const reasons = entries
    .filter(({ password }) => password !== 'needed')
    .map((entry) => whyEntryOpen(entry, started));
  return reasons.find((reason) => reason !== null) ?? null;
}

function whyEntryOpen({ commands, variable }: SudoEntry, started: Started): string | null {
  const ways = commands.flatMap((command) => waysIn(command, started));
  if (ways.length === 0) return null;
  const { node, helper, called } = started;
  const open = [...ways, called[0], helper, ...packageOf(helper), node].map(openPart);
  const part = open.find((one) => one !== null);
  if (part !== undefined) return `${part} can be written to by others than root`;
  return variable === null ? null : `${variable} may be passed on to it`;
}

export interface ExposureOptions extends Started {
  readonly runner: CommandRunner;
  /** Whom sudo(8) works for: SUDO_USER. */
  readonly user: string;
}

/**
 * Why the helper must not serve its caller, for people; null when it may. Asked as root, since to root sudo lists
 * anybody's rules without a password and without a line in its log. A password that is asked for protects nothing
 * more than the user's own account does; a rule without one must not let every program of the user become root.
 */
export async function whyExposed(options: ExposureOptions): Promise<string | null> {
  const { runner, user } = options;
  const argv = ['sudo', '-n', '-l', '-l', '-U', user] as const;
  // In this session: where `requiretty` holds, sudo lists nothing to a program that has no terminal, and logs that.
  const listed = await runner.run(argv, { timeoutMs: LIST_TIMEOUT_MS });
  const why = listed.code === 0 ? whyOpen(listed.stdout, options) : null;
  return why === null
    ? null
    : `sudo lets ${user} run it without a password, and ${why}: whatever runs as ${user} could become root`;
}
