import { appendFile, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Failure } from '../../src/model/diagnostic.ts';
import { routeKey } from '../../src/model/route.ts';
import { createJournal } from '../../src/registry/journal-file.ts';
import { encodeLine, replay } from '../../src/registry/journal-records.ts';
import type { IntendedChange } from '../../src/registry/registry.ts';
import { create, OWNER, replace, route } from '../fakes/plans.ts';
import { fileHandlePrototype, watchSync } from '../fakes/sync.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';

const BEGIN = { txid: 't1', spec: '/p/tunnel.yaml', bootId: 'boot-1', networkNamespace: '42' };

const ADD: IntendedChange = { change: { step: 0, op: 'add' }, step: create(route('10.96.0.0/12')) };
const MOVED = replace(route('fd00:96::/112'), route('fd00:96::/112', { metric: 110, gateway: 'fd00:39::9' }));
const MOVE_IN: IntendedChange = { change: { step: 1, op: 'add' }, step: MOVED };
const MOVE_OUT: IntendedChange = { change: { step: 1, op: 'delete' }, step: MOVED };
const CLAIM = {
  profile: 'minikube',
  purpose: 'services' as const,
  route: route('10.96.0.0/12'),
  owner: OWNER,
  created: '2026-01-01T00:00:00.000Z',
};

async function journalWith(dir: string, until: 'intent' | 'decided' = 'decided') {
  const journal = createJournal(dir);
  await journal.begin(BEGIN);
  await journal.intend('t1', [ADD, MOVE_IN]);
  if (until === 'intent') return journal;
  await journal.done('t1', [ADD, MOVE_IN]);
  await journal.intend('t1', [MOVE_OUT]);
  await journal.undone('t1', [MOVE_OUT]);
  await journal.decide('t1', [CLAIM]);
  return journal;
}

const pathIn = (dir: string) => join(dir, 'journal.ndjson');

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  const thrown: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  return thrown instanceof Failure ? thrown.diagnostics[0]?.code : String(thrown);
}

test('there is no open transaction without a journal', async () => {
  expect(await createJournal(await temporaryDirectory()).open()).toBeNull();
});

test('an open transaction comes back as it was written, IPv6 routes included', async () => {
  const dir = await temporaryDirectory();
  await journalWith(dir);
  const found = await createJournal(dir).open();
  expect(found).toEqual({
    ...BEGIN,
    decided: true,
    awaiting: false,
    ingress: null,
    deadlineMs: null,
    changes: 3,
    intents: [
      { ...ADD, state: 'done' },
      { ...MOVE_IN, state: 'done' },
      { ...MOVE_OUT, state: 'undone' },
    ],
    claims: [CLAIM],
  });
  expect(found?.intents.map(({ step }) => step.after && routeKey(step.after))).toEqual([
    routeKey(route('10.96.0.0/12')),
    routeKey(route('fd00:96::/112', { metric: 110, gateway: 'fd00:39::9' })),
    routeKey(route('fd00:96::/112', { metric: 110, gateway: 'fd00:39::9' })),
  ]);
});

test('closing empties the journal, and the next transaction begins in it', async () => {
  const dir = await temporaryDirectory();
  const journal = await journalWith(dir);
  await journal.close('t1', 'committed');
  expect((await stat(pathIn(dir))).size).toBe(0);
  expect(await journal.open()).toBeNull();
  await journal.begin({ ...BEGIN, txid: 't2' });
  expect((await journal.open())?.txid).toBe('t2');
});

test('the file is for its owner alone', async () => {
  const dir = await temporaryDirectory();
  await journalWith(dir);
  expect((await stat(pathIn(dir))).mode & 0o777).toBe(0o600);
});

