import { describe, expect, it, vi } from 'vitest';
import { helperGone } from '../../../src/helper/failures.ts';
import type { Claim } from '../../../src/model/claim.ts';
import { Failure } from '../../../src/model/diagnostic.ts';
import { formatPrefix } from '../../../src/model/prefix.ts';
import type { RouteDocument } from '../../../src/model/route.ts';
import { createRegistry } from '../../../src/registry/claims-file.ts';
import { Session } from '../../fakes/session.ts';
import { WatchedCluster } from '../../fakes/watched-cluster.ts';
import * as build from '../../planner/build.ts';

// Each pass is a journaled transaction with its fsyncs.
vi.setConfig({ testTimeout: 60_000 });

const at = build.AT;

/** A profile with these networks, and a pool where it is given. */
function profileOf(name: string, cidrs: readonly string[], pool: readonly string[] = []) {
  return build.profile({
    name,
    services: { value: cidrs.map((text) => build.cidr(text)), at },
    loadBalancer: build.loadBalancer(pool, { unclassed: true }),
  });
}

const PLAIN = build.desired([profileOf('one', ['10.96.0.0/16'])]);
const POOLED = build.desired([profileOf('one', ['10.96.0.0/16'], ['10.200.0.0/29'])]);
const TWO = build.desired([profileOf('one', ['10.96.0.0/16']), profileOf('two', ['10.97.0.0/16'])]);

const foreign = (destination: string): RouteDocument => ({
  destination,
  gateway: '192.168.1.7',
  device: 'eth0',
  protocol: 3,
});

const ours = (destination: string): RouteDocument => ({
  destination,
  gateway: build.VM,
  device: 'virbr1',
  metric: 109,
  protocol: 109,
});

const invalid = new Failure('error', [
  { code: 'yaml-syntax', severity: 'error', summary: 'half a file', cause: '', fix: '' },
]);

describe('a session', () => {
  it('looks again at once after a pass that changed something, and after one in vain when it has rested as long', async () => {
    const session = await Session.create(PLAIN);
    /** Between the last that each pass saw and the next pass. */
    const rests: number[] = [];
    let seenAt = 0;
    session.start({}, (event) => {
      if (event.type === 'watch.state' && event.state === 'reconciling') {
        rests.push(session.clock.now() - seenAt);
      }
    });
    await session.settled();
    session.clock.advance(1000);
    session.world.kernel.remove(await session.routeTo('10.96.0.0/16'));
    rests.length = 0;
    session.onObserve = () => {
      session.clock.advance(30);
      seenAt = session.clock.now();
      // The second pass is told of what the first did, and the third of something else.
      if (rests.length === 2) session.trigger('kernel');
    };
    seenAt = session.clock.now();
    await session.pass('kernel', () => expect(rests).toHaveLength(3));
    expect(rests).toEqual([0, 0, 30]);
    await session.stop();
  });

  it('makes what the spec asks for, keeps it, and takes it away when it leaves', async () => {
    const session = await Session.create(POOLED, [build.route(foreign('10.50.0.0/16'))]);
    const before = session.world.kernel.keys();
    session.addService('web');
    session.start();
    await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
    expect(session.ours()).toEqual(['10.200.0.0/29', '10.200.0.1/32', '10.96.0.0/16']);
    session.world.kernel.remove(await session.routeTo('10.96.0.0/16'));
    await session.pass('kernel', () => expect(session.ours()).toContain('10.96.0.0/16'));
    expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
    expect(session.world.kernel.keys()).toEqual(before);
    expect(session.ingress('web')).toEqual([]);
    expect(await session.world.claims()).toEqual([]);
    expect(await session.world.open()).toBeNull();
  });

  it('tells each Service once what became of it, and takes that back when it leaves', async () => {
    const session = await Session.create(
      build.desired([profileOf('one', ['10.96.0.0/16'], ['10.200.0.1/32'])]),
    );
    for (const name of ['a', 'late']) session.addService(name);
    session.start();
    const told = ['a IPAllocated', 'late AllocationFailed'];
    await session.rests(() => expect([...session.told].sort()).toEqual(told));
    expect(session.services.get('late')?.condition).toMatchObject({ status: 'False' });
    await session.pass('cluster');
    await session.pass('cluster');
    expect(session.told).toHaveLength(2);
    expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
    expect(session.told.slice(2)).toEqual(['a ClearAssignment']);
    expect([...session.services.values()].map(({ condition }) => condition)).toEqual([null, null]);
  });

  it('leaves what it made with --keep', async () => {
    const session = await Session.create(PLAIN);
    session.start({ keep: true });
    await session.rests();
    await session.stop();
    expect(session.ours()).toEqual(['10.96.0.0/16']);
    const claims = await createRegistry(session.world.dir).read();
    expect(claims.map(({ owner }) => owner.mode)).toEqual(['persistent']);
  });

  it('plans nothing and takes no lock as long as nothing changes', async () => {
    const session = await Session.create(PLAIN);
    session.start();
    await session.rests();
    const { taken } = session.world.lock;
    await session.pass();
    await session.pass();
    expect(session.world.lock.taken).toBe(taken);
    await session.stop();
  });

  it('rereads what it has changed twice, no more of the table than that, and not before it changes it', async () => {
    const session = await Session.create(TWO);
    session.start();
    await session.rests();
    const { kernel } = session.world;
    const mainRoutes = kernel.mainRoutes.bind(kernel);
    const read: (readonly string[])[] = [];
    kernel.mainRoutes = (families, within) => {
      read.push([...new Set(within?.map(formatPrefix) ?? ['everything'])]);
      return mainRoutes(families, within);
    };
    kernel.remove(await session.routeTo('10.96.0.0/16'));
    await session.pass('kernel', () => expect(session.ours()).toContain('10.96.0.0/16'));
    expect(read).toEqual([['10.96.0.0/16'], ['10.96.0.0/16']]);
    await session.stop();
  });

  it('is not decided by a listener that throws', async () => {
    const session = await Session.create(PLAIN);
    session.start({}, () => {
      throw new Error('EPIPE');
    });
    await session.rests();
    expect(session.ours()).toEqual(['10.96.0.0/16']);
    await session.stop();
    expect(session.ours()).toEqual([]);
  });
});

