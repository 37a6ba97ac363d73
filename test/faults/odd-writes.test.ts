import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Resource, resourceOfKind } from '../../src/embedded-api/resources.ts';
import type { DesiredState } from '../../src/model/desired.ts';
import { type Diagnostic, Failure } from '../../src/model/diagnostic.ts';
import { makeHome } from '../kubernetes/api-server.ts';
import {
  EVENT_WRITES,
  LEASE_WRITES,
  type OddWrite,
  RECORD_WRITES,
  REMOVALS,
  STATUS_WRITES,
  WRITES,
} from './odd-writes.ts';
import { type Fault, PASS, type Passing } from './proxy.ts';
import { desiredState, Stack, wrongs } from './stack.ts';

const DEADLINE_MS = 10_000;
/** For what lasts until mkplan gives up. */
const SHORT_DEADLINE_MS = 1000;
vi.setConfig({ testTimeout: 60_000 });

const RECORDS = '/api/v1/namespaces/kube-system/configmaps';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const EVENTS = '/api/v1/namespaces/default/events';
const STATUS = /^\/api\/v1\/namespaces\/default\/services\/new-\d+\/status$/;

let stack: Stack;
/** Another one each time: what the record remembers of the last one would be given again without a write. */
let fresh = 'new-0';
let remove: () => Promise<void>;

beforeAll(async () => {
  const { home, remove: removeHome } = await makeHome();
  remove = removeHome;
  stack = await Stack.start(home, DEADLINE_MS);
});

beforeEach(async () => {
  for (const name of ['a', 'b']) {
    if (!stack.held().some((one) => one.name === name)) stack.addService(name);
  }
  await settle();
  fresh = `new-${Number(fresh.slice(4)) + 1}`;
});

afterEach(async () => {
  await settle();
  for (const { ingress } of stack.held()) expect(ingress).toHaveLength(1);
  if (stack.held().some(({ name }) => name === fresh)) stack.deleteService(fresh);
  await settle();
});

afterAll(async () => {
  await stack.close();
  await remove();
});

/** What comes of it as soon as the API server answers as it should. */
async function settle(desired?: DesiredState): Promise<void> {
  stack.proxy.decide(() => PASS);
  stack.deadlineMs = DEADLINE_MS;
  expect(['done', 'nothing']).toContain((await stack.apply(desired)).kind);
  expect(wrongs(stack)).toEqual([]);
}

function resource(apiVersion: string, kind: string): Resource {
  const found = resourceOfKind(apiVersion, kind);
  if (found === undefined) throw new Error(`no ${kind} here`);
  return found;
}

const maps = resource('v1', 'ConfigMap');
const leases = resource('coordination.k8s.io/v1', 'Lease');

/** What a run ends with, and all that its user is told is wrong. */
async function told(desired?: DesiredState): Promise<{ kind: string; all: readonly Diagnostic[] }> {
  stack.world.events.length = 0;
  const warnings = () =>
    stack.world.events.flatMap((event) => (event.type === 'warning' ? [event.diagnostic] : []));
  try {
    const { kind, diagnostics } = await stack.apply(desired);
    return { kind, all: [...diagnostics, ...warnings()] };
  } catch (thrown) {
    // Anything else is a fault of ours, which a user sees as internal-error.
    if (!(thrown instanceof Failure)) throw thrown;
    return { kind: thrown.kind, all: [...thrown.diagnostics, ...warnings()] };
  }
}

/** Answers a write otherwise; all else passes. Tells how many there were. */
function answerOddly(methods: RegExp, path: RegExp | string, { fault, isSlow }: OddWrite): () => number {
  let count = 0;
  const isMeant = (passing: Passing) =>
    methods.test(passing.method) &&
    (typeof path === 'string' ? passing.path === path : path.test(passing.path));
  stack.proxy.decide((passing): Fault => (isMeant(passing) ? fault(count++) : PASS));
  if (isSlow) stack.deadlineMs = SHORT_DEADLINE_MS;
  return () => count;
}

const others = () => stack.held().filter(({ name }) => name !== fresh);

