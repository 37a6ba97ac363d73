import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { QueuedOutput } from '../../src/cli/output-stream.ts';

const MIB = 1024 * 1024;

/** A pipe whose reader takes what it is given only once it is told to, or answers each text with an error. */
function pipe(error: NodeJS.ErrnoException | null = null) {
  const waiting: (() => void)[] = [];
  const stream = new Writable({
    autoDestroy: false,
    write: (_chunk, _encoding, done) => {
      waiting.push(() => done(error));
    },
  });
  return {
    output: new QueuedOutput(stream),
    stream,
    read: () => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) next();
    },
  };
}

it('keeps little for a reader that never reads, says so, and goes on', async () => {
  const { output, stream } = pipe();
  for (let line = 0; line < 40; line++) output.write('x'.repeat(MIB));
  expect(stream.writableLength).toBeLessThan(20 * MIB);
  expect(output.loss()).toBe('its reader did not read it');
  expect(await output.settled(1)).toBe(false);
});

it('takes one text of any size, and lines after it', () => {
  const { output, stream } = pipe();
  output.write('x'.repeat(40 * MIB));
  output.write('line\n');
  expect(stream.writableLength).toBe(40 * MIB + 5);
  expect(output.loss()).toBeNull();
});

it('settles once everything is read', async () => {
  const { output, read } = pipe();
  expect(await output.settled(0)).toBe(true);
  output.write('line\n');
  const settled = output.settled(60_000);
  read();
  read();
  expect(await settled).toBe(true);
});

it.each([
  ['EPIPE', null],
  ['ECONNRESET', null],
  ['EIO', 'write EIO'],
])('takes %s as what it is: a reader that left, or a loss', async (code, loss) => {
  const { output, read } = pipe(Object.assign(new Error(`write ${code}`), { code }));
  output.write('line\n');
  read();
  await expect.poll(() => output.loss()).toBe(loss);
});
