import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Failure } from '../../src/model/diagnostic.ts';
import type { CommandRunner } from '../../src/platform/command.ts';
import { FlockLocks } from '../../src/platform/linux/flock.ts';
import { ProcessRunner } from '../../src/platform/process.ts';
import { createLock, HELPER_LOCK } from '../../src/registry/lock-file.ts';
import type { LockHolder } from '../../src/registry/registry.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';

let built = '';
let program = '';

beforeAll(async () => {
  built = await mkdtemp(join(tmpdir(), 'mkplan-lock-'));
  program = join(built, 'hold-lock.mjs');
  await build({
    entryPoints: [join(import.meta.dirname, '../fakes/hold-lock.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
  });
});

afterAll(() => rm(built, { recursive: true, force: true }));

async function started(command: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

const holder = (dir: string) => started(process.execPath, [program, dir, 'apply /p/tunnel.yaml']);

/** Holds a file's lock as a helper would, with nothing of mkplan in it. */
const helper = (dir: string) =>
  started('flock', ['--no-fork', join(dir, HELPER_LOCK), 'sh', '-c', 'echo held; exec cat']);

async function ended(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function acquire(dir: string, waitMs = 0, signal?: AbortSignal, takeHelper?: () => Promise<boolean>) {
  const heard: (LockHolder | null)[] = [];
  let wait: () => void = () => undefined;
  const waiting = new Promise<void>((resolve) => {
    wait = resolve;
  });
  const lock = createLock(dir, new FlockLocks(new ProcessRunner())).acquire({
    doing: 'destroy /p/tunnel.yaml',
    waitMs,
    onWait: (found) => {
      heard.push(found);
      wait();
    },
    ...(signal === undefined ? {} : { signal }),
    ...(takeHelper === undefined ? {} : { takeHelper }),
  });
  return { lock, heard, waiting };
}

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const thrown: unknown = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(thrown instanceof Failure)) throw thrown;
  return thrown;
}

test('a free lock is taken, says who has it, and is free again when released', async () => {
  const dir = await temporaryDirectory();
  const held = await acquire(dir).lock;
  expect(JSON.parse(await readFile(join(dir, 'lock'), 'utf8'))).toMatchObject({
    pid: process.pid,
    doing: 'destroy /p/tunnel.yaml',
  });
  expect((await failureOf(acquire(dir).lock)).kind).toBe('lock-held');
  await held.release();
  await (await acquire(dir).lock).release();
});

test('whoever does not wait is told who holds it, since when, doing what', async () => {
  const dir = await temporaryDirectory();
  const other = await holder(dir);
  const failure = await failureOf(acquire(dir).lock);
  expect(failure.kind).toBe('lock-held');
  expect(failure.message).toMatch(new RegExp(`pid ${other.pid}\\) .* since 20.*: apply /p/tunnel.yaml`));
});

test('a killed holder frees the lock at once: the waiter has it without anybody releasing it', async () => {
  const dir = await temporaryDirectory();
  const other = await holder(dir);
  const { lock, heard, waiting } = acquire(dir, 60_000);
  await waiting;
  expect(heard).toEqual([{ pid: other.pid, since: expect.any(String), doing: 'apply /p/tunnel.yaml' }]);
  await ended(other);
  await (await lock).release();
  expect(heard).toHaveLength(1);
});

test('a wait that is over is a Failure of kind lock-held', async () => {
  const dir = await temporaryDirectory();
  await holder(dir);
  const { lock, heard } = acquire(dir, 200);
  expect((await failureOf(lock)).kind).toBe('lock-held');
  expect(heard).toHaveLength(1);
});

test('a wait can be aborted, and leaves nothing that takes the lock later', async () => {
  const dir = await temporaryDirectory();
  const other = await holder(dir);
  const abort = new AbortController();
  const { lock, waiting } = acquire(dir, 60_000, abort.signal);
  await waiting;
  abort.abort();
  expect((await failureOf(lock)).kind).toBe('interrupted');
  await ended(other);
  await (await acquire(dir).lock).release();
});

test('the helper of a killed mkplan is waited for, whatever the patience with the lock', async () => {
  const dir = await temporaryDirectory();
  const working = await helper(dir);
  const { lock, heard, waiting } = acquire(dir, 0);
  await waiting;
  expect(heard).toEqual([null]);
  await ended(working);
  const held = await lock;
  const own = await helper(dir);
  await ended(own);
  await held.release();
});

test.each([
  ['keeps others out is not waited for', true],
  ['does not is waited for', false],
])('a helper of our own that %s', async (_, keeps) => {
  const dir = await temporaryDirectory();
  const own = await helper(dir);
  const asked: string[] = [];
  const takeHelper = async () => {
    asked.push(JSON.stringify(await failureOf(acquire(dir).lock)));
    return keeps;
  };
  const { lock, heard, waiting } = acquire(dir, 0, undefined, takeHelper);
  if (keeps) await (await lock).release();
  else await waiting;
  expect(heard).toEqual(keeps ? [] : [null]);
  // It was asked with the lock held, and once.
  expect(asked).toEqual([expect.stringContaining('lock-held')]);
  await ended(own);
  if (!keeps) await (await lock).release();
});

test('a child that inherited the descriptor keeps the lock beyond its parent', async () => {
  const dir = await temporaryDirectory();
  // The grandchild lives until descriptor 3 closes: Node closes standard input itself when the child exits.
  const child = spawn(
    'flock',
    ['--no-fork', join(dir, 'lock'), 'sh', '-c', 'cat <&3 & echo held; exec cat >/dev/null'],
    { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] },
  );
  if (child.stdout === null) throw new Error('no output to wait for');
  await once(child.stdout, 'data');
  await ended(child);
  expect((await failureOf(acquire(dir).lock)).kind).toBe('lock-held');
  child.stdio[3]?.destroy();
  await (await acquire(dir, 60_000).lock).release();
});

test('a lock file that is a symbolic link is refused', async () => {
  const dir = await temporaryDirectory();
  await writeFile(join(dir, 'elsewhere'), 'precious');
  await symlink(join(dir, 'elsewhere'), join(dir, 'lock'));
  expect((await failureOf(acquire(dir).lock)).diagnostics[0]?.code).toBe('state-symlink');
  expect(await readFile(join(dir, 'elsewhere'), 'utf8')).toBe('precious');
});

test('what a holder wrote is believed only where it is understood', async () => {
  const dir = await temporaryDirectory();
  const other = await holder(dir);
  await writeFile(join(dir, 'lock'), '{"pid": "me"');
  const failure = await failureOf(acquire(dir).lock);
  expect(failure.message).toMatch(/held by another process/);
  other.stdin?.end();
});

test('without flock(1) the Failure says what to install', async () => {
  const runner: CommandRunner = {
    run: () => Promise.reject(Object.assign(new Error('spawn flock ENOENT'), { code: 'ENOENT' })),
  };
  const lock = createLock(await temporaryDirectory(), new FlockLocks(runner));
  const failure = await failureOf(lock.acquire({ doing: 'plan', waitMs: 0, onWait: () => undefined }));
  expect(failure.diagnostics[0]?.fix).toMatch(/util-linux/);
});

test('flock(1) runs in a session of its own, so that a Ctrl-C does not end it before it is understood', async () => {
  const sessions: (boolean | undefined)[] = [];
  const real = new ProcessRunner();
  const runner: CommandRunner = {
    run: (argv, options) => {
      sessions.push(options.detached);
      return real.run(argv, options);
    },
  };
  const lock = createLock(await temporaryDirectory(), new FlockLocks(runner));
  await (await lock.acquire({ doing: 'plan', waitMs: 0, onWait: () => undefined })).release();
  expect(sessions).toEqual([true, true]);
});
