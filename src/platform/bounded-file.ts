import { constants, type Stats } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** Why a file is not read to its end: what it is, how large it is, or that nobody writes to it. */
export type Unfitness = 'kind' | 'size' | 'silence';

/** A file that can be opened, and is not one to read. Its message is a clause about "it". */
export class UnfitFile extends Error {
  readonly why: Unfitness;

  constructor(why: Unfitness, message: string) {
    super(message);
    this.why = why;
  }
}

export interface Bounds {
  readonly maxBytes: number;
  /** Whether a pipe or a device will do, as in `<(command)`; for what is read once, since a pipe can be read only once. */
  readonly streams?: true;
}

const CHUNK_BYTES = 65_536;

/** How long a pipe may say nothing, and how long it may take in all: milliseconds. */
const SILENCE_MS = 10_000;
const STREAM_MS = 60_000;

/** How often a pipe is asked that has nothing yet: milliseconds. */
const POLL_MS = 10;

/**
 * Reads a file that another user may have named: it may be a pipe that nobody writes to, a device without an end, a
 * directory. Every reader of such a file is this one. Throws an UnfitFile, or the system's own error.
 */
export async function readBounded(path: string, bounds: Bounds): Promise<Buffer> {
  // Without O_NONBLOCK, opening a pipe waits for someone to write to it. Windows has no such flag, and no such pipe.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stats = await handle.stat();
    if (stats.isFile()) return await readAll(handle, bounds.maxBytes, null);
    if (bounds.streams !== true || stats.isDirectory()) throw new UnfitFile('kind', `it is ${kindOf(stats)}`);
    const read = await readAll(handle, bounds.maxBytes, performance.now());
    if (read.length === 0 && stats.isFIFO())
      throw new UnfitFile('silence', 'it is a pipe that nobody writes to');
    return read;
  } finally {
    await handle.close();
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a directory';
  if (stats.isFIFO()) return 'a pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

/** Everything up to the end, whatever the size is said to be. `since`: when a stream was begun; null for a file. */
async function readAll(handle: FileHandle, maxBytes: number, since: number | null): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  let heardAt = since ?? 0;
  for (;;) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, maxBytes + 1 - length));
    const bytes = await readSome(handle, chunk);
    if (bytes === 0) return Buffer.concat(chunks);
    if (bytes === null) {
      const now = performance.now();
      if (now - heardAt > SILENCE_MS)
        throw new UnfitFile('silence', `nothing came from it for ${SILENCE_MS / 1000} s`);
      await sleep(POLL_MS);
    } else {
      chunks.push(chunk.subarray(0, bytes));
      length += bytes;
      heardAt = performance.now();
    }
    if (length > maxBytes)
      throw new UnfitFile('size', `it has more than ${maxBytes} bytes, the most that is read`);
    if (since !== null && performance.now() - since > STREAM_MS) {
      throw new UnfitFile('silence', `it did not end within ${STREAM_MS / 1000} s`);
    }
  }
}

/** How many bytes there were; null where a pipe has none yet. */
async function readSome(handle: FileHandle, into: Buffer): Promise<number | null> {
  try {
    return (await handle.read(into, 0, into.length, null)).bytesRead;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN') return null;
    throw thrown;
  }
}
