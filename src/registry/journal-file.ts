import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Claim } from '../model/claim.ts';
import { Failure, messageOf } from '../model/diagnostic.ts';
import { errnoOf, fileFailure, openState, readState, syncDirectory, writeAll } from './files.ts';
import { encodeLine, type JournalRecord, NewerJournal, type Replayed, replay } from './journal-records.ts';
import type { IntendedChange, Journal, JournaledTransaction, TransactionEnd } from './registry.ts';

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
  try {
    await syncDirectory(dir);
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
  return file;
}

/**
 * The journal in `journal.ndjson` of the state directory: append-only, every line with a checksum, one write and
 * one fsync a call. `open` only reads, and so needs no lock; everything else is for the lock's holder.
 */
class JournalFile implements Journal {
  readonly #dir: string;
  readonly #path: string;
  /** Bytes that are whole lines; null until this process has read the file. */
  #size: number | null = null;
  /** Set when a failed write could not be taken back, so that nothing is ever appended behind it. */
  #broken: Failure | null = null;

  constructor(dir: string) {
    this.#dir = dir;
    this.#path = join(dir, 'journal.ndjson');
  }

  async open(): Promise<JournaledTransaction | null> {
    const data = await readState(this.#path);
    return data === null ? null : replayed(this.#path, data).transaction;
  }

  async last(): Promise<TransactionEnd | null> {
    const data = await readState(this.#path);
    return data === null ? null : replayed(this.#path, data).end;
  }

  async begin(transaction: Parameters<Journal['begin']>[0]): Promise<void> {
    await this.#write(async (file) => {
      const { transaction: open, validBytes } = replayed(this.#path, await file.readFile());
      if (open !== null) throw stillOpen(this.#path, open.txid);
      if (validBytes > 0) await file.truncate(0);
      this.#size = 0;
      await this.#append(file, { type: 'begin', ...transaction });
    });
  }

  intend(txid: string, changes: readonly IntendedChange[]): Promise<void> {
    return this.#record({ type: 'intent', txid, changes });
  }

  done(txid: string, changes: readonly IntendedChange[]): Promise<void> {
    return this.#record({ type: 'done', txid, changes: changes.map(({ change }) => change) });
  }

  undone(txid: string, changes: readonly IntendedChange[]): Promise<void> {
    return this.#record({ type: 'undone', txid, changes: changes.map(({ change }) => change) });
  }

  awaitConfirmation(txid: string, claims: readonly Claim[], deadlineMs: number): Promise<void> {
    return this.#record({ type: 'awaiting', txid, deadlineMs, claims });
  }

  decide(txid: string, claims: readonly Claim[]): Promise<void> {
    return this.#record({ type: 'decided', txid, claims });
  }

  async close(
    txid: string,
    outcome: TransactionEnd['outcome'],
    left: readonly string[] | null = null,
  ): Promise<void> {
    await this.#write(async (file) => {
      await this.#append(file, { type: 'closed', txid, outcome, ...(left === null ? {} : { left }) });
      if (left !== null) return;
      // Once CLOSED is durable, old lines do no harm: the next transaction empties the file.
      await file.truncate(0).catch(() => undefined);
      this.#size = null;
    });
  }

  #record(record: JournalRecord): Promise<void> {
    return this.#write((file) => this.#append(file, record));
  }

  /** Opens the file for one call. Throws a Failure for whatever goes wrong. */
  async #write(work: (file: FileHandle) => Promise<void>): Promise<void> {
    if (this.#broken !== null) throw this.#broken;
    try {
      const file = await openForAppend(this.#dir, this.#path);
      try {
        await work(file);
      } finally {
        await file.close();
      }
    } catch (thrown) {
      throw fileFailure(this.#path, 'written', thrown);
    }
  }

  async #append(file: FileHandle, record: JournalRecord): Promise<void> {
    const size = this.#size ?? (await this.#cutTornLine(file));
    const line = encodeLine(record);
    try {
      await writeAll(file, line);
      await file.sync();
      this.#size = size + line.length;
    } catch (thrown) {
      await this.#takeBack(file, size, thrown);
      throw thrown;
    }
  }

  /** Cuts off what a crash tore, so that the next line does not continue it. Returns the size that is left. */
  async #cutTornLine(file: FileHandle): Promise<number> {
    const data = await file.readFile();
    const { validBytes } = replayed(this.#path, data);
    if (validBytes < data.length) await file.truncate(validBytes);
    return validBytes;
  }

  /** A record whose fsync failed may or may not be on disk: it must not be believed later. */
  async #takeBack(file: FileHandle, size: number, thrown: unknown): Promise<void> {
    try {
      await file.truncate(size);
      await file.sync();
    } catch {
      // The first error is the one to report; this one only means that nothing more can be journaled.
      this.#broken = fileFailure(this.#path, 'written', thrown);
    }
  }
}

/** The journal of a state directory. */
export function createJournal(dir: string): Journal {
  return new JournalFile(dir);
}
