import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DesiredState } from '../../src/model/desired.ts';
import type { ObservedState } from '../../src/model/observed.ts';
import { isEmpty, isRefused } from '../../src/model/plan.ts';
import { addressOf, contains, formatPrefix, type Prefix, truncate } from '../../src/model/prefix.ts';
import { rangeOf } from '../../src/model/range.ts';
import type { RouteDocument } from '../../src/model/route.ts';
import { plan } from '../../src/planner/plan.ts';
import * as build from './build.ts';
import { lookup, replay } from './simulate.ts';

/** A prefix somewhere in 10.0.0.0/8, often near another one. */
const tenPrefix = fc
  .record({
    block: fc.integer({ min: 0, max: 7 }),
    bits: fc.nat(0xffff),
    length: fc.integer({ min: 9, max: 32 }),
  })
  .map(({ block, bits, length }) =>
    truncate({ family: 4, start: 10 * 2 ** 24 + block * 2 ** 21 + bits * 32, length: 32 }, length),
  );

const foreignRoute: fc.Arbitrary<RouteDocument> = fc
  .record({
    at: tenPrefix,
    kind: fc.constantFrom('vpn', 'lan', 'hole'),
    metric: fc.constantFrom(0, 50, 109, 110, 600),
  })
  .map(({ at, kind, metric }) => ({
    destination: formatPrefix(at),
    metric,
    ...(kind === 'vpn' ? { gateway: '10.8.0.1', device: 'tun0', protocol: 3 } : {}),
    ...(kind === 'lan' ? { device: 'docker0', protocol: 2 } : {}),
    ...(kind === 'hole' ? { type: 'blackhole' as const, protocol: 4 } : {}),
  }));

const policy = fc.constantFrom('abort' as const, 'skip' as const);

const serviceMaker = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
  created: fc.constantFrom('2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'),
  ingress: fc.option(fc.constantFrom('10.200.0.1', '10.200.0.2', '10.200.0.9', '10.250.0.1'), { nil: null }),
  manager: fc.constantFrom('mkplan', 'metallb'),
  requestedIp: fc.option(fc.constantFrom('10.200.0.2', '10.200.0.3'), { nil: null }),
  loadBalancerClass: fc.constantFrom(null, null, 'mkplan/tunnel', 'other/class'),
});

interface World {
  desired: DesiredState;
  observed: ObservedState;
}

const world: fc.Arbitrary<World> = fc
  .record({
    cidrs: fc.uniqueArray(tenPrefix, { maxLength: 6, selector: formatPrefix }),
    policy,
    pool: fc.constantFrom([], ['10.200.0.0/29'], ['10.200.0.0/29', '10.200.0.64/32']),
    services: fc.uniqueArray(serviceMaker, { maxLength: 6, selector: (one) => one.name }),
    foreign: fc.uniqueArray(foreignRoute, {
      maxLength: 8,
      selector: (one) => `${one.destination} ${one.metric}`,
    }),
    owned: fc.uniqueArray(
      fc.record({
        at: tenPrefix,
        gateway: fc.constantFrom(build.VM, '192.168.39.9'),
        metric: fc.constantFrom(109, 110),
        present: fc.boolean(),
      }),
      { maxLength: 5, selector: (one) => formatPrefix(one.at) },
    ),
  })
  .map((raw) => {
    const owned = raw.owned.map(({ at, gateway, metric, present }) => ({
      document: { destination: formatPrefix(at), gateway, device: 'virbr1', metric, protocol: 109 },
      present,
    }));
    const slots = new Set(owned.map(({ document }) => `${document.destination} ${document.metric}`));
    const foreign = raw.foreign.filter((one) => !slots.has(`${one.destination} ${one.metric}`));
    const services = raw.services.map(({ name, created, ingress, manager, requestedIp, loadBalancerClass }) =>
      build.service(name, {
        created,
        requestedIp,
        loadBalancerClass,
        ingress: ingress === null ? [] : [ingress],
        ingressManager: ingress === null ? null : manager,
      }),
    );
    const profile = build.profile({
      conflictPolicy: { value: raw.policy, at: build.AT },
      services: {
        value: raw.cidrs.map((at) => ({ prefix: at, conflictPolicy: raw.policy, at: build.AT })),
        at: build.AT,
      },
      loadBalancer: build.loadBalancer(raw.pool, { unclassed: true }),
    });
    return {
      desired: build.desired([profile]),
      observed: build.observed({
        host: build.host([...foreign, ...owned.filter((one) => one.present).map((one) => one.document)]),
        registry: { claims: owned.map((one) => build.claim(one.document)), open: null },
        profiles: [build.observedProfile({ cluster: build.cluster({ services }) })],
      }),
    };
  });

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

const runs = { numRuns: 400 };

