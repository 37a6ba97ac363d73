import { randomBytes } from 'node:crypto';
import { lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure, messageOf } from '../../model/diagnostic.ts';
import { type NewFile, notAFile, otherThanFile, writeNewFile } from './plan-file.ts';

/**
 * Writes a file, in place of one that is there: whole or not at all, by a new file beside it that takes its name. Its
 * permissions are kept. Throws a Failure for what is no ordinary file, a symbolic link among them, and where it cannot
 * be written.
 */
export async function replaceFile(file: NewFile): Promise<void> {
  const found = await lstat(file.path).catch(() => null);
  // What keeps it from being looked at keeps it from being written, with the system's own words.
  if (found === null) return await writeNewFile(file);
  const other = await otherThanFile(file.path);
  if (other !== null) throw notAFile(file, other, 'file-not-written');
  const beside = join(dirname(file.path), `.${basename(file.path)}.${randomBytes(6).toString('hex')}`);
  try {
    const handle = await open(beside, 'wx', found.mode & 0o777);
    try {
      await handle.writeFile(file.text);
      await handle.chmod(found.mode & 0o777);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, file.path);
  } catch (thrown) {
    // It is ours, and of no use; the file that was to be replaced is what it was.
    await rm(beside, { force: true }).catch(() => undefined);
    throw notReplaced(file, messageOf(thrown), thrown);
  }
}

function notReplaced({ shown, what }: NewFile, cause: string, thrown: unknown): Failure {
  const summary = `the ${what} could not be written to ${shown}`;
  const fix = 'fix that, or name another file';
  return new Failure('error', [{ code: 'file-not-written', severity: 'error', summary, cause, fix }], {
    cause: thrown,
  });
}
