import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Claim } from '../../src/model/claim.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import { createRegistry } from '../../src/registry/claims-file.ts';
import { OWNER, route } from '../fakes/plans.ts';
import { watchSync } from '../fakes/sync.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';

const CLAIMS: readonly Claim[] = [
  {
    profile: 'minikube',
    purpose: 'services',
    route: route('10.96.0.0/12'),
    owner: OWNER,
    created: '2026-01-01T00:00:00.000Z',
  },
  {
    profile: 'v6',
    purpose: 'services',
    route: route('fd00:200::/64', { type: 'unreachable', gateway: null, device: null }),
    owner: { ...OWNER, mode: 'session' },
    created: '2026-01-01T00:00:00.000Z',
  },
];

const pathIn = (dir: string) => join(dir, 'registry.json');

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  const thrown: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  return thrown instanceof Failure ? thrown.diagnostics[0]?.code : String(thrown);
}

test('there are no claims without a registry', async () => {
  expect(await createRegistry(await temporaryDirectory()).read()).toEqual([]);
});

test('claims come back as they were written', async () => {
  const dir = await temporaryDirectory();
  await createRegistry(dir).write(CLAIMS);
  expect(await createRegistry(dir).read()).toEqual(CLAIMS);
  await createRegistry(dir).write([]);
  expect(await createRegistry(dir).read()).toEqual([]);
});

test('the file is for its owner alone, and nothing is left beside it', async () => {
  const dir = await temporaryDirectory();
  await writeFile(join(dir, 'registry.json.new'), 'what a killed mkplan left');
  await createRegistry(dir).write(CLAIMS);
  expect((await stat(pathIn(dir))).mode & 0o777).toBe(0o600);
  expect(await readdir(dir)).toEqual(['registry.json']);
});

test.each([
  ['no JSON', '{"version":1,"claims":['],
  ['empty', ''],
  ['no object', '[]'],
  ['no version', '{"claims":[]}'],
  ['no claims', '{"version":1}'],
  ['an unknown key', '{"version":1,"claims":[],"more":1}'],
  ['a claim with an unknown key', JSON.stringify({ version: 1, claims: [{ surprise: true }] })],
  [
    'a destination with host bits',
    JSON.stringify({
      version: 1,
      claims: [{ ...CLAIMS[0], route: { destination: '10.97.0.0/12' } }],
    }),
  ],
  [
    'a gateway in another spelling',
    JSON.stringify({
      version: 1,
      claims: [{ ...CLAIMS[0], route: { destination: 'fd00::/64', gateway: 'FD00::1' } }],
    }),
  ],
])('a registry with %s is refused and never rewritten', async (_what, content) => {
  const dir = await temporaryDirectory();
  await writeFile(pathIn(dir), content);
  expect(await codeOf(createRegistry(dir).read())).toBe('registry-damaged');
  expect(await codeOf(createRegistry(dir).write(CLAIMS))).toBe('registry-damaged');
  expect(await readFile(pathIn(dir), 'utf8')).toBe(content);
});

test('a registry of a newer version is left to the newer mkplan', async () => {
  const dir = await temporaryDirectory();
  await writeFile(pathIn(dir), '{"version":2,"claims":{}}');
  expect(await codeOf(createRegistry(dir).read())).toBe('registry-newer');
  expect(await codeOf(createRegistry(dir).write(CLAIMS))).toBe('registry-newer');
});

test('a symbolic link is neither read nor replaced', async () => {
  const dir = await temporaryDirectory();
  const elsewhere = join(dir, 'elsewhere');
  const registry = createRegistry(dir);
  await registry.read();
  await writeFile(elsewhere, '{"version":1,"claims":[]}');
  await symlink(elsewhere, pathIn(dir));
  expect(await codeOf(createRegistry(dir).read())).toBe('state-symlink');
  expect(await codeOf(registry.write(CLAIMS))).toBe('state-symlink');
  expect(await readFile(elsewhere, 'utf8')).toBe('{"version":1,"claims":[]}');
});

test('a registry that cannot be written is a Failure, and the old one stays', async () => {
  const dir = await temporaryDirectory();
  const registry = createRegistry(dir);
  await registry.write(CLAIMS);
  await mkdir(join(dir, 'registry.json.new'));
  expect(await codeOf(registry.write([]))).toBe('state-file');
  expect(await createRegistry(dir).read()).toEqual(CLAIMS);
});

test('a write is durable: the file before the rename, the directory after it', async () => {
  const dir = await temporaryDirectory();
  const registry = createRegistry(dir);
  await registry.write([]);
  const order = await watchSync(dir, async () => (await createRegistry(dir).read()).length);
  await registry.write(CLAIMS);
  expect(order).toEqual([0, 2]);
});
