import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FlockLocks } from '../../../src/platform/linux/flock.ts';
import { ProcessRunner } from '../../../src/platform/process.ts';

const runner = new ProcessRunner();
const locks = new FlockLocks(runner);

describe('FlockLocks', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mkplan-flock-'));
  });
  afterAll(async () => {
    await rm(directory, { recursive: true });
  });

  test('the lock stays after flock(1) has ended, and goes with the last copy of the descriptor', async () => {
    const path = join(directory, 'lock');
    const mine = await open(path, 'w');
    const theirs = await open(path, 'r');
    expect(await locks.tryLock(mine.fd)).toBe(true);
    expect(await locks.tryLock(theirs.fd)).toBe(false);
    const child = runner.run(['cat'], { timeoutMs: 300, descriptors: [mine.fd], input: '' });
    await mine.close();
    await child;
    expect(await locks.tryLock(theirs.fd)).toBe(true);
    await theirs.close();
  });

  test('a child that has the descriptor keeps the lock', async () => {
    const path = join(directory, 'inherited');
    const mine = await open(path, 'w');
    const theirs = await open(path, 'r');
    expect(await locks.tryLock(mine.fd)).toBe(true);
    const controller = new AbortController();
    const child = runner.run(['sleep', '600'], {
      timeoutMs: 60_000,
      descriptors: [mine.fd],
      signal: controller.signal,
    });
    await mine.close();
    expect(await locks.tryLock(theirs.fd)).toBe(false);
    const waiting = locks.tryLock(theirs.fd, { waitMs: 20_000 });
    controller.abort(new Error('end'));
    await expect(child).rejects.toThrow('end');
    expect(await waiting).toBe(true);
    await theirs.close();
  });

  test('a descriptor that cannot be locked is a Failure', async () => {
    const failing = { run: () => Promise.reject(new Error('spawn flock ENOENT')) };
    await expect(new FlockLocks(failing).tryLock(0)).rejects.toMatchObject({
      diagnostics: [{ code: 'lock-unavailable', cause: 'spawn flock ENOENT' }],
    });
    const odd = {
      run: async () => ({ code: 66, stdout: '', stderr: 'flock: 3: Bad file descriptor\n', timedOut: false }),
    };
    await expect(new FlockLocks(odd).tryLock(0)).rejects.toMatchObject({
      diagnostics: [{ cause: 'flock: 3: Bad file descriptor' }],
    });
  });
});
