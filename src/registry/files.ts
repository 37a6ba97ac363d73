import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Failure, messageOf } from '../model/diagnostic.ts';
import { shellWord } from '../model/shell-word.ts';
import { limitFailure } from '../platform/system-limit.ts';

/** The errno of a failed system call, such as `ENOENT`; empty where there is none. */
export function errnoOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

const FIXES: Readonly<Record<string, string>> = {
  ENOSPC: 'Free some space on that file system and run the command again.',
  EDQUOT: 'Free some of your disk quota and run the command again.',
  EROFS: 'Make that file system writable, or set XDG_STATE_HOME to a directory that is.',
  EACCES: 'Give yourself the right to read and write it, or set XDG_STATE_HOME to a directory of your own.',
  EPERM: 'Give yourself the right to read and write it, or set XDG_STATE_HOME to a directory of your own.',
};

/** The command that shows, or puts right, what kept a state file from being used. */
function commandFor(errno: string, path: string): string {
  const directory = shellWord(dirname(path));
  if (errno === 'ENOSPC') return `df -h ${directory}`;
  if (errno === 'EDQUOT') return 'quota -s';
  if (errno === 'EROFS') return `findmnt -T ${directory}`;
  if (errno === 'EACCES' || errno === 'EPERM') return `chmod u+rw ${shellWord(path)}`;
  return `ls -ld ${directory} ${shellWord(path)}`;
}

/** A Failure that says which state file could not be used, and why. */
export function fileFailure(path: string, doing: 'read' | 'written' | 'locked', thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
  const limit = limitFailure(thrown);
  if (limit !== null) return limit;
  const errno = errnoOf(thrown);
  if (errno === 'ELOOP') return symlinkFailure(path);
  return new Failure(
    'error',
    [
      {
        code: 'state-file',
        severity: 'error',
        summary: `${path} cannot be ${doing}`,
        cause: messageOf(thrown),
        fix: FIXES[errno] ?? 'Look at that file and its directory, and run the command again.',
        command: commandFor(errno, path),
      },
    ],
    { cause: thrown },
  );
}

/** A state file or directory that is a symbolic link: its maker could have mkplan write elsewhere. */
export function symlinkFailure(path: string): Failure {
  return new Failure('error', [
    {
      code: 'state-symlink',
      severity: 'error',
      summary: `${path} is a symbolic link`,
      cause:
        "mkplan's state is never read or written through a link, since a link can be pointed at any other file.",
      fix: 'Put a real file or directory in its place; XDG_STATE_HOME moves the whole of it.',
      command: `ls -l ${shellWord(path)}`,
    },
  ]);
}

/**
 * Opens a state file, never through a symbolic link; a new one is readable by its owner alone.
 * Throws the system's own error.
 */
export async function openState(path: string, flags: number): Promise<FileHandle> {
  return await open(path, flags | constants.O_NOFOLLOW, 0o600);
}

function notOurs(path: string, summary: string, cause: string, fix: string, command: string): Failure {
  return new Failure('error', [
    { code: 'state-not-ours', severity: 'error', summary: `${path} ${summary}`, cause, fix, command },
  ]);
}

const TRUSTED =
  'The claims and the journal decide which routes are removed, and remembered approvals what is asked.';

/** Throws a Failure for what is not a file, and for a file that another user owns or may write. */
export function requireOurs(path: string, found: Stats): void {
  if (!found.isFile()) {
    throw misplaced(path, found.isDirectory() ? 'is a directory' : 'is not a regular file', 'file');
  }
  requireTrusted(path, found);
}

function misplaced(path: string, summary: string, kept: 'file' | 'directory'): Failure {
  const command = `mv ${shellWord(path)} ${shellWord(`${path}.moved`)}`;
  return notOurs(path, summary, `mkplan keeps a ${kept} there.`, 'Move it away.', command);
}

function requireTrusted(path: string, found: Stats): void {
  const word = shellWord(path);
  const uid = process.getuid?.();
  // Windows has no such users, and no such modes.
  if (uid === undefined) return;
  if (found.uid !== uid) {
    const summary = `belongs to user ${found.uid}, not to you (user ${uid})`;
    throw notOurs(path, summary, TRUSTED, 'Make it yours, if its content is.', `sudo chown ${uid} ${word}`);
  }
  if ((found.mode & 0o022) !== 0) {
    const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
    throw notOurs(
      path,
      `may be written by others (mode ${mode})`,
      TRUSTED,
      'Take that right away, once you have looked at its content.',
      `chmod 600 ${word}`,
    );
  }
}

/**
 * Makes a directory inside the state directory where it is missing. Throws a Failure when something else stands there, or
 * a directory that another user owns or may write.
 */
export async function ensureFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 }).catch((thrown: unknown) => {
      // What is there already is judged below, like what was just made.
      if (errnoOf(thrown) !== 'EEXIST') throw thrown;
    });
    const found = await lstat(path);
    if (found.isSymbolicLink()) throw symlinkFailure(path);
    if (!found.isDirectory()) throw misplaced(path, 'is not a directory', 'directory');
    requireTrusted(path, found);
  } catch (thrown) {
    throw fileFailure(path, 'written', thrown);
  }
}

/**
 * The whole of a state file, or null when there is none. Throws a Failure when it cannot be read, is a symbolic link or
 * no file, or belongs to or may be written by another user.
 */
export async function readState(path: string): Promise<Buffer | null> {
  let file: FileHandle;
  try {
    // A pipe in its place would keep an open that waits from ever ending.
    file = await openState(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return null;
    throw fileFailure(path, 'read', thrown);
  }
  try {
    requireOurs(path, await file.stat());
    return await file.readFile();
  } catch (thrown) {
    throw fileFailure(path, 'read', thrown);
  } finally {
    await file.close();
  }
}

/** Makes a rename or a new file in this directory last (fsync(2)). Windows has no such call. */
export async function syncDirectory(directory: string): Promise<void> {
  if (!('O_DIRECTORY' in constants)) return;
  const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes every byte; write(2) may take fewer at a time. */
export async function writeAll(file: FileHandle, data: Buffer): Promise<void> {
  let written = 0;
  while (written < data.length) {
    const { bytesWritten } = await file.write(data, written, data.length - written);
    written += bytesWritten;
  }
}

/**
 * Puts a state file in place of the one that is there: temporary file, fsync, rename, fsync of the directory. Under the
 * lock only. Throws a Failure where it cannot, and for a symbolic link.
 */
export async function replaceState(path: string, data: Buffer): Promise<void> {
  try {
    // rename(2) would put a file in the link's place, against what the link's maker meant.
    const found = await lstat(path).catch((thrown: unknown) => {
      if (errnoOf(thrown) === 'ENOENT') return null;
      throw thrown;
    });
    if (found?.isSymbolicLink() === true) throw symlinkFailure(path);
    const temporary = `${path}.new`;
    // What a killed mkplan left; the lock makes sure that nobody is writing it now.
    await rm(temporary, { force: true });
    const file = await openState(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL);
    try {
      await writeAll(file, data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (thrown) {
    throw fileFailure(path, 'written', thrown);
  }
}
