import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, messageOf } from '../model/diagnostic.ts';
import { errnoOf, fileFailure, openState, readState, syncDirectory, writeAll } from './files.ts';
import { encodeLine, type JournalRecord, NewerJournal, type Replayed, replay } from './journal-records.ts';
import type { Journal } from './registry.ts';

function unreadable(path: string, thrown: unknown): Failure {
  const newer = thrown instanceof NewerJournal;
  return new Failure(
    'error',
    [
      {
        code: newer ? 'journal-newer' : 'journal-damaged',
        severity: 'error',
        summary: newer ? `${path} has ${thrown.message}` : `${path} is damaged at ${messageOf(thrown)}`,
        cause:
          'It records a transaction that did not end, so what that one changed cannot be told and nothing was changed now.',
        fix: newer
          ? 'Run the newer mkplan, which recovers it.'
          : 'Look at the routes that carry mkplan’s protocol, then move the file away; `mkplan plan` shows unclaimed ones as `?`.',
        command: newer ? 'mkplan --version' : `mv '${path}' '${path}.damaged'`,
      },
    ],
    { cause: thrown },
  );
}

function stillOpen(path: string, txid: string): Failure {
  return new Failure('error', [
    {
      code: 'transaction-open',
      severity: 'error',
      summary: `${path} holds the open transaction ${txid}`,
      cause: 'A new transaction begins only once the one before it has been recovered.',
      fix: 'Run `mkplan cleanup`, which recovers it.',
      command: 'mkplan cleanup',
    },
  ]);
}

function replayed(path: string, data: Buffer): Replayed {
  try {
    return replay(data);
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

/** Opens the journal for appending, making it durable in its directory where it is new. */
async function openForAppend(dir: string, path: string): Promise<FileHandle> {
  const flags = constants.O_RDWR | constants.O_APPEND;
  try {
    return await openState(path, flags);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ENOENT') throw thrown;
  }
  const file = await openState(path, flags | constants.O_CREAT | constants.O_EXCL);
  await syncDirectory(dir);
  return file;
}

/** The journal file while this process writes to it. */
class JournalWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  #size: number;
  /** Set when a failed write could not be taken back, so that nothing is ever appended behind it. */
  #broken: Failure | null = null;

  private constructor(path: string, file: FileHandle, size: number) {
    this.#path = path;
    this.#file = file;
    this.#size = size;
  }

  /** Opens the file and cuts off what a crash tore. */
  static async open(dir: string, path: string): Promise<{ writer: JournalWriter; found: Replayed }> {
    const file = await openForAppend(dir, path);
    try {
      const data = await file.readFile();
      const found = replayed(path, data);
      if (found.validBytes < data.length) await file.truncate(found.validBytes);
      return { writer: new JournalWriter(path, file, found.validBytes), found };
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  async append(record: JournalRecord): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    const line = encodeLine(record);
    try {
      await writeAll(this.#file, line);
      await this.#file.sync();
      this.#size += line.length;
    } catch (thrown) {
      const failure = fileFailure(this.#path, 'written', thrown);
      await this.#takeBack(failure);
      throw failure;
    }
  }

  /** A record whose fsync failed may or may not be on disk: it must not be believed later. */
  async #takeBack(failure: Failure): Promise<void> {
    try {
      await this.#file.truncate(this.#size);
      await this.#file.sync();
    } catch {
      // The first failure is the one to report; this one only means that nothing more can be journaled.
      this.#broken = failure;
    }
  }

  async empty(): Promise<void> {
    await this.#file.truncate(0);
    this.#size = 0;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/**
 * The journal in `journal.ndjson` of the state directory: append-only, every line with a checksum, one write and
 * one fsync a call. `open` only reads, and so needs no lock; everything else is for the lock's holder.
 */
export function createJournal(dir: string): Journal {
  const path = join(dir, 'journal.ndjson');
  let current: JournalWriter | null = null;

  async function writer(): Promise<JournalWriter> {
    if (current !== null) return current;
    try {
      current = (await JournalWriter.open(dir, path)).writer;
      return current;
    } catch (thrown) {
      throw fileFailure(path, 'written', thrown);
    }
  }

  async function append(record: JournalRecord): Promise<void> {
    await (await writer()).append(record);
  }

  /** Ends the writing. Once CLOSED is durable an old line or two do no harm, so an error here is none. */
  async function compact(): Promise<void> {
    const closing = current;
    current = null;
    await closing?.empty().catch(() => undefined);
    await closing?.close().catch(() => undefined);
  }

  return {
    async open() {
      const data = await readState(path);
      return data === null ? null : replayed(path, data).transaction;
    },
    async begin(transaction) {
      try {
        await current?.close();
        current = null;
        const { writer: opened, found } = await JournalWriter.open(dir, path);
        current = opened;
        if (found.transaction !== null) throw stillOpen(path, found.transaction.txid);
        if (found.validBytes > 0) await opened.empty();
        await opened.append({ type: 'begin', ...transaction });
      } catch (thrown) {
        await current?.close();
        current = null;
        throw fileFailure(path, 'written', thrown);
      }
    },
    intend: (txid, changes) => append({ type: 'intent', txid, changes }),
    done: (txid, changes) => append({ type: 'done', txid, changes: changes.map(({ change }) => change) }),
    undone: (txid, changes) => append({ type: 'undone', txid, changes: changes.map(({ change }) => change) }),
    decide: (txid, claims) => append({ type: 'decided', txid, claims }),
    async close(txid, outcome) {
      await append({ type: 'closed', txid, outcome });
      await compact();
    },
  };
}
