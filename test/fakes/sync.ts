import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished, vi } from 'vitest';

/** The class of Node's file handles, which it does not export. */
export async function fileHandlePrototype(dir: string): Promise<FileHandle> {
  const file = await open(join(dir, '.probe'), 'w');
  await file.close();
  return Object.getPrototypeOf(file) as FileHandle;
}

/** Looks at something at each fsync from now on, of whatever file, before it is made. */
export async function watchSync<T>(dir: string, look: () => Promise<T>): Promise<T[]> {
  const seen: T[] = [];
  const prototype = await fileHandlePrototype(dir);
  const sync = prototype.sync;
  const spy = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    seen.push(await look());
    return sync.call(this);
  });
  onTestFinished(() => spy.mockRestore());
  return seen;
}
