import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Cluster, ClusterWatch } from '../../src/kubernetes/cluster.ts';
import type { WatchPace } from '../../src/kubernetes/watch/pace.ts';
import type { Failure } from '../../src/model/diagnostic.ts';
import { isRefused, type Plan } from '../../src/model/plan.ts';
import { makeHome } from '../kubernetes/api-server.ts';
import { GETS, LISTS, NO_LISTS, type Odd, type OddStream, VERSION, WATCHES } from './odd-answers.ts';
import { type Fault, PASS, type Passing } from './proxy.ts';
import { desiredState, Stack } from './stack.ts';

const SERVICES = '/api/v1/services';
const RECORD = '/api/v1/namespaces/kube-system/configmaps/mkplan-allocations';
const DEADLINE_MS = 10_000;
const PATIENCE = { timeout: 20_000, interval: 20 };
vi.setConfig({ testTimeout: 60_000 });

let stack: Stack;
let remove: () => Promise<void>;

beforeAll(async () => {
  const { home, remove: removeHome } = await makeHome();
  remove = removeHome;
  stack = await Stack.start(home, DEADLINE_MS);
  stack.addService('a');
  stack.addService('b');
  expect((await stack.apply()).kind).toBe('done');
  expect(stack.world.kernel.keys().join()).toContain('10.200.0.2');
});

afterEach(() => stack.proxy.decide(() => PASS));

afterAll(async () => {
  await stack.close();
  await remove();
});

/** What must not be lost: the host's routes, and who shows and has which address. */
function live(): unknown {
  const held = stack.held().map(({ name, ingress, managers }) => ({ name, ingress, managers }));
  return { routes: stack.world.kernel.keys(), held, record: [...stack.record()] };
}

/** Answers what is asked for at a path otherwise; all else passes. */
function at(method: string, path: string, { of }: Odd): (passing: Passing) => Fault {
  return (passing) =>
    passing.method === method && passing.path === path && !passing.isWatch
      ? { kind: 'rewrite', rewrite: of }
      : PASS;
}

/** The one answer of a server that is only busy. */
const BUSY = 'a Retry-After of years';

/** The profile is set aside, and nothing is planned for it. */
function expectUnseen({ aside, steps }: Plan, { name }: Odd): void {
  expect(aside).toMatchObject([{ profile: 'minikube', state: name === BUSY ? 'silent' : 'unusable' }]);
  expect(steps.filter(({ action }) => action !== 'none')).toEqual([]);
}

async function expectKept(answer: Odd): Promise<void> {
  const before = live();
  const made = await stack.plan();
  expect(made.steps.filter(({ action }) => action === 'delete' || action === 'replace')).toEqual([]);
  const { kind } = await stack.apply();
  expect(live()).toEqual(before);
  if (answer.says === null) {
    expect(isRefused(made)).toBe(false);
    expect(['nothing', 'done']).toContain(kind);
    return;
  }
  expectUnseen(made, answer);
  expect(kind).toBe('nothing');
  const says = JSON.stringify(made.diagnostics);
  expect(says).toContain(JSON.stringify(answer.says).slice(1, -1));
  expect(says).toContain('context \\"minikube\\": cannot');
}

describe('a list of Services that is', () => {
  it.each(LISTS)('$name: no route and no address is lost', async (answer) => {
    stack.proxy.decide(at('GET', SERVICES, answer));
    await expectKept(answer);
  });

  it('continued where the state is forgotten: it is read anew, in one piece, and once', async () => {
    const asked: string[] = [];
    const expired: Odd = {
      name: 'expired',
      says: null,
      of: ({ body }) => {
        asked.push('page');
        const list = JSON.parse(body.toString('utf8')) as { metadata: object };
        if (asked.length === 1) {
          return { body: JSON.stringify({ ...list, metadata: { ...list.metadata, continue: 'expired' } }) };
        }
        return asked.length === 2
          ? { status: 410, body: JSON.stringify({ kind: 'Status', code: 410, message: 'too old' }) }
          : { body };
      },
    };
    stack.proxy.decide(at('GET', SERVICES, expired));
    const made = await stack.plan();
    expect(isRefused(made)).toBe(false);
    expect(asked).toHaveLength(3);
    let count = 0;
    const forever: Odd = {
      ...expired,
      of: (reply) => {
        asked.length = count++ % 2;
        return expired.of(reply);
      },
    };
    stack.proxy.decide(at('GET', SERVICES, forever));
    const before = live();
    expectUnseen(await stack.plan(), forever);
    expect(live()).toEqual(before);
  });
});