describe('one that fails never holds the others up', () => {
  it('a profile that is refused is told and left, and served once it may be', async () => {
    const blocked = build.route(foreign('10.96.0.0/16'));
    const session = await Session.create(TWO, [blocked]);
    session.start();
    await session.rests(() => expect(session.ours()).toEqual(['10.97.0.0/16']));
    expect(session.state()).toBe('idle');
    expect(session.of('watch.held').map(({ what }) => what)).toEqual(['profile one']);
    session.world.kernel.remove(blocked);
    await session.pass();
    expect(session.ours()).toEqual(['10.96.0.0/16', '10.97.0.0/16']);
    expect(session.of('watch.released').map(({ what }) => what)).toEqual(['profile one']);
    await session.stop();
  });

  it('what is set aside and released has one name, which its reason does not repeat', async () => {
    const session = await Session.create(POOLED);
    session.addService('bad');
    session.refusing.add('bad');
    session.start();
    await session.rests(() => expect(session.of('watch.held')).toHaveLength(1));
    await session.rests(() => expect(session.clock.next).not.toBeNull());
    session.clock.advance(session.clock.next ?? 0);
    await session.rests(() => expect(session.of('watch.held')).toHaveLength(2));
    const [first] = session.of('watch.held');
    expect(session.of('watch.released').map(({ what }) => what)).toEqual([first?.what]);
    await session.stop();
  });

  it('a profile whose summary begins with its name is not named twice', async () => {
    const session = await Session.create(POOLED);
    session.unreached.add(POOLED.profiles[0]?.name ?? '');
    session.start();
    await session.rests(() => expect(session.of('watch.held')).toHaveLength(1));
    const [held] = session.of('watch.held');
    expect(held?.why).not.toContain('profile');
    await session.stop();
  });

  it('how each pass ended is told, and one in which no profile could be served is no success', async () => {
    const session = await Session.create(POOLED);
    session.unreached.add(POOLED.profiles[0]?.name ?? '');
    session.start();
    await session.rests(() => expect(session.of('watch.pass').at(-1)?.result).toBe('suspended'));
    session.unreached.clear();
    await session.pass('cluster');
    expect(session.of('watch.pass').at(-1)?.result).toBe('success');
    session.unreadable = new Failure('error', [
      { code: 'x', severity: 'error', summary: 'ip hangs', cause: '', fix: '' },
    ]);
    session.trigger();
    await session.rests(() => expect(session.of('watch.pass').at(-1)?.result).toBe('failure'));
    const ended = session.of('watch.pass').length;
    await session.stop();
    expect(session.of('watch.pass')).toHaveLength(ended);
  });

  it('with every profile refused there is nothing to do for now', async () => {
    const session = await Session.create(PLAIN, [build.route(foreign('10.96.0.0/16'))]);
    session.start();
    await session.rests();
    expect(session.state()).toBe('suspended');
    await session.stop();
  });

  it('a Service that cannot be written to is set aside, each time for longer, and the rest goes on', async () => {
    const session = await Session.create(POOLED);
    session.addService('bad', { created: '2025-01-01T00:00:00Z' });
    session.addService('good');
    session.refusing.add('bad');
    session.start();
    await session.rests(() => expect(session.ingress('good')).toEqual(['10.200.0.2']));
    const pauses: number[] = [];
    for (let round = 0; round < 4; round++) {
      await session.rests(() => expect(session.of('watch.held')).toHaveLength(round + 1));
      await session.rests(() => expect(session.clock.next).not.toBeNull());
      pauses.push(Math.round((session.clock.next ?? 0) / 1000));
      if (round === 3) session.refusing.clear();
      session.clock.advance(session.clock.next ?? 0);
    }
    expect(pauses).toEqual([1, 2, 4, 8]);
    await session.rests(() => expect(session.ingress('bad')).toEqual(['10.200.0.1']));
    await session.stop();
    expect(session.ours()).toEqual([]);
  });

  it('a cluster that is asked and does not answer holds no lock, and nothing else up', async () => {
    const session = await Session.create(
      build.desired([
        profileOf('one', ['10.96.0.0/16'], ['10.200.0.0/29']),
        profileOf('two', ['10.97.0.0/16'], ['10.201.0.0/29']),
      ]),
    );
    const [silent, healthy] = [new WatchedCluster(), new WatchedCluster()];
    session.clusters.set('one', silent).set('two', healthy);
    session.start();
    await session.rests(() => expect(session.ours()).toHaveLength(4));
    silent.reach = 'mute';
    silent.services.set('web', build.service('web'));
    session.trigger('cluster');
    await session.rests(() => expect(silent.unanswered).toBe(1));
    // It does not say that all is as the spec asks before it is.
    expect(session.of('watch.state').at(-1)?.state).toBe('asking');
    expect(session.world.lock.released).toBe(session.world.lock.taken);
    healthy.services.set('web', build.service('web', { uid: 'another' }));
    session.world.kernel.remove(await session.routeTo('10.96.0.0/16'));
    await session.pass('kernel', () => {
      expect(healthy.services.get('web')?.ingress).toEqual(['10.201.0.1']);
      expect(session.ours()).toContain('10.96.0.0/16');
    });
    expect(silent.unanswered).toBe(1);
    expect(silent.services.get('web')?.ingress).toEqual([]);
    silent.reach = 'up';
    await session.rests(() => expect(silent.services.get('web')?.ingress).toEqual(['10.200.0.1']));
    expect(session.of('watch.state').at(-1)?.state).toBe('idle');
    await session.stop();
  });

  it('a cluster that dies while fifty Services are asked for is told of once, and not each of them', async () => {
    const session = await Session.create(POOLED);
    session.start();
    await session.rests(() => expect(session.state()).toBe('idle'));
    session.cluster.reach = 'mute';
    for (let index = 0; index < 50; index++) session.addService(`s${index}`);
    session.trigger('cluster');
    await session.rests(() => expect(session.cluster.unanswered).toBeGreaterThan(0));
    session.cluster.reach = 'down';
    await session.rests(() => expect(session.of('watch.held').length).toBeGreaterThan(0));
    const told = new Set(session.of('watch.held').map(({ what }) => what));
    expect([...told]).toEqual([expect.stringMatching(/^profile /)]);
    session.cluster.reach = 'up';
    session.trigger('cluster');
    session.clock.advance(60_000);
    await session.rests(() => expect(session.cluster.services.get('s0')?.ingress).toHaveLength(1));
    await session.stop();
  });

  it('a route that the kernel refuses is set aside with the reason', async () => {
    const session = await Session.create(
      build.desired([
        profileOf('one', ['10.96.0.0/16']),
        {
          ...profileOf('two', ['10.97.0.0/16']),
          gateway: { value: { ipv4: '192.168.39.9', ipv6: null }, at },
        },
      ]),
    );
    session.world.kernel.unreachable.add('192.168.39.9');
    session.start();
    await session.rests(() => expect(session.ours()).toEqual(['10.96.0.0/16']));
    expect(session.of('watch.held').map(({ what }) => what)).toEqual(['route 10.97.0.0/16']);
    session.world.kernel.unreachable.clear();
    session.clock.advance(1000);
    await session.rests(() => expect(session.ours()).toEqual(['10.96.0.0/16', '10.97.0.0/16']));
    await session.stop();
  });

  it('a profile whose record of allocations cannot be written is set aside', async () => {
    const session = await Session.create(
      build.desired([profileOf('one', ['10.96.0.0/16']), profileOf('two', [], ['10.200.0.0/29'])]),
    );
    session.addService('web');
    session.cluster.recordRefusals = { left: 1, stale: false };
    session.start();
    await session.rests(() => expect(session.of('watch.held')).toHaveLength(1));
    expect(session.ours()).toEqual(['10.200.0.0/29', '10.96.0.0/16']);
    expect(session.of('watch.held').map(({ what }) => what)).toEqual(['profile two']);
    session.clock.advance(1000);
    await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
    await session.stop();
  });
});

