import { fstatSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';
import { messageOf } from '../model/diagnostic.ts';
import type { TextSink } from './terminal.ts';

/** Bytes that may wait for a slow reader, beside the largest text that it was ever given; what comes then is dropped. */
const MOST_WAITING = 16 * 1024 * 1024;

const NEWLINE = 10;

/** What a write to a pipe or a socket says when its reader is gone. */
const READER_LEFT = ['EPIPE', 'ECONNRESET'];

/**
 * Standard output or error, of which no write throws, blocks or ends the process: what becomes of its reader is no
 * matter of the work that is told of. `descriptor` is 1 or 2; `stream` gives Node's own stream of it.
 */
export function openOutput(descriptor: 1 | 2, stream: () => NodeJS.WriteStream): TextSink {
  if (isatty(descriptor)) return forTerminal(stream());
  return isQueued(descriptor) ? new QueuedOutput(stream()) : new FileOutput(descriptor);
}

/** Whether Node writes to it without waiting for its reader. */
function isQueued(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor);
    return stats.isFIFO() || stats.isSocket();
  } catch {
    // A descriptor that cannot even be looked at: each write to it says what is wrong.
    return false;
  }
}

/** A terminal is Node's own stream, which knows its size as well. Before one that hung up there is nobody. */
function forTerminal(stream: NodeJS.WriteStream): TextSink {
  stream.on('error', () => undefined);
  return stream;
}

/**
 * A file or a device, written by its descriptor: Node's stream gives up for good where a file system was full for a
 * moment, and here each text tries anew.
 */
class FileOutput implements TextSink {
  readonly #descriptor: number;
  #loss: string | null = null;
  /** Goes before the next text: a newline where the last line was cut off. */
  #before = '';

  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  write(text: string): void {
    let rest = Buffer.from(this.#before + text);
    const isLine = rest.at(-1) === NEWLINE;
    try {
      while (rest.length > 0) {
        const written = writeSync(this.#descriptor, rest);
        rest = rest.subarray(written);
        this.#before = isLine && rest.length > 0 ? '\n' : '';
      }
    } catch (thrown) {
      this.#loss = messageOf(thrown);
    }
  }

  loss(): string | null {
    return this.#loss;
  }
}

/** A pipe or a socket. Its reader may leave, and where the pipe has a name another one may come. */
export class QueuedOutput implements TextSink {
  readonly #stream: Writable;
  #largest = 0;
  #loss: string | null = null;

  constructor(stream: Writable) {
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // To leave is the reader's right, as `head` does: nobody misses what follows.
      if (!READER_LEFT.includes(error.code ?? '')) this.#loss = messageOf(error);
    });
  }

  write(text: string): void {
    if (this.#stream.writableLength > MOST_WAITING + this.#largest) {
      this.#loss = 'its reader did not read it';
      return;
    }
    this.#largest = Math.max(this.#largest, Buffer.byteLength(text));
    this.#stream.write(text);
  }

  loss(): string | null {
    return this.#loss;
  }

  async settled(patienceMs: number): Promise<boolean> {
    if (this.#stream.writableLength === 0) return true;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), patienceMs);
      // Called behind everything that waits, be it written or failed.
      this.#stream.write('', () => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}
