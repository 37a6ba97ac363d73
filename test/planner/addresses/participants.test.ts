import { describe, expect, it } from 'vitest';
import type { DesiredState } from '../../../src/model/desired.ts';
import type { ObservedCluster, ObservedService, ObservedState } from '../../../src/model/observed.ts';
import type { ObservedParticipant } from '../../../src/model/participant.ts';
import { isEmpty, isRefused, type Plan } from '../../../src/model/plan.ts';
import { plan } from '../../../src/planner/plan.ts';
import {
  AT,
  claim,
  cluster,
  desired,
  host,
  loadBalancer,
  OWN as OWN_LEASE,
  observed,
  observedProfile,
  other as otherLease,
  prefix,
  profile,
  service,
  VM,
} from '../build.ts';

const POOL = ['10.200.0.0/29'];
const SERVES = [{ class: 'mkplan/tunnel', unclassed: 'auto' as const, pool: POOL }];
const OWN = { ...OWN_LEASE, serves: SERVES };
const other = (...[who, rest = {}]: Parameters<typeof otherLease>) =>
  otherLease(who, { serves: SERVES, ...rest });
const ours = (name: string, address: string, rest: Partial<ObservedService> = {}): ObservedService =>
  service(name, {
    ingress: [address],
    ingressManager: 'mkplan',
    condition: {
      status: 'True',
      reason: 'IPAllocated',
      message: `allocated ${address}`,
      lastTransitionTime: '2026-01-01T00:00:00Z',
      manager: 'mkplan',
    },
    ...rest,
  });
const web = ours('web', '10.200.0.1');
const ROUTE = { destination: '10.200.0.1/32', gateway: VM, device: 'virbr1', protocol: 109, metric: 109 };
const GUARD = { destination: '10.200.0.0/29', type: 'unreachable', metric: 109, protocol: 109 } as const;

const spec = desired([profile({ loadBalancer: loadBalancer(POOL) })]);
const gone: DesiredState = { ...spec, mode: 'absent' };

/** A cluster with one served Service, to which this tunnel routes. */
function world(
  participants: readonly ObservedParticipant[] | null,
  rest: Partial<ObservedCluster> = {},
): ObservedState {
  const allocations = {
    resourceVersion: '7',
    allocations: [{ address: '10.200.0.1', service: 'default/web' }],
  };
  const found = cluster({ services: [web], allocations, participants, ...rest });
  return observed({
    host: host([ROUTE, GUARD]),
    registry: {
      claims: [claim(ROUTE, { purpose: 'load-balancer' }), claim(GUARD, { purpose: 'guard' })],
      open: null,
    },
    profiles: [observedProfile({ cluster: found })],
  });
}

const services = ({ steps }: Plan) =>
  steps.flatMap((step) => (step.kind === 'service' ? [`${step.action} ${step.name}`] : []));
const routes = ({ steps }: Plan) => steps.flatMap((step) => (step.kind === 'route' ? [step.action] : []));
const codes = ({ diagnostics }: Plan) => diagnostics.map(({ code }) => code);

