import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure } from '../../src/model/diagnostic.ts';
import type { RememberedApproval } from '../../src/model/plan.ts';
import { createApprovals } from '../../src/registry/approvals-file.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';

const ONE: RememberedApproval = {
  spec: '/home/me/tunnel.yaml',
  profile: 'minikube',
  context: 'minikube',
  cluster: null,
  kind: 'gateway',
  subject: '192.168.39.10',
  why: 'not known to be a node',
  approvedOn: '2026-01-02T03:04:05.678Z',
};

const pathIn = (dir: string) => join(dir, 'approvals.json');

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  const thrown: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (thrown instanceof Failure) return thrown.diagnostics[0]?.code;
  throw new TypeError(`no Failure: ${String(thrown)}`);
}

test('nothing is remembered without a file', async () => {
  expect(await createApprovals(await temporaryDirectory()).read()).toEqual([]);
});

test('approvals come back as they were written, from a file for its owner alone', async () => {
  const dir = await temporaryDirectory();
  await writeFile(`${pathIn(dir)}.new`, 'what a killed mkplan left');
  const two = { ...ONE, spec: '/home/me/\u202e"\n.yaml', cluster: 'some-uid' };
  await createApprovals(dir).write([ONE, two]);
  expect(await createApprovals(dir).read()).toEqual([ONE, two]);
  expect((await stat(pathIn(dir))).mode & 0o777).toBe(0o600);
  await createApprovals(dir).write([]);
  expect(await createApprovals(dir).read()).toEqual([]);
});

const file = (approvals: unknown, rest: object = {}) => JSON.stringify({ version: 1, approvals, ...rest });

test.each<[string, string | Buffer, string]>([
  ['nothing', '', 'approvals-damaged'],
  ['half of it', file([ONE]).slice(0, -9), 'approvals-damaged'],
  ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), 'approvals-damaged'],
  ['a list', '[]', 'approvals-damaged'],
  ['no version', '{"approvals":[]}', 'approvals-damaged'],
  ['version 0', file([], { version: 0 }), 'approvals-damaged'],
  ['a newer version', file('whatever it means then', { version: 2 }), 'approvals-newer'],
  ['a key that is not known', file([ONE], { more: true }), 'approvals-damaged'],
  ['an approval without a subject', file([{ ...ONE, subject: undefined }]), 'approvals-damaged'],
  ['an approval of everything', file([{ ...ONE, kind: '*' }]), 'approvals-damaged'],
  ['a time that is none', file([{ ...ONE, approvedOn: 'always' }]), 'approvals-damaged'],
  [
    'one key twice',
    file([ONE]).replace('"subject":', '"subject":"10.0.0.0/8","subject":'),
    'approvals-damaged',
  ],
])('a file with %s counts for nothing and is not rewritten', async (_, content, code) => {
  const dir = await temporaryDirectory();
  await writeFile(pathIn(dir), content, { mode: 0o600 });
  const approvals = createApprovals(dir);
  expect(await codeOf(approvals.read())).toBe(code);
  expect(await codeOf(approvals.write([ONE]))).toBe(code);
  expect(await readFile(pathIn(dir))).toEqual(Buffer.from(content));
});

test('a file behind a symbolic link counts for nothing, and the link is left', async () => {
  const dir = await temporaryDirectory();
  const elsewhere = join(dir, 'elsewhere.json');
  await writeFile(elsewhere, file([ONE]), { mode: 0o600 });
  await symlink(elsewhere, pathIn(dir));
  expect(await codeOf(createApprovals(dir).read())).toBe('state-symlink');
  expect(await codeOf(createApprovals(dir).write([]))).toBe('state-symlink');
  expect(await readFile(elsewhere, 'utf8')).toBe(file([ONE]));
});

test('a file that others may write counts for nothing', async () => {
  const dir = await temporaryDirectory();
  await createApprovals(dir).write([ONE]);
  await chmod(pathIn(dir), 0o666);
  expect(await codeOf(createApprovals(dir).read())).toBe('state-not-ours');
});