it('takes away what leads to a VM that has stopped, and puts it back with the VM', async () => {
  const session = await Session.create(
    build.desired([
      profileOf('one', ['10.96.0.0/16'], ['10.200.0.0/29']),
      profileOf('two', ['10.97.0.0/16']),
    ]),
  );
  session.start();
  await session.rests(() => expect(session.ours()).toContain('10.96.0.0/16'));
  session.unreached.add('one');
  await session.pass('cluster');
  expect(session.ours()).toContain('10.96.0.0/16');
  session.clock.advance(15_000);
  await session.rests(() => expect(session.ours()).toEqual(['10.97.0.0/16']));
  expect(session.state()).toBe('idle');
  session.unreached.clear();
  await session.pass('cluster', () => expect(session.ours()).toContain('10.96.0.0/16'));
  await session.stop();
  expect(session.ours()).toEqual([]);
});

describe('facts that change under a pass', () => {
  it('are looked at again at once', async () => {
    const session = await Session.create(POOLED);
    session.addService('web');
    session.cluster.recordRefusals = { left: 3, stale: true };
    session.start();
    await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
    expect(session.of('watch.failed')).toEqual([]);
    await session.stop();
  });

  it('back off when that never ends, and not for good', async () => {
    const session = await Session.create(POOLED);
    session.unreadable = new Failure('error', [
      { code: 'x', severity: 'error', summary: 'ip hangs', cause: '', fix: '' },
    ]);
    session.start();
    await session.rests(() => expect(session.of('watch.failed')).toHaveLength(1));
    session.clock.advance(session.of('watch.failed')[0]?.retryMs ?? 0);
    await session.rests(() => expect(session.of('watch.failed')).toHaveLength(2));
    expect(session.of('watch.failed').map(({ retryMs }) => retryMs)).toEqual([500, 1000]);
    session.unreadable = null;
    session.clock.advance(1000);
    await session.rests(() => expect(session.state()).toBe('idle'));
    expect(session.ours()).toContain('10.96.0.0/16');
    await session.stop();
  });
});

