import type { IncomingMessage } from 'node:http';
import { LostConnection } from './answer.ts';
import { Unexpected } from './expected.ts';

/** etcd takes objects of up to 1.5 MiB; nothing honest comes near this. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/** White space between JSON texts is legal; more of it than this between two lines would keep us busy with nothing. */
const MAX_EMPTY_LINES = 1000;

const NEWLINE = 0x0a;

/** Puts lines together of bytes that come in pieces, cut anywhere; a line is decoded when it is whole. */
export class LineReader {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #size = 0;
  #empty = 0;

  constructor(maxBytes = MAX_LINE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a line has begun and not ended. */
  get isWithin(): boolean {
    return this.#size > 0;
  }

  /** The lines that end in this piece, empty ones left out. Throws Unexpected when a line grows too long, or only empty ones come. */
  take(piece: Buffer): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      this.#keep(piece.subarray(from, end));
      if (this.#size > 0) lines.push(Buffer.concat(this.#pieces).toString('utf8'));
      else if (++this.#empty > MAX_EMPTY_LINES)
        throw new Unexpected('the watch sends nothing but empty lines');
      this.#pieces = [];
      this.#size = 0;
      from = end + 1;
    }
    // A copy: what is kept must not hold on to the whole piece.
    if (from < piece.length) this.#keep(Buffer.from(piece.subarray(from)));
    return lines;
  }

  #keep(bytes: Buffer): void {
    this.#size += bytes.length;
    if (this.#size > this.#maxBytes)
      throw new Unexpected(`a line of the watch is longer than ${this.#maxBytes} bytes`);
    if (bytes.length === 0) return;
    this.#empty = 0;
    this.#pieces.push(bytes);
  }
}

/** The stream told something that we cannot go on from: only a new list helps. */
export class Gap extends Error {
  readonly isGone: boolean;

  constructor(message: string, isGone = false) {
    super(message);
    this.isGone = isGone;
  }
}

/** Lines taken at once, enough for a rollout of 10,000 Services; and lines a second after that. */
const LINES_AT_ONCE = 10_000;
const LINES_PER_SECOND = 1000;

/** How fast a stream is read: one that never stops sending must leave time for other clusters. */
export class Intake {
  #allowed = LINES_AT_ONCE;
  #at: number;

  /** `now`: milliseconds of any clock that only goes forward. */
  constructor(now: number) {
    this.#at = now;
  }

  /** Milliseconds to stop reading for, after so many lines. */
  take(lines: number, now: number): number {
    const earned = ((now - this.#at) * LINES_PER_SECOND) / 1000;
    this.#allowed = Math.min(this.#allowed + earned, LINES_AT_ONCE) - lines;
    this.#at = now;
    return Math.max(-this.#allowed, 0) * (1000 / LINES_PER_SECOND);
  }
}

/**
 * Hands over the lines of an answer as they come, those of one piece in one turn of the event loop. Resolves when the
 * server ends it after a whole line. Reads no faster than an {@link Intake} allows. Throws LostConnection when it is cut, or
 * nothing comes for `idleMs`, and whatever
 * `onLine` throws; the connection is gone then.
 */
export function readLines(
  response: IncomingMessage,
  idleMs: number,
  onLine: (line: string) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const reader = new LineReader();
    const intake = new Intake(performance.now());
    const lost = (message: string, cause?: unknown) => new LostConnection(message, { cause });
    const silence = setTimeout(() => fail(lost(`the watch was silent for ${idleMs} ms`)), idleMs);
    const fail = (error: unknown): void => {
      clearTimeout(silence);
      reject(error);
      response.destroy();
    };
    response.on('data', (piece: Buffer) => {
      try {
        const lines = reader.take(piece);
        // Empty lines are no sign of life.
        if (lines.length > 0 || reader.isWithin) silence.refresh();
        for (const line of lines) onLine(line);
        const restMs = intake.take(lines.length, performance.now());
        if (restMs === 0) return;
        response.pause();
        // A session that ends meanwhile does not wait for it.
        setTimeout(() => response.resume(), restMs).unref();
      } catch (error) {
        fail(error);
      }
    });
    response.on('end', () => {
      if (reader.isWithin) return fail(lost('the watch ended within a line'));
      clearTimeout(silence);
      resolve();
    });
    response.on('error', (error) => fail(lost('the watch was cut', error)));
    response.on('close', () => fail(lost('the watch was cut')));
    // What is gone already says so no more.
    if (response.destroyed) fail(lost('the watch was cut'));
  });
}
