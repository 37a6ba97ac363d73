import { describe, expect, it } from 'vitest';
import type { DesiredLoadBalancer } from '../../../src/model/desired.ts';
import type { ObservedCluster, ObservedService } from '../../../src/model/observed.ts';
import { allocate } from '../../../src/planner/addresses/allocate.ts';
import { plan } from '../../../src/planner/plan.ts';
import * as build from '../build.ts';

const POOL = ['10.200.0.0/29'];

function allocated(
  services: readonly ObservedService[],
  lb: Partial<DesiredLoadBalancer> = {},
  cluster: Partial<ObservedCluster> = {},
  pool: readonly string[] = POOL,
): Record<string, string> {
  const profile = build.profile({ loadBalancer: build.loadBalancer(pool, lb) });
  const { services: summaries } = allocate(profile, build.cluster({ services, ...cluster }), NONE_ROUTED);
  return Object.fromEntries(summaries.map((one) => [one.name, [one.state, ...one.addresses].join(' ')]));
}

/** This spec has no routes yet. */
const NONE_ROUTED: ReadonlySet<string> = new Set();

const ours = (address: string) => ({ ingress: [address], ingressManager: 'mkplan' });

describe('allocation', () => {
  it('gives the lowest free address to the oldest Service, leaving the ends of a subnet alone', () => {
    const services = [
      build.service('young', { created: '2026-02-01T00:00:00Z' }),
      build.service('old', { created: '2026-01-01T00:00:00Z' }),
    ];
    expect(allocated(services)).toEqual({ old: 'served 10.200.0.1', young: 'served 10.200.0.2' });
  });

  it('keeps the address that a Service has, though an older one came or a lower one is free', () => {
    const services = [
      build.service('kept', ours('10.200.0.5')),
      build.service('new', { created: '2025-01-01T00:00:00Z' }),
    ];
    expect(allocated(services)).toEqual({ kept: 'served 10.200.0.5', new: 'served 10.200.0.1' });
  });

  it('gives a reserved address to its Service and to nobody else, also while that is not there', () => {
    const reservations = build.reserved({ 'default/nginx': ['10.200.0.1'] });
    expect(allocated([build.service('web')], { reservations })).toEqual({ web: 'served 10.200.0.2' });
    expect(allocated([build.service('web'), build.service('nginx')], { reservations })).toEqual({
      nginx: 'served 10.200.0.1',
      web: 'served 10.200.0.2',
    });
  });

  it('moves a Service whose address was reserved for another, and says so', () => {
    const reservations = build.reserved({ 'default/nginx': ['10.200.0.1'] });
    const profile = build.profile({ loadBalancer: build.loadBalancer(POOL, { reservations }) });
    const { services } = allocate(
      profile,
      build.cluster({ services: [build.service('web', ours('10.200.0.1'))] }),
      NONE_ROUTED,
    );
    const [web] = services;
    expect(web).toMatchObject({
      addresses: ['10.200.0.2'],
      reason: expect.stringContaining('10.200.0.1 can no longer be kept'),
    });
  });

  it('gives what the annotation or spec.loadBalancerIP asks for, and refuses two that differ', () => {
    const services = [
      build.service('a', { requestedIp: '10.200.0.4' }),
      build.service('b', { loadBalancerIp: '10.200.0.3' }),
      build.service('c', { requestedIp: '10.200.0.6', loadBalancerIp: '10.200.0.5' }),
    ];
    expect(allocated(services)).toEqual({ a: 'served 10.200.0.4', b: 'served 10.200.0.3', c: 'pending' });
  });

  it('leaves a Service pending that asks for an address outside the pool or for a taken one', () => {
    const services = [
      build.service('has', ours('10.200.0.4')),
      build.service('late', { requestedIp: '10.200.0.4' }),
      build.service('outside', { requestedIp: '10.99.0.1' }),
    ];
    expect(allocated(services)).toEqual({ has: 'served 10.200.0.4', late: 'pending', outside: 'pending' });
  });

  it('skips excluded addresses and takes back one that has been excluded since', () => {
    const exclude = [{ family: 4 as const, first: 0x0ac80001n, last: 0x0ac80002n }];
    expect(allocated([build.service('a', ours('10.200.0.2'))], { exclude })).toEqual({
      a: 'served 10.200.0.3',
    });
  });

  it('leaves the rest pending with counts when the pool is exhausted', () => {
    const services = ['a', 'b', 'c'].map((name) => build.service(name));
    const profile = build.profile({ loadBalancer: build.loadBalancer(['10.200.0.8/31']) });
    const { services: result } = allocate(profile, build.cluster({ services }), NONE_ROUTED);
    expect(result.map((one) => one.state)).toEqual(['served', 'served', 'pending']);
    expect(result[2]?.reason).toBe('all 2 IPv4 addresses of the pool are in use');
  });

  it.each([
    ['SingleStack', ['IPv6'], 'served fd00:200::1'],
    ['PreferDualStack', ['IPv4', 'IPv6'], 'served 10.200.0.1 fd00:200::1'],
    ['RequireDualStack', ['IPv6', 'IPv4'], 'served fd00:200::1 10.200.0.1'],
  ] as const)('%s gives %s in the order of the Service', (ipFamilyPolicy, ipFamilies, expected) => {
    const pool = [...POOL, 'fd00:200::/120'];
    expect(allocated([build.service('a', { ipFamilyPolicy, ipFamilies })], {}, {}, pool)).toEqual({
      a: expected,
    });
  });

  it('degrades PreferDualStack but not RequireDualStack when the pool lacks a family', () => {
    const families = ['IPv4', 'IPv6'] as const;
    const services = [
      build.service('prefer', { ipFamilyPolicy: 'PreferDualStack', ipFamilies: families }),
      build.service('require', { ipFamilyPolicy: 'RequireDualStack', ipFamilies: families }),
    ];
    expect(allocated(services)).toEqual({ prefer: 'served 10.200.0.1', require: 'pending' });
  });

  it.each([
    ['its own class', { loadBalancerClass: 'mkplan/tunnel' }, {}, 'served 10.200.0.1'],
    ['another class', { loadBalancerClass: 'metallb' }, {}, 'other-class'],
    ['no class', {}, {}, 'served 10.200.0.1'],
    ['no class beside MetalLB', {}, { otherLoadBalancers: ['MetalLB'] }, 'unclassed'],
    ['a foreign ingress', { ingress: ['10.99.0.9'], ingressManager: 'metallb' }, {}, 'foreign 10.99.0.9'],
    ['an ingress of unknown origin', { ingress: ['10.99.0.9'] }, {}, 'foreign 10.99.0.9'],
  ])('a Service with %s is %#', (_, rest, cluster, expected) => {
    expect(allocated([build.service('a', rest)], {}, cluster)).toEqual({ a: expected });
  });

  it('leaves to another mkplan what that gave, and gives it to nobody', () => {
    const services = [
      build.service('other', { ...ours('10.200.0.1'), loadBalancerClass: 'test/other' }),
      build.service('unclassed', ours('10.200.0.2')),
      build.service('own', { loadBalancerClass: 'mkplan/tunnel' }),
    ];
    expect(allocated(services, { unclassed: false })).toEqual({
      other: 'other-class 10.200.0.1',
      unclassed: 'unclassed 10.200.0.2',
      own: 'served 10.200.0.3',
    });
  });

  it('gives nobody what a foreign Service shows, not even by reservation', () => {
    const reservations = build.reserved({ 'default/nginx': ['10.200.0.1'] });
    const foreign = build.service('metal', { ingress: ['10.200.0.1'], ingressManager: 'metallb' });
    expect(allocated([foreign, build.service('web')])).toEqual({
      metal: 'foreign 10.200.0.1',
      web: 'served 10.200.0.2',
    });
    expect(allocated([foreign, build.service('nginx')], { reservations })).toEqual({
      metal: 'foreign 10.200.0.1',
      nginx: 'pending',
    });
  });

  describe('with the record of the cluster', () => {
    const record = (...lines: readonly (readonly [string, string])[]) => ({
      resourceVersion: '7',
      allocations: lines.map(([address, service]) => ({ address, service: `default/${service}` })),
    });

    it('gives a Service that was made anew the address that it had', () => {
      const allocations = record(['10.200.0.5', 'a'], ['10.200.0.1', 'gone']);
      expect(allocated([build.service('a'), build.service('b')], {}, { allocations })).toEqual({
        a: 'served 10.200.0.5',
        b: 'served 10.200.0.2',
      });
    });

    it('gives to nobody else what is recorded for a Service whose status does not show it yet', () => {
      const allocations = record(['10.200.0.1', 'pending']);
      const services = [
        build.service('pending', { loadBalancerClass: 'other/class' }),
        build.service('asks', { requestedIp: '10.200.0.1' }),
        build.service('takes'),
      ];
      expect(allocated(services, {}, { allocations })).toEqual({
        pending: 'other-class',
        asks: 'pending',
        takes: 'served 10.200.0.2',
      });
    });

    it('takes what is only remembered for a Service that is gone when nothing else is left', () => {
      const allocations = record(['10.200.0.8', 'gone'], ['10.200.0.9', 'also-gone']);
      const lb = ['10.200.0.8/31'];
      expect(allocated([build.service('a')], {}, { allocations }, lb)).toEqual({ a: 'served 10.200.0.8' });
      const profile = build.profile({ loadBalancer: build.loadBalancer(lb) });
      const { record: after } = allocate(
        profile,
        build.cluster({ services: [build.service('a')], allocations }),
        NONE_ROUTED,
      );
      expect(after).toEqual([
        { address: '10.200.0.9', service: 'default/also-gone' },
        { address: '10.200.0.8', service: 'default/a' },
      ]);
    });

    it('is left as it is where it says all of it already, and not written where it may not be read', () => {
      const services = [build.service('a', ours('10.200.0.1'))];
      const planOf = (allocations: ObservedCluster['allocations']) =>
        plan(
          build.desired([
            build.profile({
              services: { value: 'none', at: build.AT },
              loadBalancer: build.loadBalancer(POOL),
            }),
          ]),
          build.observed({
            profiles: [build.observedProfile({ cluster: build.cluster({ services, allocations }) })],
          }),
        ).allocations;
      expect(planOf(record(['10.200.0.1', 'a']))).toEqual([]);
      expect(planOf(null)).toEqual([]);
      expect(planOf(record())).toMatchObject([{ after: [{ address: '10.200.0.1', service: 'default/a' }] }]);
    });
  });

  it('uses the ClusterIP where the spec says so', () => {
    expect(allocated([build.service('a')], { assign: 'clusterIP' })).toEqual({ a: 'served 10.96.0.50' });
  });
});

