import { chmod, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Failure } from '../../src/model/diagnostic.ts';
import type { SessionRecord } from '../../src/registry/registry.ts';
import { createSessions } from '../../src/registry/session-files.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';

const RECORD: SessionRecord = {
  spec: '/project/tunnel.yaml',
  pid: 4711,
  startTime: '12345',
  bootId: 'boot-1',
  networkNamespace: '4026531840',
  since: '2026-01-01T00:00:00.000Z',
  state: 'idle',
  lastPass: { at: '2026-01-01T00:00:01.000Z', result: 'done' },
  held: [{ what: 'profile one', why: 'refused' }],
  pending: [{ what: 'one default/web', why: 'the pool is empty' }],
};

it('gives back what was written last, for each spec', async () => {
  const sessions = createSessions(await temporaryDirectory());
  expect(await sessions.list()).toEqual([]);
  expect(await sessions.read(RECORD.spec)).toBeNull();
  const other = { ...RECORD, spec: '/another/tunnel.yaml', lastPass: null };
  await sessions.write({ ...RECORD, state: 'settling' });
  await sessions.write(RECORD);
  await sessions.write(other);
  expect(await sessions.read(RECORD.spec)).toEqual(RECORD);
  expect(await sessions.list()).toEqual([other, RECORD]);
  await sessions.remove(RECORD.spec);
  await sessions.remove(RECORD.spec);
  expect(await sessions.list()).toEqual([other]);
});

it('removes with a record what a session left that was killed while it wrote', async () => {
  const directory = await temporaryDirectory();
  const sessions = createSessions(directory);
  await sessions.write(RECORD);
  const [name = ''] = await readdir(join(directory, 'sessions'));
  await writeFile(join(directory, 'sessions', `${name}.new`), '{"version":1,');
  await sessions.remove(RECORD.spec);
  expect(await readdir(join(directory, 'sessions'))).toEqual([]);
});

it.each<[string, object]>([
  ['an older mkplan, without a version', RECORD],
  ['a newer mkplan, with more in it', { version: 7, ...RECORD, mood: { good: true } }],
])('reads what it knows of a record by %s', async (_who, content) => {
  const dir = await temporaryDirectory();
  const sessions = createSessions(dir);
  await sessions.write(RECORD);
  const [name = ''] = await readdir(join(dir, 'sessions'));
  await writeFile(join(dir, 'sessions', name), JSON.stringify(content));
  expect(await sessions.read(RECORD.spec)).toEqual(RECORD);
});

it('is for its owner’s eyes alone, and leaves no other file', async () => {
  const dir = await temporaryDirectory();
  const sessions = createSessions(dir);
  await sessions.write(RECORD);
  const [name = '', ...others] = await readdir(join(dir, 'sessions'));
  expect(others).toEqual([]);
  const file = join(dir, 'sessions', name);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect((await stat(join(dir, 'sessions'))).mode & 0o777).toBe(0o700);
  // What a session left that was killed while it wrote.
  await writeFile(`${file}.new`, '{"half');
  await sessions.write(RECORD);
  expect(await readdir(join(dir, 'sessions'))).toEqual([name]);
});

it('neither reads nor writes through a symbolic link', async () => {
  const dir = await temporaryDirectory();
  const sessions = createSessions(dir);
  await sessions.write(RECORD);
  const [name = ''] = await readdir(join(dir, 'sessions'));
  await sessions.remove(RECORD.spec);
  await writeFile(join(dir, 'victim'), 'untouched');
  await symlink(join(dir, 'victim'), join(dir, 'sessions', name));
  await expect(sessions.write(RECORD)).rejects.toBeInstanceOf(Failure);
  await expect(sessions.read(RECORD.spec)).rejects.toBeInstanceOf(Failure);
  const elsewhere = await temporaryDirectory();
  await mkdir(join(elsewhere, 'real'));
  await symlink(join(elsewhere, 'real'), join(elsewhere, 'sessions'));
  await expect(createSessions(elsewhere).write(RECORD)).rejects.toBeInstanceOf(Failure);
  expect(await readdir(join(elsewhere, 'real'))).toEqual([]);
});

it('takes a record that nobody can read for none, and writes it anew', async () => {
  const dir = await temporaryDirectory();
  const sessions = createSessions(dir);
  await sessions.write(RECORD);
  const [name = ''] = await readdir(join(dir, 'sessions'));
  for (const text of ['', '{"pid":1}', JSON.stringify({ ...RECORD, pid: 'x' })]) {
    await writeFile(join(dir, 'sessions', name), text);
    expect(await sessions.read(RECORD.spec)).toBeNull();
    expect(await sessions.list()).toEqual([]);
  }
  await chmod(join(dir, 'sessions', name), 0o600);
  await sessions.write(RECORD);
  expect(await sessions.read(RECORD.spec)).toEqual(RECORD);
});
