import { Failure, messageOf } from '../model/diagnostic.ts';
import type { ChangeFailure, RouteChange } from '../platform/route-table.ts';
import { decodeRequest, MAX_LINE_BYTES, PROTOCOL_VERSION, ProtocolError, type Response } from './protocol.ts';

const NEWLINE = 10;

/**
 * The lines of a byte stream, without their ends; null for one longer than the bound, whose bytes are dropped. What
 * follows the last newline is not a line: its writer died over it.
 */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  maxBytes = MAX_LINE_BYTES,
): AsyncGenerator<string | null> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    let rest = chunk;
    for (let at = rest.indexOf(NEWLINE); at >= 0; at = rest.indexOf(NEWLINE)) {
      const fits = bytes + at <= maxBytes;
      yield fits ? Buffer.concat([...parts, rest.subarray(0, at)]).toString('utf8') : null;
      parts = [];
      bytes = 0;
      rest = rest.subarray(at + 1);
    }
    bytes += rest.length;
    if (bytes <= maxBytes) parts.push(rest);
    else parts = [];
  }
}

export interface ServeOptions {
  readonly input: AsyncIterable<Uint8Array>;
  /** Sends one answer; false when nobody listens any more, which ends the session after the chunk that has begun. */
  readonly respond: (response: Response) => boolean | Promise<boolean>;
  /** Makes changes ready, and returns what performs them. */
  readonly prepare: (changes: readonly RouteChange[]) => () => Promise<ChangeFailure[]>;
  /** Takes the lock, if it is not held. Throws a Failure of kind `lock-held` when another helper keeps it. */
  readonly take: () => Promise<unknown>;
  /** Lets go of the lock; the next change takes it again. */
  readonly release: () => void;
  /** Asked between requests: whether to end although there may be more of them. */
  readonly stopping: () => boolean;
}

/**
 * Answers requests one after the other until the input ends, nobody listens, or it is told to stop. The next one is
 * read while one is performed, but not begun before that is answered.
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { input, respond, stopping } = options;
  let heard = Promise.resolve(true);
  try {
    for await (const line of readLines(input)) {
      const perform = read(line, options);
      if (!(await heard) || stopping()) return;
      heard = perform().then(respond);
    }
  } finally {
    await heard;
  }
}

/** Reads one line at once; what it asks for is done, and answered, by calling what is returned. */
function read(line: string | null, { prepare, take, release }: ServeOptions): () => Promise<Response> {
  try {
    if (line === null) throw new ProtocolError(`longer than ${MAX_LINE_BYTES} bytes`);
    const request = decodeRequest(line);
    if (request.type === 'hello') return async () => greeting(request.version);
    const perform =
      request.type === 'change'
        ? prepare(request.changes)
        : lockOnly(request.type === 'take' ? take : release);
    return () => answer(request.seq, perform);
  } catch (error) {
    const seq = error instanceof ProtocolError ? error.seq : null;
    return async () => ({ type: 'error', seq, code: 'not-understood', message: messageOf(error) });
  }
}

/** The work of a request about the lock alone. */
function lockOnly(act: () => unknown): () => Promise<ChangeFailure[]> {
  return async () => {
    await act();
    return [];
  };
}

function greeting(version: number): Response {
  if (version === PROTOCOL_VERSION) return { type: 'hello', version };
  const message = `the helper speaks version ${PROTOCOL_VERSION}, not ${version}`;
  return { type: 'error', seq: null, code: 'version', message };
}

async function answer(seq: number, perform: () => Promise<ChangeFailure[]>): Promise<Response> {
  try {
    return { type: 'answer', seq, refused: await perform() };
  } catch (error) {
    // `ip` could not be run at all: nothing was changed, and the next request may fare better.
    const code = error instanceof Failure && error.kind === 'lock-held' ? 'lock-held' : 'unusable';
    return { type: 'error', seq, code, message: messageOf(error) };
  }
}
