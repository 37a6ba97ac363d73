import fc from 'fast-check';
import * as build from '../planner/build.ts';

/** What may happen around a session; a history is a list of these. */

const ONE = ['10.96.0.0/16', '10.98.0.0/16'] as const;
const TWO = ['10.97.0.0/16', '10.96.0.0/16', '10.244.0.0/16'] as const;
const THREE = ['10.99.0.0/16'] as const;

/** Profiles by what they need: `one` a cluster and a pool, `two` nothing, `three` a cluster that says where its VM is. */
export interface SpecEdit {
  readonly one: { readonly cidrs: readonly string[]; readonly pool: readonly string[] } | null;
  readonly two: readonly string[] | null;
  readonly three: { readonly cidrs: readonly string[]; readonly pool: readonly string[] } | null;
  readonly policy: 'abort' | 'skip';
}

const orNot = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null, freq: 4 });

const specEdit: fc.Arbitrary<SpecEdit> = fc
  .record({
    one: orNot(
      fc.record({
        cidrs: fc.subarray([...ONE]),
        pool: fc.constantFrom(['10.200.0.0/29'], ['10.200.0.0/30'], ['10.200.0.4/30'], []),
      }),
    ),
    two: orNot(fc.subarray([...TWO], { minLength: 1 })),
    three: orNot(fc.record({ cidrs: fc.subarray([...THREE]), pool: fc.constantFrom(['10.201.0.0/29'], []) })),
    policy: fc.constantFrom('abort', 'skip'),
  })
  .filter(({ one, two, three }) => one !== null || two !== null || three !== null);

const profile = fc.constantFrom('one', 'three');
const serviceName = fc.constantFrom('a', 'b', 'c', 'd');
/** Chooses one of those that are there; where there is none, nothing happens. */
const pick = fc.nat(20);

/** At, inside and over what a spec may ask for; some in the very place of ours. */
const foreignRoute = fc.record({
  destination: fc.constantFrom(
    '10.96.0.0/16',
    '10.96.4.0/24',
    '10.96.0.0/12',
    '10.97.0.0/16',
    '10.0.0.0/8',
    '10.200.0.1/32',
    '10.200.0.0/29',
    '10.99.7.7/32',
    '172.20.0.0/16',
  ),
  metric: fc.constantFrom(0, 50, 109, 110),
  maker: fc.constantFrom(
    { gateway: '192.168.1.7', device: 'eth0', protocol: 3 },
    { gateway: '10.8.0.1', device: 'tun0', protocol: 16 },
    { gateway: '192.168.39.99', device: 'virbr1', protocol: 109 },
  ),
});

const kinds = {
  'spec.edit': fc.record({ edit: specEdit }),
  'spec.half-written': fc.record({ edit: specEdit }),
  'spec.invalid': fc.constant({}),
  'kernel.ours-deleted': fc.record({ pick }),
  'kernel.ours-replaced': fc.record({ pick }),
  'kernel.foreign-added': foreignRoute,
  'kernel.foreign-removed': fc.record({ pick }),
  'kernel.flushed': fc.record({ whose: fc.constantFrom('ours', 'all') }),
  'kernel.gateway-refused': fc.record({ isRefused: fc.boolean() }),
  'host.unreadable': fc.record({ isUnreadable: fc.boolean() }),
  'api.reach': fc.record({
    profile,
    reach: fc.constantFrom('up' as const, 'up' as const, 'down' as const, 'mute' as const, 'hangs' as const),
  }),
  'api.overtaken': fc.record({ profile, times: fc.integer({ min: 1, max: 8 }) }),
  'api.refusing': fc.record({ profile, name: serviceName, isRefused: fc.boolean() }),
  'api.record-refused': fc.record({ profile, left: fc.integer({ min: 1, max: 7 }), stale: fc.boolean() }),
  'api.slow': fc.record({ profile, slowness: fc.nat(20) }),
  'vm.moved': fc.record({
    profile,
    address: fc.constantFrom(build.VM, '192.168.39.175', '192.168.39.206'),
  }),
  'service.put': fc.record({
    profile,
    name: serviceName,
    requestedIp: fc.constantFrom(null, null, '10.200.0.2', '10.201.0.3'),
    loadBalancerClass: fc.constantFrom(null, null, 'mkplan/tunnel', 'other/class'),
    type: fc.constantFrom('LoadBalancer', 'LoadBalancer', 'ClusterIP'),
  }),
  'service.deleted': fc.record({ profile, name: serviceName }),
  'time.passed': fc.record({ ms: fc.constantFrom(1000, 5000, 16_000, 61_000) }),
  'session.killed': fc.record({ after: fc.nat(30) }),
  'session.restarted': fc.constant({}),
  asked: fc.constant({}),
};

type Kinds = typeof kinds;

export type HistoryEvent = {
  [K in keyof Kinds]: { readonly kind: K } & (Kinds[K] extends fc.Arbitrary<infer T> ? Readonly<T> : never);
}[keyof Kinds];

function event<K extends keyof Kinds, T>(kind: K, arbitrary: fc.Arbitrary<T>) {
  return arbitrary.map((rest) => ({ kind, ...rest }));
}

const anyEvent = fc.oneof(
  event('spec.edit', kinds['spec.edit']),
  event('spec.half-written', kinds['spec.half-written']),
  event('spec.invalid', kinds['spec.invalid']),
  event('kernel.ours-deleted', kinds['kernel.ours-deleted']),
  event('kernel.ours-replaced', kinds['kernel.ours-replaced']),
  event('kernel.foreign-added', kinds['kernel.foreign-added']),
  event('kernel.foreign-removed', kinds['kernel.foreign-removed']),
  event('kernel.flushed', kinds['kernel.flushed']),
  event('kernel.gateway-refused', kinds['kernel.gateway-refused']),
  event('host.unreadable', kinds['host.unreadable']),
  event('api.reach', kinds['api.reach']),
  event('api.overtaken', kinds['api.overtaken']),
  event('api.refusing', kinds['api.refusing']),
  event('api.record-refused', kinds['api.record-refused']),
  event('api.slow', kinds['api.slow']),
  event('vm.moved', kinds['vm.moved']),
  { arbitrary: event('service.put', kinds['service.put']), weight: 4 },
  event('service.deleted', kinds['service.deleted']),
  { arbitrary: event('time.passed', kinds['time.passed']), weight: 2 },
  event('session.killed', kinds['session.killed']),
  event('session.restarted', kinds['session.restarted']),
  event('asked', kinds.asked),
);

/** What happens, and whether the session comes to rest before the next thing does. */
export interface Moment {
  readonly event: HistoryEvent;
  readonly pace: 'rest' | 'at once';
}

export interface History {
  readonly first: SpecEdit;
  readonly moments: readonly Moment[];
}

export const history: fc.Arbitrary<History> = fc.record({
  first: specEdit,
  moments: fc.array(
    fc.record({
      event: anyEvent,
      pace: fc.constantFrom('rest' as const, 'rest' as const, 'at once' as const),
    }),
    { minLength: 1, maxLength: 14 },
  ),
});
