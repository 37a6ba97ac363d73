import { describe, expect, it } from 'vitest';
import type { DesiredProfile, DesiredState } from '../../src/model/desired.ts';
import type { ObservedContext, ObservedProfile } from '../../src/model/observed.ts';
import { isRefused, type Plan, servesNothing, serviceName } from '../../src/model/plan.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import type { RouteDocument } from '../../src/model/route.ts';
import { plan } from '../../src/planner/plan.ts';
import { decodeSavedPlan, encodeSavedPlan } from '../../src/planner/saved-plan.ts';
import * as build from './build.ts';

const AUTO = { value: 'auto', at: build.AT } as const;
const SHARED = '10.96.0.0/12';

/** Two profiles whose service network is the same, with a pool each. */
const ONE = asking('one', '10.200.0.0/24');
const TWO = asking('two', '10.201.0.0/24');
const BOTH = build.desired([ONE, TWO]);

function asking(name: string, pool: string, rest: Partial<DesiredProfile> = {}): DesiredProfile {
  const loadBalancer = build.loadBalancer([pool], { unclassed: true });
  return build.profile({ name, context: name, gateway: AUTO, services: AUTO, loadBalancer, ...rest });
}

/** Each has a server of its own. */
function contextOf(name: string): ObservedContext {
  const server = `https://${name}.test:8443`;
  return { name, server, fromMinikube: true, answeredAt: null, program: null, proxy: null };
}

function answering(name: string): ObservedProfile {
  const context = { ...contextOf(name), answeredAt: build.VM };
  return build.observedProfile({
    name,
    context,
    cluster: build.cluster({ services: [build.service('web')] }),
  });
}

const SILENT: Partial<ObservedProfile> = { cluster: null, problems: ['no answer'] };

function silent(name: string, rest: Partial<ObservedProfile> = {}): ObservedProfile {
  return build.observedProfile({ name, context: contextOf(name), minikubeIp: null, ...SILENT, ...rest });
}

function standing(destination: string, gateway = build.VM): RouteDocument {
  return { destination, gateway, device: 'virbr1', metric: 109, protocol: 109 };
}

/** What stands for profiles, by name. */
function standingFor(...made: readonly (readonly [string, RouteDocument])[]) {
  return {
    host: build.host(made.map(([, route]) => route)),
    registry: {
      claims: made.map(([profile, route]) =>
        build.claim(route, {
          profile,
          purpose: route.destination.endsWith('/32') ? 'load-balancer' : 'services',
        }),
      ),
      open: null,
    },
  };
}

/** What a plan would change, by profile. */
function changes({ steps }: Plan): string[] {
  return steps
    .filter(({ action }) => action !== 'none')
    .map((step) => {
      if (step.kind === 'service') return `${step.action} ${step.profile} ${serviceName(step)}`;
      const route = step.after ?? step.before;
      return `${step.action} ${step.profile} ${route === null ? '' : formatPrefix(route.destination)}`;
    });
}

