import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ObservedService } from '../../src/model/observed.ts';
import { type Plan, serviceName } from '../../src/model/plan.ts';
import { plan } from '../../src/planner/plan.ts';
import { Api } from './api.ts';
import * as build from './build.ts';
import { lookupPool } from './pools.ts';

/**
 * Histories of one cluster with two mkplan on it, which have the same pool or a pool each: whatever is done to Services and
 * pools, and wherever one of them is suspended, killed or refused by the API in the middle of what it does.
 */

interface Call {
  readonly describe: string;
  readonly run: () => boolean;
}

/** One mkplan: it plans from a snapshot, then makes its calls one at a time; the first refusal ends the run. */
class Instance {
  calls: Call[] = [];
  pool: readonly string[] = POOLS[0];
  readonly #name: string;
  readonly #api: Api;

  constructor(name: string, api: Api) {
    this.#name = name;
    this.#api = api;
  }

  /** Gone for good, as far as others can tell: nobody renews its Lease. */
  die(): void {
    this.calls = [];
    const lease = this.#api.leases.get(this.#name);
    if (lease !== undefined) this.#api.leases.set(this.#name, { ...lease, live: false });
  }

  plan(reserved: ReadonlyMap<string, string>): Plan {
    const { pool } = this;
    const api = this.#api;
    const participants = api.participants(this.#name);
    const held = [...reserved].filter(([, address]) => lookupPool(pool, address));
    const reservations = build.reserved(
      Object.fromEntries(held.map(([name, address]) => [`default/${name}`, [address]])),
    );
    const services = [...api.services.values()];
    const result = plan(
      build.desired([
        build.profile({
          services: { value: 'none', at: build.AT },
          loadBalancer: build.loadBalancer(pool, { unclassed: true, reservations }),
        }),
      ]),
      build.observed({
        profiles: [
          build.observedProfile({
            cluster: build.cluster({ services, allocations: api.record, participants }),
          }),
        ],
      }),
    );
    this.#leavesOthers(result, reserved);
    this.calls = [...this.#joins(result, reserved), ...callsOf(result, api, pool)];
    return result;
  }

  /** Its Lease first; then it looks again, and does what was planned only where that still holds. */
  #joins({ leases, fingerprint }: Plan, reserved: ReadonlyMap<string, string>): Call[] {
    return leases.flatMap(({ serves }) => [
      {
        describe: 'join',
        run: () => {
          this.#api.leases.set(this.#name, { live: true, leaving: false, serves });
          return true;
        },
      },
      {
        describe: 'look again',
        run: () => {
          const { calls } = this;
          if (this.plan(reserved).fingerprint === fingerprint) this.calls = calls;
          return true;
        },
      },
    ]);
  }

  /**
   * What another one with another pool uses is taken away only for what the Service or the spec asks for, or since a
   * Service that others serve shows it, too.
   */
  #leavesOthers({ steps }: Plan, reserved: ReadonlyMap<string, string>): void {
    const others = this.#api.participants(this.#name).filter(({ own, live }) => live && !own);
    const pools = others.flatMap(({ serves }) => serves?.map(({ pool }) => pool ?? []) ?? []);
    for (const { name, before, after, reason, ...step } of steps.filter((one) => one.kind === 'service')) {
      const users = pools.filter((pool) => before.every((address) => lookupPool(pool, address)));
      const isChanged = step.action === 'replace' || step.action === 'delete';
      // One that is no LoadBalancer any more is nobody's; and an address may be reserved by now.
      const isNobodys = this.#api.services.get(name)?.type !== 'LoadBalancer';
      if (isNobodys || [...reserved.values()].some((address) => before.includes(address))) continue;
      const foreign = [...this.#api.services.values()].filter(
        ({ ingressManager }) => ingressManager === 'metallb',
      );
      if (foreign.some(({ ingress }) => ingress.some((address) => before.includes(address)))) continue;
      const isSame = users.some((pool) => pool.join() === this.pool.join());
      if (isChanged && users.length > 0 && !isSame) {
        expect(reason, `${name}: ${before.join()} to ${after.join()}`).toMatch(/asks for|reserved/);
      }
    }
  }