describe('somebody who undoes what it makes', () => {
  it('is fought for a bounded number of rounds, then explained, and everything else goes on', async () => {
    const session = await Session.create(TWO);
    session.start();
    await session.rests();
    let rounds = 0;
    for (; session.state() !== 'fighting' && rounds < 20; rounds++) {
      session.world.kernel.remove(await session.routeTo('10.96.0.0/16'));
      await session.pass();
    }
    expect(rounds).toBe(6);
    session.world.kernel.remove(await session.routeTo('10.96.0.0/16'));
    session.world.kernel.remove(await session.routeTo('10.97.0.0/16'));
    await session.pass('kernel', () => expect(session.ours()).toEqual(['10.97.0.0/16']));
    const [held] = session.of('watch.held');
    expect(held?.what).toBe('route 10.96.0.0/16');
    expect(held?.why).toContain('again and again');
    await session.pass('asked', () => expect(session.ours()).toEqual(['10.96.0.0/16', '10.97.0.0/16']));
    await session.stop();
    expect(session.ours()).toEqual([]);
  });
});

describe('who keeps undoing it is named, with how to resolve it', () => {
  async function foughtOver(session: Session, undo: () => Promise<void>): Promise<string> {
    session.start();
    await session.rests();
    for (let round = 0; session.state() !== 'fighting' && round < 20; round++) {
      await undo();
      await session.pass();
    }
    // What was made last stands; it is given up, and told, with the next look.
    await session.pass();
    return session.of('watch.held').find(({ what }) => what === 'route 10.96.0.0/16')?.why ?? '';
  }

  it('where nothing is known of it: what to look at, and what of the spec asks for it', async () => {
    const session = await Session.create(TWO);
    const why = await foughtOver(session, async () =>
      session.world.kernel.remove(await session.routeTo('10.96.0.0/16')),
    );
    expect(why).toContain('something on this host undoes it');
    expect(why).toContain('ip monitor route');
    expect(why).toContain('cidrs.services of profile one');
    await session.stop();
  });

  it('a running `minikube tunnel` whose range it is in', async () => {
    const session = await Session.create(TWO);
    session.tunnels = [
      {
        profile: 'other',
        pid: 815,
        alive: true,
        destination: build.prefix('10.96.0.0/12'),
        gateway: '192.168.49.2',
      },
    ];
    const why = await foughtOver(session, async () =>
      session.world.kernel.remove(await session.routeTo('10.96.0.0/16')),
    );
    expect(why).toContain('`minikube tunnel` of profile other (pid 815)');
    expect(why).toContain('kill -INT 815');
    await session.stop();
  });

  it('the owner of a foreign route that was seen in its place', async () => {
    const session = await Session.create(TWO);
    const theirs = build.route({ ...foreign('10.96.0.0/16'), gateway: '10.8.0.1', device: 'tun0' });
    const why = await foughtOver(session, async () => {
      session.world.kernel.remove(await session.routeTo('10.96.0.0/16'));
      session.world.kernel.insert(theirs);
      await session.pass();
      session.world.kernel.remove(theirs);
    });
    expect(why).toContain('the route 10.96.0.0/16 via 10.8.0.1 dev tun0 in its place (likely a VPN');
    await session.stop();
  });
});

