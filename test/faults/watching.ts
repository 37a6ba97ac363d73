import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { JsonObject } from '../../src/embedded-api/objects/json.ts';
import type { Cluster, ClusterWatch } from '../../src/kubernetes/cluster.ts';
import { connectCluster } from '../../src/kubernetes/connect.ts';
import type { WatchPace } from '../../src/kubernetes/watch/pace.ts';
import type { ObservedCluster } from '../../src/model/observed.ts';
import type { ContractTarget } from '../cluster/contract.ts';
import { endpointSlice, nodeObject, serviceObject } from '../cluster/objects.ts';
import type { Access } from '../embedded-api/client.ts';
import { makeHome, minikubeKubeconfig, NO_PROGRAMS, writeKubeconfig } from '../kubernetes/api-server.ts';
import { type Fault, type FaultProxy, PASS, startFaultProxy, type Upset } from './proxy.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const NODES = '/api/v1/nodes';
const RECORDS = '/api/v1/namespaces/kube-system/configmaps';
const LIST = '/api/v1/services';
const MERGE = 'application/merge-patch+json';

const TIMEOUT_MS = 120_000;
const PATIENCE = { timeout: 30_000, interval: 20 };
const CHANGES = 1000;
const ROUND = 50;

/** So short that a server which hangs, or says nothing, does not hold the tests up. */
const DEADLINE_MS = 1000;
const pace: Partial<WatchPace> = { idleMs: 1000, steadyMs: 0, backoffMs: 20, longestBackoffMs: 200 };

/** A Kubernetes API to watch. */
export interface WatchTarget extends ContractTarget {
  readonly access: Access;
}

const FAULTS: readonly (readonly [string, Fault])[] = [
  ['drops requests', { kind: 'drop' }],
  ['loses answers', { kind: 'lose' }],
  ['delays requests', { kind: 'delay', ms: 30 }],
  ['cuts answers', { kind: 'cut', share: 0.5 }],
  ['answers 410', { kind: 'status', status: 410 }],
  ['answers 429', { kind: 'status', status: 429, retryAfter: '0' }],
  ['answers 500', { kind: 'status', status: 500 }],
  ['hangs', { kind: 'hang' }],
];
const UPSETS: readonly Upset[] = ['cut', 'cut in a line', 'end', 'mute'];

