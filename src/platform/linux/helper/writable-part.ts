import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { resolve } from 'node:path';

const ROOT = 0;
const STICKY = 0o1000;
const GROUP_WRITABLE = 0o020;
const WORLD_WRITABLE = 0o002;

/** Links that the kernel follows in one path (path_resolution(7), MAXSYMLINKS). */
const MOST_LINKS = 40;

/** Whether others than root can change what a file is, by its owner and mode. A group that is not root's may be any user's. */
function isWritable({ mode, uid, gid }: Stats): boolean {
  const byGroup = (mode & GROUP_WRITABLE) !== 0 && gid !== ROOT;
  return uid !== ROOT || byGroup || (mode & WORLD_WRITABLE) !== 0;
}

/**
 * Whether others than root can put something else in the place of an entry, or make it where it is missing. In a sticky
 * directory (/tmp) nobody can do so with what is root's.
 */
function isReplaceable(directory: Stats, entry: Stats | undefined): boolean {
  const isKept = (directory.mode & STICKY) !== 0 && directory.uid === ROOT && entry?.uid === ROOT;
  return isWritable(directory) && !isKept;
}

/**
 * The last part of an absolute path that others than root could put something else in the place of; null where there is
 * none. The path is walked as the kernel walks it (path_resolution(7)): each directory, each link with the directory that
 * it stands in, all that the link leads through, and the file. A path that leads nowhere may have such a part too: where
 * its next part would be made. Access lists and mounts are not looked at. Throws at more links than the kernel follows.
 */
export function writablePart(path: string): string | null {
  let at = '/';
  let links = 0;
  let found: string | null = null;
  const names = namesOf(path).reverse();
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    const entry = resolve(at, name);
    const stats = lstatSync(entry, { throwIfNoEntry: false });
    const isUp = name === '/' || name === '..';
    if (!isUp && isReplaceable(lstatSync(at), stats)) found = at;
    if (stats === undefined) return found;
    if (stats.isSymbolicLink()) {
      links++;
      if (links > MOST_LINKS) throw new Error(`too many links: ${path}`);
      names.push(...namesOf(readlinkSync(entry)).reverse());
    } else if (stats.isDirectory()) at = entry;
    else return isWritable(stats) ? entry : found;
  }
  return isWritable(lstatSync(at)) ? at : found;
}

/** The names of a path, in order; of an absolute one, `/` first. */
function namesOf(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  return path.startsWith('/') ? ['/', ...names] : names;
}
