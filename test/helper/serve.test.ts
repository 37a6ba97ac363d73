import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeRequest, type Response } from '../../src/helper/protocol.ts';
import { readLines, serve } from '../../src/helper/serve.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type { RouteChange } from '../../src/platform/route-table.ts';
import { prepare } from './on-linux.ts';
import { add, ours } from './routes.ts';

async function* bytes(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

async function linesOf(maxBytes: number, ...chunks: readonly string[]): Promise<(string | null)[]> {
  const lines: (string | null)[] = [];
  for await (const line of readLines(bytes(...chunks), maxBytes)) lines.push(line);
  return lines;
}

/** Serves the input and returns what was answered and what was performed. */
async function session(
  input: AsyncIterable<Uint8Array>,
  options: { heard?: (responses: number) => boolean; stopping?: () => boolean } = {},
): Promise<{ responses: Response[]; performed: RouteChange[]; released: number[]; taken: number[] }> {
  const responses: Response[] = [];
  const performed: RouteChange[] = [];
  /** How much was performed at each release. */
  const released: number[] = [];
  const taken: number[] = [];
  await serve({
    input,
    respond: (response) => {
      responses.push(response);
      return options.heard?.(responses.length) ?? true;
    },
    prepare: (changes) => async () => {
      performed.push(...changes);
      return [];
    },
    take: async () => taken.push(performed.length),
    release: () => void released.push(performed.length),
    stopping: options.stopping ?? (() => false),
  });
  return { responses, performed, released, taken };
}

const hello = encodeRequest({ type: 'hello', version: 1 });
const change = (seq: number) => encodeRequest({ type: 'change', seq, changes: [add(ours())] });

describe('readLines', () => {
  test('puts lines together over the borders of chunks', async () => {
    expect(await linesOf(100, 'a\nb', 'c', '\n\nd\n')).toEqual(['a', 'bc', '', 'd']);
  });

  test('what follows the last newline is no line', async () => {
    expect(await linesOf(100, 'a\nb')).toEqual(['a']);
  });

  test('a line past the bound is dropped, and the next one is read', async () => {
    expect(await linesOf(4, 'abcd\nabcde\nx\n')).toEqual(['abcd', null, 'x']);
    expect(await linesOf(4, 'ab', 'cd', 'e', 'fgh\nx\n')).toEqual([null, 'x']);
  });

  test('however the bytes are cut, the lines are the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('a', 'bc', 'defgh', '\n'), { maxLength: 20 }),
        async (chunks) => {
          expect(await linesOf(5, ...chunks)).toEqual(await linesOf(5, chunks.join('')));
        },
      ),
    );
  });
});