/** A run while a write of it is answered otherwise: of nobody else anything is lost. */
async function expectKept(
  methods: RegExp,
  path: RegExp | string,
  answer: OddWrite,
): Promise<{ kind: string; all: readonly Diagnostic[] }> {
  const [before, routes] = [others(), stack.world.kernel.keys()];
  const count = answerOddly(methods, path, answer);
  const end = await told();
  expect(count()).toBeGreaterThan(0);
  expect(others()).toEqual(before);
  expect(stack.world.kernel.keys()).toEqual(expect.arrayContaining(routes));
  const given = stack.held().flatMap(({ ingress }) => ingress);
  expect(new Set(given).size).toBe(given.length);
  if (answer.says === null) {
    expect(end.all).toEqual([]);
    expect(end.kind).toBe('done');
  }
  return end;
}

/** That it is told, and once. */
function expectTold({ all }: { all: readonly Diagnostic[] }, { says }: OddWrite, what: string): void {
  const of = all.filter((one) => `${one.summary} ${one.cause ?? ''}`.includes(what));
  expect(of, JSON.stringify(all)).toHaveLength(1);
  expect(`${of[0]?.summary} ${of[0]?.cause}`).toContain(says);
}

describe('the answer to the write of a status that is', () => {
  it.each([...WRITES, ...STATUS_WRITES])('$name: the transaction is undone', async (answer) => {
    stack.addService(fresh);
    const end = await expectKept(/^PATCH$/, STATUS, answer);
    expect(wrongs(stack)).toEqual([]);
    if (answer.says === null) return;
    expect(['rolled-back', 'residue', 'error']).toContain(end.kind);
    expect(JSON.stringify(end.all)).toContain(`cannot patch services/status default/${fresh}`);
    expect(end.all.map(({ summary, cause }) => `${summary} ${cause}`).join()).toContain(answer.says);
  });
});

describe('the answer to the write of the record that is', () => {
  const KINDS = [
    ['create', /^POST$/, RECORDS],
    ['update', /^PUT$/, `${RECORDS}/mkplan-allocations`],
  ] as const;

  describe.each(KINDS)('%s', (verb, methods, path) => {
    it.each([...WRITES, ...RECORD_WRITES])('$name: nothing is given', async (answer) => {
      if (verb === 'create') {
        stack.api.store.delete({ resource: maps, namespace: 'kube-system', name: 'mkplan-allocations' });
      }
      stack.addService(fresh);
      const end = await expectKept(methods, path, answer);
      if (answer.says === null) return;
      expect(end.kind).toBe('error');
      expectTold(end, answer, `cannot ${verb} configmaps kube-system/mkplan-allocations`);
      expect(stack.held().find(({ name }) => name === fresh)?.ingress).toEqual([]);
    });
  });

  it('a conflict that the API server itself tells of: it is planned anew', async () => {
    stack.addService(fresh);
    const status = { kind: 'Status', apiVersion: 'v1', code: 409, reason: 'Conflict', message: 'changed' };
    stack.proxy.decide(({ method, path }) =>
      method === 'PUT' && path.startsWith(RECORDS) ? { kind: 'answer', status: 409, body: status } : PASS,
    );
    expect((await told()).kind).toBe('stale');
  });

  it('what was sent, with a version that it never got: the next run records it', async () => {
    stack.addService(fresh);
    stack.proxy.decide(({ method, path }) =>
      method === 'PUT' && path.startsWith(RECORDS)
        ? {
            kind: 'invent',
            invent: ({ body }) => {
              const map = JSON.parse(body) as { metadata: object };
              return {
                body: JSON.stringify({ ...map, metadata: { ...map.metadata, resourceVersion: '999999' } }),
              };
            },
          }
        : PASS,
    );
    expect((await told()).kind).toBe('done');
    stack.addService('later');
    await settle();
    const given = stack.held().flatMap(({ ingress }) => ingress);
    expect(new Set(given).size).toBe(4);
    stack.deleteService('later');
  });
});

