import { describe, expect, it } from 'vitest';
import type { Claim } from '../../src/model/claim.ts';
import type { ObservedCluster, ObservedProfile } from '../../src/model/observed.ts';
import { isEmpty, isRefused, type Plan } from '../../src/model/plan.ts';
import { plan } from '../../src/planner/plan.ts';
import * as build from './build.ts';

const OLD = 'aaaaaaaa-0000-4000-8000-000000000001';
const NEW = 'bbbbbbbb-0000-4000-8000-000000000002';
const BEFORE = '2025-06-01T00:00:00Z';
const AFTER = '2026-06-01T00:00:00Z';
const ROUTE = {
  destination: '10.96.0.0/16',
  gateway: build.VM,
  device: 'virbr1',
  protocol: 109,
  metric: 109,
};

const spec = build.desired([
  build.profile({
    services: { value: [build.cidr('10.96.0.0/16')], at: build.AT },
    loadBalancer: build.loadBalancer(['10.200.0.0/29'], { unclassed: true }),
  }),
]);

interface Seen {
  readonly cluster?: Partial<ObservedCluster>;
  readonly profile?: Partial<ObservedProfile>;
  readonly claims?: readonly Partial<Claim>[];
  readonly mode?: 'present' | 'absent';
}

function planned({ cluster = {}, profile = {}, claims = [], mode = 'present' }: Seen): Plan {
  const found = build.observedProfile({ cluster: build.cluster(cluster), ...profile });
  const observed = build.observed({
    profiles: [found],
    registry: { claims: claims.map((rest) => build.claim(ROUTE, rest)), open: null },
  });
  return plan({ ...spec, mode }, observed);
}

const identity = (uid: string, created = BEFORE) => ({ uid, created });
const STRANGERS = [build.node('other', [build.VM], ['10.244.0.0/24'], { controlPlane: true })];
const FORBIDDEN: ObservedCluster['missingRights'] = ['get namespaces kube-system'];

/** Of two Nodes that config.json names, the second answers as the only one, and says that it is a control plane. */
const answeredBySecond = ({ isControlPlane }: { readonly isControlPlane: boolean }): Seen => ({
  cluster: {
    identity: identity(NEW),
    nodes: [build.node('minikube-m02', [build.VM], ['10.244.0.0/24'], { controlPlane: true })],
  },
  profile: {
    config: {
      driver: 'kvm2',
      unroutable: null,
      serviceCidr: null,
      nodes: [
        { name: 'minikube', ip: build.VM, controlPlane: true },
        { name: 'minikube-m02', ip: '192.168.39.3', controlPlane: isControlPlane },
      ],
    },
  },
});

