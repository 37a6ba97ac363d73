import { spawnSync } from 'node:child_process';
import { chmod, chown, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Claim } from '../../src/model/claim.ts';
import { type Diagnostic, Failure } from '../../src/model/diagnostic.ts';
import { createRegistry, decodeClaims, encodeClaims } from '../../src/registry/claims-file.ts';
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

async function diagnosticsOf(promise: Promise<unknown>): Promise<readonly Diagnostic[]> {
  const thrown: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (thrown instanceof Failure) return thrown.diagnostics;
  throw new TypeError(`no Failure: ${String(thrown)}`);
}

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  return (await diagnosticsOf(promise))[0]?.code;
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

const DOCUMENT = {
  destination: '10.96.0.0/12',
  gateway: '192.168.39.2',
  device: 'virbr1',
  metric: 109,
  protocol: 109,
};

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
  ...['FD00::/64', '00::/64', '10.96.0.1'].map((destination): [string, string] => [
    `the destination ${destination}, in another spelling than the kernel's`,
    JSON.stringify({ version: 1, claims: [{ ...CLAIMS[0], route: { ...DOCUMENT, destination } }] }),
  ]),
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

const claimText = (changes: object = {}, route: object = DOCUMENT) =>
  JSON.stringify({ profile: 'a', purpose: 'services', route, owner: OWNER, created: 'now', ...changes });
const fileOf = (...claims: readonly string[]) => `{"version":1,"claims":[\n${claims.join(',\n')}\n]}\n`;

test.each<[string, string, string, RegExp]>([
  ['cut off', fileOf(claimText()).slice(0, 60), '2:37', /ends too early/],
  ['a comma too much', '{"version":1,\n"claims":[],}', '2:13', /key in double quotes/],
  ['a list of claims twice', '{"version":1,"claims":[],\n"claims":[]}', '2:1', /"claims" stands here twice/],
  ['an unknown key', '{"version":1,\n"claims":[], "more":1}', '2:14', /more: is not known/],
  ['an unknown key of a claim', fileOf(claimText(), claimText({ key: 'forged' })), '3:', /claims\.1\.key/],
  ['a claim without an owner', fileOf(claimText({ owner: undefined })), '2:1', /owner: is missing/],
  ['one route claimed twice', fileOf(claimText(), claimText()), '3:1', /claims the route of claim 0/],
  [
    'one route claimed by two specs',
    fileOf(claimText(), claimText({ owner: { ...OWNER, spec: '/other.yaml' } })),
    '3:1',
    /claims the route of claim 0/,
  ],
  [
    'a claim to the default route',
    fileOf(claimText({}, { ...DOCUMENT, destination: '0.0.0.0/0' })),
    '2:',
    /default route/,
  ],
  [
    'a claim to a route of another table',
    fileOf(claimText({}, { ...DOCUMENT, table: 52 })),
    '2:',
    /is not main/,
  ],
  ['a claim to a local route', fileOf(claimText({}, { ...DOCUMENT, type: 'local' })), '2:', /unicast or/],
  [
    'a claim to a route with several next hops',
    fileOf(claimText({}, { ...DOCUMENT, nextHops: [{ gateway: null, device: 'a', weight: 1 }] })),
    '2:',
    /nextHops/,
  ],
  ['version 0', '{"version":0,"claims":[]}', '1:2', /never existed/],
])('a registry with %s says where', async (_what, content, at, cause) => {
  const dir = await temporaryDirectory();
  await writeFile(pathIn(dir), content, { mode: 0o600 });
  const [found] = await diagnosticsOf(createRegistry(dir).read());
  expect(found).toMatchObject({ code: 'registry-damaged', cause: expect.stringMatching(cause) });
  expect(`${found?.at?.line}:${found?.at?.column}`).toMatch(new RegExp(`^${at}`));
  expect(found?.command).toContain(`mv ${pathIn(dir)}`);
  expect(await codeOf(createRegistry(dir).write(CLAIMS))).toBe('registry-damaged');
  expect(await readFile(pathIn(dir), 'utf8')).toBe(content);
});

test('equal keys in two network namespaces, or two boots, are two routes', async () => {
  const dir = await temporaryDirectory();
  const owners = [OWNER, { ...OWNER, networkNamespace: '7' }, { ...OWNER, bootId: 'boot-0' }];
  const content = fileOf(...owners.map((owner) => claimText({ owner })));
  await writeFile(pathIn(dir), content, { mode: 0o600 });
  expect(await createRegistry(dir).read()).toHaveLength(3);
});

test('what was formatted by hand is read all the same', async () => {
  const dir = await temporaryDirectory();
  await createRegistry(dir).write(CLAIMS);
  const pretty = JSON.stringify(JSON.parse(await readFile(pathIn(dir), 'utf8')), null, 2);
  await writeFile(pathIn(dir), pretty);
  expect(await createRegistry(dir).read()).toEqual(CLAIMS);
});

test.each<[string, (path: string) => Promise<unknown>, string, RegExp]>([
  ['a directory', (path) => mkdir(path), 'state-not-ours', /is a directory/],
  [
    'a pipe, which would never end',
    async (path) => spawnSync('mkfifo', [path]),
    'state-not-ours',
    /not a regular file/,
  ],
  [
    'a file that its group may write',
    async (path) => {
      await writeFile(path, fileOf(claimText()));
      await chmod(path, 0o660);
    },
    'state-not-ours',
    /mode 0660/,
  ],
])('%s in its place is refused and left as it is', async (_what, make, code, summary) => {
  const dir = await temporaryDirectory();
  await make(pathIn(dir));
  const before = await lstat(pathIn(dir));
  const [found] = await diagnosticsOf(createRegistry(dir).read());
  expect(found).toMatchObject({ code, summary: expect.stringMatching(summary) });
  expect(found?.command).toContain(pathIn(dir));
  expect(await codeOf(createRegistry(dir).write(CLAIMS))).toBe(code);
  expect(await lstat(pathIn(dir))).toEqual(before);
});

