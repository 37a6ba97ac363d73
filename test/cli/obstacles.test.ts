import { chmod, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { statusOf } from '../../src/cli/commands/status/path-status.ts';
import { connectCluster } from '../../src/kubernetes/connect.ts';
import type { Rest } from '../../src/minikube/profiles.ts';
import type { DesiredState } from '../../src/model/desired.ts';
import type { MinikubeConfig, ObservedProfile } from '../../src/model/observed.ts';
import type { Aside } from '../../src/model/plan.ts';
import { inTime } from '../../src/observe/patience.ts';
import { observeProfile } from '../../src/observe/profile.ts';
import { OBSTACLES } from '../../src/planner/obstacles.ts';
import { plan } from '../../src/planner/plan.ts';
import { ProcessRunner } from '../../src/platform/process.ts';
import {
  type ApiServer,
  answerJson,
  type Certificates,
  type Handler,
  makeCertificates,
  makeHome,
  minikubeKubeconfig,
  startApiServer,
  urlOf,
  writeKubeconfig,
} from '../kubernetes/api-server.ts';
import * as build from '../planner/build.ts';

const HOUR_MS = 3_600_000;
/** Of a call that is not answered, and of a program that does not end; milliseconds. */
const SHORT_MS = 300;
const EXPIRY_MS = -1000;

const CONFIG: MinikubeConfig = {
  driver: 'kvm2',
  unroutable: null,
  nodes: [{ name: 'minikube', ip: '127.0.0.1', controlPlane: true }],
  serviceCidr: '10.96.0.0/12',
};

let certificates: Certificates;
let others: Certificates;
let expired: Certificates;
let home: string;
let remove: () => Promise<void>;
let closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  [certificates, others, expired] = await Promise.all([
    makeCertificates(),
    makeCertificates(),
    makeCertificates('127.0.0.1', EXPIRY_MS),
  ]);
});
beforeEach(async () => {
  ({ home, remove } = await makeHome());
  await writeFile(join(home, 'ca.crt'), certificates.ca);
});
afterEach(async () => {
  for (const close of closing) await close();
  closing = [];
  await remove();
});

/** A server that plays an API, with the certificates given. */
async function api(handler: Handler, of = certificates): Promise<ApiServer> {
  const server = await startApiServer(of);
  server.handle(handler);
  closing.push(() => server.close());
  return server;
}

