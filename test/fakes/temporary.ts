import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory of the test's own, gone when the test ends. */
export async function temporaryDirectory(parent = tmpdir()): Promise<string> {
  const dir = await mkdtemp(join(parent, 'mkplan-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}
