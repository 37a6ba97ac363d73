import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEmbeddedApi, type EmbeddedApi } from '../../src/embedded-api/server.ts';
import { ApiClient } from '../../src/kubernetes/client/http.ts';
import { joinLease, LeaseJudge, markLeaving, readParticipants } from '../../src/kubernetes/leases.ts';
import { MissingRights } from '../../src/kubernetes/rights.ts';
import type { Serving } from '../../src/model/participant.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A Lease that was renewed this long before now, by its holder's clock. */
function lease(ageMs: number, leaseDurationSeconds: number | null = 40, name = 'mkplan-1') {
  const renewTime = new Date(NOW - ageMs).toISOString();
  const duration = leaseDurationSeconds === null ? {} : { leaseDurationSeconds };
  return { metadata: { name }, spec: { renewTime, ...duration } };
}

/** A judge at noon, whose clocks are put forward by hand. */
function judgeAt(): { judge: LeaseJudge; pass(ms: number): void } {
  let passed = 0;
  const judge = new LeaseJudge({ wall: () => NOW + passed, monotonic: () => 5 + passed });
  return {
    judge,
    pass: (ms) => {
      passed += ms;
    },
  };
}

describe('whether a Lease is live', () => {
  it('without a duration, it is until it is removed', () => {
    const { judge, pass } = judgeAt();
    expect(judge.isLive(lease(1000 * MINUTE, null))).toBe(true);
    pass(1000 * MINUTE);
    expect(judge.isLive(lease(1000 * MINUTE, null))).toBe(true);
  });

  it.each([
    ['just renewed', 0, true],
    ['by a clock that is five minutes behind', 5 * MINUTE, true],
    ['by a clock that is an hour ahead', -60 * MINUTE, true],
    ['longer ago than clocks differ', 6 * MINUTE, false],
  ])('at first sight, %s', (_, age, isLive) => {
    expect(judgeAt().judge.isLive(lease(age))).toBe(isLive);
  });

  it('is dead once it was not renewed before our eyes for its duration, whatever its clock says', () => {
    const { judge, pass } = judgeAt();
    const ahead = lease(-60 * MINUTE);
    expect(judge.isLive(ahead)).toBe(true);
    pass(40 * SECOND);
    expect(judge.isLive(ahead)).toBe(true);
    pass(SECOND);
    expect(judge.isLive(ahead)).toBe(false);
  });

  it('lives on as long as it is renewed, whatever its clock says', () => {
    const { judge, pass } = judgeAt();
    for (let renewal = 0; renewal < 10; renewal++) {
      expect(judge.isLive(lease(-renewal))).toBe(true);
      pass(39 * SECOND);
    }
  });

  it('is told for each by itself, and comes back with a renewal', () => {
    const { judge, pass } = judgeAt();
    expect(judge.isLive(lease(0, 40, 'a'))).toBe(true);
    pass(41 * SECOND);
    expect(judge.isLive(lease(0, 40, 'b'))).toBe(true);
    expect(judge.isLive(lease(0, 40, 'a'))).toBe(false);
    expect(judge.isLive(lease(-41 * SECOND, 40, 'a'))).toBe(true);
  });

  it('is judged by our own eyes where its time cannot be read', () => {
    const { judge, pass } = judgeAt();
    const odd = { metadata: { name: 'a' }, spec: { renewTime: 'noon', leaseDurationSeconds: 40 } };
    expect(judge.isLive(odd)).toBe(true);
    pass(41 * SECOND);
    expect(judge.isLive(odd)).toBe(false);
  });
});