describe('serve', () => {
  test('answers each request by its number, in order', async () => {
    const { responses, performed } = await session(bytes(hello, change(4), change(9)));
    expect(responses).toEqual([
      { type: 'hello', version: 1 },
      { type: 'answer', seq: 4, refused: [] },
      { type: 'answer', seq: 9, refused: [] },
    ]);
    expect(performed).toHaveLength(2);
  });

  test('lets go of the lock when asked to, after the changes before it and before those behind', async () => {
    const release = encodeRequest({ type: 'release', seq: 5 });
    const { responses, released } = await session(bytes(hello, change(4), release, change(9)));
    expect(responses.slice(1)).toEqual([4, 5, 9].map((seq) => ({ type: 'answer', seq, refused: [] })));
    expect(released).toEqual([1]);
  });

  test('takes the lock when asked to, before the changes behind', async () => {
    const take = encodeRequest({ type: 'take', seq: 5 });
    const { responses, taken } = await session(bytes(hello, change(4), take, change(9)));
    expect(responses.slice(1)).toEqual([4, 5, 9].map((seq) => ({ type: 'answer', seq, refused: [] })));
    expect(taken).toEqual([1]);
  });

  test('a lock that another helper keeps is told, and the next request is served', async () => {
    const responses: Response[] = [];
    await serve({
      input: bytes(encodeRequest({ type: 'take', seq: 5 }), change(9)),
      respond: (response) => responses.push(response) > 0,
      prepare: () => async () => [],
      take: () => Promise.reject(new Failure('lock-held', [])),
      release: () => undefined,
      stopping: () => false,
    });
    expect(responses).toMatchObject([
      { type: 'error', seq: 5, code: 'lock-held' },
      { type: 'answer', seq: 9 },
    ]);
  });

  test('another version is told so', async () => {
    const { responses } = await session(bytes(encodeRequest({ type: 'hello', version: 2 })));
    expect(responses).toEqual([expect.objectContaining({ type: 'error', code: 'version' })]);
  });

  test('a request whose end never came is not performed', async () => {
    const { responses, performed } = await session(bytes(hello, change(1).slice(0, -1)));
    expect(responses).toHaveLength(1);
    expect(performed).toEqual([]);
  });

  test('one bad change in a request, and none of it is performed', async () => {
    const { changes } = JSON.parse(change(1));
    const line = JSON.stringify({ type: 'change', seq: 1, changes: [...changes, { op: 'flush' }] });
    const { responses, performed } = await session(bytes(`${line}\n`));
    expect(responses).toEqual([expect.objectContaining({ type: 'error', seq: 1, code: 'not-understood' })]);
    expect(performed).toEqual([]);
  });

  test('ends after the chunk that nobody heard the answer of', async () => {
    const { performed } = await session(bytes(change(1), change(2)), { heard: () => false });
    expect(performed).toHaveLength(1);
  });

  test('begins nothing when told to stop', async () => {
    const { performed } = await session(bytes(change(1), change(2)), { stopping: () => true });
    expect(performed).toEqual([]);
  });

  test('makes the next request ready while one is performed, but does not begin it', async () => {
    const events: string[] = [];
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    let requests = 0;
    await serve({
      input: bytes(change(1), change(2)),
      respond: () => events.push('answered') > 0,
      prepare: () => {
        const name = ++requests;
        events.push(`ready ${name}`);
        if (name === 2) end();
        return async () => {
          events.push(`begun ${name}`);
          await ended;
          return [];
        };
      },
      take: async () => undefined,
      release: () => undefined,
      stopping: () => false,
    });
    expect(events).toEqual(['ready 1', 'begun 1', 'ready 2', 'answered', 'begun 2', 'answered']);
  });

  test('the chunk that has begun is answered though the input breaks off', async () => {
    const responses: Response[] = [];
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(change(1));
      throw new Error('destroyed');
    }
    const served = serve({
      input: broken(),
      respond: (response) => responses.push(response) > 0,
      prepare: () => async () => [],
      take: async () => undefined,
      release: () => undefined,
      stopping: () => false,
    });
    await expect(served).rejects.toThrow('destroyed');
    expect(responses).toHaveLength(1);
  });

  test('changes that cannot be tried at all are an answer, not an end', async () => {
    const responses: Response[] = [];
    await serve({
      input: bytes(change(1), hello),
      respond: (response) => responses.push(response) > 0,
      prepare: () => () => Promise.reject(new Error('spawn EAGAIN')),
      take: async () => undefined,
      release: () => undefined,
      stopping: () => false,
    });
    expect(responses).toEqual([
      { type: 'error', seq: 1, code: 'unusable', message: 'spawn EAGAIN' },
      { type: 'hello', version: 1 },
    ]);
  });

  test('random bytes are each line an error, and never performed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 60 })), async (chunks) => {
        const { responses, performed } = await session(bytes(...chunks, '\n'));
        expect(performed).toEqual([]);
        expect(responses.length).toBeGreaterThan(0);
        for (const { type } of responses) expect(type).toBe('error');
      }),
    );
  });

  test('whatever becomes of a request on its way, `ip` is given nothing but whole, private routes', async () => {
    const line =
      /^route (add|del) proto \d+ metric \d+ tos 0 table 254 via [\d.]+( dev [^\s/:"'#\\-][^\s/:"'#\\]*)? unicast "10\.[\d.]+\/\d+"$/;
    const whole = Buffer.from(change(1));
    let given = 0;
    const runner = {
      run: async (_: unknown, { input = '' }: { input?: string }) => {
        for (const text of input.trimEnd().split('\n').slice(0, -1)) {
          expect(text).toMatch(line);
          given++;
        }
        return { code: 0, stdout: '', stderr: '', timedOut: false };
      },
    };
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: whole.length - 2 }), fc.nat({ max: 255 }), async (at, byte) => {
        const bent = Buffer.from(whole);
        bent[at] = byte;
        await serve({
          input: bytes(bent),
          respond: () => true,
          prepare: (changes) => prepare(changes, { runner, ip: '/sbin/ip', lock: async () => 3 }),
          take: async () => undefined,
          release: () => undefined,
          stopping: () => false,
        });
      }),
      { numRuns: 1000 },
    );
    expect(given).toBeGreaterThan(0);
  });
});