describe('routes of LoadBalancer addresses', () => {
  const services = { value: 'none' as const, at: build.AT };

  function routesOf(lb: DesiredLoadBalancer, cluster: Partial<ObservedCluster>) {
    const result = plan(
      build.desired([build.profile({ services, loadBalancer: lb })]),
      build.observed({ profiles: [build.observedProfile({ cluster: build.cluster(cluster) })] }),
    );
    return result.steps.flatMap((step) =>
      step.kind === 'route' && step.after !== null
        ? [`${step.purpose} ${step.after.type} ${step.after.gateway ?? '-'}`]
        : [],
    );
  }

  it('gives each address a route of its own and closes the pool behind them', () => {
    const steps = routesOf(build.loadBalancer(POOL), { services: [build.service('a'), build.service('b')] });
    expect(steps).toEqual([
      `load-balancer unicast ${build.VM}`,
      `load-balancer unicast ${build.VM}`,
      'guard unreachable -',
    ]);
  });

  it('sends an address with externalTrafficPolicy Local to a Ready node with a ready endpoint', () => {
    const steps = routesOf(build.loadBalancer(POOL), {
      nodes: [
        build.node('minikube', [build.VM], []),
        build.node('minikube-m02', ['192.168.39.175'], [], { ready: false }),
        build.node('minikube-m03', ['192.168.39.176'], []),
      ],
      services: [build.service('a', { externalTrafficPolicy: 'Local' })],
      endpoints: [build.endpoints('a', { 'minikube-m02': 1, 'minikube-m03': 1 })],
    });
    expect(steps[0]).toBe('load-balancer unicast 192.168.39.176');
  });

  it('announces an address after its route stands, and withdraws it before that goes', () => {
    const lb = build.loadBalancer(POOL);
    const observed = build.observed({
      profiles: [build.observedProfile({ cluster: build.cluster({ services: [build.service('a')] }) })],
    });
    const made = plan(build.desired([build.profile({ services, loadBalancer: lb })]), observed);
    expect(made.waves.map((wave) => wave[0]?.op)).toEqual(['add', 'assign']);
    const served = build.observed({
      host: build.host([
        { destination: '10.200.0.1/32', gateway: build.VM, device: 'virbr1', protocol: 109, metric: 109 },
      ]),
      registry: {
        claims: [
          build.claim({
            destination: '10.200.0.1/32',
            gateway: build.VM,
            device: 'virbr1',
            protocol: 109,
            metric: 109,
          }),
        ],
        open: null,
      },
      profiles: [
        build.observedProfile({
          cluster: build.cluster({ services: [build.service('a', ours('10.200.0.1'))] }),
        }),
      ],
    });
    const undone = plan(
      build.desired([build.profile({ services, loadBalancer: lb })], { mode: 'absent' }),
      served,
    );
    expect(undone.waves.map((wave) => wave[0]?.op)).toEqual(['clear', 'delete']);
  });

  it('does not announce an address whose route is left out', () => {
    const foreign = { destination: '10.200.0.1/32', gateway: '10.8.0.1', device: 'tun0', protocol: 3 };
    const result = plan(
      build.desired([
        build.profile({
          services,
          conflictPolicy: { value: 'skip', at: build.AT },
          loadBalancer: build.loadBalancer(POOL),
        }),
      ]),
      build.observed({
        host: build.host([foreign]),
        profiles: [
          build.observedProfile({
            cluster: build.cluster({ services: [build.service('a', ours('10.200.0.1'))] }),
          }),
        ],
      }),
    );
    expect(result.services).toMatchObject([
      {
        state: 'pending',
        reason: 'there is no way to the address that it would get: its route is left out',
      },
    ]);
    expect(result.conflicts[0]).toMatchObject({ outcome: 'skipped', disputed: '10.200.0.1/32' });
    expect(result.steps.find((step) => step.kind === 'service')).toMatchObject({ action: 'delete' });
  });

  it('refuses a pool inside a network that was found out', () => {
    const result = plan(
      build.desired([
        build.profile({
          services: { value: 'auto', at: build.AT },
          loadBalancer: build.loadBalancer(['10.96.8.0/24']),
        }),
      ]),
      build.observed(),
    );
    expect(result.diagnostics.map((one) => one.code)).toContain('pool-overlaps-network');
  });
});