describe('the record of allocations that is', () => {
  it.each(GETS)('$name: no route and no address is lost', async (answer) => {
    stack.proxy.decide(at('GET', RECORD, answer));
    await expectKept(answer);
  });
});

describe('the Leases, when a tunnel leaves that another one shares the cluster with,', () => {
  const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
  const absent = { ...desiredState, mode: 'absent' as const };
  const cleared = async () =>
    (await stack.plan(absent)).steps.filter(({ kind, action }) => kind === 'service' && action === 'delete');

  it.each(NO_LISTS)('are $name: no address is cleared', async (answer) => {
    expect(await cleared()).toHaveLength(2);
    stack.proxy.decide(at('GET', leases, answer));
    expect(await cleared()).toEqual([]);
  });
});

describe('a watch of Services that sends', () => {
  const pace: Partial<WatchPace> = { lostMs: 0, backoffMs: 10, longestBackoffMs: 50, pageMs: 0 };
  let cluster: Cluster;
  let hints = 0;

  /** Answers the first watch of Services by these bytes, and lists of them from then on by this. */
  function misbehave({ bytes, isEnded }: Pick<OddStream, 'bytes' | 'isEnded'>, list: Odd | null): void {
    let isDone = false;
    stack.proxy.decide((passing) => {
      if (passing.path !== SERVICES) return PASS;
      if (isDone) return passing.isWatch || list === null ? PASS : { kind: 'rewrite', rewrite: list.of };
      if (!passing.isWatch) return PASS;
      isDone = true;
      return { kind: 'stream', bytes: bytes.replace(VERSION, String(stack.api.store.revision)), isEnded };
    });
  }

  async function begin(): Promise<ClusterWatch> {
    cluster = await stack.connect(pace);
    hints = 0;
    return cluster.watch(() => {
      hints++;
    });
  }

  const shown = async () => (await cluster.observe()).services.map(({ name, ingress }) => [name, ...ingress]);

  afterEach(() => cluster.close());

  it.each(WATCHES)('$name: memory stays true', async ({ isLegal, bytes, isEnded }) => {
    const from = stack.proxy.seen.length;
    misbehave({ bytes, isEnded }, null);
    const asked = (isWatch: boolean) =>
      stack.proxy.seen.slice(from).filter((one) => one.path === SERVICES && one.isWatch === isWatch);
    const watch = await begin();
    const before = await shown();
    expect(before).toEqual(stack.held().map(({ name, ingress }) => [name, ...ingress]));
    await vi.waitFor(() => {
      expect(asked(true)).toHaveLength(2);
      expect(watch.isLive).toBe(true);
    }, PATIENCE);
    expect(asked(false)).toHaveLength(isLegal ? 1 : 2);
    expect(await shown()).toEqual(before);
    expect(hints).toBe(0);
  });

  const gone = WATCHES.find(({ name }) => name === 'ERROR with 410');

  it.each(NO_LISTS)('410, and the list that follows is $name: nothing of it is believed', async (answer) => {
    const before = stack.held().map(({ name, ingress }) => [name, ...ingress]);
    misbehave({ bytes: gone?.bytes ?? '', isEnded: true }, answer);
    const watch = await begin();
    // It may be asked before the stream is.
    await vi.waitFor(async () => {
      const looked = await shown().catch((thrown: Failure) => thrown.message);
      if (typeof looked !== 'string') expect(looked).toEqual(before);
      expect(looked).toContain(answer.says);
    }, PATIENCE);
    stack.proxy.decide(() => PASS);
    await vi.waitFor(async () => {
      // It may have been asked to stay away for minutes.
      cluster.retry();
      expect(await shown()).toEqual(before);
      expect(watch.isLive).toBe(true);
    }, PATIENCE);
  });
});

