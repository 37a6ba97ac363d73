import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, posix, win32 } from 'node:path';

const DIGEST_BYTES = 32;

/** Several times what V8 makes of the whole program. */
const MOST_BYTES = 16 * 1024 * 1024;

/** So many files are kept: one for each form of a command, by the program and the Node that ran it. */
const MOST_FILES = 16;

/**
 * Where compiled code is kept: `$XDG_CACHE_HOME/mkplan`, by default under ~/.cache; on macOS ~/Library/Caches/mkplan, on
 * Windows %LOCALAPPDATA%\mkplan\cache. A relative XDG_CACHE_HOME is ignored, as the XDG base directory specification
 * asks. Null where the environment names no place.
 */
export function codeDirectory(
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
): string | null {
  if (platform === 'win32') {
    const local = env['LOCALAPPDATA'];
    return local !== undefined && win32.isAbsolute(local) ? win32.join(local, 'mkplan', 'cache') : null;
  }
  const xdg = env['XDG_CACHE_HOME'];
  if (xdg !== undefined && posix.isAbsolute(xdg)) return posix.join(xdg, 'mkplan');
  const home = env['HOME'];
  if (home === undefined || !posix.isAbsolute(home)) return null;
  return platform === 'darwin'
    ? posix.join(home, 'Library', 'Caches', 'mkplan')
    : posix.join(home, '.cache', 'mkplan');
}

/** The file of one program, run by one Node in one way: all that V8 does not check by itself goes into the name. */
export function codeFile(directory: string, madeOf: readonly unknown[]): string {
  const key = createHash('sha256').update(JSON.stringify(madeOf)).digest('hex');
  return join(directory, `${key}.code`);
}

/** Whether this user alone can have written it. Windows has no owners to ask, and a profile is its user's. */
function isOwn({ uid, mode }: Stats): boolean {
  const user = process.geteuid?.();
  return user === undefined || (uid === user && (mode & 0o022) === 0);
}

function isOwnDirectory(path: string): boolean {
  const found = lstatSync(path);
  return found.isDirectory() && isOwn(found);
}

/** V8 believes what it reads. The name is hashed, too: no file may stand in for another. */
function digestOf(path: string, code: Uint8Array): Buffer {
  return createHash('sha256').update(basename(path)).update(code).digest();
}

/**
 * The code that {@link writeCode} kept in this file; undefined when there is none, or anything about it is not as it was
 * left. Never throws and never waits.
 */
export function readCode(path: string): Buffer | undefined {
  let descriptor: number | null = null;
  try {
    if (!isOwnDirectory(dirname(path))) return undefined;
    // A pipe in its place would have us wait for a writer.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const found = fstatSync(descriptor);
    if (!found.isFile() || !isOwn(found) || found.size > MOST_BYTES) return undefined;
    const content = readFileSync(descriptor);
    const code = content.subarray(DIGEST_BYTES);
    return content.subarray(0, DIGEST_BYTES).equals(digestOf(path, code)) ? code : undefined;
  } catch {
    // Mostly it is not there. Whatever else is wrong costs the time to compile, and nothing more.
    return undefined;
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

/**
 * Keeps code in this file, whole or not at all, and drops the oldest files beyond a bound. `produce` is called once
 * there is a place to write to. Never throws: where nothing can be written, nothing is kept.
 */
export function writeCode(path: string, produce: () => Uint8Array): void {
  const directory = dirname(path);
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (!isOwnDirectory(directory)) return;
    const descriptor = openSync(draft, 'wx', 0o600);
    try {
      const code = produce();
      writeFileSync(descriptor, digestOf(path, code));
      writeFileSync(descriptor, code);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, path);
    prune(directory);
  } catch {
    // A full disk, a read-only home, another mkplan that prunes: the next command compiles again.
    discard(draft);
  }
}

function discard(draft: string): void {
  try {
    unlinkSync(draft);
  } catch {
    // It was never made, or has its name by now.
  }
}

/** Drafts of writers that were killed count, too. */
function prune(directory: string): void {
  const files = readdirSync(directory)
    .filter((name) => /^[0-9a-f]{64}\.code(\.[0-9a-f]{12})?$/.test(name))
    .map((name) => join(directory, name))
    .map((path) => ({ path, written: lstatSync(path).mtimeMs }))
    .sort((a, b) => b.written - a.written);
  for (const { path } of files.slice(MOST_FILES)) unlinkSync(path);
}
