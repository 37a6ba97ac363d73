import { messageOf } from '../model/diagnostic.ts';
import type { ChangeFailure, RouteChange } from '../platform/route-table.ts';
import { decodeRequest, MAX_LINE_BYTES, PROTOCOL_VERSION, ProtocolError, type Response } from './protocol.ts';

const NEWLINE = 10;

/**
 * The lines of a byte stream, without their ends; null for one longer than the bound, whose bytes are dropped. What
 * follows the last newline is no line: its writer died over it.
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
  /** Sends one answer; false when nobody listens any more. */
  readonly respond: (response: Response) => boolean;
  readonly perform: (changes: readonly RouteChange[]) => Promise<ChangeFailure[]>;
  /** Asked between requests: whether to end although there may be more of them. */
  readonly stopping: () => boolean;
}

/** Answers requests one after the other until the input ends, nobody listens, or it is told to stop. */
export async function serve({ input, respond, perform, stopping }: ServeOptions): Promise<void> {
  for await (const line of readLines(input)) {
    if (stopping() || !respond(await answer(line, perform))) return;
  }
}

async function answer(line: string | null, perform: ServeOptions['perform']): Promise<Response> {
  let seq: number | null = null;
  try {
    if (line === null) throw new ProtocolError(`longer than ${MAX_LINE_BYTES} bytes`);
    const request = decodeRequest(line);
    if (request.type === 'change') {
      seq = request.seq;
      return { type: 'answer', seq, refused: await perform(request.changes) };
    }
    if (request.version === PROTOCOL_VERSION) return { type: 'hello', version: PROTOCOL_VERSION };
    const message = `the helper speaks version ${PROTOCOL_VERSION}, not ${request.version}`;
    return { type: 'error', seq, code: 'version', message };
  } catch (error) {
    const message = messageOf(error);
    if (error instanceof ProtocolError)
      return { type: 'error', seq: error.seq, code: 'not-understood', message };
    // `ip` could not be run at all: nothing was changed, and the next request may fare better.
    return { type: 'error', seq, code: 'unusable', message };
  }
}
