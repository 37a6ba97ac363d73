import { describe, expect, it } from 'vitest';
import type { ConflictPolicy } from '../../../src/model/desired.ts';
import type { ObservedHost } from '../../../src/model/observed.ts';
import { type Conflict, isRefused, type Relation } from '../../../src/model/plan.ts';
import { formatPrefix } from '../../../src/model/prefix.ts';
import type { RouteDocument } from '../../../src/model/route.ts';
import { plan } from '../../../src/planner/plan.ts';
import * as build from '../build.ts';

interface Case {
  readonly name: string;
  /** The wanted services network. */
  readonly cidr: string;
  readonly gateway?: string;
  readonly routes?: readonly RouteDocument[];
  readonly host?: Partial<ObservedHost>;
  readonly relations: readonly Relation[];
  /** Under `abort` and under `skip`. */
  readonly outcomes: readonly [Conflict['outcome'] | 'none', Conflict['outcome'] | 'none'];
}

const VPN = { gateway: '10.8.0.1', device: 'tun0', protocol: 3 } as const;

/** A host with one more address, in its network. */
function having(address: string, network: string, device: string): Partial<ObservedHost> {
  const own = { address, network: build.prefix(network), device };
  return { addresses: [...build.host().addresses, own] };
}

const CASES: readonly Case[] = [
  {
    name: 'nothing foreign',
    cidr: '10.96.0.0/12',
    relations: [],
    outcomes: ['none', 'none'],
  },
  {
    name: 'the default route does not count',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '0.0.0.0/0', gateway: '10.8.0.1', device: 'tun0', metric: 5 }],
    relations: [],
    outcomes: ['none', 'none'],
  },
  {
    name: 'two halves that jointly cover the family count as default',
    cidr: '10.96.0.0/12',
    routes: [
      { destination: '0.0.0.0/1', ...VPN },
      { destination: '128.0.0.0/1', ...VPN },
    ],
    relations: [],
    outcomes: ['none', 'none'],
  },
  {
    name: 'an equal foreign route hides nothing that keeps part of it',
    cidr: '10.96.0.0/12',
    routes: [
      { destination: '10.96.0.0/12', gateway: build.VM, device: 'virbr1', protocol: 3 },
      { destination: '10.100.0.0/16', ...VPN },
    ],
    relations: ['inside'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'an equal foreign route hides no network of the host inside it',
    cidr: '10.96.0.0/12',
    routes: [
      { destination: '10.96.0.0/12', gateway: build.VM, device: 'virbr1', protocol: 3 },
      { destination: '10.100.0.0/24', device: 'docker0', protocol: 2 },
    ],
    host: having('10.100.0.1', '10.100.0.0/24', 'docker0'),
    relations: ['on-link'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'one half alone is a range like any other',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '0.0.0.0/1', ...VPN }],
    relations: ['covers'],
    outcomes: ['warned', 'warned'],
  },
  {
    name: 'same destination, other next hop, metric 0',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.96.0.0/12', ...VPN }],
    relations: ['conflict'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'same destination, other next hop, worse metric',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.96.0.0/12', ...VPN, metric: 4000 }],
    relations: ['conflict'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'same destination, one equal next hop and one other',
    cidr: '10.96.0.0/12',
    routes: [
      { destination: '10.96.0.0/12', gateway: build.VM, device: 'virbr1', protocol: 3 },
      { destination: '10.96.0.0/12', ...VPN, metric: 10 },
    ],
    relations: ['conflict'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a more specific foreign route inside',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.100.0.0/16', ...VPN }],
    relations: ['inside'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a foreign blackhole inside',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.100.0.0/16', type: 'blackhole', protocol: 4 }],
    relations: ['inside'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a foreign multipath route at the destination',
    cidr: '10.96.0.0/12',
    routes: [
      {
        destination: '10.96.0.0/12',
        protocol: 186,
        nextHops: [
          { gateway: '192.168.1.2', device: 'eth0', weight: 1 },
          { gateway: '192.168.1.3', device: 'eth0', weight: 1 },
        ],
      },
    ],
    relations: ['conflict'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: "a VPN's 10.0.0.0/8 over it",
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.0.0.0/8', ...VPN }],
    relations: ['covers'],
    outcomes: ['warned', 'warned'],
  },
  {
    name: 'two networks over it: only the nearer loses addresses',
    cidr: '10.96.0.0/16',
    routes: [
      { destination: '10.0.0.0/8', ...VPN },
      { destination: '10.96.0.0/12', ...VPN },
    ],
    relations: ['covers'],
    outcomes: ['warned', 'warned'],
  },
  {
    name: 'docker0 inside it',
    cidr: '172.16.0.0/12',
    routes: [{ destination: '172.17.0.0/16', device: 'docker0', protocol: 2 }],
    host: having('172.17.0.1', '172.17.0.0/16', 'docker0'),
    relations: ['on-link'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'docker0 is exactly it',
    cidr: '172.17.0.0/16',
    routes: [{ destination: '172.17.0.0/16', device: 'docker0', protocol: 2 }],
    host: having('172.17.0.1', '172.17.0.0/16', 'docker0'),
    relations: ['on-link'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'the LAN around it',
    cidr: '10.96.0.0/16',
    routes: [{ destination: '10.0.0.0/8', device: 'eth0', protocol: 2 }],
    host: having('10.1.2.3', '10.0.0.0/8', 'eth0'),
    relations: ['on-link'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a VPN around it, by its device alone',
    cidr: '10.96.0.0/16',
    routes: [{ destination: '10.0.0.0/8', device: 'wg0', protocol: 3 }],
    host: having('10.66.0.2', '10.66.0.2/32', 'wg0'),
    relations: ['covers'],
    outcomes: ['warned', 'warned'],
  },
  {
    name: 'a VPN inside it, by its device alone',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.99.0.0/16', device: 'wg0', protocol: 3 }],
    host: having('10.66.0.2', '10.66.0.2/32', 'wg0'),
    relations: ['inside'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a VPN is exactly it, by its device alone',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.96.0.0/12', device: 'wg0', protocol: 3 }],
    host: having('10.66.0.2', '10.66.0.2/32', 'wg0'),
    relations: ['conflict'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'the LAN around it, on a host whose addresses are not known',
    cidr: '10.96.0.0/16',
    routes: [{ destination: '10.0.0.0/8', device: 'eth0', protocol: 2 }],
    host: { addresses: [] },
    relations: ['on-link'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'the gateway lies inside it',
    cidr: '172.17.0.0/16',
    gateway: '172.17.6.206',
    routes: [{ destination: '172.17.6.192/28', device: 'vEthernet', protocol: 2 }],
    host: {
      addresses: [{ address: '172.17.6.193', network: build.prefix('172.17.6.192/28'), device: 'vEthernet' }],
    },
    relations: ['gateway-inside'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a table asked before main answers first',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.0.0.0/8', device: 'tailscale0', table: 52, protocol: 3 }],
    host: {
      rules: [build.rule(0, 255), build.rule(5270, 52), build.rule(32766, 254)],
      answers: [{ address: '10.96.0.1', table: 52, type: 'unicast', gateway: null, device: 'tailscale0' }],
    },
    relations: ['preempted'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a table asked before main is not asked first where main answers anything but its default',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '0.0.0.0/0', device: 'wg0', table: 51820, protocol: 3 }],
    host: {
      rules: [
        build.rule(0, 255),
        build.rule(32764, 254, { suppressPrefixLength: 0 }),
        build.rule(32765, 51820, { applies: 'never', not: true, selector: 'not fwmark 0xca6c' }),
        build.rule(32766, 254),
      ],
      answers: [{ address: '10.96.0.1', table: 51820, type: 'unicast', gateway: null, device: 'wg0' }],
    },
    relations: [],
    outcomes: ['none', 'none'],
  },
  {
    name: 'a rule asked before main rejects it by itself',
    cidr: '10.96.0.0/12',
    host: {
      rules: [build.rule(0, 255), build.rule(100, null, { action: 'unreachable' }), build.rule(32766, 254)],
    },
    relations: ['preempted'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a rule asked before main rejects a part of it',
    cidr: '10.96.0.0/12',
    host: {
      rules: [
        build.rule(0, 255),
        build.rule(100, null, { action: 'prohibit', to: build.prefix('10.100.0.0/16') }),
        build.rule(32766, 254),
      ],
    },
    relations: ['preempted'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a rule asked before main rejects its gateway',
    cidr: '10.96.0.0/12',
    host: {
      rules: [
        build.rule(0, 255),
        build.rule(100, null, { action: 'blackhole', to: build.prefix('192.168.39.0/24') }),
        build.rule(32766, 254),
      ],
    },
    relations: ['preempted'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a rule that rejects what lies elsewhere',
    cidr: '10.96.0.0/12',
    host: {
      rules: [
        build.rule(0, 255),
        build.rule(100, null, { action: 'prohibit', to: build.prefix('10.200.0.0/16') }),
        build.rule(32766, 254),
      ],
    },
    relations: [],
    outcomes: ['none', 'none'],
  },
  {
    name: 'a table asked before main has a part of it only',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.100.7.0/24', device: 'tailscale0', table: 52, protocol: 3 }],
    host: { rules: [build.rule(0, 255), build.rule(5270, 52), build.rule(32766, 254)] },
    relations: ['preempted'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a table asked before main throws it back',
    cidr: '10.96.0.0/12',
    routes: [
      { destination: '10.0.0.0/8', device: 'tailscale0', table: 52, protocol: 3 },
      { destination: '10.96.0.0/11', type: 'throw', table: 52, protocol: 3 },
    ],
    host: { rules: [build.rule(0, 255), build.rule(5270, 52), build.rule(32766, 254)] },
    relations: [],
    outcomes: ['none', 'none'],
  },
  {
    name: 'main may not answer with a prefix as short as it',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '0.0.0.0/0', device: 'wg0', table: 51820, protocol: 3 }],
    host: {
      rules: [
        build.rule(0, 255),
        build.rule(32764, 254, { suppressPrefixLength: 12 }),
        build.rule(32765, 51820),
        build.rule(32766, 254),
      ],
    },
    relations: ['preempted'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'no rule asks main at all',
    cidr: '10.96.0.0/12',
    host: { rules: [build.rule(0, 255), build.rule(32767, 253)] },
    relations: ['preempted'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'whether a rule applies is not known, and the kernel says that its table answers',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.0.0.0/8', device: 'tun0', table: 77, protocol: 3 }],
    host: {
      rules: [build.rule(0, 255), build.rule(100, 77, { applies: 'unknown' }), build.rule(32766, 254)],
      answers: [{ address: '10.96.0.1', table: 77, type: 'unicast', gateway: null, device: 'tun0' }],
    },
    relations: ['preempted'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'whether a rule applies is not known, and the kernel says that main answers',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.0.0.0/8', device: 'tun0', table: 77, protocol: 3 }],
    host: {
      rules: [build.rule(0, 255), build.rule(100, 77, { applies: 'unknown' }), build.rule(32766, 254)],
      answers: [
        { address: '10.96.0.1', table: 254, type: 'unicast', gateway: '192.168.1.1', device: 'eth0' },
      ],
    },
    relations: [],
    outcomes: ['none', 'none'],
  },
  {
    name: 'the host itself has an address in it, on no network',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.96.0.10/32', type: 'local', device: 'dummy0', table: 255, protocol: 2 }],
    relations: ['preempted'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'it would take the default gateway',
    cidr: '192.168.1.0/25',
    relations: ['critical', 'on-link'],
    outcomes: ['refused', 'refused'],
  },
  {
    name: 'it would take a DNS server',
    cidr: '10.96.0.0/12',
    host: { critical: [{ kind: 'dns-server', address: '10.100.0.53', detail: '/etc/resolv.conf' }] },
    relations: ['critical'],
    outcomes: ['refused', 'refused'],
  },
  {
    name: 'it would take the peer of an open connection',
    cidr: '10.96.0.0/12',
    host: { critical: [{ kind: 'live-peer', address: '10.100.0.7', detail: 'tcp 443' }] },
    relations: ['critical'],
    outcomes: ['refused', 'refused'],
  },
  {
    name: 'a DNS server inside that a more specific foreign route carries is not taken',
    cidr: '10.96.0.0/12',
    routes: [{ destination: '10.100.0.0/16', ...VPN }],
    host: { critical: [{ kind: 'dns-server', address: '10.100.0.53', detail: '/etc/resolv.conf' }] },
    relations: ['inside'],
    outcomes: ['refused', 'skipped'],
  },
  {
    name: 'a public network',
    cidr: '8.8.8.0/24',
    relations: ['forbidden'],
    outcomes: ['refused', 'refused'],
  },
];

function planOf(one: Case, policy: ConflictPolicy) {
  const profile = build.profile({
    gateway: { value: { ipv4: one.gateway ?? build.VM, ipv6: null }, at: build.AT },
    services: { value: [build.cidr(one.cidr, policy)], at: build.AT },
  });
  return plan(
    build.desired([profile]),
    build.observed({ host: build.host(one.routes ?? [], one.host ?? {}) }),
  );
}

it('an equal foreign route has taken its addresses already, from whatever covers them', () => {
  const equal = { destination: '10.96.0.0/12', gateway: build.VM, device: 'virbr1', protocol: 3 };
  const routes = [equal, { destination: '10.0.0.0/8', ...VPN }];
  const made = planOf(
    { name: '', cidr: '10.96.0.0/12', routes, relations: [], outcomes: ['none', 'none'] },
    'abort',
  );
  expect([made.conflicts, isRefused(made)]).toEqual([[], false]);
  expect(made.steps.filter(({ action }) => action !== 'none')).toEqual([]);
});

it('what another mkplan made alike, its guard and the route to an address inside it, is not a conflict', () => {
  const route = {
    destination: '10.200.0.1/32',
    gateway: build.VM,
    device: 'virbr1',
    protocol: 109,
    metric: 109,
  };
  const guard = { destination: '10.200.0.0/24', type: 'unreachable', protocol: 109, metric: 109 } as const;
  const profile = build.profile({ loadBalancer: build.loadBalancer(['10.200.0.0/24'], { unclassed: true }) });
  const web = build.service('web', { ingress: ['10.200.0.1'], ingressManager: 'mkplan' });
  const planned = (routes: readonly Parameters<typeof build.route>[0][]) =>
    plan(
      build.desired([profile]),
      build.observed({
        host: build.host(routes),
        profiles: [build.observedProfile({ cluster: build.cluster({ services: [web] }) })],
      }),
    );
  expect(planned([route, guard]).conflicts).toEqual([]);
  const other = { ...route, gateway: '192.168.39.9' };
  expect(planned([other, guard]).conflicts.map(({ relation }) => relation)).toContain('conflict');
});

describe.each(CASES)('$name', (one) => {
  it.each([
    ['abort', 0],
    ['skip', 1],
  ] as const)('under %s', (policy, index) => {
    const result = planOf(one, policy);
    const outcome = one.outcomes[index];
    expect(result.conflicts.map((conflict) => conflict.relation).sort()).toEqual([...one.relations].sort());
    const grave = result.conflicts.map((conflict) => conflict.outcome);
    expect(grave.includes('refused')).toBe(outcome === 'refused');
    expect(isRefused(result)).toBe(outcome === 'refused');
    const made = result.steps.some((step) => step.action === 'create');
    expect(made).toBe(outcome === 'none' || outcome === 'warned');
    for (const conflict of result.conflicts) {
      expect(conflict.owner).not.toBe('');
      expect(conflict.winner).not.toBe('');
      expect(conflict.resolution).not.toBe('');
      expect(conflict.at).toEqual(build.AT);
    }
  });
});

describe('what is not ours and stays so', () => {
  it('leaves a foreign route alone that already does what is wanted', () => {
    const foreign = {
      destination: '10.96.0.0/12',
      gateway: build.VM,
      device: 'virbr1',
      protocol: 3,
      metric: 50,
    };
    const profile = build.profile({ services: { value: [build.cidr('10.96.0.0/12')], at: build.AT } });
    const result = plan(build.desired([profile]), build.observed({ host: build.host([foreign]) }));
    expect(result.conflicts).toEqual([]);
    expect(result.steps).toMatchObject([
      { action: 'none', before: build.route(foreign), after: build.route(foreign) },
    ]);
  });

  it('asks for approval before it takes part of a foreign range, and not again once it has', () => {
    const vpn = { destination: '10.0.0.0/8', ...VPN };
    const ours = {
      destination: '10.96.0.0/12',
      gateway: build.VM,
      device: 'virbr1',
      protocol: 109,
      metric: 109,
    };
    const profile = build.profile({ services: { value: [build.cidr('10.96.0.0/12')], at: build.AT } });
    const before = plan(build.desired([profile]), build.observed({ host: build.host([vpn]) }));
    expect(before.approvals.map((one) => one.kind)).toEqual(['covers']);
    const after = plan(
      build.desired([profile]),
      build.observed({
        host: build.host([vpn, ours]),
        registry: { claims: [build.claim(ours)], open: null },
      }),
    );
    expect(after.approvals).toEqual([]);
  });

  it('shows a route with our protocol and no claim, and treats it as foreign', () => {
    const stranger = {
      destination: '10.96.0.0/12',
      gateway: '192.168.39.9',
      device: 'virbr1',
      protocol: 109,
      metric: 109,
    };
    const profile = build.profile({ services: { value: [build.cidr('10.96.0.0/12')], at: build.AT } });
    const result = plan(build.desired([profile]), build.observed({ host: build.host([stranger]) }));
    expect(result.unproven.map((one) => formatPrefix(one.route.destination))).toEqual(['10.96.0.0/12']);
    expect(result.conflicts.map((one) => one.relation)).toEqual(['conflict']);
    expect(result.steps).toEqual([]);
  });

  it("treats another spec's route as foreign and names that spec", () => {
    const theirs = {
      destination: '10.96.0.0/12',
      gateway: '192.168.39.9',
      device: 'virbr1',
      protocol: 109,
      metric: 109,
    };
    const claim = build.claim(theirs);
    const other = { ...claim, owner: { ...claim.owner, spec: '/other/tunnel.yaml' } };
    const profile = build.profile({ services: { value: [build.cidr('10.96.0.0/12')], at: build.AT } });
    const result = plan(
      build.desired([profile]),
      build.observed({ host: build.host([theirs]), registry: { claims: [other], open: null } }),
    );
    expect(result.conflicts[0]?.owner).toContain('/other/tunnel.yaml');
    expect(result.unproven).toEqual([]);
  });

  it('gives a network that two profiles want to the first and warns the other', () => {
    const services = { value: [build.cidr('10.96.0.0/12')], at: build.AT };
    const second = build.profile({
      name: 'second',
      services,
      gateway: { value: { ipv4: '192.168.39.9', ipv6: null }, at: build.AT },
    });
    const result = plan(build.desired([build.profile({ services }), second]), build.observed());
    expect(result.steps.map((step) => [step.profile, step.action])).toEqual([['minikube', 'create']]);
    expect(result.conflicts).toMatchObject([{ relation: 'shared', profile: 'second', outcome: 'warned' }]);
  });
});

it('the gateway of LoadBalancer addresses is looked at, although nothing stands against their pool', () => {
  const rule = { action: 'unreachable', not: true, to: build.prefix('0.0.0.0/1') } as const;
  const rules = [build.rule(0, 255), build.rule(50, null, rule), build.rule(32766, 254)];
  const profile = build.profile({ loadBalancer: build.loadBalancer(['10.200.0.0/29'], { unclassed: true }) });
  const result = plan(
    build.desired([profile]),
    build.observed({
      host: build.host([], { rules }),
      profiles: [build.observedProfile({ cluster: build.cluster({ services: [build.service('web')] }) })],
    }),
  );
  expect(result.conflicts.map(({ relation, destination }) => [relation, formatPrefix(destination)])).toEqual([
    ['preempted', '10.200.0.1/32'],
  ]);
});
