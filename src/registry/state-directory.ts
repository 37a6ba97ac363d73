import { chmod, lstat, mkdir } from 'node:fs/promises';
import { posix, win32 } from 'node:path';
import { Failure } from '../model/diagnostic.ts';
import { fileFailure, symlinkFailure } from './files.ts';

/**
 * Where the claims, the journal and the locks are: `$XDG_STATE_HOME/mkplan`, by default under ~/.local/state;
 * on macOS ~/Library/Application Support/mkplan, on Windows %LOCALAPPDATA%\mkplan. A relative XDG_STATE_HOME
 * is ignored, as the XDG base directory specification asks.
 */
export function stateDirectory(
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
  home: string,
): string {
  if (platform === 'win32') {
    return win32.join(env['LOCALAPPDATA'] || win32.join(home, 'AppData', 'Local'), 'mkplan');
  }
  const xdg = env['XDG_STATE_HOME'];
  if (xdg !== undefined && posix.isAbsolute(xdg)) return posix.join(xdg, 'mkplan');
  if (platform === 'darwin') return posix.join(home, 'Library', 'Application Support', 'mkplan');
  return posix.join(home, '.local', 'state', 'mkplan');
}

function unusable(dir: string, summary: string, cause: string): Failure {
  return new Failure('error', [
    {
      code: 'state-directory',
      severity: 'error',
      summary,
      cause,
      fix: 'Set XDG_STATE_HOME to a directory of your own, or put that one right.',
      command: `ls -ld '${dir}'`,
    },
  ]);
}

/**
 * Makes the state directory where it is missing, readable by its owner alone. Throws a Failure when it is a
 * symbolic link, not a directory, or another user's.
 */
export async function ensureStateDirectory(dir: string): Promise<void> {
  try {
    await mkdir(posix.dirname(dir), { recursive: true, mode: 0o700 });
    await mkdir(dir, { mode: 0o700 }).catch((thrown: NodeJS.ErrnoException) => {
      // One that is there already is judged below, like one that was just made.
      if (thrown.code !== 'EEXIST') throw thrown;
    });
    const found = await lstat(dir);
    if (found.isSymbolicLink()) throw symlinkFailure(dir);
    if (!found.isDirectory()) {
      throw unusable(
        dir,
        `${dir} is not a directory`,
        'mkplan keeps its claims and its journal in a directory there.',
      );
    }
    const uid = process.getuid?.();
    if (uid !== undefined && found.uid !== uid) {
      throw unusable(
        dir,
        `${dir} belongs to user ${found.uid}, not to you (user ${uid})`,
        'The owner of the directory could change the claims that decide which routes are removed.',
      );
    }
    if ((found.mode & 0o077) !== 0) await chmod(dir, 0o700);
  } catch (thrown) {
    throw fileFailure(dir, 'written', thrown);
  }
}