describe('a spec that serves Services', () => {
  it('joins where it has no Lease', () => {
    const made = plan(spec, world([]));
    expect(made.leases).toEqual([{ profile: 'minikube', action: 'join', announced: false, serves: SERVES }]);
    expect(isEmpty(made)).toBe(false);
    expect(routes(made)).toEqual(['none', 'none']);
  });

  it('has nothing to do once its Lease holds, whoever else is there', () => {
    const made = plan(spec, world([other('ann'), OWN]));
    expect(isEmpty(made)).toBe(true);
    expect(made.diagnostics).toEqual([]);
  });

  it.each([
    ['ran out', { live: false }],
    ['says that it leaves', { leaving: true }],
  ])('joins again where its Lease %s', (_, rest) => {
    expect(plan(spec, world([{ ...OWN, ...rest }])).leases).toEqual([
      { profile: 'minikube', action: 'join', announced: false, serves: SERVES },
    ]);
  });

  it('does not join without a Service to serve', () => {
    expect(plan(spec, world([], { services: [] })).leases).toEqual([]);
  });

  it('does not join where it may not, or may not look', () => {
    expect(plan(spec, world([], { missingRights: ['create leases kube-system'] })).leases).toEqual([]);
    expect(plan(spec, world(null, { missingRights: ['list leases kube-system'] })).leases).toEqual([]);
  });

  it('is refused while another leaves, since that one may be clearing what it relies on', () => {
    const made = plan(spec, world([other('ann', { leaving: true }), OWN]));
    expect(isRefused(made)).toBe(true);
    expect(made.diagnostics).toMatchObject([
      {
        code: 'participant-leaving',
        command: 'kubectl --context=minikube -n kube-system delete lease mkplan-ann',
      },
    ]);
  });

  it('is not refused for one that leaves where no Service shows an address yet, or whose Lease ran out', () => {
    const leaving = other('ann', { leaving: true });
    expect(isRefused(plan(spec, world([leaving], { services: [service('web')] })))).toBe(false);
    expect(isRefused(plan(spec, world([{ ...leaving, live: false }])))).toBe(false);
  });

  it('leaves to others what it serves no more, and clears it where nobody else is', () => {
    const unclassed = desired([profile({ loadBalancer: loadBalancer(POOL, { unclassed: false }) })]);
    const made = (participants: readonly ObservedParticipant[]) =>
      services(plan(unclassed, world(participants)));
    expect(made([OWN, other('ann')])).toEqual(['none web']);
    expect(made([OWN])).toEqual(['delete web']);
    expect(made([OWN, other('ann', { live: false })])).toEqual(['delete web']);
  });
});

describe('a spec that is destroyed', () => {
  it('clears and leaves where nobody else is', () => {
    const made = plan(gone, world([OWN]));
    expect(services(made)).toEqual(['delete web']);
    expect(routes(made)).toEqual(['delete', 'delete']);
    expect(made.leases).toEqual([{ profile: 'minikube', action: 'leave', announced: false, serves: SERVES }]);
    expect(codes(made)).toEqual([]);
  });

  it('leaves Services to others that are still in, takes its routes away, and says who they are', () => {
    const made = plan(gone, world([other('ann'), OWN, other('bob')]));
    expect(services(made)).toEqual(['none web']);
    expect(routes(made)).toEqual(['delete', 'delete']);
    expect(made.leases).toEqual([{ profile: 'minikube', action: 'leave', announced: false, serves: SERVES }]);
    // What the others told the Service stays, too.
    expect(made.reports).toEqual([]);
    expect(made.diagnostics).toMatchObject([
      {
        code: 'services-shared',
        severity: 'warning',
        summary:
          'profile minikube: its Services keep their addresses, still in use by ann@there:/project/tunnel.yaml and bob@there:/project/tunnel.yaml',
        command: 'kubectl --context=minikube -n kube-system delete lease mkplan-ann mkplan-bob',
      },
    ]);
  });

  it('names the Lease where that does not say who holds it', () => {
    const nameless = { ...other('ann'), holder: '' };
    const [shared] = plan(gone, world([nameless, OWN])).diagnostics;
    expect(shared?.summary).toMatch(/still in use by the holder of Lease mkplan-ann$/);
  });

  it.each([
    ['ran out', { live: false }],
    ['leaves, too', { leaving: true }],
  ])('clears where the only other one %s', (_, rest) => {
    const made = plan(gone, world([other('ann', rest), { ...OWN, leaving: true }]));
    expect(services(made)).toEqual(['delete web']);
    expect(made.leases).toEqual([{ profile: 'minikube', action: 'leave', announced: true, serves: SERVES }]);
  });

  it('keeps what Services show where it cannot be told who uses it', () => {
    const made = plan(gone, world(null, { missingRights: ['list leases kube-system'] }));
    expect(services(made)).toEqual(['none web']);
    expect(routes(made)).toEqual(['delete', 'delete']);
    expect(made.leases).toEqual([]);
    expect(codes(made)).toEqual(['rights-missing']);
  });

  it('keeps its Lease where it may not remove it, and says so', () => {
    const made = plan(gone, world([OWN], { missingRights: ['delete leases kube-system'] }));
    expect(made.leases).toEqual([]);
    expect(codes(made)).toEqual(['rights-missing']);
  });

  it('says that it leaves, though it never joined, where it is about to clear', () => {
    const made = plan(gone, world([other('ann', { live: false })]));
    expect(services(made)).toEqual(['delete web']);
    expect(made.leases).toEqual([{ profile: 'minikube', action: 'leave', announced: false, serves: [] }]);
  });

  it('has nothing to do once it has left', () => {
    const left = { ...world([other('ann')]), host: host(), registry: { claims: [], open: null } };
    expect(isEmpty(plan(gone, left))).toBe(true);
  });
});