describe('a profile that is known not to work', () => {
  const offLink = asking('two', '10.201.0.0/24', {
    gateway: { value: { ipv4: '192.168.77.2', ipv6: null }, at: build.AT },
  });
  it.each<[string, DesiredProfile, ObservedProfile, string | null]>([
    ['answers', TWO, answering('two'), null],
    ['is silent', TWO, silent('two'), 'silent'],
    ['is stopped, as minikube says', TWO, silent('two', { stopped: true }), 'stopped'],
    [
      'has no address',
      TWO,
      { ...answering('two'), context: null, minikubeIp: null, cluster: build.cluster({ nodes: [] }) },
      'out-of-reach',
    ],
    ['has a gateway on no network of this host', offLink, answering('two'), 'out-of-reach'],
    [
      'has a driver whose network cannot be routed to',
      TWO,
      {
        ...answering('two'),
        config: { driver: 'docker', unroutable: 'it is a VM', nodes: [], serviceCidr: null },
      },
      'out-of-reach',
    ],
    [
      'needs no cluster',
      build.profile({ name: 'two', services: { value: [build.cidr('10.97.0.0/16')], at: build.AT } }),
      silent('two'),
      null,
    ],
  ])('%s', (_, profile, seen, state) => {
    const desired = build.desired([
      build.profile({ ...ONE, services: { value: 'none', at: build.AT } }),
      profile,
    ]);
    const made = plan(desired, build.observed({ profiles: [answering('one'), seen] }));
    expect(made.aside.map((one) => `${one.profile} ${one.state}`)).toEqual(
      state === null ? [] : [`two ${state}`],
    );
    expect(isRefused(made)).toBe(false);
    expect(servesNothing(made)).toBe(false);
    expect(changes(made)).toContain('create one default/web');
    expect(changes(made).some((line) => line.includes(' two '))).toBe(state === null);
  });

  it('serves nothing where all are, and refuses a network that cannot be routed to', () => {
    const all = plan(BOTH, build.observed({ profiles: [silent('one'), silent('two', { stopped: true })] }));
    expect([servesNothing(all), isRefused(all), changes(all)]).toEqual([true, false, []]);
    const config = { driver: 'docker', unroutable: 'it is a VM', nodes: [], serviceCidr: null };
    const alone = plan(build.desired([ONE]), build.observed({ profiles: [{ ...answering('one'), config }] }));
    expect([alone.aside, isRefused(alone)]).toEqual([[], true]);
  });

  it('does not hide a conflict of the rest', () => {
    const foreign = { destination: SHARED, gateway: '192.168.1.7', device: 'eth0', metric: 5 };
    const made = plan(
      BOTH,
      build.observed({ host: build.host([foreign]), profiles: [answering('one'), silent('two')] }),
    );
    expect(isRefused(made)).toBe(true);
  });
});

describe('what stands for a profile that is set aside', () => {
  const stands = standingFor(['one', standing(SHARED)], ['one', standing('10.200.0.1/32')]);

  it('stays, and no other profile takes its place', () => {
    const made = plan(BOTH, build.observed({ ...stands, profiles: [silent('one'), answering('two')] }));
    expect(changes(made).filter((line) => !line.includes(' two '))).toEqual([]);
    expect(changes(made)).not.toContain(`replace two ${SHARED}`);
    expect(made.conflicts).toMatchObject([
      { relation: 'shared', profile: 'two', winner: 'profile one, whose route stands and is left alone' },
    ]);
  });

  it('stays also where the other profile comes first in the spec', () => {
    const desired = build.desired([TWO, ONE]);
    const made = plan(desired, build.observed({ ...stands, profiles: [answering('two'), silent('one')] }));
    expect(changes(made).some((line) => line.endsWith(SHARED))).toBe(false);
  });

  it('goes with destroy, which names what its Services may still show', () => {
    const absent: DesiredState = { ...BOTH, mode: 'absent' };
    const made = plan(absent, build.observed({ ...stands, profiles: [silent('one'), silent('two')] }));
    expect(changes(made).sort()).toEqual(['delete one 10.200.0.1/32', `delete one ${SHARED}`]);
    expect(made.aside.map(({ profile }) => profile)).toEqual(['one']);
  });
});

