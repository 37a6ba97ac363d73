import { mkdir, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ChokidarFileEvents } from '../../src/platform/chokidar.ts';
import { REWRITES, type Rewrite } from '../fakes/rewrites.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';

vi.setConfig({ testTimeout: 60_000 });

/** Watches a file that holds `one` unless told otherwise; what was heard, in order. */
async function watching(prepare?: (file: string) => Promise<void>, name = 'project/tunnel.yaml') {
  const dir = await temporaryDirectory();
  const file = join(dir, name);
  await mkdir(dirname(file), { recursive: true });
  await (prepare ?? ((path: string) => writeFile(path, 'one')))(file);
  const heard: string[] = [];
  const stream = new ChokidarFileEvents().watch([file, join(dir, 'beside')], (path) => heard.push(path));
  onTestFinished(() => stream.stop());
  await stream.ready;
  return {
    dir,
    file,
    heard,
    stream,
    /** Waits until another change was heard than were before. */
    hears: async () => {
      const before = heard.length;
      return async () => {
        await vi.waitFor(() => expect(heard.length).toBeGreaterThan(before), {
          timeout: 20_000,
          interval: 5,
        });
        expect(new Set(heard)).toEqual(new Set([file]));
      };
    },
  };
}

/** What editors and git do to write a file anew, each of them. */
const ways: readonly Rewrite[] = [
  ...REWRITES,
  [
    'with its directory, replaced',
    async (file, text) => {
      const dir = dirname(file);
      await mkdir(`${dir}.new`);
      await writeFile(join(`${dir}.new`, 'tunnel.yaml'), text);
      await rename(dir, `${dir}.old`);
      await rename(`${dir}.new`, dir);
      await rm(`${dir}.old`, { recursive: true });
    },
  ],
  [
    'with its directory, deleted and made anew',
    async (file, text) => {
      await rm(dirname(file), { recursive: true });
      await mkdir(dirname(file));
      await writeFile(file, text);
    },
  ],
];

describe('a file that is written anew', () => {
  it.each(ways)('%s is heard, again and again', async (_, write) => {
    const { file, hears } = await watching();
    for (const text of ['two', 'three', 'four']) {
      const heard = await hears();
      await write(file, text);
      await heard();
    }
  });

  it('is no change while its content is the same', async () => {
    const { file, heard, hears } = await watching();
    await utimes(file, 1, 1);
    await writeFile(`${file}.tmp`, 'one');
    await rename(`${file}.tmp`, file);
    const next = await hears();
    await writeFile(file, 'two');
    await next();
    // Whatever was hinted at before has been looked at by then.
    expect(heard).toEqual([file]);
  });
});

describe('a file that is not there', () => {
  it('is heard when it comes, and when it goes', async () => {
    const { file, hears } = await watching(async () => undefined);
    for (const step of [() => writeFile(file, 'one'), () => unlink(file), () => writeFile(file, 'two')]) {
      const heard = await hears();
      await step();
      await heard();
    }
  });

  it('is heard when it comes in directories that are not there either', async () => {
    const { file, dir, hears } = await watching(
      (path) => rm(join(path, '..', '..'), { recursive: true }),
      'a/b/c.yaml',
    );
    const heard = await hears();
    await mkdir(join(dir, 'a', 'b'), { recursive: true });
    await writeFile(file, 'one');
    await heard();
  });
});

describe('a symbolic link', () => {
  it('is heard when it is pointed elsewhere, and then when that is written', async () => {
    const { file, dir, hears } = await watching(async (path) => {
      const [one, two] = [join(path, '..', '..', 'one'), join(path, '..', '..', 'two')];
      await writeFile(one, 'one');
      await writeFile(two, 'two');
      await symlink(one, path);
    });
    const swapped = await hears();
    await symlink(join(dir, 'two'), `${file}.tmp`);
    await rename(`${file}.tmp`, file);
    await swapped();
    const written = await hears();
    await writeFile(join(dir, 'two'), 'three');
    await written();
  });

  it('is heard when the directory behind it is swapped as Kubernetes does, the old one kept or not', async () => {
    const { file, hears } = await watching(async (path) => {
      const dir = dirname(path);
      await mkdir(join(dir, '..v1'));
      await writeFile(join(dir, '..v1', 'tunnel.yaml'), 'one');
      await symlink('..v1', join(dir, '..data'));
      await symlink(join('..data', 'tunnel.yaml'), path);
    });
    const dir = dirname(file);
    for (const [version, old] of [
      ['..v2', null],
      ['..v3', '..v2'],
      ['..v4', '..v3'],
    ] as const) {
      const heard = await hears();
      await mkdir(join(dir, version));
      await writeFile(join(dir, version, 'tunnel.yaml'), version);
      await symlink(version, join(dir, '..tmp'));
      await rename(join(dir, '..tmp'), join(dir, '..data'));
      if (old !== null) await rm(join(dir, old), { recursive: true });
      await heard();
    }
  });
});

it('tells nothing once it is stopped', async () => {
  const { file, heard, stream } = await watching();
  await stream.stop();
  await writeFile(file, 'two');
  const another = await watching();
  const next = await another.hears();
  await writeFile(another.file, 'two');
  await next();
  expect(heard).toEqual([]);
});
