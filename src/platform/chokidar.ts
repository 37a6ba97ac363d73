import { createHash } from 'node:crypto';
import { lstat, readFile, readlink, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, parse, sep } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';
import type { FileEventStream, FileEvents } from './file-events.ts';

/** However few events there are, so often is every file read: what no event tells is found then. Milliseconds. */
const BACKSTOP_MS = 30_000;
/** Links in a row, as path_resolution(7) has it. */
const MAX_LINKS = 40;
/** No file that mkplan reads is larger; of one that is, the size has to do. */
const HASHED_BYTES = 8 * 1024 * 1024;

/** What a file holds, comparable; why it cannot be read counts as well. */
async function contentOf(file: string): Promise<string> {
  try {
    const found = await stat(file);
    // Reading a FIFO would wait for a writer.
    if (!found.isFile() || found.size > HASHED_BYTES) return `${found.size} bytes`;
    return createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  } catch (thrown) {
    return String((thrown as NodeJS.ErrnoException).code);
  }
}

/** Device and inode of what stands at a path itself, link or not; null where nothing does. */
async function identityOf(path: string): Promise<string | null> {
  try {
    const { dev, ino } = await lstat(path);
    return `${dev}:${ino}`;
  } catch {
    // Whatever the reason, there is nothing there to watch.
    return null;
  }
}

/**
 * The paths whose change may change a file, each with what stands there: the file and its directory, or the nearest one
 * that there is, and the same of every link on the way to it.
 */
async function pathsBehind(file: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const note = async (path: string) => {
    const identity = await identityOf(path);
    if (identity !== null) found.set(path, identity);
    return identity !== null;
  };
  let rest = file;
  for (let links = 0; links <= MAX_LINKS; links++) {
    const next = await firstLink(rest);
    const here = next?.at ?? rest;
    await note(here);
    for (let up = dirname(here); !(await note(up)) && up !== dirname(up); ) up = dirname(up);
    if (next === null) break;
    rest = next.target;
  }
  return found;
}

/** The first symbolic link on a path, and where the path leads with that link followed; null where there is none. */
async function firstLink(path: string): Promise<{ readonly at: string; readonly target: string } | null> {
  const { root } = parse(path);
  const names = path.slice(root.length).split(sep);
  let at = root;
  for (const [index, name] of names.entries()) {
    at = join(at, name);
    const text = await readlink(at).catch(() => null);
    if (text === null) continue;
    const start = isAbsolute(text) ? text : join(dirname(at), text);
    return { at, target: join(start, ...names.slice(index + 1)) };
  }
  return null;
}

/** Some files. What chokidar says is taken as a hint to read them all: they are few, and it does not see every way of writing. */
class WatchedFiles implements FileEventStream {
  readonly ready: Promise<void>;
  readonly #files: readonly string[];
  readonly #onChange: (file: string) => void;
  readonly #contents = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;
  #watcher: FSWatcher | null = null;
  /** What the watcher was made for. */
  #watched = '';
  #looking: Promise<void> | null = null;
  /** How many hints came. */
  #hints = 0;
  #isStopped = false;

  constructor(files: readonly string[], onChange: (file: string) => void) {
    this.#files = files;
    this.#onChange = onChange;
    this.ready = this.#look();
    this.#timer = setInterval(() => this.#hint(), BACKSTOP_MS);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#looking;
    await this.#watcher?.close();
  }

  #hint(): void {
    this.#hints++;
    if (this.#looking === null && !this.#isStopped) void this.#look();
  }

  /** Reads until nothing has happened meanwhile. */
  #look(): Promise<void> {
    const looking = (async () => {
      for (let seen = -1; seen !== this.#hints && !this.#isStopped; ) {
        seen = this.#hints;
        await this.#follow();
        await this.#compare();
      }
      this.#looking = null;
    })();
    this.#looking = looking;
    return looking;
  }

  async #compare(): Promise<void> {
    for (const file of this.#files) {
      const content = await contentOf(file);
      const known = this.#contents.get(file);
      this.#contents.set(file, content);
      if (known !== undefined && known !== content && !this.#isStopped) this.#onChange(file);
    }
  }

  /** Watches anew where other things stand at the paths by now: a watch is on a thing, and not on its name. */
  async #follow(): Promise<void> {
    for (;;) {
      const behind = await Promise.all(this.#files.map(pathsBehind));
      const paths = new Map(behind.flatMap((one) => [...one]));
      const wanted = [...paths].join('\n');
      if (wanted === this.#watched || this.#isStopped) return;
      await this.#watcher?.close();
      this.#watched = wanted;
      this.#watcher = await this.#begin([...paths.keys()]);
    }
  }

  async #begin(paths: readonly string[]): Promise<FSWatcher> {
    const known = new Set(paths);
    const watcher = watch([...paths], {
      depth: 0,
      ignoreInitial: true,
      followSymlinks: false,
      persistent: true,
      atomic: false,
      // A home directory has many other files, none of which is ours to watch.
      ignored: (path) => !known.has(path),
    });
    await new Promise<void>((resolve) => {
      watcher.once('ready', resolve);
      // Out of watches (ENOSPC), say: reading now and then has to do.
      watcher.on('error', () => resolve());
    });
    const hint = () => this.#hint();
    // `raw` tells of what chokidar makes nothing of, such as a directory that moves away.
    watcher.on('all', hint).on('raw', hint);
    return watcher;
  }
}

/** The events of files, by chokidar. */
export class ChokidarFileEvents implements FileEvents {
  watch(files: readonly string[], onChange: (file: string) => void): FileEventStream {
    return new WatchedFiles(files, onChange);
  }
}