describe('plan, for any spec and any host', { timeout: 120_000 }, () => {
  it('gives an equal plan for equal input and leaves its input alone', () => {
    fc.assert(
      fc.property(world, ({ desired, observed }) => {
        deepFreeze(observed);
        expect(plan(desired, observed)).toEqual(plan(desired, observed));
      }),
      runs,
    );
  });

  it('does not depend on the order in which routes, claims and Services were listed', () => {
    fc.assert(
      fc.property(world, ({ desired, observed }) => {
        const reversed: ObservedState = {
          host: { ...observed.host, routes: [...observed.host.routes].reverse() },
          registry: { ...observed.registry, claims: [...observed.registry.claims].reverse() },
          profiles: observed.profiles.map((one) =>
            one.cluster === null
              ? one
              : { ...one, cluster: { ...one.cluster, services: [...one.cluster.services].reverse() } },
          ),
        };
        expect(plan(desired, reversed)).toEqual(plan(desired, observed));
      }),
      runs,
    );
  });

  it('has nothing left to do once it was carried out', () => {
    fc.assert(
      fc.property(world, ({ desired, observed }) => {
        const first = plan(desired, observed);
        fc.pre(!isRefused(first));
        const after = replay(first, observed).at(-1) ?? observed;
        const second = plan(desired, after);
        expect(second.steps.filter((step) => step.action !== 'none')).toEqual([]);
        expect(isEmpty({ ...second, reports: [] })).toBe(true);
        // An address that is given up for want of a way to it may be why another Service was pending.
        const isWithoutWay = first.services.some(({ reason }) => reason.startsWith('there is no way'));
        if (!isWithoutWay) expect(second.reports).toEqual([]);
        expect(isEmpty(plan(desired, replay(second, after).at(-1) ?? after))).toBe(true);
      }),
      runs,
    );
  });

  it('is undone by the plan of the same spec in mode absent', () => {
    fc.assert(
      fc.property(world, ({ desired, observed }) => {
        const first = plan(desired, observed);
        fc.pre(!isRefused(first));
        const applied = replay(first, observed).at(-1) ?? observed;
        const destroyed = replay(plan({ ...desired, mode: 'absent' }, applied), applied).at(-1) ?? applied;
        const claimed = new Set(observed.registry.claims.map((one) => formatPrefix(one.route.destination)));
        const foreign = observed.host.routes.filter(
          (one) => one.protocol !== 109 || !claimed.has(formatPrefix(one.destination)),
        );
        expect(new Set(destroyed.host.routes)).toEqual(new Set(foreign));
        expect(destroyed.registry.claims).toEqual([]);
      }),
      runs,
    );
  });

  it('changes no route that it has no claim to', () => {
    fc.assert(
      fc.property(world, ({ desired, observed }) => {
        const claims = new Set(observed.registry.claims.map((one) => formatPrefix(one.route.destination)));
        for (const step of plan(desired, observed).steps) {
          if (step.kind !== 'route' || step.action === 'none' || step.before === null) continue;
          expect(step.before.protocol).toBe(109);
          expect(claims).toContain(formatPrefix(step.before.destination));
        }
      }),
      runs,
    );
  });

  it('never changes who gets an address outside the declared networks and pools, nor leaves a moved destination without a route', () => {
    fc.assert(
      fc.property(
        world,
        fc.array(tenPrefix, { minLength: 20, maxLength: 20 }),
        ({ desired, observed }, samples) => {
          const first = plan(desired, observed);
          const worlds = replay(first, observed);
          const declared = declaredPrefixes(desired, observed);
          for (const sample of [...samples, ...declared.flatMap(boundary)]) {
            const address = truncate({ ...sample, length: 32 } as Prefix, 32);
            const answers = worlds.map((one) => lookup(one.host.routes, address));
            if (!declared.some((one) => contains(one, address))) expect(new Set(answers).size).toBe(1);
            for (const step of first.steps) {
              if (
                step.kind === 'route' &&
                step.action === 'replace' &&
                step.before !== null &&
                contains(step.before.destination, address)
              ) {
                expect(answers).not.toContain('none');
              }
            }
          }
        },
      ),
      runs,
    );
  });

  it('gives no address twice, none outside the pool, and keeps the ones that can be kept', () => {
    fc.assert(
      fc.property(world, ({ desired, observed }) => {
        const result = plan(desired, observed);
        const served = result.services.filter((one) => one.state === 'served');
        const addresses = served.flatMap((one) => one.addresses);
        expect(new Set(addresses).size).toBe(addresses.length);
        const services = observed.profiles[0]?.cluster?.services ?? [];
        for (const step of result.steps) {
          if (step.kind !== 'service') continue;
          const service = services.find((one) => one.uid === step.uid);
          expect(service?.ingressManager === 'mkplan' || service?.ingress.length === 0).toBe(true);
          const holders = services.filter((one) => one.ingress[0] === step.before[0]);
          const asked = service?.requestedIp !== null;
          const inPool = step.before[0]?.startsWith('10.200.0.') && step.before[0] !== '10.200.0.9';
          if (inPool && holders.length === 1 && !asked && step.after.length > 0)
            expect(step.after).toEqual(step.before);
        }
      }),
      runs,
    );
  });
});

function declaredPrefixes(desired: DesiredState, observed: ObservedState): Prefix[] {
  const [profile] = desired.profiles;
  const cidrs = profile?.services.value;
  return [
    ...(Array.isArray(cidrs) ? cidrs.map((one) => one.prefix as Prefix) : []),
    ...(profile?.loadBalancer.pool ?? []).map((range) =>
      build.prefix(range.first === range.last ? '10.200.0.64/32' : '10.200.0.0/29'),
    ),
    // What was ours before is ours to take away.
    ...observed.registry.claims.map((one) => one.route.destination),
  ];
}

/** The first and last address of a prefix, and their neighbours outside. */
function boundary(prefix: Prefix): Prefix[] {
  const { family, first, last } = rangeOf(prefix);
  return [first - 1n, first, last, last + 1n].flatMap((value) => addressOf(family, value) ?? []);
}