  /** Makes the next call. */
  step(): void {
    const call = this.calls.shift();
    if (call !== undefined && !call.run()) this.calls = [];
    shown(this.#api);
  }

  finish(): void {
    while (this.calls.length > 0) this.step();
  }
}

function callsOf(result: Plan, api: Api, pool: readonly string[]): Call[] {
  const versions = new Map<string, string>();
  const records = result.allocations.map(({ before, after }) => ({
    describe: 'record',
    run: () => api.swap(before, after),
  }));
  const writes = result.waves.flat().flatMap((change): Call[] => {
    const step = result.steps[change.step];
    if (step?.kind !== 'service') return [];
    const { condition } = step;
    const wanted =
      change.op === 'clear'
        ? { addresses: [], condition: step.action === 'delete' ? condition.after : null }
        : { addresses: step.after, condition: condition.after };
    for (const address of step.after) expect(lookupPool(pool, address)).toBe(true);
    if (step.action === 'replace')
      expect(step.reason).toMatch(/no longer be kept|asks for|reserved|had this/);
    return [
      {
        describe: `${change.op} ${serviceName(step)}`,
        run: () => {
          const version = versions.get(step.uid) ?? step.resourceVersion;
          const done = api.apply(step.name, step.uid, version, wanted);
          versions.set(step.uid, api.services.get(step.name)?.resourceVersion ?? '');
          return done;
        },
      },
    ];
  });
  // Best effort: one that is refused ends nothing.
  const reports = result.reports.map(({ name, uid, resourceVersion, addresses, condition }) => ({
    describe: `tell ${name}`,
    run: () => {
      api.apply(name, uid, resourceVersion, { addresses, condition: condition.after });
      return true;
    },
  }));
  return [...records, ...writes, ...reports];
}

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const POOLS = [
  ['10.200.0.0/29'],
  ['10.200.0.8/31'],
  ['10.200.0.0/29', '10.200.0.8/31'],
  ['10.200.0.4/30'],
] as const;

const name = fc.constantFrom(...NAMES);
const operation = fc.oneof(
  fc.record({
    do: fc.constant('create' as const),
    name,
    wish: fc.constantFrom(null, '10.200.0.4', '10.200.0.9'),
  }),
  fc.record({ do: fc.constant('create' as const), name, wish: fc.constant(null) }),
  fc.record({ do: fc.constant('delete' as const), name }),
  fc.record({ do: fc.constant('retype' as const), name, type: fc.constantFrom('ClusterIP', 'LoadBalancer') }),
  fc.record({
    do: fc.constant('class' as const),
    name,
    class: fc.constantFrom(null, 'other/class', 'mkplan/tunnel'),
  }),
  fc.record({
    do: fc.constant('foreign' as const),
    name,
    address: fc.constantFrom('10.200.0.2', '10.99.0.1'),
  }),
  fc.record({
    do: fc.constant('reserve' as const),
    name,
    address: fc.constantFrom('10.200.0.1', '10.200.0.2', '10.200.0.8'),
  }),
  fc.record({
    do: fc.constant('pool' as const),
    pool: fc.constantFrom(...POOLS),
    of: fc.constantFrom<number[]>([0], [1], [0, 1]),
  }),
  fc.record({ do: fc.constant('plan' as const), who: fc.nat(1) }),
  fc.record({ do: fc.constant('plan' as const), who: fc.nat(1) }),
  fc.record({ do: fc.constant('step' as const), who: fc.nat(1) }),
  fc.record({ do: fc.constant('step' as const), who: fc.nat(1) }),
  fc.record({ do: fc.constant('apply' as const), who: fc.nat(1) }),
  fc.record({ do: fc.constant('apply' as const), who: fc.nat(1) }),
  fc.record({ do: fc.constant('finish' as const), who: fc.nat(1) }),
  fc.record({ do: fc.constantFrom('kill' as const, 'die' as const), who: fc.nat(1) }),
);

type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Addresses that mkplan gave, by Service; fails when one is there twice. */
function shown(api: Api): Map<string, string> {
  const given = new Map<string, string>();
  for (const service of api.services.values()) {
    if (service.ingressManager !== 'mkplan') continue;
    for (const address of service.ingress) {
      expect(given.has(address), `${address} twice: ${given.get(address)} and ${service.name}`).toBe(false);
      given.set(address, service.name);
    }
  }
  return given;
}

/** A condition of ours that it had before may be given up; nothing else, and so there is no write without one. */
function untouched(before: ObservedService, now: ObservedService | undefined): void {
  const givenUp = before.condition !== null && now?.condition === null;
  expect(now).toEqual(
    givenUp ? { ...before, condition: null, resourceVersion: now.resourceVersion } : before,
  );
}

/** Every Service is told what became of it, and others are told nothing: by this one, or by the other one. */
function told(api: Api, rest: Plan, isAlone: boolean): void {
  const summaries = new Map(rest.services.map((one) => [one.name, one]));
  for (const { name, condition } of api.services.values()) {
    const { state, addresses, reason, unmet } = summaries.get(name) ?? {};
    if (state === 'served') {
      const given = `allocated ${addresses?.join(', ')}`;
      // Of two with different pools, either may have told what it is refused.
      const [said = '', ...more] = (condition?.message ?? '').split('; ');
      expect([condition?.status, said]).toEqual(['True', given]);
      if (isAlone) expect(more.join('; ')).toBe(unmet ?? '');
    } else if (state === 'pending') {
      expect(condition).toMatchObject({ status: 'False', ...(isAlone ? { message: reason } : {}) });
    } else if (isAlone || state !== 'foreign') {
      expect(condition).toBeNull();
    }
  }
}

class History {
  readonly api = new Api();
  readonly instances = [new Instance('ann', this.api), new Instance('bob', this.api)] as const;
  /** Address by Service; an address is reserved once. */
  reserved = new Map<string, string>();

