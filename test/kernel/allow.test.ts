import { afterEach, beforeEach, expect, test } from 'vitest';
import { post } from '../cluster/bed.ts';
import { Laptop, NODE } from '../cluster/laptop.ts';
import { nodeObject } from '../cluster/objects.ts';
import { startApi, type TestClient } from '../embedded-api/client.ts';

let client: TestClient;
let laptop: Laptop;
let closeApi: () => Promise<void>;

beforeEach(async () => {
  const started = await startApi();
  client = started.client;
  closeApi = () => started.api.close();
  await post(client, '/api/v1/nodes', nodeObject(NODE, true));
  laptop = await Laptop.create(started.api);
});

afterEach(async () => {
  await laptop.close();
  client.close();
  await closeApi();
});

function specWith(pods: string): string {
  const profile = `{ name: ${NODE.name}, cidrs: { services: auto, pods: [${pods}] } }`;
  return `apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata: { name: test }\nspec: { profiles: [${profile}] }\n`;
}

test('what `allow` remembers lets a script apply without --allow, until the spec asks for more or it is revoked', async () => {
  const { spec } = laptop;
  const apply = () => laptop.mkplan('apply', spec, '--auto-approve');
  await laptop.writeSpec(specWith('10.42.0.0/16'));
  const before = await laptop.routes();
  for (const refused of [await apply(), await laptop.mkplan('allow', spec)]) {
    expect(refused.code, refused.stderr).toBe(4);
    expect(refused.stderr).toContain('approve it at a terminal with `mkplan allow`');
  }

  const allowed = await laptop.mkplan('allow', spec, '--allow', 'unconfirmed');
  expect(allowed.code, allowed.stderr).toBe(0);
  expect(await laptop.routes()).toEqual(before);
  expect((await laptop.mkplan('plan', spec)).stdout).toMatch(/approved on \d{4}-/);
  const applied = await apply();
  expect(applied.code, applied.stderr).toBe(0);
  expect((await laptop.routes()).length).toBeGreaterThan(before.length);

  await laptop.writeSpec(specWith('10.42.0.0/15'));
  const wider = await apply();
  expect(wider.code, wider.stderr).toBe(4);

  await laptop.writeSpec(specWith('10.42.0.0/16'));
  expect((await laptop.mkplan('destroy', spec, '--auto-approve')).code).toBe(0);
  expect((await laptop.mkplan('allow', '--revoke', spec)).stdout).toContain('Revoked: 1 approval of');
  expect((await apply()).code).toBe(4);
});
