import { mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { HelperClient } from '../../src/helper/client.ts';
import {
  decodeRequest,
  encodeResponse,
  MAX_CHANGES,
  type Request,
  type Response,
} from '../../src/helper/protocol.ts';
import type { Argv, CommandStream, CommandStreamer, StreamExit } from '../../src/platform/command.ts';
import { LinuxElevation } from '../../src/platform/linux/elevation.ts';
import { FlockLocks } from '../../src/platform/linux/flock.ts';
import { ProcessRunner } from '../../src/platform/process.ts';
import { add, ours } from './routes.ts';

/** What a helper does at one request: answers, ends, or both. */
type Script = (request: Request) => Response | StreamExit | Error | string;

/** Helpers that follow scripts, one after the other. */
class FakeHelpers implements CommandStreamer {
  readonly started: Argv[] = [];
  readonly requests: Request[] = [];
  readonly #scripts: Script[];

  constructor(...scripts: Script[]) {
    this.#scripts = scripts;
  }

  stream(argv: Argv, onLine: (line: string) => void): CommandStream {
    this.started.push(argv);
    const script = this.#scripts.shift();
    if (script === undefined) throw new Error('a helper too many');
    let resolve: (exit: StreamExit) => void = () => undefined;
    let reject: (error: Error) => void = () => undefined;
    const exit = new Promise<StreamExit>((...settle) => {
      [resolve, reject] = settle;
    });
    return {
      pid: 1,
      exit,
      end: () => resolve({ code: 0, stderr: '' }),
      kill: () => resolve({ code: null, stderr: '' }),
      leave: () => undefined,
      write: (line) => {
        const request = decodeRequest(line.trimEnd());
        this.requests.push(request);
        const outcome = script(request);
        if (outcome instanceof Error) reject(outcome);
        else if (typeof outcome === 'string') onLine(outcome);
        else if ('stderr' in outcome) resolve(outcome);
        else onLine(encodeResponse(outcome).trimEnd());
      },
    };
  }
}

/** Answers every request, and refuses nothing. */
const working: Script = (request) =>
  request.type === 'hello' ? request : { type: 'answer', seq: request.seq, refused: [] };

let directory: string;
let lockPath: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mkplan-client-'));
  lockPath = join(directory, 'helper.lock');
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

function client(helpers: FakeHelpers, isElevated = false): HelperClient {
  const elevation = new LinuxElevation(helpers, () => isElevated);
  return new HelperClient({
    command: ['/usr/bin/node', '/opt/helper.js'],
    lockPath,
    elevation,
    locks: new FlockLocks(new ProcessRunner()),
  });
}

const many = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    add(ours({ destination: `10.${Math.floor(index / 256)}.${index % 256}.0/24` })),
  );

