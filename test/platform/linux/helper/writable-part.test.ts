import { chmod, lchown, link, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { writablePart } from '../../../../src/platform/linux/helper/writable-part.ts';
import { temporaryDirectory } from '../../../fakes/temporary.ts';

const ANN = 34_567;

/** What stands below a directory of root: a file by its mode, a link by its target (`@` is that directory), a directory by null. */
type Tree = Readonly<Record<string, number | string | null>>;

async function lay(tree: Tree, ofAnn: readonly string[] = []): Promise<string> {
  const root = await temporaryDirectory();
  for (const [name, what] of Object.entries(tree)) {
    const path = join(root, name);
    await mkdir(what === null ? path : dirname(path), { recursive: true });
    if (typeof what === 'number') {
      await writeFile(path, '');
      await chmod(path, what);
    } else if (what !== null) await symlink(what.replace('@', root), path);
  }
  for (const name of ofAnn) await lchown(join(root, name), ANN, ANN);
  return root;
}

const APP = { 'app/helper.js': 0o644 };

describe.skipIf(process.getuid?.() !== 0)('of a path, others than root can write to', () => {
  test.each<[string, Tree, readonly string[], string]>([
    ['root’s file, under a sticky directory too', APP, [], 'app/helper.js'],
    ['root’s link to it', { ...APP, 'bin/it': '@/app/helper.js' }, [], 'bin/it'],
    ['a relative one', { ...APP, 'bin/it': '../app/helper.js' }, [], 'bin/it'],
    ['a chain of them', { ...APP, 'a/1': '../b/2', 'b/2': '@/app/helper.js' }, [], 'a/1'],
    ['a link in the middle', { ...APP, opt: '@/app' }, [], 'opt/helper.js'],
    ['the user’s link in root’s directory', { ...APP, 'bin/it': '@/app/helper.js' }, ['bin/it'], 'bin/it'],
    ['a directory beside it', { ...APP, 'home/x': null }, ['home'], 'app/helper.js'],
    ['a `..` behind a link', { ...APP, 'home/l': '@/app' }, [], 'home/l/../app/helper.js'],
    ['a path that root alone could make', {}, [], 'app/helper.js'],
  ])('nothing: %s', async (_, tree, ofAnn, path) => {
    expect(writablePart(`${await lay(tree, ofAnn)}/${path}`)).toBeNull();
  });

  test.each<[string, Tree, readonly string[], string, string]>([
    ['the file, by its owner', APP, ['app/helper.js'], 'app/helper.js', 'app/helper.js'],
    ['the file, by its mode', { 'app/helper.js': 0o646 }, [], 'app/helper.js', 'app/helper.js'],
    ['the file, behind a link', { ...APP, it: '@/app/helper.js' }, ['app/helper.js'], 'it', 'app/helper.js'],
    ['its directory', APP, ['app'], 'app/helper.js', 'app'],
    ['a directory above', { 'a/b/helper.js': 0o644 }, ['a'], 'a/b/helper.js', 'a'],
    ['the directory of a link', { ...APP, 'tools/it': '@/app' }, ['tools'], 'tools/it/helper.js', 'tools'],
    ['that of a relative link', { ...APP, 'tools/it': '../app' }, ['tools'], 'tools/it/helper.js', 'tools'],
    [
      'what root’s link leads to',
      { 'home/helper.js': 0o644, opt: '@/home' },
      ['home'],
      'opt/helper.js',
      'home',
    ],
    [
      'the second link of a chain',
      { ...APP, 'a/1': '@/home/2', 'home/2': '@/app/helper.js' },
      ['home'],
      'a/1',
      'home',
    ],
    [
      'a directory that a target goes through and leaves again',
      { ...APP, 'home/x': null, it: '@/home/x/../../app/helper.js' },
      ['home'],
      'it',
      'home',
    ],
    [
      'where `..` leads behind a link',
      { ...APP, 'home/x/y': null, 'home/app/helper.js': 0o644, in: '@/home/x' },
      ['home/app'],
      'in/../app/helper.js',
      'home/app',
    ],
    ['where a path that is missing would be made', { home: null }, ['home'], 'home/helper.js', 'home'],
    ['where a link leads nowhere', { home: null, it: '@/home/helper.js' }, ['home'], 'it', 'home'],
  ])('%s', async (_, tree, ofAnn, path, part) => {
    const root = await lay(tree, ofAnn);
    expect(writablePart(`${root}/${path}`)).toBe(join(root, part));
  });

  it('a directory that a group which is not root’s may write, or anybody', async () => {
    const root = await lay(APP);
    await lchown(join(root, 'app'), 0, ANN);
    await chmod(join(root, 'app'), 0o775);
    expect(writablePart(`${root}/app/helper.js`)).toBe(`${root}/app`);
    await lchown(join(root, 'app'), 0, 0);
    expect(writablePart(`${root}/app/helper.js`)).toBeNull();
    await chmod(join(root, 'app'), 0o757);
    expect(writablePart(`${root}/app/helper.js`)).toBe(`${root}/app`);
  });

  it('a sticky directory, where the link in it is theirs or missing, or the directory is', async () => {
    const root = await lay({ ...APP, 'tmp/it': '@/app', 'tmp/ours': '@/app' }, ['tmp/it']);
    await chmod(join(root, 'tmp'), 0o1777);
    expect(writablePart(`${root}/tmp/ours/helper.js`)).toBeNull();
    expect(writablePart(`${root}/tmp/it/helper.js`)).toBe(`${root}/tmp`);
    expect(writablePart(`${root}/tmp/none`)).toBe(`${root}/tmp`);
    await lchown(join(root, 'tmp'), ANN, ANN);
    expect(writablePart(`${root}/tmp/ours/helper.js`)).toBe(`${root}/tmp`);
  });

  it('a file of theirs that has a second name in root’s directory', async () => {
    const root = await lay({ 'home/helper.js': 0o644, app: null }, ['home/helper.js']);
    await link(`${root}/home/helper.js`, `${root}/app/helper.js`);
    expect(writablePart(`${root}/app/helper.js`)).toBe(`${root}/app/helper.js`);
  });

  it('is not told of links that lead in a circle', async () => {
    const root = await lay({ a: '@/b', b: '@/a' });
    expect(() => writablePart(`${root}/a`)).toThrow(/too many links/);
  });
});