test.runIf(process.platform === 'linux')(
  'a journal that cannot be made to last is not left open',
  async () => {
    const dir = await temporaryDirectory();
    await failFile(dir, 'sync', 1);
    expect(await codeOf(createJournal(dir).begin(BEGIN))).toBe('state-file');
    const open = await Promise.all(
      (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    );
    expect(open.filter((path) => path.startsWith(dir))).toEqual([]);
  },
);

test('a second transaction cannot begin while one is open', async () => {
  const dir = await temporaryDirectory();
  await journalWith(dir);
  expect(await codeOf(createJournal(dir).begin({ ...BEGIN, txid: 't2' }))).toBe('transaction-open');
  expect((await createJournal(dir).open())?.txid).toBe('t1');
});

test('a journal torn at any byte tells of the lines before, and can be gone on with', async () => {
  const dir = await temporaryDirectory();
  await journalWith(dir);
  const whole = await readFile(pathIn(dir));
  const states = new Map<number, unknown>([[0, null]]);
  for (let end = whole.indexOf(10); end >= 0; end = whole.indexOf(10, end + 1)) {
    states.set(end + 1, replay(whole.subarray(0, end + 1)).transaction);
  }
  expect(states.size).toBe(7);
  let before: unknown = null;
  for (let size = 0; size <= whole.length; size++) {
    if (states.has(size)) before = states.get(size);
    expect(replay(whole.subarray(0, size)).transaction, `torn at byte ${size}`).toEqual(before);
  }
});

test('what a crash tore off is cut before the journal is written on', async () => {
  const dir = await temporaryDirectory();
  await journalWith(dir, 'intent');
  const torn = encodeLine({ type: 'done', txid: 't1', changes: [ADD.change] });
  for (const length of [1, 20, torn.length - 1]) {
    await appendFile(pathIn(dir), torn.subarray(0, length));
    const recovering = createJournal(dir);
    expect((await recovering.open())?.intents[0]?.state).toBe('intended');
    await recovering.undone('t1', [MOVE_IN]);
    expect((await createJournal(dir).open())?.intents.map(({ state }) => state)).toEqual([
      'intended',
      'undone',
    ]);
  }
});

test('a flipped byte never goes unnoticed: the journal is refused, or its last line dropped', async () => {
  const dir = await temporaryDirectory();
  await journalWith(dir);
  const whole = await readFile(pathIn(dir));
  const withoutLast = replay(whole.subarray(0, whole.lastIndexOf(10, whole.length - 2) + 1)).transaction;
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
    let found: unknown = 'refused';
    try {
      found = replay(flipped).transaction;
    } catch {
      continue;
    }
    expect(at, 'only a lost last newline may pass').toBe(whole.length - 1);
    expect(found).toEqual(withoutLast);
  }
});

test('a damaged journal is a Failure that names the line, and is not written to', async () => {
  const dir = await temporaryDirectory();
  await journalWith(dir);
  const whole = await readFile(pathIn(dir), 'utf8');
  const damaged = whole.replace('10.96.0.0/12', '10.97.0.0/16');
  await writeFile(pathIn(dir), damaged);
  const journal = createJournal(dir);
  await expect(journal.open()).rejects.toThrow(/damaged at line 2/);
  expect(await codeOf(journal.begin(BEGIN))).toBe('journal-damaged');
  expect(await codeOf(journal.close('t1', 'undone'))).toBe('journal-damaged');
  expect(await readFile(pathIn(dir), 'utf8')).toBe(damaged);
});

test('a whole line that no transaction allows is damage', () => {
  const begin = encodeLine({ type: 'begin', ...BEGIN });
  const done = encodeLine({ type: 'done', txid: 't1', changes: [ADD.change] });
  const other = encodeLine({ type: 'closed', txid: 't2', outcome: 'undone' });
  expect(() => replay(Buffer.concat([begin, begin]))).toThrow(/line 2: begins a transaction inside another/);
  expect(() => replay(Buffer.concat([begin, done]))).toThrow(/line 2: step 0 was never intended/);
  expect(() => replay(Buffer.concat([begin, other]))).toThrow(/line 2: is of no open transaction/);
  expect(() => replay(done)).toThrow(/line 1: is of no open transaction/);
});

test('a journal of a newer version is left to the newer mkplan', async () => {
  const dir = await temporaryDirectory();
  const line = encodeLine({ type: 'begin', ...BEGIN, ...{ version: 4 } });
  await writeFile(pathIn(dir), line);
  expect(await codeOf(createJournal(dir).open())).toBe('journal-newer');
  expect(await codeOf(createJournal(dir).begin(BEGIN))).toBe('journal-newer');
  expect(await readFile(pathIn(dir))).toEqual(line);
});

test.each([1, 2])('an open journal of version %d is recovered like one of this', async (version) => {
  const dir = await temporaryDirectory();
  await writeFile(
    pathIn(dir),
    Buffer.concat([
      encodeLine({ type: 'begin', ...BEGIN, ...{ version } }),
      encodeLine({ type: 'intent', txid: 't1', changes: [ADD] }),
      encodeLine({ type: 'decided', txid: 't1', claims: [CLAIM] }),
    ]),
  );
  const journal = createJournal(dir);
  expect(await journal.open()).toMatchObject({ txid: 't1', decided: true, claims: [CLAIM], changes: 1 });
  await journal.close('t1', 'committed');
  expect(await journal.open()).toBeNull();
});

test('a claim comes back from the journal with the keys that are not known', async () => {
  const claim = { ...CLAIM, unknown: { priority: 7, owner: { seat: 'b' } } };
  const dir = await temporaryDirectory();
  const journal = createJournal(dir);
  await journal.begin(BEGIN);
  await journal.decide('t1', [claim]);
  expect((await createJournal(dir).open())?.claims).toEqual([claim]);
});

