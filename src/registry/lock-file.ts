import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../model/diagnostic.ts';
import type { FileLocks } from '../platform/file-locks.ts';
import { type Check, object, text, unsigned } from './check.ts';
import { fileFailure, openState, requireOurs, writeAll } from './files.ts';
import type { HeldLock, Lock, LockHolder } from './registry.ts';

/** File name, in the state directory, of the lock that the elevated helper holds until its last child is gone. */
export const HELPER_LOCK = 'helper.lock';

/**
 * How long the helper of a mkplan that was killed is waited for, whatever patience the user has with the lock
 * itself: it ends by itself, after the chunk of changes that it has begun.
 */
const HELPER_PATIENCE_MS = 30_000;

/** More than any holder's own record takes, since what is in the file is only shown. */
const MAX_HOLDER_BYTES = 4096;

const holderCheck: Check<LockHolder> = object<LockHolder>({ pid: unsigned, since: text, doing: text });

type AcquireOptions = Parameters<Lock['acquire']>[0];

function interrupted(): Failure {
  return new Failure('interrupted', [
    {
      code: 'interrupted',
      severity: 'error',
      summary: 'interrupted while waiting for the lock',
      cause: 'The command was told to stop before it had changed anything.',
      fix: 'Run the command again.',
    },
  ]);
}

function held(path: string, holder: LockHolder | null): Failure {
  return new Failure('lock-held', [
    {
      code: 'lock-held',
      severity: 'error',
      summary:
        holder === null
          ? `${path} is held by another process`
          : `another mkplan (pid ${holder.pid}) has held the lock since ${holder.since}: ${holder.doing}`,
      cause: 'Only one mkplan at a time may change the routes of this host.',
      fix: 'Wait until it has ended, then run the command again. Its lock is free at once when it ends, however it ends.',
      command: holder === null ? `fuser -v '${path}'` : `ps -fp ${holder.pid}`,
    },
  ]);
}

/** Who says to hold the lock; null when the file says nothing that is understood. */
async function readHolder(file: FileHandle): Promise<LockHolder | null> {
  const buffer = Buffer.alloc(MAX_HOLDER_BYTES);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
  try {
    return holderCheck(JSON.parse(buffer.toString('utf8', 0, bytesRead)));
  } catch {
    // The holder may be writing it just now. It is for display alone.
    return null;
  }
}

/** Locks on files of the state directory. */
class StateLock implements Lock {
  readonly #dir: string;
  readonly #locks: FileLocks;
  readonly #now: () => Date;

  constructor(dir: string, locks: FileLocks, now: () => Date) {
    this.#dir = dir;
    this.#locks = locks;
    this.#now = now;
  }

  async acquire(options: AcquireOptions): Promise<HeldLock> {
    const path = join(this.#dir, 'lock');
    let heard = false;
    const onWait: AcquireOptions['onWait'] = (holder) => {
      if (!heard) options.onWait(holder);
      heard = true;
    };
    const file = await this.#lock(path, options.waitMs, { ...options, onWait });
    try {
      if ((await options.takeHelper?.()) !== true) await this.#awaitHelper({ ...options, onWait });
      const holder: LockHolder = {
        pid: process.pid,
        since: this.#now().toISOString(),
        doing: options.doing,
      };
      await file.truncate(0);
      await writeAll(file, Buffer.from(`${JSON.stringify(holder)}\n`));
    } catch (thrown) {
      await file.close();
      throw fileFailure(path, 'locked', thrown);
    }
    return {
      async release() {
        // Closing the last copy of the descriptor frees the lock; an old record in the file would only mislead.
        await file.truncate(0).catch(() => undefined);
        await file.close();
      },
    };
  }

  /** Opens and locks a file. The lock lasts until every copy of the descriptor is closed. */
  async #lock(path: string, waitMs: number, { onWait, signal }: AcquireOptions): Promise<FileHandle> {
    let file: FileHandle;
    try {
      // O_APPEND, so that what is written never lands behind the hole that a truncation leaves.
      file = await openState(path, constants.O_RDWR | constants.O_CREAT | constants.O_APPEND);
    } catch (thrown) {
      throw fileFailure(path, 'locked', thrown);
    }
    try {
      requireOurs(path, await file.stat());
      const abort = signal === undefined ? {} : { signal };
      if (await this.#locks.tryLock(file.fd, abort)) return file;
      const holder = await readHolder(file);
      if (waitMs > 0) {
        onWait(holder);
        if (await this.#locks.tryLock(file.fd, { waitMs, ...abort })) return file;
      }
      throw held(path, holder);
    } catch (thrown) {
      await file.close();
      throw signal?.aborted === true ? interrupted() : thrown;
    }
  }

  /** Waits until no helper of an earlier mkplan runs any more. Our own takes the same lock later, so it is let go again. */
  async #awaitHelper(options: AcquireOptions): Promise<void> {
    const waitMs = Math.max(options.waitMs, HELPER_PATIENCE_MS);
    const file = await this.#lock(join(this.#dir, HELPER_LOCK), waitMs, options);
    await file.close();
  }
}

/** The lock of a state directory. Freed by the kernel when its holder ends, however it ends. */
export function createLock(dir: string, locks: FileLocks, now: () => Date = () => new Date()): Lock {
  return new StateLock(dir, locks, now);
}
