import type { IncomingMessage } from 'node:http';
import { messageOf } from '../../model/diagnostic.ts';
import { retryAfterMs } from './patience.ts';

/** A page of 500 objects is some 2 MB; nothing honest comes near this. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

export interface ApiAnswer {
  readonly status: number;
  /** The parsed JSON. */
  readonly body: unknown;
}

/** An answer, and how long the server asks to be left alone. */
export interface RawAnswer extends ApiAnswer {
  /** Null where the server named none. */
  readonly retryAfterMs: number | null;
}

/** A connection that was closed before the answer was whole. */
export class LostConnection extends Error {
  /** Whether it had been kept from an earlier call, and nothing of an answer came. */
  readonly wasIdle: boolean;

  constructor(message: string, options: { cause: unknown }, wasIdle = false) {
    super(message, options);
    this.wasIdle = wasIdle;
  }
}

/** Whether the other side ended the connection. */
export function isReset(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** By events: an iterator costs each of a thousand short answers more than reading it. */
function readBody(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > MAX_BODY_BYTES) {
        response.destroy(new Error(`the answer is longer than ${MAX_BODY_BYTES} bytes`));
      }
    });
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    response.on('error', (error) => {
      const cut = () => new LostConnection(`the answer was cut after ${size} bytes`, { cause: error });
      reject(isReset(error) ? cut() : error);
    });
  });
}

function parseBody(status: number, text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    // Errors of proxies and of the API server's own mux are plain text; their status says enough.
    if (status >= 400) return { message: text.slice(0, 200).trim() };
    throw new Error(`the answer is no JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** Reads an answer to its end. Throws LostConnection when it is cut, and an Error when it is too long or no JSON. */
export async function readAnswer(response: IncomingMessage): Promise<RawAnswer> {
  const status = response.statusCode ?? 0;
  const body = parseBody(status, await readBody(response));
  return { status, body, retryAfterMs: retryAfterMs(response.headers) };
}
