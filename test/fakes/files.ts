import type { FileHandle } from 'node:fs/promises';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Faults } from './faults.ts';
import { fileHandlePrototype } from './sync.ts';

/**
 * Has every write, fsync, truncation, opening, renaming and removal in a directory, and its own fsync, pass through
 * faults, for the rest of the test. A write that fails or is killed over has written the half of it; what is read is
 * left alone. `faults` is asked anew each time, since each process has its own.
 */
export async function injectFiles(dir: string, faults: () => Faults): Promise<void> {
  const names = new WeakMap<FileHandle, string>();
  const prototype = await fileHandlePrototype(dir);
  const { sync, truncate } = prototype;
  const write: (this: FileHandle, ...args: [Buffer, number, number]) => Promise<unknown> = prototype.write;
  const { open, rename, rm } = fs;
  const around = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    faults().step(`before ${name}`);
    const result = await work();
    faults().step(`after ${name}`);
    return result;
  };
  prototype.write = async function (this: FileHandle, data: Buffer, offset: number, length: number) {
    const name = names.get(this);
    if (name === undefined) return await write.call(this, data, offset, length);
    return await around(`write ${name}`, async () => {
      if (faults().strikesNext) await write.call(this, data, offset, Math.floor(length / 2));
      faults().step(`in the middle of write ${name}`);
      return await write.call(this, data, offset, length);
    });
  } as FileHandle['write'];
  prototype.sync = async function (this: FileHandle) {
    const name = names.get(this);
    return name === undefined ? sync.call(this) : await around(`sync ${name}`, () => sync.call(this));
  };
  prototype.truncate = async function (this: FileHandle, length?: number) {
    const name = names.get(this);
    const work = () => truncate.call(this, length);
    return name === undefined ? await work() : await around(`truncate ${name}`, work);
  };
  const isHere = (path: unknown) => path === dir || dirname(String(path)) === dir;
  fs.open = async (path, ...rest) => {
    if (!isHere(path)) return await open(path, ...rest);
    const name = path === dir ? 'directory' : basename(String(path));
    faults().step(`before open ${name}`);
    const handle = await open(path, ...rest);
    try {
      faults().step(`after open ${name}`);
    } catch (thrown) {
      // Whoever asked for it never gets it: neither the process that was killed, nor the one whose call failed.
      await handle.close();
      throw thrown;
    }
    names.set(handle, name);
    return handle;
  };
  fs.rename = async (from, to) =>
    isHere(to)
      ? await around(`rename ${basename(String(to))}`, () => rename(from, to))
      : await rename(from, to);
  fs.rm = async (path, options) =>
    isHere(path)
      ? await around(`remove ${basename(String(path))}`, () => rm(path, options))
      : await rm(path, options);
  syncBuiltinESMExports();
  onTestFinished(() => {
    Object.assign(prototype, { write, sync, truncate });
    Object.assign(fs, { open, rename, rm });
    syncBuiltinESMExports();
  });
}