describe('HelperClient', () => {
  test('starts one helper, at the first change, with the lock to hold', async () => {
    const helpers = new FakeHelpers(working);
    const changer = client(helpers);
    expect(helpers.started).toEqual([]);
    expect(await changer.change(many(1))).toEqual([]);
    expect(await changer.change(many(1))).toEqual([]);
    expect(helpers.started).toEqual([['/usr/bin/node', '/opt/helper.js', '--lock', lockPath]]);
    await changer.close();
  });

  test('makes the lock file for the user alone', async () => {
    const changer = client(new FakeHelpers(working));
    await changer.start();
    expect((await stat(lockPath)).mode & 0o777).toBe(0o600);
    await changer.close();
  });

  test('follows no link in place of the lock file', async () => {
    await symlink(join(directory, 'elsewhere'), lockPath);
    await expect(client(new FakeHelpers(working)).start()).rejects.toMatchObject({
      diagnostics: [{ code: 'helper-unable' }],
    });
    await expect(stat(join(directory, 'elsewhere'))).rejects.toThrow();
  });

  test('leaves what an existing lock file holds', async () => {
    await writeFile(lockPath, 'kept');
    const changer = client(new FakeHelpers(working));
    await changer.start();
    await changer.close();
    expect(await readFile(lockPath, 'utf8')).toBe('kept');
  });

  test('splits many changes, and puts refusals back where they belong', async () => {
    const helpers = new FakeHelpers((request) =>
      request.type === 'hello'
        ? request
        : { type: 'answer', seq: request.seq, refused: [{ index: 7, message: `in ${request.seq}` }] },
    );
    const changer = client(helpers);
    expect(await changer.change(many(2 * MAX_CHANGES + 500))).toEqual([
      { index: 7, message: 'in 0' },
      { index: MAX_CHANGES + 7, message: 'in 1' },
      { index: 2 * MAX_CHANGES + 7, message: 'in 2' },
    ]);
    const sent = helpers.requests.flatMap((request) => (request.type === 'change' ? request.changes : []));
    expect(sent).toEqual(many(2 * MAX_CHANGES + 500));
    await changer.close();
  });

  test('sends one request ahead of the answers, and no more', async () => {
    const sent: number[] = [];
    const answers: (() => void)[] = [];
    const helpers = new FakeHelpers(working);
    const stream = helpers.stream.bind(helpers);
    helpers.stream = (argv, onLine) => {
      const fake = stream(argv, (line) => {
        if (line.includes('hello')) onLine(line);
        else answers.push(() => onLine(line));
      });
      return {
        ...fake,
        write: (line) => {
          fake.write(line);
          sent.push(helpers.requests.length);
        },
      };
    };
    const changer = client(helpers);
    await changer.start();
    const changing = changer.change(many(3 * MAX_CHANGES));
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers.shift()?.();
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    for (const answer of answers) answer();
    expect(await changing).toEqual([]);
    // The greeting and three requests.
    expect(sent).toHaveLength(4);
    await changer.close();
  });

  test('a helper that dies over one request is not replaced for the next of the same changes', async () => {
    const dying: Script = (request) =>
      request.type === 'hello'
        ? request
        : request.seq === 1
          ? { code: null, stderr: 'Killed' }
          : { type: 'answer', seq: request.seq, refused: [] };
    const helpers = new FakeHelpers(dying);
    const changer = client(helpers);
    await expect(changer.change(many(4 * MAX_CHANGES))).rejects.toMatchObject({
      diagnostics: [{ code: 'helper-gone', cause: 'Killed' }],
    });
    expect(helpers.started).toHaveLength(1);
    await changer.close();
  });

  test('a helper that dies over a change is gone, and the next change starts another', async () => {
    const dying: Script = (request) =>
      request.type === 'hello' ? request : { code: null, stderr: 'Killed' };
    const changer = client(new FakeHelpers(dying, working));
    await expect(changer.change(many(1))).rejects.toMatchObject({
      diagnostics: [{ code: 'helper-gone', cause: 'Killed' }],
    });
    expect(await changer.change(many(1))).toEqual([]);
    await changer.close();
  });

  test.each<[string, Script]>([
    ['what nobody understands', () => 'Segmentation fault'],
    ['another number', () => ({ type: 'answer', seq: 77, refused: [] })],
  ])('an answer with %s ends the session', async (_, script) => {
    const changer = client(
      new FakeHelpers((request) => (request.type === 'hello' ? request : script(request))),
    );
    await expect(changer.change(many(1))).rejects.toMatchObject({ diagnostics: [{ code: 'helper-gone' }] });
    await changer.close();
  });

  test('sudo that ends before the helper has spoken refused it; it is not asked twice', async () => {
    const helpers = new FakeHelpers(() => ({ code: 1, stderr: 'sudo: 3 incorrect password attempts\n' }));
    const changer = client(helpers, true);
    const refused = {
      diagnostics: [{ code: 'elevation-refused', cause: 'sudo: 3 incorrect password attempts' }],
    };
    await expect(changer.start()).rejects.toMatchObject(refused);
    await expect(changer.change(many(1))).rejects.toMatchObject(refused);
    expect(helpers.started).toHaveLength(1);
    await changer.close();
  });

  test('sudo that is not there is told as such, and that it cannot be started otherwise', async () => {
    const absent = Object.assign(new Error('spawn sudo ENOENT'), { code: 'ENOENT' });
    await expect(client(new FakeHelpers(() => absent), true).start()).rejects.toMatchObject({
      diagnostics: [{ code: 'sudo-missing', fix: expect.stringContaining('Install sudo') }],
    });
    const broken = Object.assign(new Error('spawn sudo EACCES'), { code: 'EACCES' });
    await expect(client(new FakeHelpers(() => broken), true).start()).rejects.toMatchObject({
      diagnostics: [{ code: 'elevation-refused', cause: 'spawn sudo EACCES' }],
    });
  });

  test('a start that nobody waits for fails in the change', async () => {
    const changer = client(new FakeHelpers(() => ({ code: 64, stderr: 'usage' })));
    changer.start();
    await expect(changer.change(many(1))).rejects.toMatchObject({ diagnostics: [{ code: 'helper-gone' }] });
  });

  test.each([
    ['lock-held', 'lock-held'],
    ['exposed', 'helper-exposed'],
    ['unusable', 'helper-unable'],
    ['version', 'helper-unable'],
  ] as const)('the error %s is told as %s', async (code, told) => {
    const changer = client(new FakeHelpers(() => ({ type: 'error', seq: null, code, message: 'because' })));
    await expect(changer.start()).rejects.toMatchObject({ diagnostics: [{ code: told }] });
  });

  test('a helper that let go is kept for the next change', async () => {
    const helpers = new FakeHelpers(working);
    const changer = client(helpers);
    await changer.change(many(1));
    await changer.release();
    await changer.change(many(1));
    expect(helpers.started).toHaveLength(1);
    expect(helpers.requests.map(({ type }) => type)).toEqual(['hello', 'change', 'release', 'change']);
    await changer.close();
  });

  test('one that let go keeps others out again when told to', async () => {
    const helpers = new FakeHelpers(working);
    const changer = client(helpers);
    await changer.change(many(1));
    await changer.release();
    expect(await changer.take()).toBe(true);
    await changer.change(many(1));
    expect(helpers.started).toHaveLength(1);
    const types = helpers.requests.map(({ type }) => type);
    expect(types).toEqual(['hello', 'change', 'release', 'take', 'change']);
    await changer.close();
  });

  test('nobody is kept out by a helper that was not started, and none is started for it', async () => {
    const helpers = new FakeHelpers();
    expect(await client(helpers).take()).toBe(false);
    expect(helpers.started).toEqual([]);
  });

  test('nobody is kept out by a helper whose lock another one has', async () => {
    const changer = client(
      new FakeHelpers((request) =>
        request.type === 'take'
          ? { type: 'error', seq: request.seq, code: 'lock-held', message: 'because' }
          : working(request),
      ),
    );
    await changer.start();
    expect(await changer.take()).toBe(false);
    await changer.close();
  });

  test('a helper that is found gone when it should keep others out is replaced by the next change', async () => {
    const dying: Script = (request) =>
      request.type === 'take' ? { code: null, stderr: '' } : working(request);
    const helpers = new FakeHelpers(dying, working);
    const changer = client(helpers);
    await changer.start();
    expect(await changer.take()).toBe(false);
    expect(await changer.change(many(1))).toEqual([]);
    expect(helpers.started).toHaveLength(2);
    await changer.close();
  });

  test('a helper that is found gone when it should let go is replaced by the next change', async () => {
    const dying: Script = (request) =>
      request.type === 'release' ? { code: null, stderr: '' } : working(request);
    const helpers = new FakeHelpers(dying, working);
    const changer = client(helpers);
    await changer.change(many(1));
    await changer.release();
    expect(await changer.change(many(1))).toEqual([]);
    expect(helpers.started).toHaveLength(2);
    await changer.close();
  });

  test('releasing without having started anything starts nothing', async () => {
    await client(new FakeHelpers()).release();
  });

  test('closing without having started anything is fine', async () => {
    await client(new FakeHelpers()).close();
  });
});
