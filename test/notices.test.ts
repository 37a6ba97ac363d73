import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from './fakes/temporary.ts';

interface Metafile {
  readonly outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
}

interface Notices {
  noticesOf(metafiles: readonly Metafile[], root: string, texts?: string): string;
}

const script = fileURLToPath(new URL('../scripts/notices.mjs', import.meta.url));
const { noticesOf }: Notices = await import(script);

/** A list of one bundle's inputs, as esbuild gives it, each with the bytes of it that are in the output. */
function bundleOf(inputs: Readonly<Record<string, number>>): Metafile {
  const entries = Object.entries(inputs).map(([path, bytesInOutput]) => [path, { bytesInOutput }] as const);
  return { outputs: { 'dist/out.js': { inputs: Object.fromEntries(entries) } } };
}

describe('the notices of what is bundled', () => {
  let root: string;
  beforeEach(async () => {
    root = await temporaryDirectory();
  });

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }

  function addPackage(folder: string, manifest: object, files: Readonly<Record<string, string>>): string {
    write(`${folder}/package.json`, JSON.stringify({ name: 'left', version: '1.0.0', ...manifest }));
    for (const [name, text] of Object.entries(files)) write(`${folder}/${name}`, text);
    return `${folder}/lib/index.js`;
  }

  const notices = (...inputs: readonly string[]) =>
    noticesOf([bundleOf(Object.fromEntries(inputs.map((input) => [input, 9])))], root);

  it.each(['LICENSE', 'LICENCE', 'License', 'license.md', 'LICENSE-MIT.txt', 'COPYING'])(
    'take the text from %s',
    (name) => {
      const input = addPackage('node_modules/left', { license: 'MIT' }, { [name]: 'Copyright Ann\n' });
      expect(notices(input)).toContain('left@1.0.0 (MIT)\n\nCopyright Ann\n');
    },
  );

  it('take along a NOTICE, and a copyright that stands in a file of its own', () => {
    const files = { LICENSE: 'the terms', NOTICE: 'made by Ann', 'CopyrightNotice.txt': 'Copyright Bob' };
    const text = notices(addPackage('node_modules/left', { license: 'Apache-2.0' }, files));
    for (const part of Object.values(files)) expect(text).toContain(part);
  });

  it.each([
    'node_modules/@scope/left',
    'node_modules/right/node_modules/left',
    '../elsewhere/node_modules/left',
    'node_modules/.store/left@1.0.0/node_modules/left',
  ])('find the package at %s', (folder) => {
    expect(notices(addPackage(folder, { license: 'ISC' }, { LICENSE: 'of left' }))).toContain('of left');
  });

  it('are one for each version of a package, in order, whatever the order of the inputs', () => {
    const old = addPackage('node_modules/a/node_modules/left', { license: 'MIT' }, { LICENSE: 'old' });
    const other = { license: 'MIT', version: '2.0.0' };
    const recent = addPackage('node_modules/left', other, { LICENSE: 'recent' });
    const text = notices(recent, old, recent.replace('index', 'other'));
    expect(text).toBe(notices(old, recent));
    expect(text.match(/^left@.*$/gm)).toEqual(['left@1.0.0 (MIT)', 'left@2.0.0 (MIT)']);
  });

  it('leave out what was looked at and not bundled, and the sources of mkplan itself', () => {
    addPackage('node_modules/left', { license: 'MIT' }, { LICENSE: 'of left' });
    const text = noticesOf(
      [bundleOf({ 'node_modules/left/lib/index.js': 0, 'src/cli/main.ts': 9, 'native:url': 9 })],
      root,
    );
    expect(text).not.toContain('left');
  });

  it.each([
    'GPL-3.0-only',
    'SEE LICENSE IN LICENSE',
    'UNLICENSED',
    '(MIT OR GPL-2.0)',
    '(MIT AND GPL-2.0)',
    { type: 'MIT' },
    undefined,
  ])('refuse a package under %j', (license) => {
    const input = addPackage('node_modules/left', { license }, { LICENSE: 'terms' });
    expect(() => notices(input)).toThrow(/^left@1\.0\.0 is bundled under .*decide/);
  });

  it.each([{}, { NOTICE: 'made by Ann' }, { 'readme.md': 'MIT' }])(
    'refuse a package that has no licence text, but %j',
    (files) => {
      const input = addPackage('node_modules/left', { license: 'MIT' }, files);
      expect(() => notices(input)).toThrow('left@1.0.0 is bundled and carries no licence text');
    },
  );

  it('take the text that was written for one version of a package, and refuse another version', () => {
    const texts = join(root, 'texts');
    write('texts/ip-cidr.txt', 'written by us');
    const folder = 'node_modules/ip-cidr';
    const bundled = (version: string) =>
      noticesOf(
        [bundleOf({ [addPackage(folder, { name: 'ip-cidr', version, license: 'MIT' }, {})]: 9 })],
        root,
        texts,
      );
    expect(bundled('4.0.2')).toContain('written by us');
    expect(() => bundled('4.0.3')).toThrow('no licence text');
  });
});
