import { expect, test } from 'vitest';
import { LineBuffer } from '../../../src/cli/views/line-buffer.ts';

test('what is added in one go is written at once, in order, before anything that waits goes on', async () => {
  const written: string[] = [];
  const lines = new LineBuffer({ write: (text) => written.push(text) });
  lines.add('a\n');
  lines.add('b\n');
  expect(written).toEqual([]);
  await Promise.resolve();
  expect(written).toEqual(['a\nb\n']);
  lines.add('c\n');
  await Promise.resolve();
  expect(written).toEqual(['a\nb\n', 'c\n']);
});

test('flushing writes what is held, once', async () => {
  const written: string[] = [];
  const lines = new LineBuffer({ write: (text) => written.push(text) });
  lines.add('a\n');
  lines.flush();
  lines.flush();
  await Promise.resolve();
  expect(written).toEqual(['a\n']);
});