test.skipIf(process.getuid?.() !== 0)('a file of another user is refused (made by root alone)', async () => {
  const dir = await temporaryDirectory();
  await createRegistry(dir).write(CLAIMS);
  await chown(pathIn(dir), 12345, 12345);
  const [found] = await diagnosticsOf(createRegistry(dir).read());
  expect(found).toMatchObject({
    code: 'state-not-ours',
    summary: expect.stringContaining('belongs to user 12345'),
    command: expect.stringContaining('sudo chown 0 '),
  });
});

test('a file that others may read is taken, and is private again once it is written', async () => {
  const dir = await temporaryDirectory();
  await createRegistry(dir).write(CLAIMS);
  await chmod(pathIn(dir), 0o644);
  const registry = createRegistry(dir);
  expect(await registry.read()).toEqual(CLAIMS);
  await registry.write(CLAIMS);
  expect((await stat(pathIn(dir))).mode & 0o777).toBe(0o600);
});

test('a registry of a newer version is left to the newer mkplan', async () => {
  const dir = await temporaryDirectory();
  await writeFile(pathIn(dir), '{"version":3,"claims":{}}');
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

const NEWER_CLAIM: Claim = {
  ...(CLAIMS[0] as Claim),
  unknown: { priority: 7, owner: { seat: 'b' }, route: { realm: 3 } },
};

async function withUnknownKeys(dir: string): Promise<void> {
  const unknown = { generation: 12, hosts: ['a'] };
  await writeFile(pathIn(dir), encodeClaims({ claims: [NEWER_CLAIM, ...CLAIMS.slice(1)], unknown }), {
    mode: 0o600,
  });
}

test('what a newer mkplan of the same version wrote beside what is known is kept by a rewrite', async () => {
  const dir = await temporaryDirectory();
  await withUnknownKeys(dir);
  const registry = createRegistry(dir);
  const [first] = await registry.read();
  await registry.write([{ ...NEWER_CLAIM, ...first, owner: { ...OWNER, mode: 'session' } }]);
  const document = JSON.parse(await readFile(pathIn(dir), 'utf8'));
  expect(document).toMatchObject({
    generation: 12,
    hosts: ['a'],
    claims: [
      { priority: 7, owner: { ...OWNER, mode: 'session', seat: 'b' }, route: { ...DOCUMENT, realm: 3 } },
    ],
  });
  expect(await createRegistry(dir).read()).toHaveLength(1);
});

test('an unknown key is not taken for a known one, whatever it is called', async () => {
  const dir = await temporaryDirectory();
  const unknown = JSON.parse('{"__proto__":{"claims":[]},"constructor":1}') as Record<string, unknown>;
  await writeFile(pathIn(dir), encodeClaims({ claims: CLAIMS, unknown }), { mode: 0o600 });
  const registry = createRegistry(dir);
  expect(await registry.read()).toEqual(CLAIMS);
  await registry.write(CLAIMS);
  expect(await readFile(pathIn(dir))).toEqual(encodeClaims({ claims: CLAIMS, unknown }));
});

test('any bit that flips is found, and the file is left as it is', async () => {
  const dir = await temporaryDirectory();
  await withUnknownKeys(dir);
  const good = await readFile(pathIn(dir));
  const taken: string[] = [];
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bad = Buffer.from(good);
    bad.writeUInt8(bad.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    try {
      decodeClaims('registry.json', bad);
      taken.push(`bit ${bit & 7} of byte ${bit >> 3}`);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
    }
  }
  expect(taken).toEqual([]);
});

test.each([
  ['a line gone', (text: string) => text.replace(/\{"profile":"v6".*\n/, '').replace('},\n]', '}\n]')],
  ['two claims exchanged', (text: string) => text.replace(/(\{.*\}),\n(\{.*\})\n/, '$2,\n$1\n')],
  ['a digit changed', (text: string) => text.replace('"metric":109', '"metric":108')],
  ['its checksum gone', (text: string) => text.replace(/"crc32":"[0-9a-f]+",/, '')],
  ['the checksum of another', (text: string) => text.replace(/"crc32":"./, '"crc32":"x')],
])('a registry with %s is damaged', async (_what, damage) => {
  const dir = await temporaryDirectory();
  await createRegistry(dir).write(CLAIMS);
  const text = await readFile(pathIn(dir), 'utf8');
  expect(damage(text)).not.toBe(text);
  await writeFile(pathIn(dir), damage(text));
  expect(await codeOf(createRegistry(dir).read())).toBe('registry-damaged');
});

test('the registry of an older mkplan is read, and has a checksum once it is written', async () => {
  const dir = await temporaryDirectory();
  await writeFile(pathIn(dir), fileOf(claimText()), { mode: 0o600 });
  const registry = createRegistry(dir);
  const claims = await registry.read();
  expect(claims).toMatchObject([{ profile: 'a' }]);
  await registry.write(claims);
  expect(await readFile(pathIn(dir), 'utf8')).toMatch(/^\{"version":2,"crc32":"[0-9a-f]{8}","claims":\[\n/);
  expect(await createRegistry(dir).read()).toEqual(claims);
});
