import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Failure } from '../../src/model/diagnostic.ts';
import { loadSpec } from '../../src/spec/load.ts';
import { BROKEN_SPECS } from './broken.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mkplan-broken-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function failureOf(path: string): Promise<Failure> {
  const failure = await loadSpec(path).then(
    () => null,
    (error: unknown) => error,
  );
  if (!(failure instanceof Failure)) throw new Error(`${path} was not refused`, { cause: failure });
  return failure;
}

describe('broken specs', () => {
  test.each(BROKEN_SPECS)('$name is refused as $code', async ({ code, at, lay }) => {
    const path = await lay(directory);
    const failure = await failureOf(path);
    expect(failure.kind).toBe('error');
    const [first] = failure.diagnostics;
    expect(first).toMatchObject({ code, severity: 'error' });
    expect(first?.at).toEqual(at === null ? undefined : { file: path, ...at });
    for (const diagnostic of failure.diagnostics) {
      expect(diagnostic.summary, 'no control characters reach the terminal').not.toMatch(/\p{Cc}/u);
      expect([diagnostic.summary, diagnostic.cause, diagnostic.fix]).not.toContain('');
    }
  });

  test('every file kept for it is in the table', async () => {
    const kept = await readdir(new URL('fixtures/broken/', import.meta.url));
    const names = BROKEN_SPECS.map(({ name }) => `${name}.yaml`);
    expect(kept.filter((file) => !names.includes(file))).toEqual([]);
    expect(kept.length).toBeGreaterThanOrEqual(30);
  });

  test.each(BROKEN_SPECS)('$name has that one problem alone', async ({ lay }) => {
    const { diagnostics } = await failureOf(await lay(await mkdtemp(join(directory, 'alone-'))));
    expect(diagnostics.map(({ code }) => code)).toHaveLength(1);
  });
});