describe('an API server that does not serve', () => {
  const plain = { status: 404, headers: { 'Content-Type': 'text/plain' }, body: '404 page not found\n' };
  const status = { status: 404, body: JSON.stringify({ kind: 'Status', reason: 'NotFound', code: 404 }) };

  const GROUPS: readonly (readonly [group: string, path: RegExp, warning: string | null])[] = [
    ['EndpointSlices of v1', /^\/apis\/discovery/, 'discovery.k8s.io/v1'],
    ['Leases', /^\/apis\/coordination/, 'coordination.k8s.io/v1'],
    ['ServiceCIDRs', /^\/apis\/networking/, null],
    ['SelfSubjectAccessReviews', /^\/apis\/authorization/, null],
  ];

  it.each(GROUPS.flatMap(([...one]) => [plain, status].map((answer) => [...one, answer] as const)))(
    '%s goes on without',
    async (_, path, warning, answer) => {
      stack.proxy.decide((passing) =>
        path.test(passing.path) ? { kind: 'rewrite', rewrite: () => answer } : PASS,
      );
      const before = live();
      const { kind, plan } = await stack.apply();
      expect(['nothing', 'done']).toContain(kind);
      expect(live()).toEqual(before);
      const warned = plan.diagnostics.filter(({ code }) => code === 'api-not-served');
      expect(warned.map(({ severity }) => severity)).toEqual(warning === null ? [] : ['warning']);
      for (const { summary } of warned)
        expect(summary).toMatch(new RegExp(`v1\\.34.*does not serve ${warning}`));
      expect(plan.diagnostics.filter(({ code }) => code === 'rights-missing')).toEqual([]);
    },
  );

  it('what came after 1.20 gives a new Service its address, without an ipMode', async () => {
    const version = { body: JSON.stringify({ major: '1', minor: '20', gitVersion: 'v1.20.15' }) };
    stack.proxy.decide(({ path }) => {
      if (path === '/version') return { kind: 'rewrite', rewrite: () => version };
      const isLater = /^\/apis\/(discovery|networking)/.test(path);
      return isLater ? { kind: 'rewrite', rewrite: () => plain } : PASS;
    });
    stack.addService('new');
    const { kind, plan } = await stack.apply();
    expect(kind).toBe('done');
    const warned = plan.diagnostics.filter(({ code }) => code === 'api-not-served');
    expect(warned.map(({ summary }) => summary)).toEqual([
      'profile minikube: its API server (v1.20.15) does not serve discovery.k8s.io/v1',
    ]);
    expect(stack.held().find(({ name }) => name === 'new')?.ingress).toEqual(['10.200.0.3']);
    const patches = stack.proxy.seen.filter(
      ({ method, path }) => method === 'PATCH' && path.includes('/new/'),
    );
    expect(patches.at(-1)?.body).not.toContain('ipMode');
    stack.deleteService('new');
    await stack.apply();
  });

  it('EndpointSlices of v1 is watched all the same', async () => {
    stack.proxy.decide((passing) =>
      passing.path.startsWith('/apis/discovery') ? { kind: 'rewrite', rewrite: () => plain } : PASS,
    );
    const cluster = await stack.connect();
    const watch = cluster.watch(() => undefined);
    expect(await cluster.observe()).toMatchObject({
      endpoints: null,
      services: [{ name: 'a' }, { name: 'b' }],
    });
    await vi.waitFor(() => expect(watch.isLive).toBe(true), PATIENCE);
    await cluster.close();
  });
});

describe('docs/internals/answers.md', () => {
  const page = readFileSync(new URL('../../docs/internals/answers.md', import.meta.url), 'utf8');

  it.each([
    ['## Lists', LISTS.map(({ name, says }) => [name, says === null])],
    ['## Single objects', GETS.map(({ name, says }) => [name, says === null])],
    ['## Watches', WATCHES.map(({ name, isLegal }) => [name, isLegal])],
  ])('lists, under %s, what is tried here', (title, tried) => {
    const section = page.split(/^(?=## )/m).find((one) => one.startsWith(`${title}\n`)) ?? '';
    const rows = [...section.matchAll(/^\| ([^|]+?) +\| (accepted|refused)\b/gm)];
    expect(rows.map(([, name, verdict]) => [name, verdict === 'accepted'])).toEqual(tried);
  });
});