describe('an edited spec', () => {
  it('is followed', async () => {
    const session = await Session.create(PLAIN);
    session.start();
    await session.rests();
    session.spec = TWO;
    await session.pass('spec');
    expect(session.ours()).toEqual(['10.96.0.0/16', '10.97.0.0/16']);
    session.spec = build.desired([profileOf('two', ['10.97.0.0/16'])]);
    await session.pass('spec');
    expect(session.ours()).toEqual(['10.97.0.0/16']);
    await session.stop();
  });

  it('that drops a profile takes back what its Services were told, as soon as its cluster answers', async () => {
    const session = await Session.create(build.desired([...POOLED.profiles, ...TWO.profiles.slice(1)]));
    session.addService('web');
    session.start();
    await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
    session.cluster.reach = 'down';
    session.spec = build.desired(TWO.profiles.slice(1));
    await session.pass('spec');
    expect(session.ours()).toEqual(['10.97.0.0/16']);
    session.cluster.reach = 'up';
    await session.pass('timer');
    expect(session.ingress('web')).toEqual([]);
    await session.stop();
  });

  it('that renames a profile, and back, leaves its Services what they have', async () => {
    const named = (name: string) => build.desired([profileOf(name, ['10.96.0.0/16'], ['10.200.0.0/29'])]);
    const session = await Session.create(named('two'));
    session.cluster.identity = { uid: 'one-cluster', created: '2025-01-01T00:00:00Z' };
    session.addService('web');
    session.start();
    await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
    for (const name of ['zwei', 'two', 'zwei']) {
      session.spec = named(name);
      await session.pass('spec');
      await session.settled();
      await session.pass('timer');
      expect(session.ingress('web')).toEqual(['10.200.0.1']);
    }
    expect(session.of('change.done').filter(({ change }) => change.op === 'clear')).toEqual([]);
    expect(session.of('watch.held')).toEqual([]);
    expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
    expect(session.ingress('web')).toEqual([]);
  });

  it('that leads a profile to another cluster names what the former one goes on to show', async () => {
    const session = await Session.create(POOLED);
    session.addService('web');
    session.start();
    await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
    const another = new WatchedCluster();
    session.clusters.set('one', another);
    session.spec = build.desired(POOLED.profiles.map((one) => ({ ...one, context: 'elsewhere' })));
    await session.pass('spec', () => expect(session.of('watch.warning')).toHaveLength(1));
    const { left } = await session.stop();
    expect(left).toEqual([
      expect.stringMatching(/context one Services still show .*default\/web 10\.200\.0\.1/),
    ]);
  });

  it('that was edited before the session began to listen is followed as well', async () => {
    const session = await Session.create(PLAIN);
    session.start();
    session.spec = TWO;
    await session.rests(() => expect(session.ours()).toEqual(['10.96.0.0/16', '10.97.0.0/16']));
    await session.stop();
  });

  it('that cannot be used is told, and the last one that could stays', async () => {
    const session = await Session.create(PLAIN);
    session.start();
    await session.rests();
    const route = await session.routeTo('10.96.0.0/16');
    session.world.kernel.remove(route);
    const observed = session.spec;
    session.spec = invalid;
    session.onObserve = () => {
      session.spec = observed;
    };
    await session.pass('spec');
    expect(session.of('watch.spec-invalid').map(({ diagnostics }) => diagnostics)).toEqual([
      invalid.diagnostics,
    ]);
    expect(session.ours()).toEqual(['10.96.0.0/16']);
    await session.stop();
  });

  it('that newly needs approval holds its profile alone', async () => {
    const session = await Session.create(TWO);
    session.start({
      unapproved: ({ approvals }) =>
        new Map(
          approvals
            .filter(({ subject }) => subject === '10.130.0.0/16')
            .map(({ profile, subject }) => [profile, `${subject} needs approval`]),
        ),
    });
    await session.rests();
    session.spec = build.desired([
      profileOf('one', ['10.96.0.0/16', '10.130.0.0/16']),
      profileOf('two', ['10.97.0.0/16', '10.99.0.0/16']),
    ]);
    await session.pass('spec');
    expect(session.ours()).toEqual(['10.96.0.0/16', '10.97.0.0/16', '10.99.0.0/16']);
    expect(session.of('watch.held')).toEqual([
      { type: 'watch.held', what: 'profile one', why: '10.130.0.0/16 needs approval' },
    ]);
    await session.stop();
  });
});