describe('whose cluster answers', () => {
  it.each<[string, Seen, 'approval' | 'recreated' | null]>([
    ['the one that was served', { cluster: { identity: identity(OLD) }, claims: [{ cluster: OLD }] }, null],
    ['the first', { cluster: { identity: identity(OLD) } }, null],
    ['the first since claims have kept it', { cluster: { identity: identity(OLD) }, claims: [{}] }, null],
    [
      'the profile made anew',
      { cluster: { identity: identity(NEW, AFTER) }, claims: [{ cluster: OLD }] },
      'recreated',
    ],
    [
      'another that was there already',
      { cluster: { identity: identity(NEW) }, claims: [{ cluster: OLD }] },
      'approval',
    ],
    [
      'another with Nodes of other names',
      { cluster: { identity: identity(NEW, AFTER), nodes: STRANGERS }, claims: [{ cluster: OLD }] },
      'approval',
    ],
    [
      'another behind a context that minikube did not write',
      {
        cluster: { identity: identity(NEW, AFTER) },
        claims: [{ cluster: OLD }],
        profile: { config: null },
      },
      'approval',
    ],
    [
      'a later one whose time cannot be read',
      { cluster: { identity: identity(NEW, '') }, claims: [{ cluster: OLD }] },
      'approval',
    ],
    ['one without kube-system', { cluster: { identity: null }, claims: [{ cluster: OLD }] }, 'approval'],
    ['one that may not be told', { cluster: { missingRights: FORBIDDEN }, claims: [{ cluster: OLD }] }, null],
    ['Nodes of other names', { cluster: { identity: identity(NEW), nodes: STRANGERS } }, 'approval'],
    [
      'another profile, whose only Node is called as a worker of this one',
      answeredBySecond({ isControlPlane: false }),
      'approval',
    ],
    [
      'one control plane of several, as after the first was deleted (--ha)',
      answeredBySecond({ isControlPlane: true }),
      null,
    ],
    [
      'Nodes of other names, not told',
      { cluster: { missingRights: FORBIDDEN, nodes: STRANGERS } },
      'approval',
    ],
    [
      'the one that was served, with Nodes of other names',
      { cluster: { identity: identity(OLD), nodes: STRANGERS }, claims: [{ cluster: OLD }] },
      null,
    ],
    [
      'what was made in another network namespace',
      {
        cluster: { identity: identity(NEW) },
        claims: [{ cluster: OLD, owner: { ...build.claim(ROUTE).owner, networkNamespace: '2' } }],
      },
      null,
    ],
  ])('%s', (_, seen, expected) => {
    const made = planned(seen);
    expect(isRefused(made)).toBe(false);
    expect(made.approvals.map(({ kind }) => kind).includes('identity')).toBe(expected === 'approval');
    expect(made.diagnostics.some(({ code }) => code === 'cluster-recreated')).toBe(expected === 'recreated');
  });

  it('is a change by itself, until the claims are of it', () => {
    const claims = [{ cluster: OLD }];
    const made = planned({ cluster: { identity: identity(NEW, AFTER) }, claims });
    expect(made.clusters).toEqual([{ profile: 'minikube', uid: NEW, former: OLD }]);
    expect(isEmpty({ ...made, steps: [], leases: [], reports: [], allocations: [] })).toBe(false);
  });

  it('is not approved by a policy of the host', () => {
    const made = planned({ cluster: { identity: identity(NEW) }, claims: [{ cluster: OLD }] });
    expect(made.approvals.find(({ kind }) => kind === 'identity')?.byPolicy).toBeUndefined();
  });

  it.each([
    ['the one that was served', OLD, ['delete']],
    ['another', NEW, []],
  ])('destroy of %s writes to it only if it was served', (_, uid, actions) => {
    const services = [build.service('web', { ingress: ['10.200.0.1'], ingressManager: 'mkplan' })];
    const made = planned({
      mode: 'absent',
      cluster: { identity: identity(uid), services },
      claims: [{ cluster: OLD }],
    });
    expect(made.steps.filter(({ kind }) => kind === 'service').map(({ action }) => action)).toEqual(actions);
    expect(made.diagnostics.map(({ code }) => code).includes('cluster-another')).toBe(uid !== OLD);
    expect(made.leases).toHaveLength(uid === OLD ? 1 : 0);
  });
});

describe('two profiles of one cluster', () => {
  const pool = (at: string, rest = {}) => build.loadBalancer([at], { unclassed: 'auto', ...rest });
  const provider = 'minikube';
  it.each<[string, object, object, string, string, boolean, object?]>([
    ['the same UID by two contexts', {}, {}, OLD, OLD, true],
    ['clusters of their own', {}, {}, OLD, NEW, false],
    ['another class, and Services without one', {}, { class: 'b' }, OLD, OLD, true],
    ['another class, in a cluster that is not minikube’s', {}, { class: 'b' }, OLD, OLD, false, {}],
    ['another class alone', {}, { class: 'b', unclassed: false }, OLD, OLD, false],
    ['nothing to give', {}, { assign: 'none' }, OLD, OLD, false],
  ])('%s', (_, first, second, one, two, refused, made = { provider }) => {
    const profiles = [
      build.profile({ name: 'one', loadBalancer: pool('10.200.0.0/29', first) }),
      build.profile({ name: 'two', loadBalancer: pool('10.201.0.0/29', second) }),
    ];
    const observed = build.observed({
      profiles: [one, two].map((uid, index) =>
        build.observedProfile({
          name: ['one', 'two'][index] ?? '',
          config: null,
          cluster: build.cluster({
            identity: identity(uid),
            nodes: [build.node('minikube', [build.VM], [], made)],
          }),
        }),
      ),
    });
    const found = plan(build.desired(profiles), observed).diagnostics.filter(
      ({ code }) => code === 'cluster-shared',
    );
    expect(found.map(({ profile }) => profile)).toEqual(refused ? ['two'] : []);
  });
});
