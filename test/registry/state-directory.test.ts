import { chmod, chown, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ensureStateDirectory, stateDirectory } from '../../src/registry/state-directory.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';

test.each([
  [{}, 'linux', '/home/dev', '/home/dev/.local/state/mkplan'],
  [{ XDG_STATE_HOME: '/var/state' }, 'linux', '/home/dev', '/var/state/mkplan'],
  [{ XDG_STATE_HOME: 'relative' }, 'linux', '/home/dev', '/home/dev/.local/state/mkplan'],
  [{ XDG_STATE_HOME: '' }, 'linux', '/home/dev', '/home/dev/.local/state/mkplan'],
  [{}, 'darwin', '/Users/dev', '/Users/dev/Library/Application Support/mkplan'],
  [{ LOCALAPPDATA: 'D:\\Local' }, 'win32', 'C:\\Users\\dev', 'D:\\Local\\mkplan'],
  [{}, 'win32', 'C:\\Users\\dev', 'C:\\Users\\dev\\AppData\\Local\\mkplan'],
])('with %j on %s the state of %s is in %s', (env, platform, home, expected) => {
  expect(stateDirectory(env, platform, home)).toBe(expected);
});

test('the directory is made with its parents, for its owner alone', async () => {
  const dir = join(await temporaryDirectory(), 'a', 'b', 'mkplan');
  await ensureStateDirectory(dir);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  await ensureStateDirectory(dir);
});

test('a directory that others may read is closed to them', async () => {
  const dir = join(await temporaryDirectory(), 'mkplan');
  await mkdir(dir);
  await chmod(dir, 0o755);
  await ensureStateDirectory(dir);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
});

test('a symbolic link is refused', async () => {
  const parent = await temporaryDirectory();
  await mkdir(join(parent, 'real'));
  await symlink(join(parent, 'real'), join(parent, 'mkplan'));
  await expect(ensureStateDirectory(join(parent, 'mkplan'))).rejects.toThrow(/is a symbolic link/);
});

test('a file in its place is refused', async () => {
  const parent = await temporaryDirectory();
  await writeFile(join(parent, 'mkplan'), '');
  await expect(ensureStateDirectory(join(parent, 'mkplan'))).rejects.toThrow(/is not a directory/);
});

test('a directory of another user is refused', async () => {
  const dir = join(await temporaryDirectory(), 'mkplan');
  await mkdir(dir);
  const asRoot = process.getuid?.() === 0;
  if (asRoot) await chown(dir, 12345, 12345);
  await expect(ensureStateDirectory(asRoot ? dir : '/usr')).rejects.toThrow(
    /belongs to user \d+, not to you/,
  );
});