describe('a helper that ends over a request', () => {
  it('is done without: another one makes what is wanted at once, and nothing is set aside for it', async () => {
    const session = await Session.create(PLAIN);
    session.world.kernel.gone = { after: 0, error: helperGone('it ended with a signal') };
    session.start();
    await session.rests(() => expect(session.ours()).toEqual(['10.96.0.0/16']));
    session.world.kernel.gone = { after: 0, error: helperGone('it ended with a signal') };
    session.world.kernel.remove(await session.routeTo('10.96.0.0/16'));
    await session.pass('kernel', () => expect(session.ours()).toEqual(['10.96.0.0/16']));
    expect(session.of('watch.held')).toEqual([]);
    await session.stop();
  });

  it('keeps no session from leaving', async () => {
    for (const after of [0, 1]) {
      const session = await Session.create(POOLED);
      session.addService('web');
      session.start();
      await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
      session.world.kernel.gone = { after, error: helperGone('it ended with a signal') };
      expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
      expect(session.ours()).toEqual([]);
      expect(session.ingress('web')).toEqual([]);
      expect(await session.world.claims()).toEqual([]);
    }
  });
});

describe('leaving', () => {
  it('during a pass rolls that back, then takes away what the session made before', async () => {
    const session = await Session.create(PLAIN);
    const before = session.world.kernel.keys();
    session.start({}, () => {
      if (session.of('wave.started').length === 2) session.interrupt();
    });
    await session.rests();
    session.spec = TWO;
    session.trigger('spec');
    await vi.waitFor(() => expect(session.state()).toBe('stopped'), { timeout: 30_000 });
    await session.stop();
    expect(session.of('rollback.started')).toHaveLength(1);
    expect(session.world.kernel.keys()).toEqual(before);
    expect(await session.world.claims()).toEqual([]);
  });

  it('while it backs off is heeded at once', async () => {
    const session = await Session.create(PLAIN);
    session.unreadable = invalid;
    session.start();
    await session.rests(() => expect(session.state()).toBe('backingOff'));
    session.unreadable = null;
    expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
  });

  it('names what it could not take away, with the command that does', async () => {
    const session = await Session.create(PLAIN);
    session.start();
    await session.rests(() => expect(session.ours()).toEqual(['10.96.0.0/16']));
    session.world.kernel.gone = { after: 0, error: invalid };
    const { diagnostics, left } = await session.stop();
    expect(diagnostics).not.toEqual([]);
    expect(left).toEqual(['what this session made is there still: mkplan cleanup']);
    expect(session.ours()).toEqual(['10.96.0.0/16']);
    expect(await session.world.claims()).toHaveLength(1);
  });

  it('leaves what an earlier apply made, with the addresses that it gave', async () => {
    const lasting = [ours('10.96.0.0/16'), ours('10.200.0.1/32')];
    const session = await Session.create(POOLED, lasting.map(build.route));
    session.addService('web', {
      ingress: ['10.200.0.1'],
      ingressManager: 'mkplan',
      created: '2025-01-01T00:00:00Z',
    });
    session.addService('new');
    const claim = (document: RouteDocument, rest: Partial<Claim> = {}) =>
      build.claim(document, { profile: 'one', ...rest });
    await createRegistry(session.world.dir).write(lasting.map((document) => claim(document)));
    session.start();
    await session.rests(() => expect(session.ingress('new')).toEqual(['10.200.0.2']));
    // What was made to last stays so, also where the session had to mend it.
    session.world.kernel.remove(await session.routeTo('10.96.0.0/16'));
    await session.pass('kernel', () => expect(session.ours()).toContain('10.96.0.0/16'));
    await session.stop();
    expect(session.ours()).toEqual(['10.200.0.1/32', '10.96.0.0/16']);
    expect(session.ingress('web')).toEqual(['10.200.0.1']);
    expect(session.ingress('new')).toEqual([]);
  });

  it('takes away what a session of this spec made that is dead, and nothing of another spec', async () => {
    const owner = { ...build.claim(ours('10.96.0.0/16')).owner, mode: 'session' as const, pid: 99 };
    const session = await Session.create(PLAIN, [
      build.route(ours('10.96.0.0/16')),
      build.route(ours('10.150.0.0/16')),
    ]);
    await createRegistry(session.world.dir).write([
      build.claim(ours('10.96.0.0/16'), { profile: 'one', owner }),
      build.claim(ours('10.150.0.0/16'), { owner: { ...owner, spec: '/other/tunnel.yaml' } }),
    ]);
    session.start();
    await session.rests();
    await session.stop();
    expect(session.ours()).toEqual(['10.150.0.0/16']);
    expect((await session.world.claims()).map(({ owner: { spec } }) => spec)).toEqual(['/other/tunnel.yaml']);
  });

  it('names the Services that show their addresses still in a cluster that is out of reach, stopped or not', async () => {
    for (const waitMs of [0, 15_000]) {
      const session = await Session.create(POOLED);
      session.addService('web');
      session.start();
      await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
      session.unreached.add('one');
      session.clock.advance(waitMs);
      await session.pass('cluster');
      const { diagnostics, left } = await session.stop();
      expect(diagnostics).toMatchObject([{ code: 'services-left', command: 'mkplan destroy' }]);
      expect(left).toEqual([
        expect.stringMatching(/profile one: .*default\/web 10\.200\.0\.1: mkplan destroy/),
      ]);
      expect(session.ours()).toEqual([]);
    }
  });

  it('names none of a cluster that was never there, nor where nothing was given', async () => {
    const session = await Session.create(POOLED);
    session.unreached.add('one');
    session.start();
    await session.rests();
    expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
  });

  it('tells what could not be taken away, and takes the rest', async () => {
    const session = await Session.create(POOLED);
    session.addService('web');
    session.start();
    await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
    session.refusing.add('web');
    const { diagnostics } = await session.stop();
    expect(diagnostics).toHaveLength(1);
    expect(session.ours()).not.toContain('10.96.0.0/16');
  });
});