  run(one: Operation): void {
    if ('who' in one) this.#act(this.instances[one.who === 0 ? 0 : 1], one.do);
    else if (one.do === 'reserve' || one.do === 'pool') this.#respec(one);
    else this.#edit(one);
  }

  #edit(one: Exclude<Operation, { who: number } | { do: 'reserve' | 'pool' }>): void {
    const { api } = this;
    const service = api.services.get(one.name);
    if (one.do === 'create') {
      const created = `2026-01-01T00:00:${api.next()}Z`;
      if (service === undefined) api.put(one.name, { requestedIp: one.wish, created });
    } else if (one.do === 'delete') {
      api.services.delete(one.name);
    } else if (service === undefined) {
      // Nothing to edit.
    } else if (one.do === 'retype') {
      api.put(one.name, { type: one.type });
    } else if (one.do === 'class') {
      // The class is immutable: a Service of another class is another Service.
      api.services.delete(one.name);
      api.put(one.name, { loadBalancerClass: one.class });
    } else if (service.ingress.length === 0) {
      api.put(one.name, { ingress: [one.address], ingressManager: 'metallb' });
    }
  }

  /** Both mkplan read the same reservations; what was planned from an old spec is given up. */
  #respec(one: Extract<Operation, { do: 'reserve' | 'pool' }>): void {
    if (one.do === 'reserve') {
      this.reserved = new Map([...this.reserved].filter(([, address]) => address !== one.address));
      this.reserved.set(one.name, one.address);
    }
    for (const [index, instance] of this.instances.entries()) {
      if (one.do === 'pool' && !one.of.includes(index)) continue;
      if (one.do === 'pool') instance.pool = one.pool;
      instance.calls = [];
    }
  }

  #act(instance: Instance, what: Extract<Operation, { who: number }>['do']): void {
    if (what === 'plan' || what === 'apply') instance.plan(this.reserved);
    if (what === 'step') instance.step();
    if (what === 'finish' || what === 'apply') instance.finish();
    if (what === 'kill') instance.calls = [];
    if (what === 'die') instance.die();
  }

  /** Left alone, they come to rest within a few rounds, and none renumbers a Service again that the other one has. */
  settle(): Plan[] {
    for (const instance of this.instances) instance.calls = [];
    const renumbered = new Map<string, number>();
    let before = new Map<string, string>();
    for (let round = 0; round < 4; round++) {
      for (const instance of this.instances) {
        instance.plan(this.reserved);
        while (instance.calls.length > 0) {
          instance.step();
          const now = new Map([...shown(this.api)].map(([address, service]) => [service, address]));
          for (const [service, address] of now) {
            if ((before.get(service) ?? address) === address) continue;
            renumbered.set(service, (renumbered.get(service) ?? 0) + 1);
          }
          before = new Map([...before, ...now]);
        }
      }
    }
    for (const [service, times] of renumbered) expect(times, service).toBeLessThanOrEqual(2);
    return this.instances.map((instance) => instance.plan(this.reserved));
  }
}

test('whatever happens: no address twice, none outside the pool, foreign Services untouched, and rest in the end', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 5, maxLength: 60 }), (operations) => {
      const history = new History();
      for (const one of operations) {
        const foreign = [...history.api.services.values()].filter(
          (service) => service.ingressManager === 'metallb',
        );
        history.run(one);
        shown(history.api);
        if ('who' in one) {
          for (const service of foreign) untouched(service, history.api.services.get(service.name));
        }
      }
      const plans = history.settle();
      const [one, two] = history.instances;
      const given = shown(history.api);
      for (const rest of plans) {
        const changes = rest.steps.filter((step) => step.kind === 'service' && step.action !== 'none');
        expect(changes).toEqual([]);
        expect(rest.allocations).toEqual([]);
        expect(rest.reports).toEqual([]);
        expect(rest.leases).toEqual([]);
        told(history.api, rest, one.pool.join() === two.pool.join());
        for (const service of rest.services.filter(({ state }) => state === 'served'))
          for (const address of service.addresses) expect(given.get(address)).toBe(service.name);
      }
      // Whoever shows an address is served by somebody.
      const served = plans.flatMap(({ services }) => services.filter(({ state }) => state === 'served'));
      for (const name of given.values()) expect(served.map((service) => service.name)).toContain(name);
    }),
    { numRuns: 1500 },
  );
}, 120_000);

test('an address that moves from one Service to another is never with both', () => {
  const history = new History();
  for (const one of [
    { do: 'create', name: 'b', wish: null },
    { do: 'plan', who: 0 },
    { do: 'finish', who: 0 },
    { do: 'create', name: 'a', wish: null },
    { do: 'reserve', name: 'a', address: '10.200.0.1' },
    { do: 'plan', who: 0 },
    { do: 'finish', who: 0 },
  ] as const) {
    history.run(one);
  }
  expect(shown(history.api)).toEqual(
    new Map([
      ['10.200.0.1', 'a'],
      ['10.200.0.2', 'b'],
    ]),
  );
});
