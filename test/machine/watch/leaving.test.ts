import { describe, expect, it, vi } from 'vitest';
import type { WatchOptions, WatchOutcome } from '../../../src/machine/watch/ports.ts';
import { Failure } from '../../../src/model/diagnostic.ts';
import { Session } from '../../fakes/session.ts';
import { WatchedCluster } from '../../fakes/watched-cluster.ts';
import * as build from '../../planner/build.ts';

// Each pass is a journaled transaction with its fsyncs.
vi.setConfig({ testTimeout: 60_000 });

const PROFILES = ['one', 'two', 'three'];
/** As long as leaving waits for clusters. */
const PATIENCE_MS = 10_000;

/** A session with three profiles, a cluster each, in which a Service of the profile's name has an address. */
async function serving(options: Partial<WatchOptions> = {}): Promise<Session> {
  const spec = build.desired(
    PROFILES.map((name, index) =>
      build.profile({
        name,
        loadBalancer: build.loadBalancer([`10.20${index}.0.0/29`], { unclassed: true }),
      }),
    ),
  );
  const session = await Session.create(spec);
  for (const name of PROFILES) {
    const cluster = new WatchedCluster();
    cluster.services.set(name, build.service(name));
    cluster.identity = identityOf(name);
    session.clusters.set(name, cluster);
  }
  session.start(options);
  await session.rests(() => expect(PROFILES.flatMap((name) => ingress(session, name))).toHaveLength(3));
  return session;
}

const identityOf = (uid: string) => ({ uid, created: '2025-01-01T00:00:00Z' });

function ingress(session: Session, name: string): readonly string[] {
  return session.clusterOf(name).services.get(name)?.ingress ?? [];
}

/** Ends a session, whose patience with the first two clusters, both asked by then, ends once, and no more than once. */
async function leaveWithPatience(session: Session): Promise<WatchOutcome> {
  const leaving = session.stop();
  const areAsked = () => {
    expect(['one', 'two'].map((name) => session.clusterOf(name).unanswered)).toEqual([1, 1]);
    expect(session.clock.next).toBe(PATIENCE_MS);
  };
  await vi.waitFor(areAsked, { timeout: 30_000, interval: 5 });
  session.clock.advance(PATIENCE_MS);
  return await leaving;
}

describe('leaving while clusters do not answer', () => {
  it.each([
    ['are known from memory, and answer no write', ['mute', 'mute']],
    ['cannot even be observed', ['hangs', 'hangs']],
  ] as const)('two of three that %s are waited for once, together', async (_, reaches) => {
    const session = await serving();
    for (const [index, reach] of reaches.entries()) {
      session.clusterOf(PROFILES[index] ?? '').reach = reach;
    }
    const { diagnostics, left } = await leaveWithPatience(session);
    expect(session.ours()).toEqual([]);
    expect(await session.world.claims()).toEqual([]);
    expect(PROFILES.map((name) => session.clusterOf(name).unanswered)).toEqual([1, 1, 0]);
    expect(session.clusterOf('three').leases).toEqual(['join', 'announce', 'leave']);
    expect(ingress(session, 'three')).toEqual([]);
    expect(diagnostics.map(({ code }) => code)).toEqual(['services-left', 'services-left']);
    expect(left).toEqual([
      expect.stringMatching(/profile one: .*default\/one 10\.200\.0\.1: mkplan destroy/),
      expect.stringMatching(/profile two: .*default\/two 10\.201\.0\.1: mkplan destroy/),
    ]);
  });

  it.each(['services', 'lease'] as const)(
    'what a cluster that hangs only once its %s are due still has is named, and the others are cleared',
    async (due) => {
      const session = await serving();
      for (const name of ['one', 'two']) {
        const cluster = session.clusterOf(name);
        const say = cluster.say.bind(cluster);
        cluster.say = async (what) => {
          if (due === 'lease' && what === 'leave') cluster.reach = 'mute';
          await say(what);
          if (due === 'services') cluster.reach = 'mute';
        };
      }
      const { diagnostics, left } = await leaveWithPatience(session);
      expect(session.ours()).toEqual([]);
      expect(ingress(session, 'three')).toEqual([]);
      expect(session.clusterOf('three').leases).toEqual(['join', 'announce', 'leave']);
      const text = [...left, ...diagnostics.map(({ summary }) => summary)].join('\n');
      for (const name of ['one', 'two']) {
        expect(session.clusterOf(name).unanswered).toBe(1);
        expect(text).toMatch(due === 'lease' ? `the cluster of profile ${name}` : `default/${name}`);
      }
    },
  );
});

describe('what Services show for good', () => {
  it('of a profile that the spec dropped while its cluster was silent is named, with what clears it', async () => {
    const session = await serving();
    session.clusterOf('one').reach = 'down';
    if (session.spec instanceof Failure) throw session.spec;
    session.spec = { ...session.spec, profiles: session.spec.profiles.slice(1) };
    await session.pass('spec');
    const { diagnostics, left } = await session.stop();
    expect(left).toEqual([expect.stringMatching(/^profile one: .*default\/one 10\.200\.0\.1$/)]);
    // The spec that `mkplan destroy` reads does not name it.
    expect(diagnostics).toEqual([expect.not.objectContaining({ command: 'mkplan destroy' })]);
    expect(diagnostics[0]?.fix).toContain(
      'does not name profile one any more. Put it back, and run `mkplan destroy`',
    );
  });

  it.each([
    ['that nobody has approved', true],
    ['that was approved beforehand', false],
  ])('in the cluster whose place another took, %s, is named', async (_, isHeld) => {
    const session = await serving({
      unapproved: ({ approvals }) =>
        new Map(isHeld ? approvals.map(({ profile, why }) => [profile, why] as const) : []),
    });
    const former = session.clusterOf('one');
    const another = new WatchedCluster();
    another.identity = identityOf('another');
    session.clusters.set('one', another);
    await session.pass('cluster');
    const { diagnostics, left } = await session.stop();
    expect(left).toEqual([
      expect.stringMatching(/^profile one: another cluster answers now, .*default\/one 10\.200\.0\.1$/),
    ]);
    expect(diagnostics).toMatchObject([
      { code: 'services-left', cause: expect.stringMatching(/another .* one\.$/) },
    ]);
    expect(former.services.get('one')?.ingress).toEqual(['10.200.0.1']);
    expect(session.ours()).toEqual([]);
  });
});
