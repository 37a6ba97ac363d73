import { existsSync } from 'node:fs';
import { readFile, realpath, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requireNamespaces } from '../kernel/netns.ts';
import { nodes, Packed, ROOT, run } from './program.ts';

const refused = requireNamespaces();

/** Tests of mkplan's own, which pages name for its developers. */
const UNPUBLISHED = /^(?:test|testbed)(?:\/|$)/;

let packed: Packed;
beforeAll(async () => {
  packed = await Packed.create();
  expect(packed.said.code, packed.said.stderr).toBe(0);
}, 600_000);
afterAll(() => packed.close());

const read = (file: string) => readFile(join(packed.folder, file), 'latin1');

describe('npm pack in a fresh clone', () => {
  it('prints nothing but the name of the file, so that scripts can use it', async () => {
    const { version } = JSON.parse(await read('package.json'));
    expect(packed.said.stdout).toBe(`mkplan-${version}.tgz\n`);
  });

  it('refuses, and says so, where nothing is installed and no network is there', async () => {
    const copy = await packed.bare();
    const { code, stderr } = await run(['npm', 'pack'], { cwd: copy, env: packed.alone });
    expect(code).not.toBe(0);
    expect(stderr).toContain('mkplan was not packed: the build is not complete');
    expect(existsSync(join(copy, packed.said.stdout.trim()))).toBe(false);
  });

  it('refuses where something is missing that package.json names', async () => {
    await rm(join(packed.clone, 'CHANGELOG.md'));
    await rm(join(packed.clone, packed.said.stdout.trim()));
    const { code, stderr } = await run(['npm', 'pack'], { cwd: packed.clone, env: packed.alone });
    expect(code).not.toBe(0);
    expect(stderr).toContain('CHANGELOG.md is missing\nmkplan was not packed: ');
    expect(existsSync(join(packed.clone, packed.said.stdout.trim()))).toBe(false);
  });
});

describe('the package', () => {
  it('holds all that its own package.json names', async () => {
    const { files, bin } = JSON.parse(await read('package.json'));
    const named: string[] = [...files, ...Object.values<string>(bin)];
    expect(named.filter((name) => !existsSync(join(packed.folder, name)))).toEqual([]);
  });

  it('depends on no other package, and has no script that installing it would run', async () => {
    const { dependencies, optionalDependencies, scripts } = JSON.parse(await read('package.json'));
    expect({ ...dependencies, ...optionalDependencies }).toEqual({});
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) {
      expect(scripts).not.toHaveProperty(name);
    }
  });

  it('names no folder of the machine that it was built on', async () => {
    const folders = [packed.clone, ROOT, homedir()];
    const real = await Promise.all(folders.map((folder) => realpath(folder)));
    const told = [...folders, ...real].map((folder) => `${folder}/`).filter((folder) => folder.length > 2);
    const found: string[] = [];
    for (const file of await packed.files()) {
      const text = await read(file);
      const outside = /^\s*\/\/ \.\.\/\S*/m.exec(text)?.[0];
      const named = told.find((folder) => text.includes(folder)) ?? outside;
      if (named !== undefined) found.push(`${file}: ${named.trim()}`);
    }
    expect(found).toEqual([]);
  });

  it('carries every page and file that its pages link to', async () => {
    const files = await packed.files();
    const pages = files.filter((file) => file.endsWith('.md'));
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/install.md']));
    const broken: string[] = [];
    for (const page of pages) {
      const links = (await read(page)).matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g);
      for (const [, link = ''] of links) {
        const target = normalize(join(dirname(page), link));
        const unpublished = page !== 'README.md' && UNPUBLISHED.test(target);
        if (!unpublished && !existsSync(join(packed.folder, target))) broken.push(`${page}: ${link}`);
      }
    }
    expect(broken).toEqual([]);
  });

  it('carries a notice for every package whose code is in it', async () => {
    const notices = await read('dist/THIRD-PARTY.LEGAL.txt');
    const bundled = new Set<string>();
    for (const file of (await packed.files()).filter((name) => /^dist\/.*\.c?js$/.test(name))) {
      const comments = (await read(file)).matchAll(/\/\/ node_modules\/((?:@[^/\n]+\/)?[^/\n]+)\//g);
      for (const [, name = ''] of comments) bundled.add(name);
    }
    // Bundled by itself beforehand, so no comment tells of them.
    for (const name of ['@kubernetes/client-node', 'js-yaml']) bundled.add(name);
    expect(bundled.size).toBeGreaterThan(20);
    expect([...bundled].filter((name) => !notices.includes(`\n${name}@`))).toEqual([]);
    const { version } = JSON.parse(await readFile(join(ROOT, 'node_modules/xstate/package.json'), 'utf8'));
    expect(notices).toContain(`xstate@${version} (MIT)\n\nThe MIT License`);
  });
});

describe('the program that npm put on the PATH', () => {
  it('is run by its name', async () => {
    const { version } = JSON.parse(await read('package.json'));
    const ended = await run([packed.bin, '--version'], { cwd: packed.prefix });
    expect(ended).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  describe.each(nodes)('on Node $version', (node) => {
    it('tells its version', async () => {
      const { version } = JSON.parse(await read('package.json'));
      expect(await packed.mkplan(node, '--version')).toEqual({
        code: 0,
        stdout: `${version}\n`,
        stderr: '',
      });
    });

    it('validates a spec', async () => {
      expect(await packed.mkplan(node, 'validate', 'examples/kvm/tunnel.yaml')).toMatchObject({ code: 0 });
      expect(await packed.mkplan(node, 'validate', 'examples/none.yaml')).toMatchObject({ code: 1 });
    });

    it('plans from a recording', async () => {
      const recorded = ['examples/kvm/tunnel.yaml', '--observed', 'examples/kvm/observed.yaml'];
      const ended = await packed.mkplan(node, 'plan', ...recorded);
      expect(ended).toEqual({
        code: 0,
        stdout: await readFile(join(ROOT, 'examples/kvm/plan.txt'), 'utf8'),
        stderr: '',
      });
    });

    it.skipIf(refused !== null)(
      'applies, shows and takes back in the sandbox',
      async () => {
        const round =
          'mkplan apply "$1" --auto-approve && mkplan status "$1" && mkplan destroy "$1" --auto-approve';
        const manifests = ['--manifests', 'examples/sandbox'];
        const command = ['sh', '-c', round, 'sh', 'examples/sandbox/tunnel.yaml'];
        const ended = await packed.mkplan(node, 'sandbox', ...manifests, '--', ...command);
        expect(ended.code, ended.stderr + ended.stdout).toBe(0);
        expect(ended.stdout).toMatch(/Applied: \d+ added[\s\S]*80 yes[\s\S]*5 deleted; 1 Service cleared/);
      },
      120_000,
    );
  });
});