describe('the profiles that are asked for alone', () => {
  const only = (mode: DesiredState['mode'], ...names: string[]): DesiredState => ({
    ...BOTH,
    mode,
    profiles: BOTH.profiles.filter(({ name }) => names.includes(name)),
    only: { names, spec: BOTH.profiles },
  });
  const stands = standingFor(
    ['one', standing(SHARED)],
    ['two', standing('10.201.0.1/32')],
    ['dropped', standing('10.202.0.1/32')],
  );

  it.each<[DesiredState['mode'], string[]]>([
    ['present', []],
    ['absent', ['delete two 10.201.0.1/32']],
  ])(
    '%s: what stands for the others, and for those that are not in the spec, is left alone',
    (mode, expected) => {
      const seen = build.observed({ ...stands, profiles: [answering('two')] });
      const made = plan(only(mode, 'two'), seen);
      expect(changes(made).filter((line) => !line.includes('create'))).toEqual(expected);
      expect(changes(made).every((line) => line.includes(' two '))).toBe(true);
      expect(changes(made)).not.toContain(`create two ${SHARED}`);
      expect(made.aside).toEqual([]);
    },
  );

  it('are checked against the pools of the others', () => {
    const inside = asking('one', '10.97.0.0/24');
    const desired: DesiredState = {
      ...only('present', 'two'),
      only: { names: ['two'], spec: [inside, TWO] },
    };
    const made = plan(desired, build.observed({ profiles: [answering('two')] }));
    expect(made.diagnostics).toContainEqual(
      expect.objectContaining({ code: 'pool-overlaps-network', profile: 'one' }),
    );
  });

  it('keep the Lease that speaks for the others as well', () => {
    const shared = [
      asking('one', '10.200.0.0/24', { context: 'same' }),
      asking('two', '10.201.0.0/24', { context: 'same' }),
    ];
    const desired: DesiredState = {
      ...only('absent', 'two'),
      profiles: shared.slice(1),
      only: { names: ['two'], spec: shared },
    };
    const made = plan(desired, build.observed({ profiles: [answering('two')] }));
    expect(made.leases).toEqual([]);
  });
});

describe('the Lease of two profiles that lead to one cluster by two contexts', () => {
  const identity = { uid: 'one-cluster', created: '2025-01-01T00:00:00Z' };
  const shared = [asking('one', '10.200.0.0/24'), asking('two', '10.201.0.0/24')];
  const claims = ['one', 'two'].map((profile) =>
    build.claim(standing(SHARED), { profile, cluster: identity.uid }),
  );
  const two = build.observedProfile({
    name: 'two',
    context: { ...contextOf('two'), answeredAt: build.VM },
    cluster: build.cluster({ services: [build.service('web')], identity, participants: [build.OWN] }),
  });
  const leasesOf = (mode: DesiredState['mode']) =>
    plan(
      { ...BOTH, mode, profiles: shared.slice(1), only: { names: ['two'], spec: shared } },
      build.observed({ registry: { claims, open: null }, profiles: [two] }),
    ).leases;

  it('stays where only one of them is destroyed', () => {
    expect(leasesOf('absent')).toEqual([]);
  });

  it('goes on to speak for both where only one of them is applied', () => {
    expect(leasesOf('present').map(({ action, serves }) => [action, serves.map(({ pool }) => pool)])).toEqual(
      [['join', [['10.200.0.0/24'], ['10.201.0.0/24']]]],
    );
  });
});

describe('the fingerprint', () => {
  const seen = (...profiles: ObservedProfile[]) => build.observed({ profiles });
  it('is another one where a profile is set aside, came back, or is known to be stopped', () => {
    const prints = [
      plan(BOTH, seen(answering('one'), answering('two'))),
      plan(BOTH, seen(answering('one'), silent('two'))),
      plan(BOTH, seen(answering('one'), silent('two', { stopped: true }))),
      plan(
        { ...BOTH, profiles: [ONE], only: { names: ['one'], spec: BOTH.profiles } },
        seen(answering('one')),
      ),
      plan(build.desired([ONE]), seen(answering('one'))),
    ].map(({ fingerprint }) => fingerprint);
    expect(new Set(prints).size).toBe(prints.length);
  });

  it('does not depend on why a cluster is silent', () => {
    // As a VM goes through while it starts.
    const prints = ['cluster-unreachable', 'cluster-refused', 'cluster-cut', 'cluster-busy'].map((code) => {
      const obstacle = { code, summary: `it failed with ${code}`, cause: 'a cause', fix: 'A fix.' };
      return plan(BOTH, seen(answering('one'), silent('two', { obstacle }))).fingerprint;
    });
    expect(new Set(prints).size).toBe(1);
  });

  it('and what is set aside survive a plan file', () => {
    const made = plan(BOTH, seen(answering('one'), silent('two')));
    const host = { platform: 'linux', bootId: 'b', networkNamespace: 'n' } as const;
    const text = encodeSavedPlan(made, host);
    expect(decodeSavedPlan(text, 'f').plan).toEqual(made);
  });
});
