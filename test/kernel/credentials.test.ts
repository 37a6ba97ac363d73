import { readFile, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
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
  await useProgram();
});

afterEach(async () => {
  await laptop.close();
  client.close();
  await closeApi();
});

/** Has a program make the credentials of minikube's context, and of another one to the same cluster. */
async function useProgram(): Promise<void> {
  const credential = {
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token: 'made' },
  };
  const { apiVersion } = credential;
  const exec = { apiVersion, command: 'echo', args: [JSON.stringify(credential)], interactiveMode: 'Never' };
  const config = parse(await readFile(laptop.kubeconfig, 'utf8'));
  const byHand = { name: 'by-hand', context: { cluster: NODE.name, user: NODE.name } };
  const changed = {
    ...config,
    contexts: [...config.contexts, byHand],
    users: [{ name: NODE.name, user: { exec } }],
  };
  await writeFile(laptop.kubeconfig, stringify(changed));
}

function specOf(profile: Record<string, string>): string {
  return `apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata: { name: test }\nspec: { profiles: [${JSON.stringify(profile)}] }\n`;
}

test('the program of the context that minikube wrote for the profile is run unasked', async () => {
  await laptop.writeSpec(specOf({ name: NODE.name }));
  expect(await laptop.mkplan('apply', laptop.spec, '--auto-approve')).toMatchObject({ code: 0 });
  expect(await laptop.routes()).toHaveLength(2);
});

test.each([['plan'], ['observe'], ['status'], ['apply', '--auto-approve'], ['destroy', '--auto-approve']])(
  '%s runs the program of another context only when `credentials` is allowed, which `context` is not',
  async (verb, ...rest) => {
    await laptop.writeSpec(specOf({ name: NODE.name, context: 'by-hand' }));
    const refused = await laptop.mkplan(verb, laptop.spec, ...rest);
    expect(refused.code, refused.stderr).toBe(4);
    expect(refused.stderr).toContain('its credentials come from a program, which is not run unasked: echo ');
    expect(refused.stderr).toContain(`mkplan ${verb} ${laptop.spec} --allow credentials`);
    expect(laptop.proxy.seen).toEqual([]);

    const formerly = await laptop.mkplan(verb, laptop.spec, ...rest, '--allow', 'context');
    expect(formerly.code, formerly.stderr).toBe(4);
    expect(formerly.stderr).toContain('`context` alone does not let a program run');
    expect(formerly.stderr).toContain(`mkplan ${verb} ${laptop.spec} --allow context,credentials`);
    expect(laptop.proxy.seen).toEqual([]);

    const allowed = await laptop.mkplan(verb, laptop.spec, ...rest, '--allow', 'context,credentials');
    expect(allowed.code, allowed.stderr).toBe(0);
    expect(laptop.proxy.seen.length).toBeGreaterThan(0);
  },
);

test('a program that was approved once runs unasked until it changes or that is revoked', async () => {
  await laptop.writeSpec(specOf({ name: NODE.name, context: 'by-hand' }));
  const given = await laptop.mkplan('allow', laptop.spec, '--allow', 'context,credentials');
  expect(given.code, given.stderr).toBe(0);
  expect((await laptop.mkplan('allow', '--list')).stdout).toMatch(/credentials +\S+ +echo /);
  const applied = await laptop.mkplan('apply', laptop.spec, '--auto-approve');
  expect(applied.code, applied.stderr).toBe(0);
  expect((await laptop.mkplan('plan', laptop.spec)).code).toBe(0);

  const config = await readFile(laptop.kubeconfig, 'utf8');
  await writeFile(laptop.kubeconfig, config.replace('command: echo', 'command: /bin/echo'));
  expect((await laptop.mkplan('plan', laptop.spec)).code).toBe(4);
  await writeFile(laptop.kubeconfig, config);
  expect((await laptop.mkplan('plan', laptop.spec)).code).toBe(0);
  await laptop.mkplan('allow', '--revoke', laptop.spec);
  expect((await laptop.mkplan('plan', laptop.spec)).code).toBe(4);
});