it('a profile that gives no addresses any more leaves, too', () => {
  const none = desired([profile({ loadBalancer: loadBalancer([]) })]);
  const shared = plan(none, world([OWN, other('ann')]));
  expect(services(shared)).toEqual(['none web']);
  expect(shared.leases).toEqual([{ profile: 'minikube', action: 'leave', announced: false, serves: SERVES }]);
  expect(codes(shared)).toEqual(['services-shared']);
  expect(services(plan(none, world([OWN])))).toEqual(['delete web']);
});

it('our own Lease is no fact that a plan rests on; those of others are, where they matter', () => {
  const of = (participants: readonly ObservedParticipant[]) => plan(gone, world(participants)).fingerprint;
  expect(of([{ ...OWN, leaving: true }])).toBe(of([OWN]));
  expect(of([])).toBe(of([OWN]));
  expect(of([OWN, other('ann')])).not.toBe(of([OWN]));
  expect(of([OWN, other('ann', { leaving: true })])).toBe(of([OWN]));
  expect(plan(spec, world([])).fingerprint).toBe(plan(spec, world([OWN])).fingerprint);
});

it('a Service that only this host has no way to keeps its address for others, and loses it without them', () => {
  const taken = { destination: '10.200.0.1/32', gateway: '192.168.1.7', device: 'eth0', protocol: 3 };
  const skipping = desired([
    profile({ conflictPolicy: { value: 'skip', at: AT }, loadBalancer: loadBalancer(POOL) }),
  ]);
  const made = (participants: readonly ObservedParticipant[]) =>
    plan(skipping, { ...world(participants), host: host([taken]), registry: { claims: [], open: null } });
  const shared = made([OWN, other('ann')]);
  expect(services(shared)).toEqual(['none web']);
  expect(shared.services).toMatchObject([{ state: 'foreign', addresses: [] }]);
  expect(shared.reports).toEqual([]);
  expect(routes(shared)).not.toContain('none');
  expect(services(made([OWN]))).toEqual(['delete web']);
});