/** That memory is true again after any fault, and nothing was lost; the same for every target. */
export function describeWatching(
  name: string,
  refused: string | null,
  start: () => Promise<WatchTarget>,
): void {
  describe.skipIf(refused !== null)(name, { timeout: TIMEOUT_MS }, () => {
    let target: WatchTarget;
    let proxy: FaultProxy;
    let watched: Cluster;
    let direct: Cluster;
    let watch: ClusterWatch;
    const closers: (() => Promise<void>)[] = [];
    let observing: Promise<void> = Promise.resolve();
    /** What somebody knows who looks only when there is a hint. */
    let known: ObservedCluster | null = null;
    let hints = 0;

    beforeAll(async () => {
      target = await start();
      closers.push(() => target.close());
      proxy = await startFaultProxy(target.access);
      closers.push(() => proxy.close());
      const { home, remove } = await makeHome();
      closers.push(remove);
      await writeFile(join(home, 'ca.crt'), proxy.ca);
      const config = minikubeKubeconfig('minikube', proxy.url, 'ca.crt');
      const env = { KUBECONFIG: await writeKubeconfig(home, 'config', config) };
      const options = { context: 'minikube', profile: 'minikube', env, home, programs: NO_PROGRAMS };
      watched = await connectCluster({ ...options, deadlineMs: DEADLINE_MS, pace });
      closers.push(() => watched.close());
      direct = await connectCluster(options);
      closers.push(() => direct.close());
      const node = { name: 'minikube', address: '192.168.39.10', podCidr: '10.244.0.0/24' };
      expect((await target.client.send('POST', NODES, nodeObject(node, true))).code).toBe(201);
      watch = watched.watch(() => {
        hints++;
        observing = observing.then(look);
      });
      await look();
    });

    afterAll(async () => {
      for (const close of closers.reverse()) await close();
    });

    async function look(): Promise<void> {
      // There is a hint when it is back, too.
      known = await watched.observe().catch(() => known);
    }

    function withoutVersions(cluster: ObservedCluster | null): unknown {
      const { services = [], allocations = null, ...rest } = cluster ?? {};
      const plain = services.map((service) => ({ ...service, resourceVersion: '' }));
      return { ...rest, services: plain, allocations: allocations?.allocations };
    }

    /** Memory is what a list shows, and who looks at hints alone knows it. */
    async function settled(): Promise<void> {
      proxy.decide(() => PASS);
      const listed = await direct.observe();
      await vi.waitFor(async () => expect(await watched.observe()).toEqual(listed), PATIENCE);
      await vi.waitFor(() => expect(watch.isLive).toBe(true), PATIENCE);
      await vi.waitFor(() => expect(withoutVersions(known)).toEqual(withoutVersions(listed)), PATIENCE);
    }

    const anyName = fc.integer({ min: 0, max: 11 }).map((index) => `web-${index}`);
    const change = fc.oneof(
      { weight: 4, arbitrary: fc.record({ what: fc.constant('make' as const), name: anyName }) },
      { weight: 2, arbitrary: fc.record({ what: fc.constant('delete' as const), name: anyName }) },
      {
        weight: 4,
        arbitrary: fc.record({
          what: fc.constant('patch' as const),
          name: anyName,
          type: fc.constantFrom('LoadBalancer', 'ClusterIP'),
          ip: fc.constantFrom('10.200.0.1', '10.200.0.2'),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ what: fc.constant('slice' as const), name: anyName, pods: fc.nat(3) }),
      },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('node' as const), ready: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('record' as const), octet: fc.nat(99) }) },
    );

    type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

    /** Past the proxy; what cannot be done, such as deleting what is not there, changes nothing. */
    async function make(one: Change): Promise<void> {
      const { client } = target;
      if (one.what === 'make') await client.send('POST', SERVICES, serviceObject(one.name));
      else if (one.what === 'delete') await client.send('DELETE', `${SERVICES}/${one.name}`);
      else if (one.what === 'patch') {
        const patch = { metadata: { annotations: { 'mkplan/ip': one.ip } }, spec: { type: one.type } };
        await client.send('PATCH', `${SERVICES}/${one.name}`, patch, MERGE);
      } else if (one.what === 'slice') {
        const pods = Array.from({ length: one.pods }, (_, index) => ({
          name: `${one.name}-${index}`,
          node: 'minikube',
          address: `10.244.0.${index + 2}`,
        }));
        await client.send('DELETE', `${SLICES}/${one.name}-1`);
        await client.send('POST', SLICES, endpointSlice(one.name, pods));
      } else if (one.what === 'node') {
        const status = { conditions: [{ type: 'Ready', status: one.ready ? 'True' : 'False' }] };
        await client.send('PATCH', `${NODES}/minikube/status`, { status }, MERGE);
      } else {
        const data = { allocations: `10.200.0.${one.octet} default/web-0\n` };
        const map: JsonObject = { metadata: { name: 'mkplan-allocations' }, data };
        await client.send('POST', RECORDS, { apiVersion: 'v1', kind: 'ConfigMap', ...map });
        await client.send('PATCH', `${RECORDS}/mkplan-allocations`, { data }, MERGE);
      }
    }

    async function happen(seed: number): Promise<void> {
      for (const one of fc.sample(change, { numRuns: ROUND, seed })) await make(one);
    }

    test('knows of each of a thousand changes', async () => {
      await settled();
      const lists = () => proxy.seen.filter(({ isWatch, path }) => !isWatch && path === LIST).length;
      const before = lists();
      for (let round = 0; round < CHANGES / ROUND; round++) await happen(round);
      process.stdout.write(
        `${name}: ${CHANGES} changes, ${hints} hints, ${lists() - before} more lists of Services\n`,
      );
      await settled();
    });

    test.each(UPSETS)('is true again after streams were: %s', async (how) => {
      await happen(100);
      proxy.upset(how);
      await happen(101);
      await settled();
    });

    test.each(FAULTS)('is true again after a server that %s', async (_, fault) => {
      await happen(102);
      const before = proxy.seen.length;
      proxy.decide(() => fault);
      proxy.upset('cut');
      await happen(103);
      await vi.waitFor(() => expect(proxy.seen.length).toBeGreaterThan(before + 3), PATIENCE);
      await happen(104);
      await settled();
    });

    test('is true again after history was forgotten meanwhile', async () => {
      proxy.upset('mute');
      await happen(105);
      await target.forgetHistory();
      await happen(106);
      await settled();
    });

    test('asks little of a server that is down', async () => {
      proxy.decide(() => ({ kind: 'status', status: 500 }));
      proxy.upset('cut');
      await vi.waitFor(() => expect(watched.observe()).rejects.toThrow('cannot'), PATIENCE);
      const before = proxy.seen.length;
      const times = () => proxy.seen.slice(before).flatMap(({ path, at }) => (path === LIST ? [at] : []));
      await vi.waitFor(async () => {
        for (let index = 0; index < 100; index++) {
          await expect(watched.observe()).rejects.toThrow('cannot');
        }
        expect(times().length).toBeGreaterThan(12);
      }, PATIENCE);
      const gaps = times().map((at, index, all) => at - (all[index - 1] ?? 0));
      const shortest = Math.min(...gaps.slice(8));
      process.stdout.write(
        `${name}, down: ${gaps.length} requests of a list, ${Math.round(shortest)} ms and more apart\n`,
      );
      // Half of the longest wait at least, by chance, whoever observes meanwhile.
      expect(shortest).toBeGreaterThanOrEqual(95);
      await settled();
    });
  });
}
