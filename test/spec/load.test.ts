import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Diagnostic, Failure } from '../../src/model/diagnostic.ts';
import { loadSpec, overlayPath } from '../../src/spec/load.ts';

const SPEC =
  'apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata: { name: dev }\nspec: { profiles: [{ name: minikube }] }\n';
const OVERLAY = 'spec: { profiles: [{ name: minikube, context: mine }] }\n';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mkplan-load-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function write(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

async function problemsOf(path: string): Promise<readonly Diagnostic[]> {
  const failure = await loadSpec(path).then(
    () => null,
    (error: unknown) => error,
  );
  if (!(failure instanceof Failure)) throw new Error('the spec was accepted', { cause: failure });
  return failure.diagnostics;
}

test('loads a spec under its absolute path', async () => {
  const path = await write('tunnel.yaml', SPEC);
  const { desired, warnings } = await loadSpec(path);
  expect(desired).toMatchObject({ name: 'dev', spec: path, localOverrides: [] });
  expect(warnings).toEqual([]);
});

test('does not blame permissions for links that lead back to themselves, or for a path through a file', async () => {
  const loop = join(directory, 'loop.yaml');
  await symlink(loop, loop);
  const file = await write('tunnel.yaml', SPEC);
  for (const [path, fix] of [
    [loop, 'symbolic links'],
    [join(file, 'tunnel.yaml'), 'correct the path'],
  ] as const) {
    expect(await problemsOf(path)).toContainEqual(
      expect.objectContaining({ code: 'spec-unreadable', fix: expect.stringContaining(fix) }),
    );
  }
});

test('merges the overlay beside it, and no other', async () => {
  const path = await write('tunnel.yaml', SPEC);
  await write('tunnel.local.yaml', OVERLAY);
  await write('other.yaml', SPEC);
  expect((await loadSpec(path)).desired.localOverrides).toEqual(['profiles[minikube].context']);
  expect((await loadSpec(join(directory, 'other.yaml'))).desired.localOverrides).toEqual([]);
});

test.each([
  ['tunnel.yaml', 'tunnel.local.yaml'],
  ['a.b/dev.yml', 'a.b/dev.local.yml'],
  ['a.b/spec', 'a.b/spec.local'],
])('the overlay of %s is %s', (path, overlay) => {
  expect(overlayPath(path)).toBe(overlay);
});

test('follows a symlink to a file', async () => {
  await write('real.yaml', SPEC);
  await symlink('real.yaml', join(directory, 'tunnel.yaml'));
  expect((await loadSpec(join(directory, 'tunnel.yaml'))).desired.name).toBe('dev');
});

test('reads CRLF and a byte order mark', async () => {
  const path = await write('tunnel.yaml', `\ufeff${SPEC.replaceAll('\n', '\r\n')}`);
  expect((await loadSpec(path)).desired.name).toBe('dev');
});

test('takes a file of exactly 1 MiB and refuses one byte more', async () => {
  const padding = '#'.repeat(1024 * 1024 - SPEC.length);
  expect((await loadSpec(await write('tunnel.yaml', SPEC + padding))).desired.name).toBe('dev');
  expect(await problemsOf(await write('larger.yaml', `${SPEC}${padding}#`))).toMatchObject([
    { code: 'spec-too-large' },
  ]);
});

test('names the line and column of the first byte that is not UTF-8', async () => {
  const path = await write(
    'tunnel.yaml',
    Buffer.concat([Buffer.from('a: 1\nb: \ufffd '), Buffer.from([0xc3, 0x28])]),
  );
  expect(await problemsOf(path)).toMatchObject([{ code: 'spec-not-utf8', at: { line: 2, column: 6 } }]);
});

test('an overlay that cannot be read is reported beside the problems of the spec', async () => {
  const path = await write('tunnel.yaml', SPEC.replace('name: minikube', 'nam: minikube'));
  await mkdir(join(directory, 'tunnel.local.yaml'));
  expect((await problemsOf(path)).map(({ code }) => code)).toEqual([
    'missing-key',
    'unknown-key',
    'spec-not-a-file',
  ]);
});

test.runIf(process.platform === 'linux')('refuses a device without reading it to its end', async () => {
  expect(await problemsOf('/dev/zero')).toMatchObject([{ code: 'spec-not-a-file' }]);
});

test('says that a file may not be read', async () => {
  const path = await write('tunnel.yaml', SPEC);
  await chmod(path, 0);
  // Root may read any file of a disk, but not the memory that nothing is mapped to.
  const unreadable = process.getuid?.() === 0 ? '/proc/self/mem' : path;
  expect(await problemsOf(unreadable)).toMatchObject([{ code: 'spec-unreadable' }]);
});

test('a path that no system can open is a diagnostic too', async () => {
  expect(await problemsOf('tunnel\0.yaml')).toMatchObject([{ code: 'spec-unreadable' }]);
});
