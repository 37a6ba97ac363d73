import { describe, expect, it, vi } from 'vitest';
import { approvedNothing } from '../../fakes/approvals.ts';
import { Session } from '../../fakes/session.ts';
import * as build from '../../planner/build.ts';

vi.setConfig({ testTimeout: 60_000 });

const at = build.AT;
const SERVICES = '10.96.0.0/16';
const ADDRESS = '10.200.0.1/32';

function profileOf(name: string, cidrs: readonly string[], pool: readonly string[] = []) {
  return build.profile({
    name,
    services: { value: cidrs.map((text) => build.cidr(text)), at },
    loadBalancer: build.loadBalancer(pool, { unclassed: true }),
  });
}

const POOLED = build.desired([profileOf('one', [SERVICES], ['10.200.0.0/29'])]);

const vpn = (destination: string) =>
  build.route({ destination, gateway: '10.8.0.1', device: 'tun0', protocol: 3 });

async function lose(session: Session, ...destinations: readonly string[]): Promise<void> {
  for (const destination of destinations) session.world.kernel.remove(await session.routeTo(destination));
}

async function served(): Promise<Session> {
  const session = await Session.create(POOLED);
  session.addService('web');
  session.start({ uncovered: approvedNothing });
  await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
  return session;
}

/** Has somebody remove a route until the session gives it up. */
async function fightOver(session: Session, destination: string): Promise<void> {
  for (let round = 0; session.state() !== 'fighting' && round < 20; round++) {
    await lose(session, destination);
    await session.pass();
  }
  await lose(session, destination);
  await session.pass();
}

describe('a route that is lost', () => {
  it('with its link, two hundred times, is made again each time, and nobody is blamed', async () => {
    const session = await served();
    session.isSilent = true;
    for (let flap = 0; flap < 200; flap++) {
      await lose(session, SERVICES, ADDRESS);
      await session.pass('kernel', () => expect(session.ours()).toContain(SERVICES));
    }
    expect(session.of('watch.held')).toEqual([]);
    expect(session.ingress('web')).toEqual(['10.200.0.1']);
    await session.stop();
  });

  it('to somebody is given up for a minute, and then made again if it is left alone', async () => {
    const session = await served();
    await fightOver(session, SERVICES);
    expect(session.ours()).not.toContain(SERVICES);
    expect(session.of('watch.held')[0]?.why).toContain('mkplan tries again in a minute');
    session.clock.advance(60_000);
    await session.rests(() => expect(session.ours()).toContain(SERVICES));
    expect(session.state()).toBe('idle');
    expect(session.of('watch.released').map(({ what }) => what)).toEqual([`route ${SERVICES}`]);
    await session.stop();
  });

  it('to somebody who goes on is tried once more each time, after one, two, four and five minutes', async () => {
    const session = await served();
    await fightOver(session, SERVICES);
    const pauses: number[] = [];
    for (let fight = 0; fight < 5; fight++) {
      const pause = session.clock.next ?? 0;
      pauses.push(Math.round(pause / 60_000));
      session.clock.advance(pause);
      await session.rests(() => expect(session.ours()).toContain(SERVICES));
      await fightOver(session, SERVICES);
    }
    expect(pauses).toEqual([1, 2, 4, 5, 5]);
    await session.stop();
  });

  it('to a foreign route in its place is made again soon after that has gone', async () => {
    const session = await served();
    await fightOver(session, SERVICES);
    const theirs = vpn(SERVICES);
    session.world.kernel.insert(theirs);
    await session.pass();
    session.world.kernel.remove(theirs);
    await session.pass();
    expect(session.ours()).not.toContain(SERVICES);
    session.clock.advance(5000);
    await session.rests(() => expect(session.ours()).toContain(SERVICES));
    await session.stop();
  });

  it('takes the address of its Service along while it is given up, and the condition says why', async () => {
    const session = await served();
    await fightOver(session, ADDRESS);
    expect(session.ingress('web')).toEqual([]);
    expect(session.services.get('web')?.condition).toMatchObject({
      status: 'False',
      message: expect.stringContaining('its route is set aside: something on this host'),
    });
    session.clock.advance(60_000);
    await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
    await session.stop();
  });
});

