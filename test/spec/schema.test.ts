import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import schema from '../../schema/tunnel.schema.json' with { type: 'json' };
import { largestBound, validateOverlay, validateTunnel } from '../../src/spec/generated/validate-tunnel.js';
import { parseSpec } from '../../src/spec/parse.ts';

type Node = { readonly [key: string]: unknown };

/** Every schema within the schema, with where it stands. */
function* walk(node: unknown, path: string): Generator<[string, Node]> {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node) && path !== '' && !/\/(properties|\$defs)$/.test(path)) yield [path, node as Node];
  for (const [key, child] of Object.entries(node)) yield* walk(child, `${path}/${key}`);
}

const schemas = [...walk(schema, '')];

test('every key is described', () => {
  const keys = schemas.filter(([path]) => /\/properties\/[^/]+$/.test(path));
  expect(keys.length).toBeGreaterThan(20);
  for (const [path, node] of keys) {
    const reference = String(node['$ref'] ?? '').replace('#/$defs/', '');
    const definition: Node =
      reference === '' ? node : ((schema.$defs as Readonly<Record<string, Node>>)[reference] ?? {});
    expect(node['description'] ?? definition['description'], path).toMatch(/\.$/);
  }
});

test('every list, map and text is bounded, and no map takes unknown keys', () => {
  for (const [path, { type, ...node }] of schemas) {
    if (type === 'array') expect(node['maxItems'], path).toEqual(expect.any(Number));
    if (type === 'string') expect(node['maxLength'], path).toEqual(expect.any(Number));
    if (type !== 'object') continue;
    const isOpen = typeof node['additionalProperties'] === 'object';
    expect(isOpen ? node['maxProperties'] : node['additionalProperties'], path).toEqual(
      isOpen ? expect.any(Number) : false,
    );
  }
});

test('no list or map takes more entries than are read of a document', () => {
  const bounds = schemas.flatMap(([, node]) => [node['maxItems'], node['maxProperties']]);
  expect(largestBound).toBe(Math.max(...bounds.filter((bound) => typeof bound === 'number')));
});

test('the defaults that it states are those that are filled in', () => {
  const text =
    'apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata: { name: dev }\nspec: { profiles: [{ name: minikube, loadBalancer: {} }] }\n';
  const { desired } = parseSpec(text, 'tunnel.yaml');
  const [profile] = desired.profiles;
  const { $defs, properties } = schema;
  expect(desired.protocol).toBe(properties.spec.properties.protocol.default);
  expect(profile?.conflictPolicy.value).toBe($defs.conflictPolicy.default);
  expect(profile?.via).toBe($defs.profile.properties.via.default);
  expect(profile?.gateway.value).toBe($defs.gateway.default);
  expect([profile?.services.value, profile?.pods.value]).toEqual([
    $defs.networks.default,
    $defs.networks.default,
  ]);
  expect(profile?.loadBalancer.class).toBe($defs.loadBalancer.properties.class.default);
  expect(profile?.loadBalancer.unclassed).toBe($defs.loadBalancer.properties.unclassed.default);
});

test('the overlay is the same with nothing required but what identifies an entry', () => {
  expect([validateTunnel({}), validateOverlay({})]).toEqual([false, true]);
  expect([validateOverlay({ metadata: {}, spec: {} }), validateOverlay({ other: 1 })]).toEqual([true, false]);
  expect(validateOverlay({ spec: { profiles: [{ context: 'x' }] } })).toBe(false);
  expect(
    validateOverlay({ spec: { profiles: [{ name: 'a', cidrs: { pods: [{ conflictPolicy: 'skip' }] } }] } }),
  ).toBe(false);
});

test('every code of a diagnostic is documented, and no other', async () => {
  const folder = new URL('../../src/spec/', import.meta.url);
  const sources = (await readdir(folder)).filter((file) => file.endsWith('.ts'));
  const texts = await Promise.all(sources.map((file) => readFile(new URL(file, folder), 'utf8')));
  const given = texts.flatMap((text) =>
    [...text.matchAll(/\bcode: (?:\w+ \? '([a-z0-9-]+)' : )?'([a-z0-9-]+)'/g)].flatMap(([, one, other]) => [
      one,
      other,
    ]),
  );
  const page = await readFile(new URL('../../docs/diagnostics.md', import.meta.url), 'utf8');
  const [, section = ''] = page.split('<!-- spec: begin -->');
  const documented = [
    ...(section.split('<!-- spec: end -->')[0] ?? '').matchAll(/^\| `([a-z0-9-]+)` +\|/gm),
  ].map(([, code]) => code);
  expect(documented).toEqual([...documented].sort((a = '', b = '') => (a < b ? -1 : 1)));
  expect(new Set(documented)).toEqual(new Set(given.filter((code) => code !== undefined)));
});
