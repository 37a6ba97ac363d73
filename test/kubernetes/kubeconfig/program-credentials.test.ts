import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EmbeddedApi } from '../../../src/embedded-api/server.ts';
import type { Cluster } from '../../../src/kubernetes/cluster.ts';
import { connectCluster, type ProgramPolicy } from '../../../src/kubernetes/connect.ts';
import { ProcessRunner } from '../../../src/platform/process.ts';
import { startApi } from '../../embedded-api/client.ts';
import {
  type ApiServer,
  answerJson,
  type Certificates,
  listOf,
  makeCertificates,
  makeHome,
  minikubeKubeconfig,
  startApiServer,
  urlOf,
  writeKubeconfig,
} from '../api-server.ts';

const V1 = 'client.authentication.k8s.io/v1';
const GENEROUS_MS = 60_000;

let certificates: Certificates;
let server: ApiServer;
let home: string;
let remove: () => Promise<void>;
let open: Cluster[] = [];

beforeAll(async () => {
  certificates = await makeCertificates();
});
beforeEach(async () => {
  ({ home, remove } = await makeHome());
  server = await startApiServer(certificates);
  await writeFile(join(home, 'ca.crt'), certificates.ca);
});
afterEach(async () => {
  for (const cluster of open) await cluster.close();
  open = [];
  await server.close();
  await remove();
});

/** A program of a few lines of JavaScript; `print` prints an ExecCredential with a status, and each run is counted. */
async function writeProgram(body: string): Promise<void> {
  const text = `const { appendFileSync, readFileSync } = require('node:fs');
const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
appendFileSync(${JSON.stringify(join(home, 'runs'))}, JSON.stringify({ info, extra: process.env.EXTRA }) + '\\n');
const runs = readFileSync(${JSON.stringify(join(home, 'runs'))}, 'utf8').trim().split('\\n').length;
const print = (status) => console.log(JSON.stringify({ apiVersion: info.apiVersion, kind: 'ExecCredential', status }));
${body}
`;
  await writeFile(join(home, 'program.cjs'), text);
}