describe('tunnels with different pools', () => {
  const THEIRS = ['10.201.0.0/29'];
  const theirs = (rest: Partial<ObservedParticipant> = {}) =>
    other('ann', { serves: [{ class: 'mkplan/tunnel', unclassed: 'auto', pool: THEIRS }], ...rest });
  /** A cluster in which a Service has an address of the other pool. */
  const given = (participants: readonly ObservedParticipant[] | null, rest: Partial<ObservedService> = {}) =>
    world(participants, { services: [ours('web', '10.201.0.1', rest)] });

  it('leave each other what they gave, without a route to it, and say whose it is', () => {
    const made = plan(spec, given([OWN, theirs()]));
    expect(services(made)).toEqual([]);
    expect(made.services).toMatchObject([
      {
        state: 'foreign',
        reason: '10.201.0.1 is of another pool, that of ann@there:/project/tunnel.yaml',
      },
    ]);
    expect(routes(made)).toEqual(['delete', 'none']);
    expect(made.reports).toEqual([]);
    expect(isRefused(made)).toBe(false);
    expect(made.diagnostics).toMatchObject([
      {
        code: 'services-of-other-pool',
        severity: 'warning',
        summary:
          'profile minikube: left to ann@there:/project/tunnel.yaml, which serves them from another pool: default/web',
        fix: expect.stringContaining('`unclassed: false`'),
        command: 'kubectl --context=minikube -n kube-system delete lease mkplan-ann',
      },
    ]);
  });

  it.each([
    ['there is nobody else', []],
    ['the other one ran out', [theirs({ live: false })]],
    ['the other one leaves', [theirs({ leaving: true })]],
    ['the other one has the same pool', [other('ann')]],
    [
      'the other one serves another class',
      [theirs({ serves: [{ class: 'x/y', unclassed: false, pool: THEIRS }] })],
    ],
  ])('one whose pool has shrunk takes an address back where %s', (_, others) => {
    const made = plan(spec, given([OWN, ...others]));
    expect(services(made)).toEqual(['replace web']);
    expect(made.services).toMatchObject([
      { addresses: ['10.200.0.1'], reason: expect.stringContaining('it had this address before') },
    ]);
  });

  it.each([
    ['does not say what it serves', { serves: null }],
    [
      'had not heard yet that the pool has shrunk',
      { serves: [{ ...SERVES[0], pool: [...POOL, ...THEIRS] }] },
    ],
    ['serves Services without a class only', { serves: [{ class: 'x/y', unclassed: true, pool: THEIRS }] }],
  ] as [string, Partial<ObservedParticipant>][])(
    'one whose pool has shrunk waits for one that %s',
    (_, rest) => {
      const made = plan(spec, given([OWN, other('ann', rest)]));
      expect(services(made)).toEqual([]);
      expect(codes(made)).toEqual(['services-of-other-pool']);
    },
  );

  it('one that gives ClusterIPs, and one that has a pool, do so, too', () => {
    const serving = { class: 'mkplan/tunnel', unclassed: 'auto' as const, pool: null };
    const shown = { clusterIps: ['10.201.0.1'] };
    const pooled = plan(spec, given([OWN, other('ann', { serves: [serving] })], shown));
    expect(pooled.services).toMatchObject([{ state: 'foreign' }]);
    const clusterIp = desired([profile({ loadBalancer: loadBalancer([], { assign: 'clusterIP' }) })]);
    const own = { ...OWN, serves: [serving] };
    expect(plan(clusterIp, given([own, theirs()])).services).toMatchObject([{ state: 'foreign' }]);
    expect(services(plan(clusterIp, given([own], shown)))).toEqual(['none web']);
    expect(services(plan(clusterIp, given([own])))).toEqual(['replace web']);
  });

  it('a dual-stack Service that is wholly of no one pool is given another address by whoever comes first', () => {
    const dual = { ingress: ['10.201.0.1', 'fd00::1'], ipFamilies: ['IPv4', 'IPv6'] as const };
    const both = desired([
      profile({
        gateway: { value: { ipv4: VM, ipv6: 'fd02::1' }, at: AT },
        loadBalancer: loadBalancer([...POOL, 'fd01::/120']),
      }),
    ]);
    const seen = given([OWN, theirs()], dual);
    const ipv6 = { address: 'fd02::ff', network: prefix('fd02::/64'), device: 'virbr1' };
    const dualStack = { ...seen.host, addresses: [...seen.host.addresses, ipv6] };
    const made = plan(both, { ...seen, host: dualStack });
    expect(services(made)).toEqual(['replace web']);
  });

  it('one that changes its pool says so in its Lease', () => {
    const wider = desired([profile({ loadBalancer: loadBalancer([...POOL, ...THEIRS]) })]);
    expect(plan(wider, world([OWN])).leases).toEqual([
      {
        profile: 'minikube',
        action: 'join',
        announced: false,
        serves: [{ ...SERVES[0], pool: [...POOL, ...THEIRS] }],
      },
    ]);
    const [lease] = plan(wider, world([OWN], { services: [] })).leases;
    expect(lease).toMatchObject({ action: 'join' });
    expect(plan(wider, world([], { services: [] })).leases).toEqual([]);
  });

  it('one that leaves clears what none of the others uses', () => {
    const made = plan(gone, world([OWN, theirs()]));
    expect(services(made)).toEqual(['delete web']);
    expect(codes(made)).toEqual([]);
    const left = plan(gone, given([OWN, theirs()]));
    expect(services(left)).toEqual([]);
    expect(left.leases).toMatchObject([{ action: 'leave', serves: SERVES }]);
  });

  it('do not tell a Service in turns why it has to wait', () => {
    const waiting = service('web', {
      requestedIp: '10.202.0.1',
      condition: {
        status: 'False',
        reason: 'AllocationFailed',
        message: 'all 6 IPv4 addresses of the pool are in use',
        lastTransitionTime: '2026-01-01T00:00:00Z',
        manager: 'mkplan',
      },
    });
    const made = (participants: readonly ObservedParticipant[]) =>
      plan(spec, world(participants, { services: [waiting] }));
    expect(made([OWN, theirs()]).reports).toEqual([]);
    expect(made([OWN, other('ann')]).reports).toHaveLength(1);
  });
});