describe('the answer to the write of a Lease that is', () => {
  const ours = () => stack.api.store.list(leases, 'kube-system');
  const absent: DesiredState = { ...desiredState, mode: 'absent' };

  function removeLeases(): void {
    for (const { metadata } of ours()) {
      stack.api.store.delete({ resource: leases, namespace: 'kube-system', name: metadata.name });
    }
  }

  it.each([...WRITES, ...LEASE_WRITES])('made, $name: nothing is given', async (answer) => {
    removeLeases();
    stack.addService(fresh);
    const end = await expectKept(/^(POST|PUT)$/, new RegExp(`^${LEASES}(/|$)`), answer);
    if (answer.says === null) return;
    expect(end.kind).toBe('error');
    // After a conflict it is read anew, and changed where it is there by now.
    expectTold(end, answer, 'leases kube-system/mkplan-');
    expect(stack.held().find(({ name }) => name === fresh)?.ingress).toEqual([]);
  });

  it.each([...WRITES, ...LEASE_WRITES])('changed, $name: nothing is taken away', async (answer) => {
    const [before, routes] = [stack.held(), stack.world.kernel.keys()];
    const count = answerOddly(/^PUT$/, new RegExp(`^${LEASES}/`), answer);
    const end = await told(absent);
    expect(count()).toBeGreaterThan(0);
    if (answer.says === null) {
      expect(end).toEqual({ kind: 'done', all: [] });
      expect(ours()).toEqual([]);
      return;
    }
    expect(end.kind).toBe('error');
    expectTold(end, answer, 'cannot update leases kube-system/');
    expect(stack.held()).toEqual(before);
    expect(stack.world.kernel.keys()).toEqual(routes);
  });

  it.each([...WRITES, ...REMOVALS])('removed, $name: the next destroy finds out', async (answer) => {
    const count = answerOddly(/^DELETE$/, new RegExp(`^${LEASES}/`), answer);
    const end = await told(absent);
    expect(count()).toBeGreaterThan(0);
    if (answer.says === null) expect(end).toEqual({ kind: 'done', all: [] });
    else {
      expect(end.kind).toBe('residue');
      expect(end.all.map(({ code }) => code)).toEqual(['residue-lease']);
      expectTold(end, answer, 'cannot delete leases kube-system/');
    }
    await settle(absent);
    expect(ours()).toEqual([]);
    expect(stack.held().flatMap(({ ingress }) => ingress)).toEqual([]);
  });
});

describe('the answer to the write of an Event that is', () => {
  it.each([...WRITES, ...EVENT_WRITES])('$name: the Service has its address all the same', async (answer) => {
    stack.addService(fresh);
    const end = await expectKept(/^POST$/, EVENTS, answer);
    expect(end.kind).toBe('done');
    expect(wrongs(stack)).toEqual([]);
    expect(stack.held().find(({ name }) => name === fresh)?.ingress).toHaveLength(1);
    if (answer.says === null) return;
    expect(end.all.map(({ code, severity }) => [code, severity])).toEqual([['events-unwritten', 'warning']]);
    expectTold(end, answer, 'cannot create events default');
  });
});

describe('docs/internals/answers.md', () => {
  const page = readFileSync(new URL('../../docs/internals/answers.md', import.meta.url), 'utf8');

  it.each([
    ['### Any write', WRITES],
    ['### The status of a Service', STATUS_WRITES],
    ['### The record of allocations', RECORD_WRITES],
    ['### A Lease that is made or changed', LEASE_WRITES],
    ['### A Lease that is removed', REMOVALS],
    ['### An Event', EVENT_WRITES],
  ])('lists, under %s, what is tried here', (title, writes) => {
    const section = page.split(/^(?=###? )/m).find((one) => one.startsWith(`${title}\n`)) ?? '';
    const rows = [...section.matchAll(/^\| ([^|]+?) +\| (accepted|refused)\b/gm)];
    expect(rows.map(([, name, verdict]) => [name, verdict === 'accepted'])).toEqual(
      writes.map(({ name, says }) => [name, says === null]),
    );
  });
});
