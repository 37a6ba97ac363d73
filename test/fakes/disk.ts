import { readdirSync, readFileSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { fileHandlePrototype } from './sync.ts';

/** A file: what of it is certainly on disk. */
interface Inode {
  synced: Buffer;
}

/** Which of what was never synced a power cut takes, as POSIX allows (fsync(2), rename(2)). */
export type Loss = 'names and contents' | 'contents';

/**
 * What a power cut would leave of a directory, by what was synced: the content of a file at its last fsync, under the names
 * at the last fsync of the directory; or under those of now, since nothing keeps them from being written earlier.
 */
export class Disk {
  readonly #dir: string;
  #names = new Map<string, Inode>();
  #syncedNames = new Map<string, Inode>();

  private constructor(dir: string) {
    this.#dir = dir;
    this.settle();
  }

  /** Watches a directory for the rest of the test, by /proc/self/fd: what is opened in it goes by unchanged. */
  static async watch(dir: string): Promise<Disk> {
    const prototype = await fileHandlePrototype(dir);
    const disk = new Disk(dir);
    const opened = new WeakMap<FileHandle, Inode | 'directory'>();
    const { sync } = prototype;
    const { open, rename, rm } = fs;
    prototype.sync = async function (this: FileHandle) {
      await sync.call(this);
      const inode = opened.get(this);
      if (inode === 'directory') disk.#syncedNames = new Map(disk.#names);
      else if (inode !== undefined) inode.synced = readFileSync(`/proc/self/fd/${this.fd}`);
    };
    fs.open = async (path, ...rest) => {
      const handle = await open(path, ...rest);
      if (path === dir) opened.set(handle, 'directory');
      else if (dirname(String(path)) === dir) opened.set(handle, disk.#inodeOf(basename(String(path))));
      return handle;
    };
    fs.rename = async (from, to) => {
      await rename(from, to);
      disk.#move(basename(String(from)), basename(String(to)));
    };
    fs.rm = async (path, options) => {
      await rm(path, options);
      if (dirname(String(path)) === dir) disk.#names.delete(basename(String(path)));
    };
    syncBuiltinESMExports();
    onTestFinished(() => {
      prototype.sync = sync;
      Object.assign(fs, { open, rename, rm });
      syncBuiltinESMExports();
    });
    return disk;
  }

  /** Takes everything that is there for synced. */
  settle(): void {
    const files = readdirSync(this.#dir).map((name): [string, Inode] => [
      name,
      { synced: readFileSync(join(this.#dir, name)) },
    ]);
    this.#names = new Map(files);
    this.#syncedNames = new Map(files);
  }

  /** What is left, by name. */
  left(loss: Loss): ReadonlyMap<string, Buffer> {
    const names = loss === 'contents' ? this.#names : this.#syncedNames;
    return new Map([...names].map(([name, { synced }]) => [name, synced]));
  }

  #inodeOf(name: string): Inode {
    const inode = this.#names.get(name) ?? { synced: Buffer.alloc(0) };
    this.#names.set(name, inode);
    return inode;
  }

  #move(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (inode === undefined) return;
    this.#names.delete(from);
    this.#names.set(to, inode);
  }
}