test('a journal of a version that never was is damaged', async () => {
  const dir = await temporaryDirectory();
  await writeFile(pathIn(dir), encodeLine({ type: 'begin', ...BEGIN, ...{ version: 0 } }));
  expect(await codeOf(createJournal(dir).open())).toBe('journal-damaged');
});

test('a symbolic link in the place of the journal is refused', async () => {
  const dir = await temporaryDirectory();
  await writeFile(join(dir, 'elsewhere'), 'precious');
  await symlink(join(dir, 'elsewhere'), pathIn(dir));
  expect(await codeOf(createJournal(dir).open())).toBe('state-symlink');
  expect(await codeOf(createJournal(dir).begin(BEGIN))).toBe('state-symlink');
  expect(await readFile(join(dir, 'elsewhere'), 'utf8')).toBe('precious');
});

test('a journal that was closed but not yet emptied is no open transaction', async () => {
  const dir = await temporaryDirectory();
  await journalWith(dir);
  await appendFile(pathIn(dir), encodeLine({ type: 'closed', txid: 't1', outcome: 'committed' }));
  const journal = createJournal(dir);
  expect(await journal.open()).toBeNull();
  await journal.begin({ ...BEGIN, txid: 't2' });
  expect((await createJournal(dir).open())?.txid).toBe('t2');
});

/** Makes the next calls of a file method fail, of whatever file. */
async function failFile(dir: string, method: 'sync' | 'truncate', times: number): Promise<void> {
  const spy = vi.spyOn(await fileHandlePrototype(dir), method);
  onTestFinished(() => spy.mockRestore());
  for (let count = 0; count < times; count++) {
    spy.mockRejectedValueOnce(Object.assign(new Error(`EIO: i/o error, ${method}`), { code: 'EIO' }));
  }
}

test('a record whose fsync failed is taken back, and the next one is written', async () => {
  const dir = await temporaryDirectory();
  const journal = await journalWith(dir, 'intent');
  await failFile(dir, 'sync', 1);
  expect(await codeOf(journal.decide('t1', [CLAIM]))).toBe('state-file');
  expect((await createJournal(dir).open())?.decided).toBe(false);
  await journal.undone('t1', [ADD, MOVE_IN]);
  await journal.close('t1', 'undone');
  expect(await createJournal(dir).open()).toBeNull();
});

test('after a failed record that could not be taken back nothing is appended any more', async () => {
  const dir = await temporaryDirectory();
  const journal = await journalWith(dir, 'intent');
  await failFile(dir, 'sync', 1);
  await failFile(dir, 'truncate', 1);
  expect(await codeOf(journal.done('t1', [ADD]))).toBe('state-file');
  const size = (await stat(pathIn(dir))).size;
  expect(await codeOf(journal.decide('t1', [CLAIM]))).toBe('state-file');
  expect((await stat(pathIn(dir))).size).toBe(size);
});

test('each call is one fsync, made once its line is in the file; a new file costs one of its directory', async () => {
  const dir = await temporaryDirectory();
  const lines = await watchSync(
    dir,
    async () => (await readFile(pathIn(dir), 'utf8')).split('\n').length - 1,
  );
  const journal = await journalWith(dir);
  expect(lines).toEqual([0, 1, 2, 3, 4, 5, 6]);
  await journal.close('t1', 'committed');
  expect(lines).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test('a transaction that needs confirmation comes back with what undoing it takes, and its end is kept', async () => {
  const dir = await temporaryDirectory();
  const ingress = [
    {
      profile: 'minikube',
      context: 'minikube',
      namespace: 'default',
      name: 'web',
      uid: 'u1',
      before: {
        addresses: [],
        condition: {
          status: 'False' as const,
          reason: 'Exhausted',
          message: 'none free',
          lastTransitionTime: null,
        },
      },
      after: ['10.200.0.1'],
    },
  ];
  const journal = createJournal(dir);
  await journal.begin({ ...BEGIN, ingress });
  await journal.awaitConfirmation('t1', [CLAIM], 5_000_000_000);
  expect(await createJournal(dir).open()).toMatchObject({
    ingress,
    awaiting: true,
    decided: false,
    deadlineMs: 5_000_000_000,
    claims: [CLAIM],
  });
  expect((await stat(pathIn(dir))).mode & 0o777).toBe(0o600);
  await journal.decide('t1', [CLAIM]);
  expect(await createJournal(dir).open()).toMatchObject({ awaiting: false, decided: true });
  await journal.close('t1', 'undone', ['a route']);
  expect(await createJournal(dir).open()).toBeNull();
  expect(await createJournal(dir).last()).toEqual({ txid: 't1', outcome: 'undone', left: ['a route'] });
  await createJournal(dir).begin({ ...BEGIN, txid: 't2' });
  expect(await createJournal(dir).last()).toBeNull();
  expect((await createJournal(dir).open())?.txid).toBe('t2');
});
