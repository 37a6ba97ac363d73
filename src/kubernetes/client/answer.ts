import type { IncomingMessage } from 'node:http';
import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { Unexpected } from './expected.ts';
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
  /** Of the body, as it was sent and unpacked. */
  readonly bytes: number;
  /** Where a redirect leads, which is never followed; null where there is none. */
  readonly location: string | null;
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

/** What a server may pack a body with although it was not asked to, and what unpacks it (RFC 9110, section 8.4.1). */
const UNPACKERS = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
} as const;

function unpacked(response: IncomingMessage): Readable {
  const encoding = (response.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return response;
  if (!Object.hasOwn(UNPACKERS, encoding)) {
    response.destroy();
    throw new Unexpected(`the answer is packed as "${encoding}"`);
  }
  const unpacker = UNPACKERS[encoding as keyof typeof UNPACKERS]();
  // Its error is that of the unpacker, too, which is listened to.
  return pipeline(response, unpacker, () => undefined);
}

function whyUnread(error: unknown, bytes: number): unknown {
  if (isReset(error)) return new LostConnection(`the answer was cut after ${bytes} bytes`, { cause: error });
  const code = (error as NodeJS.ErrnoException | null)?.code ?? '';
  return /^(Z_|ERR_BROTLI|ERR__)/.test(code) ? new Unexpected('the answer cannot be unpacked') : error;
}

/** By events: an iterator costs each of a thousand short answers more than reading it. */
function readBody(response: IncomingMessage): Promise<Buffer> {
  const body = unpacked(response);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    body.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > MAX_BODY_BYTES) {
        body.destroy(new Unexpected(`the answer is longer than ${MAX_BODY_BYTES} bytes`));
      }
    });
    body.on('end', () => resolve(Buffer.concat(chunks)));
    body.on('error', (error) => reject(whyUnread(error, size)));
  });
}

/** Takes a byte order mark away, and takes nothing that is not UTF-8 for a text. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch {
    // Where in it the fault is helps nobody: what it is instead is said by its type.
    return undefined;
  }
}

function parseBody(status: number, bytes: Buffer, type: string): unknown {
  if (bytes.length === 0) return null;
  const body = parsed(bytes);
  if (body !== undefined) return body;
  // Errors of proxies and of the API server's own mux are plain text; their status says enough.
  if (status >= 300) return { message: bytes.toString('utf8', 0, 200).trim() };
  throw new Unexpected(`the answer is not JSON${type === '' ? '' : `, but calls itself ${type}`}`);
}

/** The plain text that a server of Go answers with where nothing is served at a path, such as a group that it does not know. */
const NO_SUCH_PATH = '404 page not found';

/**
 * Whether an API server says so itself: an error of its own is a Status, but for that of an unknown path. What a proxy says
 * in its place tells nothing of the cluster.
 */
export function isOfApiServer({ status, body }: ApiAnswer): boolean {
  if (typeof body !== 'object' || body === null) return false;
  const { kind, code, message } = body as Readonly<Record<string, unknown>>;
  // Servers that are like an API server leave the kind out.
  const isStatus = kind === 'Status' || kind === undefined;
  return (isStatus && code === status) || (status === 404 && message === NO_SUCH_PATH);
}

/** Reads an answer to its end. Throws LostConnection when it is cut, and Unexpected when it is too long or not JSON. */
export async function readAnswer(response: IncomingMessage): Promise<RawAnswer> {
  const status = response.statusCode ?? 0;
  const bytes = await readBody(response);
  return {
    status,
    body: parseBody(status, bytes, response.headers['content-type'] ?? ''),
    retryAfterMs: retryAfterMs(response.headers),
    bytes: bytes.length,
    location: response.headers.location ?? null,
  };
}
