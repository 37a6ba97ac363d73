import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { Failure, messageOf } from '../model/diagnostic.ts';

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

/** A Failure that says which state file could not be used, and why. */
export function fileFailure(path: string, doing: 'read' | 'written' | 'locked', thrown: unknown): Failure {
  if (thrown instanceof Failure) return thrown;
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
      },
    ],
    { cause: thrown },
  );
}

/** A state file or directory that is a symbolic link: whoever made it could have mkplan write elsewhere. */
export function symlinkFailure(path: string): Failure {
  return new Failure('error', [
    {
      code: 'state-symlink',
      severity: 'error',
      summary: `${path} is a symbolic link`,
      cause:
        "mkplan's state is never read or written through a link, since a link can be pointed at any other file.",
      fix: 'Put a real file or directory in its place; XDG_STATE_HOME moves the whole of it.',
      command: `ls -l '${path}'`,
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

/** The whole of a state file, or null when there is none. Throws a Failure when it cannot be read or is a symbolic link. */
export async function readState(path: string): Promise<Buffer | null> {
  let file: FileHandle;
  try {
    file = await openState(path, constants.O_RDONLY);
  } catch (thrown) {
    if (errnoOf(thrown) === 'ENOENT') return null;
    throw fileFailure(path, 'read', thrown);
  }
  try {
    return await file.readFile();
  } catch (thrown) {
    throw fileFailure(path, 'read', thrown);
  } finally {
    await file.close();
  }
}

/** Makes a rename or a new file in this directory last (fsync(2)). Windows has no such call. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
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