async function runs(): Promise<unknown[]> {
  const text = await readFile(join(home, 'runs'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

interface Changes {
  readonly exec?: Record<string, unknown>;
  readonly user?: Record<string, unknown>;
  readonly programs?: Partial<ProgramPolicy>;
  readonly url?: string;
}

async function connect({
  exec = {},
  user = {},
  programs = {},
  url = urlOf(server),
}: Changes = {}): Promise<Cluster> {
  const program = {
    apiVersion: V1,
    command: process.execPath,
    args: [join(home, 'program.cjs')],
    interactiveMode: 'Never',
    ...exec,
  };
  const config = {
    ...minikubeKubeconfig('minikube', url, 'ca.crt'),
    users: [{ name: 'minikube', user: { exec: program, ...user } }],
  };
  const cluster = await connectCluster({
    context: 'minikube',
    profile: 'minikube',
    env: { KUBECONFIG: await writeKubeconfig(home, 'config', config) },
    home,
    deadlineMs: GENEROUS_MS,
    programs: {
      runner: new ProcessRunner(),
      mayRun: async () => true,
      approval: 'mkplan plan tunnel.yaml --allow credentials',
      timeoutMs: GENEROUS_MS,
      ...programs,
    },
  });
  open.push(cluster);
  return cluster;
}

const KINDS: Readonly<Record<string, string>> = {
  nodes: 'Node',
  services: 'Service',
  pods: 'Pod',
  servicecidrs: 'ServiceCIDR',
  leases: 'Lease',
};

/** Lets those in who have one of these tokens; everything that they read is empty. */
function letIn(...tokens: readonly string[]): void {
  server.handle(({ path, headers }, response) => {
    const token = String(headers.authorization).replace('Bearer ', '');
    if (!tokens.includes(token)) answerJson(response, 401, { message: 'Unauthorized' });
    else if (path === '/version') answerJson(response, 200, { gitVersion: 'v1.34.0' });
    else {
      const plural = path.split('/').at(-1) ?? '';
      const kind = KINDS[plural];
      const apiVersion = /^\/apis\/([^/]+\/[^/]+)/.exec(path)?.[1] ?? 'v1';
      answerJson(
        response,
        kind === undefined ? 404 : 200,
        kind === undefined ? {} : listOf(apiVersion, kind, []),
      );
    }
  });
}

function sent(): string[] {
  return server.seen.map(({ headers }) => String(headers.authorization));
}

describe('credentials that a program makes', () => {
  it('are a token, made once for many calls', async () => {
    await writeProgram(`print({ token: 'made' });`);
    letIn('made');
    const cluster = await connect();
    await cluster.observe();
    await cluster.observe();
    expect(new Set(sent())).toEqual(new Set(['Bearer made']));
    expect(await runs()).toHaveLength(1);
  });

  it('tell the program what it is asked for, and the cluster where the kubeconfig says so', async () => {
    await writeProgram(`print({ token: 'made' });`);
    letIn('made');
    const env = [{ name: 'EXTRA', value: 'added' }];
    await (await connect({ exec: { env, provideClusterInfo: true } })).context();
    const ca = Buffer.from(certificates.ca).toString('base64');
    const cluster = { server: urlOf(server), 'certificate-authority-data': ca, config: null };
    const spec = { interactive: false, cluster };
    expect(await runs()).toEqual([
      { info: { apiVersion: V1, kind: 'ExecCredential', spec }, extra: 'added' },
    ]);
  });

  it('are made anew when they have expired', async () => {
    await writeProgram(
      `print({ token: 'made-' + runs, expirationTimestamp: runs === 1 ? '2001-01-01T00:00:00Z' : '2999-01-01T00:00:00Z' });`,
    );
    letIn('made-1', 'made-2');
    const cluster = await connect();
    await cluster.context();
    await cluster.observe();
    expect(sent()[0]).toBe('Bearer made-1');
    expect(new Set(sent().slice(1))).toEqual(new Set(['Bearer made-2']));
    expect(await runs()).toHaveLength(2);
  });

  it('are made anew once for a call that is refused with 401', async () => {
    await writeProgram(`print({ token: 'made-' + runs });`);
    letIn('made-2');
    await (await connect()).observe();
    expect(sent().slice(0, 2)).toEqual(['Bearer made-1', 'Bearer made-2']);
    expect(await runs()).toHaveLength(2);

    letIn();
    await expect((await connect()).observe()).rejects.toMatchObject({
      diagnostics: [{ code: 'cluster-unauthorized' }],
    });
    expect(await runs()).toHaveLength(4);
  });

  it('do not replace the token of the kubeconfig itself', async () => {
    await writeProgram(`print({ token: 'made' });`);
    letIn('own');
    await (await connect({ user: { token: 'own' } })).observe();
    expect(new Set(sent())).toEqual(new Set(['Bearer own']));
  });

  it.each([
    ['prints garbage', `console.log('secret, and no JSON');`, 'what it printed is not JSON'],
    ['prints something else', `console.log('{"kind":"Secret"}');`, 'no ExecCredential'],
    [
      'answers in another version',
      `info.apiVersion = 'client.authentication.k8s.io/v1beta1'; print({ token: 'secret' });`,
      'apiVersion client.authentication.k8s.io/v1beta1',
    ],
    [
      'answers in a version that cannot be a text',
      `info.apiVersion = { toString: 1 }; print({ token: 'secret' });`,
      'apiVersion none',
    ],
    [
      'gives a time that cannot be a text',
      `print({ token: 'secret', expirationTimestamp: { toString: 1 } });`,
      'is not a time',
    ],
    ['gives nothing', `print({});`, 'neither a token nor a certificate'],
    ['gives half', `print({ clientCertificateData: 'secret' });`, 'neither a token nor a certificate'],
    [
      'gives no certificate',
      `print({ clientCertificateData: 'secret', clientKeyData: 'secret' });`,
      'certificate or key cannot be read',
    ],
    ['gives no time', `print({ token: 'secret', expirationTimestamp: 'soon' });`, 'is not a time'],
    [
      'fails',
      `console.log('secret'); console.error('log\\x1b in first'); process.exitCode = 3;`,
      'exit code 3: log\\u001b in first',
    ],
  ])('are named as what failed where the program %s, and nothing is sent', async (_, body, summary) => {
    await writeProgram(body);
    const failure: unknown = await (await connect()).observe().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      kind: 'error',
      diagnostics: [{ code: 'credentials-program', summary: expect.stringContaining(summary) }],
    });
    expect(JSON.stringify(failure)).not.toContain('secret');
    if (summary.startsWith('exit code 3'))
      expect(failure).toMatchObject({ diagnostics: [{ cause: 'It said: log\\u001b in first' }] });
    expect(server.seen).toEqual([]);
  });

  it('are given up when the program hangs, which is killed', async () => {
    await writeProgram(`console.error('waiting for a browser'); setInterval(() => undefined, 1000);`);
    // Long enough for the program to come to speak.
    const cluster = await connect({ programs: { timeoutMs: 3_000 } });
    await expect(cluster.observe()).rejects.toMatchObject({
      diagnostics: [
        {
          summary: expect.stringContaining('not done within 3 s'),
          cause: 'It said: waiting for a browser',
        },
      ],
    });
  });

  it('name how to get a program that is not there', async () => {
    const exec = { command: 'mkplan-no-such-program', installHint: 'Get it from the cellar.\n' };
    await expect((await connect({ exec })).observe()).rejects.toMatchObject({
      diagnostics: [{ code: 'credentials-program', fix: 'Get it from the cellar.' }],
    });
  });

  it('come from a program beside the kubeconfig where its path is relative', async () => {
    await writeFile(join(home, 'program.sh'), PLAIN_PROGRAM, { mode: 0o700 });
    letIn('plain');
    await (await connect({ exec: { command: './program.sh', args: [] } })).observe();
    expect(new Set(sent())).toEqual(new Set(['Bearer plain']));
  });

  it('are not made for a context that nobody approved', async () => {
    await writeProgram(`print({ token: 'made' });`);
    const denied = connect({
      exec: { args: [join(home, 'program.cjs'), 'a b'] },
      programs: { mayRun: async () => false },
    });
    await expect(denied).rejects.toMatchObject({
      kind: 'conflict',
      diagnostics: [
        {
          code: 'program-unapproved',
          summary: expect.stringContaining(`program.cjs 'a b'`),
          command: 'mkplan plan tunnel.yaml --allow credentials',
        },
      ],
    });
    expect(await runs()).toEqual([]);
    expect(server.seen).toEqual([]);
  });
});

const PLAIN_PROGRAM = `#!/bin/sh
echo '{"apiVersion":"${V1}","kind":"ExecCredential","status":{"token":"plain"}}'
`;

describe('a client certificate that a program makes', () => {
  let api: EmbeddedApi;

  beforeEach(async () => {
    const started = await startApi();
    started.client.close();
    api = started.api;
    await writeFile(join(home, 'ca.crt'), api.ca);
  });
  afterEach(async () => {
    for (const cluster of open) await cluster.close();
    await api.close();
  });

  it('is taken for the connection', async () => {
    const status = { clientCertificateData: api.clientCert, clientKeyData: api.clientKey };
    await writeProgram(`print(${JSON.stringify(status)});`);
    const observed = await (await connect({ url: api.url })).observe();
    expect(observed).toMatchObject({ services: [], missingRights: [] });
    expect(await runs()).toHaveLength(1);
  });
});
