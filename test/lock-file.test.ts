import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (name: string) => readFileSync(join(root, name), 'utf8');

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: true;
  readonly optional?: true;
  readonly link?: true;
}

const lock: { lockfileVersion: number; packages: Record<string, Locked> } = JSON.parse(
  read('package-lock.json'),
);
const manifest: Record<string, Record<string, string> | undefined> = JSON.parse(read('package.json'));
const entries = Object.entries(lock.packages).filter(([path]) => path !== '');
const where = (test: (locked: Locked, path: string) => boolean) =>
  entries.filter(([path, locked]) => test(locked, path)).map(([path]) => path);

describe('the lock file', () => {
  it('holds every package to a SHA-512, but for builds of other platforms, which are never installed', () => {
    const open = where(
      ({ integrity }) => integrity === undefined || !/^sha512-[\w+/]{86}==$/.test(integrity),
    );
    expect(open.filter((path) => lock.packages[path]?.optional !== true)).toEqual([]);
  });

  it('names no place that a package comes from, so that the registry of whoever installs is asked', () => {
    expect(where(({ resolved, link }) => resolved !== undefined || link === true)).toEqual([]);
    expect(where((_, path) => !path.startsWith('node_modules/'))).toEqual([]);
  });

  it('has every version exact, in the manifest too', () => {
    expect(where(({ version }) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version ?? ''))).toEqual([]);
    expect(manifest['dependencies']).toBeUndefined();
    const ranges = Object.entries(manifest['devDependencies'] ?? {});
    expect(ranges.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('needs no install script: every install refuses them, and the one package that has one does without', () => {
    // In .npmrc it would stop prepack as well; test/delivery.test.ts holds every install to the flag.
    expect(read('.npmrc')).not.toContain('ignore-scripts');
    expect(where(({ hasInstallScript }) => hasInstallScript === true)).toEqual(['node_modules/esbuild']);
    const scripts = Object.keys(manifest['scripts'] ?? {});
    expect(scripts.filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([]);
  });
});