describe('what a Lease says that is served', () => {
  const SELF = { name: 'mkplan-1', holder: 'me@here:/a/tunnel.yaml' };
  const POOL: Serving = {
    class: 'mkplan/tunnel',
    unclassed: 'auto',
    pool: ['10.200.0.0/24', 'fd00::1-fd00::9'],
  };
  const CLUSTER_IPS: Serving = { class: 'other/class', unclassed: false, pool: null };
  let api: EmbeddedApi;
  let client: ApiClient;

  beforeEach(async () => {
    api = await createEmbeddedApi({ address: '127.0.0.1', port: 0, serviceCidrs: ['10.96.0.0/12'] });
    const { ca, clientCert, clientKey, url } = api;
    const tls = { ca, cert: clientCert, key: clientKey, rejectUnauthorized: true };
    client = new ApiClient({ context: 'test', server: new URL(url), tls, headers: {}, deadlineMs: 10_000 });
  });

  afterEach(async () => {
    client.close();
    await api.close();
  });

  async function seen() {
    const judge = new LeaseJudge({ wall: () => NOW, monotonic: () => 0 });
    const found = await readParticipants(client, judge, new MissingRights(), { self: null });
    return found?.[0] ?? null;
  }

  async function join(serves: readonly Serving[]): Promise<void> {
    await joinLease(client, () => NOW, { ...SELF, mode: 'session', serves });
  }

  it('is read by others as it was said, changes with every renewal, and stays when the tunnel leaves', async () => {
    await join([POOL]);
    expect(await seen()).toMatchObject({ ...SELF, serves: [POOL] });
    await join([POOL, CLUSTER_IPS]);
    expect((await seen())?.serves).toEqual([POOL, CLUSTER_IPS]);
    await markLeaving(client, () => NOW, SELF);
    expect(await seen()).toMatchObject({ leaving: true, serves: [POOL, CLUSTER_IPS] });
    await join([CLUSTER_IPS]);
    expect(await seen()).toMatchObject({ leaving: false, serves: [CLUSTER_IPS] });
  });

  it('lasts once `apply` has made it, also where a session renews it; that of a session does not', async () => {
    await join([POOL]);
    expect((await seen())?.lasting).toBeUndefined();
    await joinLease(client, () => NOW, { ...SELF, mode: 'persistent', serves: [POOL] });
    expect((await seen())?.lasting).toBe(true);
    await join([CLUSTER_IPS]);
    expect((await seen())?.lasting).toBe(true);
  });

  it('is unknown where the Lease says nothing', async () => {
    await markLeaving(client, () => NOW, SELF);
    expect((await seen())?.serves).toBeNull();
  });

  /** Has somebody else edit our Lease. */
  async function edit(changes: { labels?: object; annotations?: object; spec?: object }): Promise<void> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/${SELF.name}`;
    const lease = await stored();
    const { metadata, spec } = lease;
    const edited = {
      ...lease,
      metadata: {
        ...metadata,
        labels: { ...metadata.labels, ...changes.labels },
        annotations: { ...metadata.annotations, ...changes.annotations },
      },
      spec: { ...spec, ...changes.spec },
    };
    const body = { type: 'application/json', text: JSON.stringify(edited) } as const;
    expect((await client.send({ verb: 'update', resource: 'leases', path, body })).status).toBe(200);
  }

  async function stored() {
    const path = `/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/${SELF.name}`;
    const { body } = await client.send({ verb: 'get', resource: 'leases', path });
    return body as { metadata: { labels: object; annotations: object }; spec: object };
  }

  it('keeps what it does not know, when it is renewed and when the tunnel leaves', async () => {
    await join([POOL]);
    const added = {
      labels: { 'who/else': 'a' },
      annotations: { 'mkplan/mood': 'good' },
      spec: { leaseTransitions: 3 },
    };
    await edit(added);
    const kept = {
      metadata: {
        labels: { 'app.kubernetes.io/managed-by': 'mkplan', ...added.labels },
        annotations: { 'mkplan/format': '1', ...added.annotations },
      },
      spec: { holderIdentity: SELF.holder, ...added.spec },
    };
    await join([POOL]);
    expect(await stored()).toMatchObject(kept);
    await markLeaving(client, () => NOW, SELF);
    expect(await stored()).toMatchObject(kept);
  });

  it('of a newer format counts as one that is there, and is never written', async () => {
    await join([POOL]);
    await edit({ annotations: { 'mkplan/format': '2' } });
    const before = await stored();
    const refused = { diagnostics: [{ code: 'lease-newer', summary: expect.stringContaining('format 2;') }] };
    await expect(join([CLUSTER_IPS])).rejects.toMatchObject(refused);
    await expect(markLeaving(client, () => NOW, SELF)).rejects.toMatchObject(refused);
    expect(await stored()).toEqual(before);
    expect(await seen()).toMatchObject({ ...SELF, live: true, leaving: false });
  });

  it.each([
    ['no JSON', 'the pool'],
    ['no list', '{}'],
    ['of another form', JSON.stringify([{ ...POOL, pool: [1] }])],
    ['without a class', JSON.stringify([{ unclassed: true, pool: null }])],
    ['longer than any spec', JSON.stringify([{ ...POOL, pool: Array(2000).fill('10.0.0.1/32') }])],
  ])('is unknown where it is %s', async (_, text) => {
    const annotations = { 'mkplan/serves': text };
    const labels = { 'app.kubernetes.io/managed-by': 'mkplan' };
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: SELF.name, namespace: 'kube-system', labels, annotations },
      spec: { holderIdentity: SELF.holder },
    };
    const { status } = await client.send({
      verb: 'create',
      resource: 'leases',
      path: '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases',
      body: { type: 'application/json', text: JSON.stringify(lease) },
    });
    expect(status).toBe(201);
    expect(await seen()).toMatchObject({ name: SELF.name, serves: null });
  });
});
