import fc from 'fast-check';

/** What a policy rule of a case says, as ip-rule(8) takes it. */
export interface CaseRule {
  readonly family: 4 | 6;
  readonly priority: number;
  readonly words: string;
}

/** A route of a case, as ip-route(8) takes it. */
export interface CaseRoute {
  readonly family: 4 | 6;
  readonly destination: string;
  readonly words: string;
}

export interface CaseProfile {
  readonly cidrs: readonly string[];
  readonly pods: readonly string[];
  readonly policy: 'abort' | 'skip';
  /** LoadBalancer Services that take addresses of the pool; none: no pool. */
  readonly services: number;
}

/** A host's routing table and a spec, small enough to be read. */
export interface Case {
  readonly rules: readonly CaseRule[];
  readonly routes: readonly CaseRoute[];
  readonly profiles: readonly CaseProfile[];
  /** Which call to the system is the one that fails, from 0. */
  readonly failing: number;
}

/** Every prefix that a case is made of: they nest, touch, and lie beside each other. */
const PREFIXES = {
  4: [
    ...[
      '0.0.0.0/1',
      '128.0.0.0/1',
      '10.0.0.0/8',
      '10.0.0.0/9',
      '10.64.0.0/10',
      '10.96.0.0/11',
      '10.96.0.0/12',
      '10.96.0.0/16',
    ],
    ...[
      '10.100.0.0/16',
      '10.111.255.0/24',
      '10.112.0.0/12',
      '10.244.0.0/16',
      '10.244.3.0/24',
      '10.245.0.0/16',
      '100.64.0.0/10',
    ],
    ...[
      '172.16.0.0/12',
      '172.20.0.0/16',
      '10.200.0.0/24',
      '10.200.0.0/29',
      '10.200.0.2/32',
      '10.96.0.10/32',
      '192.168.0.0/16',
    ],
  ],
  6: [
    ...[
      '::/1',
      '8000::/1',
      'fd00::/8',
      'fd00::/16',
      'fd00:96::/108',
      'fd00:96::/112',
      'fd00:96::/120',
      'fd00:96::8/125',
    ],
    ...['fd00:97::/112', 'fd00:244::/48', 'fd00:244::/56', 'fd00:244:0:1::/64', 'fd00:96::10/128'],
  ],
} as const;

const FAMILY = {
  4: {
    gateways: ['via 10.8.0.1 dev tun0', 'via 192.168.1.1 dev eth0', 'via 192.168.39.174 dev virbr1'],
    onLink: 'dev tun0 scope link',
  },
  6: {
    gateways: ['via fd00:8::1 dev tun0', 'via fd00:1::1 dev eth0', 'via fd00:39::174 dev virbr1'],
    onLink: 'dev tun0',
  },
} as const;

const TABLES = ['main', 'main', 'main', '52', '77', '51820'] as const;
export const OTHER_TABLES = ['52', '77', '51820'] as const;
export const PROTOCOLS = ['3', '4', '16', '186'] as const;

const family = fc.constantFrom<4 | 6>(4, 4, 4, 6);

const route: fc.Arbitrary<CaseRoute> = family.chain((of) =>
  fc
    .record({
      destination: fc.constantFrom('default', ...PREFIXES[of]),
      way: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom<string>(...FAMILY[of].gateways) },
        fc.constant<string>(FAMILY[of].onLink),
        fc.constantFrom('blackhole', 'unreachable', 'prohibit', 'throw'),
        fc.constant(
          FAMILY[of].gateways
            .slice(0, 2)
            .map((way) => `nexthop ${way} weight 1`)
            .join(' '),
        ),
      ),
      table: fc.constantFrom(...TABLES),
      metric: fc.constantFrom(50, 100, 109, 110, 600),
      protocol: fc.constantFrom(...PROTOCOLS),
    })
    .map(({ destination, way, table, metric, protocol }) => {
      const isType = /^[a-z]+$/.test(way);
      const rest = `table ${table} metric ${metric} proto ${protocol}`;
      const words = isType ? `${way} ${destination} ${rest}` : `${destination} ${rest} ${way}`;
      return { family: of, destination, words };
    }),
);

const rule: fc.Arbitrary<CaseRule> = family.chain((of) => {
  const prefix = fc.constantFrom(...PREFIXES[of]);
  const lookup = fc
    .record({ table: fc.constantFrom(...TABLES), suppress: fc.constantFrom(-1, -1, -1, 0, 8, 12, 112) })
    .map(
      ({ table, suppress }) => `lookup ${table}${suppress < 0 ? '' : ` suppress_prefixlength ${suppress}`}`,
    );
  const condition = fc.oneof(
    { weight: 3, arbitrary: fc.constant('from all') },
    { weight: 3, arbitrary: prefix.map((to) => `to ${to}`) },
    prefix.map((from) => `from ${from}`),
    prefix.map((to) => `not to ${to}`),
    fc.constantFrom(
      'fwmark 0xca6c',
      'not from all fwmark 0xca6c',
      'fwmark 0x0/0xff',
      'iif lo',
      'iif eth0',
      'oif tun0',
    ),
    fc.constantFrom('uidrange 0-0', 'uidrange 7-9', 'ipproto tcp', 'tos 0x10'),
  );
  const action = fc.oneof(
    { weight: 4, arbitrary: lookup },
    fc.constantFrom('unreachable', 'prohibit', 'blackhole'),
  );
  return fc
    .record({ priority: fc.integer({ min: 50, max: 32_765 }), condition, action })
    .map(({ priority, condition: when, action: what }) => ({
      family: of,
      priority,
      words: `${when} ${what}`,
    }));
});

/** What a spec may ask for: private, and not all of it confirmed by anything. */
const wanted = fc.constantFrom(
  ...[
    '10.96.0.0/12',
    '10.96.0.0/16',
    '10.112.0.0/12',
    '10.244.0.0/16',
    '10.244.3.0/24',
    '10.245.0.0/16',
    '172.20.0.0/16',
  ],
  ...['fd00:96::/112', 'fd00:96::8/125', 'fd00:97::/112', 'fd00:244::/56', '10.96.0.10/32', '10.128.0.0/9'],
);

const profile: fc.Arbitrary<CaseProfile> = fc.record({
  cidrs: fc.uniqueArray(wanted, { maxLength: 3 }),
  pods: fc.uniqueArray(wanted, { maxLength: 2 }),
  policy: fc.constantFrom('abort', 'skip', 'skip', 'skip'),
  services: fc.constantFrom(0, 0, 3),
});

export const anyCase: fc.Arbitrary<Case> = fc.record({
  rules: fc.array(rule, { maxLength: 5 }),
  routes: fc.uniqueArray(route, { maxLength: 14, selector: ({ words }) => words }),
  profiles: fc.array(profile, { minLength: 1, maxLength: 3 }),
  failing: fc.nat(3),
});

/** The prefixes that a case speaks of, whose edges are looked at. */
export function prefixesOfCase({ rules, routes, profiles }: Case): string[] {
  const inRules = rules.flatMap(({ words }) => /(?:to|from) ([0-9a-f.:]+\/\d+)/.exec(words)?.[1] ?? []);
  const inRoutes = routes.map(({ destination }) => destination).filter((text) => text !== 'default');
  return [
    ...inRules,
    ...inRoutes,
    ...profiles.flatMap(({ cidrs, pods }) => [...cidrs, ...pods]),
    '10.200.0.0/29',
  ];
}