/** A plain TCP server at loopback; its URL. */
async function tcp(onConnect: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnect(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return `https://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

/** The kubeconfig of a server, and what its user is. */
const configOf = (server: string, user: object = { token: 'secret-token' }) => ({
  ...minikubeKubeconfig('minikube', server, 'ca.crt'),
  users: [{ name: 'minikube', user }],
});

async function program(body: string): Promise<object> {
  const file = join(home, 'program.sh');
  await writeFile(file, `#!/bin/sh\n${body}\n`);
  await chmod(file, 0o700);
  return execOf(file);
}

const execOf = (command: string) => ({
  exec: { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' },
});

const answering = async (handler: Handler) => configOf(urlOf(await api(handler)));

const text =
  (status: number, body: string, headers: Record<string, string> = {}): Handler =>
  (_, response) =>
    response.writeHead(status, headers).end(body);

interface Case {
  /** Writes what is wrong: a kubeconfig, or its text, or none. */
  readonly lay: () => Promise<object | string | null>;
  readonly rest?: Rest;
  readonly code: keyof typeof OBSTACLES;
  /** Part of the cause. */
  readonly says: string;
  /** The same in a session, which asks for the lists first. */
  readonly saysToSession?: string;
  /** minikube's command, where it made the profile; null where none helps. */
  readonly minikube: string | null;
}

const refused = async () => {
  const server = await api(text(200, ''));
  const url = urlOf(server);
  await closing.pop()?.();
  return configOf(url);
};
const silent = async () => configOf(await tcp(() => undefined));

const PAUSED: Case = {
  lay: silent,
  rest: 'paused',
  code: 'cluster-paused',
  says: 'no answer within',
  minikube: 'unpause',
};

const CASES: Readonly<Record<string, Case>> = {
  'its VM is stopped': {
    lay: refused,
    rest: 'stopped',
    code: 'vm-stopped',
    says: 'ECONNREFUSED',
    minikube: 'start',
  },
  'it is paused': PAUSED,
  'it takes connections and never answers': {
    lay: silent,
    code: 'cluster-silent',
    says: 'took the connection',
    minikube: 'status',
  },
  'nothing listens': {
    lay: refused,
    code: 'cluster-refused',
    says: 'refuses connections',
    minikube: 'status',
  },
  'its name has no address': {
    lay: async () => configOf('https://no-such-host.invalid:8443'),
    code: 'cluster-unresolved',
    says: 'no-such-host.invalid',
    minikube: null,
  },
  'it ends every connection': {
    lay: async () => configOf(await tcp((socket) => socket.destroy())),
    code: 'cluster-cut',
    says: 'ended the connection',
    minikube: null,
  },
  'it speaks no TLS': {
    lay: async () => configOf(await tcp((socket) => socket.end('SSH-2.0-server\r\n'))),
    code: 'cluster-not-tls',
    says: 'does not speak TLS',
    minikube: 'update-context',
  },
  'its certificate is of another authority': {
    lay: async () => configOf(urlOf(await api(text(200, '{}'), others))),
    code: 'certificate-authority',
    says: 'certificate authority',
    minikube: 'update-context',
  },
  'its certificate has expired': {
    lay: async () => {
      await writeFile(join(home, 'ca.crt'), expired.ca);
      return configOf(urlOf(await api(text(200, '{}'), expired)));
    },
    code: 'certificate-expired',
    says: 'the clock of this host',
    minikube: 'start',
  },
  'its certificate is for other names': {
    lay: async () => {
      const of = await makeCertificates('10.9.9.9', HOUR_MS);
      await writeFile(join(home, 'ca.crt'), of.ca);
      return configOf(urlOf(await api(text(200, '{}'), of)));
    },
    code: 'certificate-name',
    says: '10.9.9.9',
    minikube: 'update-context',
  },
  'it answers 401': {
    lay: () => answering((_, response) => answerJson(response, 401, {})),
    code: 'cluster-unauthorized',
    says: '401',
    minikube: null,
  },
  'it answers 403': {
    lay: () => answering((_, response) => answerJson(response, 403, {})),
    code: 'cluster-forbidden',
    says: '403',
    minikube: null,
  },
  'it answers 500 itself': {
    lay: () => answering((_, response) => answerJson(response, 500, {})),
    code: 'cluster-busy',
    says: '500',
    minikube: null,
  },
  'it is not ready': {
    lay: () => answering((_, response) => answerJson(response, 503, {})),
    code: 'cluster-busy',
    says: '503',
    minikube: null,
  },
  'a proxy answers 502': {
    lay: () => answering(text(502, '<html>Bad Gateway</html>')),
    code: 'cluster-error',
    says: '502',
    minikube: null,
  },
  'a proxy answers 503': {
    lay: () => answering(text(503, 'no healthy upstream')),
    code: 'cluster-error',
    says: 'no healthy upstream',
    minikube: null,
  },
  'a page answers': {
    lay: () => answering(text(200, '<html>Log in</html>')),
    code: 'api-object-malformed',
    says: 'not JSON',
    minikube: null,
  },
  'something else answers in JSON': {
    lay: () => answering(text(200, '{"ok":true}')),
    code: 'api-object-malformed',
    says: 'gitVersion',
    saysToSession: 'not a ServiceList',
    minikube: null,
  },
  'a redirect answers': {
    lay: () => answering(text(302, '', { Location: 'https://login.example/' })),
    code: 'cluster-error',
    says: 'login.example',
    minikube: null,
  },
  'there is no kubeconfig': {
    lay: async () => null,
    code: 'context-unknown',
    says: 'does not exist',
    minikube: 'update-context',
  },
  'its context is missing': {
    lay: async () => ({ ...configOf('https://127.0.0.1:1'), contexts: [] }),
    code: 'context-unknown',
    says: 'no kubeconfig context',
    minikube: 'update-context',
  },
  'the kubeconfig is malformed': {
    lay: async () => 'clusters: [',
    code: 'kubeconfig-malformed',
    says: 'is not a kubeconfig file',
    minikube: null,
  },
  'its client key is missing': {
    lay: async () =>
      configOf('https://127.0.0.1:1', { 'client-certificate': 'gone.crt', 'client-key': 'gone.key' }),
    code: 'kubeconfig-credentials',
    says: 'gone.crt',
    minikube: null,
  },
  'the program of its credentials fails': {
    lay: async () =>
      configOf('https://127.0.0.1:1', await program('echo first >&2; echo log in again >&2; exit 3')),
    code: 'credentials-program',
    says: 'exit code 3: log in again',
    minikube: null,
  },
  'the program is missing': {
    lay: async () => configOf('https://127.0.0.1:1', execOf('no-such-program')),
    code: 'credentials-program',
    says: 'no-such-program was not found',
    minikube: null,
  },
  'the program prints garbage': {
    lay: async () => configOf('https://127.0.0.1:1', await program('echo hello')),
    code: 'credentials-program',
    says: 'is not JSON',
    minikube: null,
  },
  'the program does not end': {
    lay: async () => configOf('https://127.0.0.1:1', await program('exec sleep 60')),
    code: 'credentials-program',
    says: 'not done within 0.3 s',
    minikube: null,
  },
};

/** Half of the time that a program may take: its time does not count. */
const PATIENCE_MS = 10_000;

/** `isWatched`: as a session asks, and not as a command does that ends. */
async function seen({ lay, rest }: Case, isMinikubes: boolean, isWatched = false): Promise<ObservedProfile> {
  const laid = await lay();
  const file = join(home, 'config');
  if (typeof laid === 'string') await writeFile(file, laid);
  else if (laid !== null) await writeKubeconfig(home, 'config', laid);
  const cluster = async () => {
    const made = await connectCluster({
      context: 'minikube',
      profile: 'minikube',
      env: { KUBECONFIG: file },
      home,
      deadlineMs: SHORT_MS,
      programs: { runner: new ProcessRunner(), mayRun: async () => true, approval: '', timeoutMs: SHORT_MS },
    });
    closing.push(() => made.close());
    if (isWatched) made.watch(() => undefined);
    return made;
  };
  const profiles = {
    config: async () => (isMinikubes ? CONFIG : null),
    ip: async () => null,
    list: async () => [],
    rest: async () => (isMinikubes ? (rest ?? null) : null),
    tunnels: async () => ({ tunnels: [], problems: [] }),
  };
  return await inTime('minikube', PATIENCE_MS, undefined, (patience) =>
    observeProfile(
      desired('present').profiles[0] ?? build.profile(),
      { profiles, cluster },
      { self: 'us', ...patience },
    ),
  );
}

const AUTO = { value: 'auto', at: build.AT } as const;

function desired(mode: DesiredState['mode']): DesiredState {
  const loadBalancer = build.loadBalancer(['10.200.0.0/24'], { unclassed: true });
  return {
    ...build.desired([build.profile({ gateway: AUTO, services: AUTO, pods: AUTO, loadBalancer })]),
    mode,
  };
}

function stateOf(code: Case['code']): Aside['state'] {
  return OBSTACLES[code].state;
}

describe.each(Object.entries(CASES))('a cluster that cannot be asked, since %s', (_, given) => {
  it('is told once, with what helps where minikube made it', async () => {
    const observed = build.observed({ profiles: [await seen(given, true)] });
    const made = plan(desired('present'), observed);
    expect(made.aside).toMatchObject([{ profile: 'minikube', state: stateOf(given.code) }]);
    const [told, ...more] = made.diagnostics;
    expect(more).toEqual([]);
    expect(told).toMatchObject({
      code: given.code,
      severity: 'warning',
      summary: `profile minikube: ${OBSTACLES[given.code].what}`,
      cause: expect.stringContaining(given.says),
    });
    expect(told?.fix).toMatch(/^[A-Z].*\.$/);
    if (given.minikube !== null) expect(told?.command).toBe(`minikube ${given.minikube} -p minikube`);
    else expect(told?.command ?? '').not.toMatch(/^minikube /);
    const { problems } = statusOf(desired('present'), made, observed);
    expect(problems.filter((problem) => problem.includes(told?.summary ?? ''))).toHaveLength(1);
    expect(problems).toHaveLength(1);
  });
});

describe.each(Object.entries(CASES))('a cluster that a session cannot ask, since %s', (_, given) => {
  it('is told once, by the same code', async () => {
    const observed = build.observed({ profiles: [await seen(given, true, true)] });
    const [told, ...more] = plan(desired('present'), observed).diagnostics;
    expect(more).toEqual([]);
    const cause = expect.stringContaining(given.saysToSession ?? given.says);
    expect(told).toMatchObject({ code: given.code, cause });
  });
});

/** Of what minikube says, nothing is known where it did not make the profile. */
const ELSEWHERE = Object.entries(CASES).filter(([, { rest }]) => rest === undefined);

describe.each(ELSEWHERE)('a cluster of another provider that cannot be asked, since %s', (_, given) => {
  it('is never given a command of minikube’s', async () => {
    const observed = build.observed({ profiles: [await seen(given, false)] });
    const [told, ...more] = plan(desired('present'), observed).diagnostics;
    expect(more).toEqual([]);
    expect(told?.code).toBe(given.code);
    expect(`${told?.fix} ${told?.command ?? ''}`).not.toMatch(
      /minikube (start|unpause|status|update-context)/,
    );
  });
});

it('every row of the table is tried, but for those that others try', () => {
  const elsewhere = [
    // test/observe/observe.test.ts, test/kubernetes/proxy.test.ts, test/kubernetes/kubeconfig, test/kernel/credentials.test.ts
    'profile-silent',
    'cluster-proxy',
    'kubeconfig-unreadable',
    'kubeconfig-server',
    'kubeconfig-proxy',
    'program-unapproved',
    'profile-name',
    'cluster-unobserved',
    // test/kubernetes/client/connection-faults.test.ts: it takes another network, and a server that asks for certificates
    'cluster-unreachable',
    'client-certificate',
  ];
  const tried = new Set(Object.values(CASES).map(({ code }) => code));
  expect([...tried, ...elsewhere].sort()).toEqual(Object.keys(OBSTACLES).sort());
});

it('destroy says what becomes of the routes beside what helps', async () => {
  const claimed = {
    destination: '10.200.0.1/32',
    gateway: build.VM,
    device: 'virbr1',
    metric: 109,
    protocol: 109,
  };
  const observed = build.observed({
    host: build.host([claimed]),
    registry: { claims: [build.claim(claimed, { purpose: 'load-balancer' })], open: null },
    profiles: [await seen(PAUSED, true)],
  });
  const made = plan(desired('absent'), observed);
  expect(made.diagnostics).toMatchObject([
    {
      code: 'cluster-paused',
      fix: expect.stringContaining('until `mkplan destroy` runs once more'),
      command: 'minikube unpause -p minikube',
    },
  ]);
});