it('two profiles that lead to one cluster: the second is set aside before it takes a Service from the first', async () => {
  const session = await Session.create(
    build.desired([
      profileOf('one', [], ['10.200.0.0/29']),
      profileOf('again', [SERVICES], ['10.201.0.0/29']),
    ]),
  );
  session.addService('web');
  session.start();
  await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
  for (let round = 0; round < 5; round++) await session.pass('cluster');
  expect(session.of('transaction.started').length).toBeLessThan(3);
  const [held] = session.of('watch.held');
  expect(held).toMatchObject({ what: 'profile again' });
  expect(held?.why).toContain('the same cluster as profile one');
  await session.stop();
});

describe('a VPN that comes during a session', () => {
  it.each([
    ['covers everything', ['10.0.0.0/8']],
    ['takes the default route by halves', ['0.0.0.0/1', '128.0.0.0/1']],
  ])('%s: after a flap all stands again, and a hundred times so', async (_, destinations) => {
    const session = await served();
    session.isSilent = true;
    for (let round = 0; round < 100; round++) {
      for (const one of destinations) session.world.kernel.insert(vpn(one));
      await session.pass();
      await lose(session, SERVICES, ADDRESS);
      await session.pass('kernel', () => expect(session.ours()).toContain(ADDRESS));
      expect(session.ours()).toContain(SERVICES);
      for (const one of destinations) session.world.kernel.remove(vpn(one));
    }
    expect(session.of('watch.held')).toEqual([]);
    await session.stop();
  });

  it('lets only what is new wait for approval, alone', async () => {
    const session = await served();
    session.world.kernel.insert(vpn('10.0.0.0/8'));
    session.spec = build.desired([profileOf('one', [SERVICES, '10.97.0.0/16'], ['10.200.0.0/29'])]);
    await session.pass('spec');
    expect(session.ours()).toEqual(['10.200.0.0/29', ADDRESS, SERVICES]);
    expect(session.of('watch.held').map(({ what }) => what)).toEqual(['route 10.97.0.0/16']);
    session.addService('later');
    await session.pass('cluster', () => expect(session.ingress('later')).toEqual(['10.200.0.2']));
    session.world.kernel.remove(vpn('10.0.0.0/8'));
    await session.pass('kernel', () => expect(session.ours()).toContain('10.97.0.0/16'));
    await session.stop();
  });

  it('and would lose its name server: that destination is left alone, and the rest of the profile is mended', async () => {
    const session = await served();
    session.critical = [{ kind: 'dns-server', address: '10.96.0.53', detail: '/etc/resolv.conf' }];
    session.isSilent = true;
    await lose(session, SERVICES, ADDRESS);
    await session.pass('kernel', () => expect(session.ours()).toContain(ADDRESS));
    expect(session.ours()).not.toContain(SERVICES);
    expect(session.of('watch.held').map(({ what }) => what)).toEqual([`route ${SERVICES}`]);
    session.critical = [];
    await session.pass('timer', () => expect(session.ours()).toContain(SERVICES));
    await session.stop();
  });
});

describe('a suspension', () => {
  /** Wakes the host, and lets what comes back by itself come back. */
  async function wake(session: Session): Promise<void> {
    const before = session.renewals;
    session.suspensions++;
    session.trigger('resumed');
    await vi.waitFor(() => expect(session.clock.next).not.toBeNull());
    session.clock.advance(3000);
    await session.rests(() => expect(session.renewals).toBe(before + 1));
  }

  it('fifty times: nothing is withdrawn while the cluster is on its way back, and all is as before', async () => {
    const session = await served();
    session.isSilent = true;
    const told = session.told.length;
    for (let round = 0; round < 50; round++) {
      // Asleep for long after the cluster was lost: on the way down it was there no more.
      session.unreached.add('one');
      await session.pass('cluster');
      await lose(session, SERVICES);
      session.clock.nowMs += round % 2 === 0 ? 0 : 600_000;
      await wake(session);
      expect(session.ingress('web')).toEqual(['10.200.0.1']);
      expect(session.ours()).toContain(ADDRESS);
      session.unreached.clear();
      await session.pass('cluster', () => expect(session.ours()).toContain(SERVICES));
    }
    expect(session.told.slice(told)).toEqual([]);
    await session.stop();
  });

  it('after which the cluster stays away counts from the waking on', async () => {
    const session = await served();
    session.unreached.add('one');
    await session.pass('cluster');
    session.clock.nowMs += 600_000;
    await wake(session);
    session.clock.advance(14_000);
    await session.pass('cluster');
    expect(session.ours()).toContain(ADDRESS);
    session.clock.advance(1000);
    await session.rests(() => expect(session.ours()).toEqual([]));
    await session.stop();
  });
});