describe('the Lease of a session', () => {
  it('is made before addresses are given, and removed when it leaves', async () => {
    const session = await Session.create(POOLED);
    session.addService('web');
    session.start();
    await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
    expect(session.cluster.leases).toEqual(['join']);
    expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
    expect(session.cluster.leases).toEqual(['join', 'announce', 'leave']);
    expect(session.ingress('web')).toEqual([]);
  });

  it('says what the session serves, and so anew when its pool is edited', async () => {
    const session = await Session.create(POOLED);
    session.addService('web');
    session.start();
    const pools = () => session.cluster.participants.flatMap(({ serves }) => serves?.map(({ pool }) => pool));
    await session.rests(() => expect(pools()).toEqual([['10.200.0.0/29']]));
    session.spec = build.desired([profileOf('one', ['10.96.0.0/16'], ['10.200.0.0/30'])]);
    await session.pass('spec', () => expect(pools()).toEqual([['10.200.0.0/30']]));
    expect(session.cluster.leases).toEqual(['join', 'join']);
    expect(session.ingress('web')).toEqual(['10.200.0.1']);
    await session.stop();
  });

  it('of another tunnel keeps a Service from being renumbered, until that one has left', async () => {
    const session = await Session.create(POOLED);
    const theirs = { class: 'mkplan/tunnel', unclassed: true, pool: ['10.201.0.0/29'] };
    session.addService('web', { ingress: ['10.201.0.1'], ingressManager: 'mkplan' });
    session.addService('mine');
    session.cluster.others.push(build.other('ann', { serves: [theirs] }));
    session.start();
    await session.rests(() => expect(session.ingress('mine')).toEqual(['10.200.0.1']));
    expect(session.ingress('web')).toEqual(['10.201.0.1']);
    expect(session.ours()).not.toContain('10.201.0.1/32');
    session.cluster.others.length = 0;
    await session.pass('timer', () => expect(session.ingress('web')).toEqual(['10.200.0.2']));
    expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
    expect([session.ingress('web'), session.ingress('mine')]).toEqual([[], []]);
  });

  it('that cannot be made sets its profile aside, which is served once it can be', async () => {
    const session = await Session.create(POOLED);
    session.addService('web');
    session.cluster.leaseRefusals = 1;
    session.start();
    await session.rests(() => expect(session.of('watch.held')).toMatchObject([{ what: 'profile one' }]));
    expect(session.ours()).toEqual([]);
    session.clock.advance(60_000);
    await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
    await session.stop();
  });

  it('that cannot be told of leaving holds up nothing else', async () => {
    const session = await Session.create(POOLED);
    session.addService('web');
    session.start();
    await session.rests(() => expect(session.ingress('web')).toEqual(['10.200.0.1']));
    session.cluster.leaseRefusals = 1;
    expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
    expect(session.ours()).toEqual([]);
    expect(session.ingress('web')).toEqual([]);
  });
});
