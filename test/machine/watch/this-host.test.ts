import { expect, it, vi } from 'vitest';
import { Session } from '../../fakes/session.ts';
import * as build from '../../planner/build.ts';

// Each pass is a journaled transaction with its fsyncs.
vi.setConfig({ testTimeout: 60_000 });

const AUTO = { value: 'auto', at: build.AT } as const;
/** The laptop's own address on its LAN. */
const OWN = '192.168.1.10';
const ROUTED = ['10.200.0.0/29', '10.200.0.1/32', '10.96.0.0/12'];

/** A session, and every address that its Service ever showed, none included. */
async function sessionAt(vm: string) {
  const session = await Session.create(
    build.desired([
      build.profile({
        name: 'one',
        gateway: AUTO,
        services: AUTO,
        loadBalancer: build.loadBalancer(['10.200.0.0/29'], { unclassed: true }),
      }),
    ]),
  );
  session.cluster.vm = vm;
  session.addService('web');
  session.start();
  await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
  const given: (readonly string[])[] = [];
  session.onObserve = () => given.push(session.ingress('web'));
  return { session, given };
}

it('follows a cluster to this host and back: routes go and come, and its Service keeps its address throughout', async () => {
  const { session, given } = await sessionAt(build.VM);
  expect(session.ours()).toEqual(ROUTED);
  session.cluster.vm = OWN;
  await session.pass('cluster', () => expect(session.ours()).toEqual([]));
  expect(await session.world.claims()).toEqual([]);
  session.cluster.vm = build.VM;
  await session.pass('cluster', () => expect(session.ours()).toEqual(ROUTED));
  expect(new Set(given.flat())).toEqual(new Set(['10.200.0.1']));
  expect(given.every((shown) => shown.length === 1)).toBe(true);
  expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
  expect(session.ours()).toEqual([]);
  expect(session.ingress('web')).toEqual([]);
});

it('serves a cluster on this host without taking the lock of the routing table, and takes back what it gave', async () => {
  const { session } = await sessionAt(OWN);
  expect(session.world.lock.taken).toBe(0);
  session.addService('api', { created: '2026-01-02T00:00:00Z' });
  await session.pass('cluster', () => expect(session.ingress('api')).toEqual(['10.200.0.2']));
  expect(session.world.lock.taken).toBe(0);
  expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
  expect([session.ingress('web'), session.ingress('api')]).toEqual([[], []]);
  expect(session.cluster.participants).toEqual([]);
});
