import { describe, expect, it } from 'vitest';
import type { DesiredProfile } from '../../../src/model/desired.ts';
import type { ObservedHost, ObservedNode, ObservedProfile } from '../../../src/model/observed.ts';
import { encodeRoute, type RouteDocument } from '../../../src/model/route.ts';
import { plan } from '../../../src/planner/plan.ts';
import * as build from '../build.ts';

/** The laptop's own address on its LAN. */
const OWN = '192.168.1.10';
const { bootId } = build.HOST_ID;
const AUTO = { value: 'auto', at: build.AT } as const;
const POOL = build.loadBalancer(['10.200.0.0/24']);

/** Another place of the cluster that a kubeconfig context leads to. */
const context = (server: string, answeredAt: string) => ({
  name: 'k3s',
  server,
  fromMinikube: false,
  answeredAt,
  program: null,
  proxy: null,
});
const LOOPBACK = context('https://127.0.0.1:6443', '127.0.0.1');

/** A cluster of one Node, of no profile of minikube's, whose API server is reached on loopback. */
function k3s(node: Partial<ObservedNode> = {}, rest: Partial<ObservedProfile> = {}): ObservedProfile {
  const laptop = build.node('laptop', [OWN], ['10.42.0.0/24'], { controlPlane: true, bootId, ...node });
  const service = build.service('web', { clusterIps: ['10.43.0.9'] });
  return build.observedProfile({
    name: 'k3s',
    config: null,
    minikubeIp: null,
    context: LOOPBACK,
    cluster: build.cluster({
      version: 'v1.34.1+k3s1',
      nodes: [laptop],
      serviceCidrs: ['10.43.0.0/16'],
      kubeadm: null,
      services: [service],
    }),
    ...rest,
  });
}

/** The same, where no Node tells its boot id. */
function untold(rest: Partial<ObservedProfile> = {}): ObservedProfile {
  const seen = k3s({}, rest);
  const { cluster } = seen;
  if (cluster === null) return seen;
  return { ...seen, cluster: { ...cluster, nodes: cluster.nodes.map(({ bootId: _, ...node }) => node) } };
}

function planOf(
  seen: ObservedProfile,
  {
    profile = {},
    host = build.host(),
  }: { readonly profile?: Partial<DesiredProfile>; readonly host?: ObservedHost } = {},
) {
  const wanted = build.profile({
    name: seen.name,
    gateway: AUTO,
    services: AUTO,
    pods: AUTO,
    loadBalancer: { ...POOL, unclassed: true },
    ...profile,
  });
  const made = plan(build.desired([wanted]), build.observed({ host, profiles: [seen] }));
  return {
    made,
    routes: made.steps.filter(({ kind }) => kind === 'route'),
    given: made.steps.flatMap((step) =>
      step.kind === 'service' ? [`${step.action} ${step.name} ${step.after.join(' ')}`] : [],
    ),
    codes: made.diagnostics.map(({ code }) => code),
    isHere: made.profiles[0]?.onThisHost === true,
  };
}

const minikube = (driver: string, ip: string) => ({
  driver,
  unroutable: null,
  serviceCidr: '10.96.0.0/12',
  nodes: [{ name: 'minikube', ip, controlPlane: true }],
});

describe('a cluster on this host', () => {
  it.each<[string, ObservedProfile, Partial<DesiredProfile>]>([
    ['k3s: its API server on loopback, its Node at an address of this host', k3s(), {}],
    ['microk8s: the same, and no Node is labelled as control plane', k3s({ controlPlane: false }), {}],
    [
      'kubeadm: its API server at an address of this host',
      k3s({}, { context: context(`https://${OWN}:6443`, OWN) }),
      {},
    ],
    ['a Node that does not tell its boot id', untold(), {}],
    [
      'driver none: a profile of minikube’s',
      k3s(
        {},
        {
          config: minikube('none', OWN),
          context: { ...context(`https://${OWN}:8443`, OWN), fromMinikube: true },
        },
      ),
      {},
    ],
    [
      'driver none, where the Node does not tell its boot id and config.json has an address of another network',
      untold({ config: minikube('none', '172.20.10.3') }),
      {},
    ],
    ['a Node that is not Ready', k3s({ ready: false }), {}],
    ['the address of another network of this host', k3s({ internalIps: ['192.168.39.1'] }), {}],
    ['both families', k3s({ internalIps: [OWN, 'fd00:39::1'] }), {}],
    [
      'a gateway in the spec that is this host’s own',
      k3s(),
      { gateway: { value: { ipv4: OWN, ipv6: null }, at: build.AT } },
    ],
    [
      'a gateway in the spec that is another address of this host than the Node’s',
      k3s(),
      { gateway: { value: { ipv4: '192.168.39.1', ipv6: null }, at: build.AT } },
    ],
  ])('%s', (_, seen, profile) => {
    const { made, routes, given, codes, isHere } = planOf(seen, { profile });
    expect(isHere).toBe(true);
    expect(routes).toEqual([]);
    expect(given).toEqual(['create web 10.200.0.1']);
    expect(codes).toEqual([]);
    expect(made.approvals.map(({ kind }) => kind)).toEqual(
      seen.config === null ? ['context'] : expect.anything(),
    );
    expect(made.aside).toEqual([]);
    expect(made.conflicts).toEqual([]);
  });

  it('needs no Nodes for it where the spec gives its address', () => {
    const cluster = build.cluster({
      nodes: [],
      services: [build.service('web')],
      missingRights: ['list nodes'],
    });
    const gateway = { value: { ipv4: OWN, ipv6: null }, at: build.AT };
    const { routes, given, isHere } = planOf(k3s({}, { cluster }), { profile: { gateway } });
    expect({ routes, given, isHere }).toEqual({ routes: [], given: ['create web 10.200.0.1'], isHere: true });
  });

  it('needs no cluster for it where the spec gives its address and asks for no LoadBalancer addresses', () => {
    const { routes, codes, isHere } = planOf(
      build.observedProfile({ name: 'k3s', config: null, minikubeIp: null, context: null, cluster: null }),
      {
        profile: {
          gateway: { value: { ipv4: OWN, ipv6: null }, at: build.AT },
          services: { value: [build.cidr('10.43.0.0/16')], at: build.AT },
          pods: { value: 'none', at: build.AT },
          loadBalancer: build.loadBalancer([]),
        },
      },
    );
    expect({ routes, codes, isHere }).toEqual({ routes: [], codes: [], isHere: true });
  });

  it('is set aside like any other while it does not answer', () => {
    const down = k3s(
      {},
      { config: minikube('none', OWN), cluster: null, problems: ['no answer'], stopped: true },
    );
    const { made } = planOf(down);
    expect(made.aside).toMatchObject([{ profile: 'k3s', state: 'stopped' }]);
  });

  it('gives ClusterIPs as well, where the spec asks for these', () => {
    const loadBalancer = build.loadBalancer([], { assign: 'clusterIP', unclassed: true });
    const { given, routes } = planOf(k3s(), { profile: { loadBalancer } });
    expect({ given, routes }).toEqual({ given: ['create web 10.43.0.9'], routes: [] });
  });
});

it('names what could not be understood of a cluster on this host', () => {
  const { codes, isHere, given } = planOf(k3s({ strange: ['podCIDR "10.42.0.0/33"'] }));
  expect({ codes, isHere, given }).toEqual({
    codes: ['fact-unreadable'],
    isHere: true,
    given: ['create web 10.200.0.1'],
  });
});

describe('one Node of several on this host', () => {
  const elsewhere = build.node('minikube', [build.VM], ['10.244.0.0/24']);
  const worker = build.node('laptop', [OWN], ['10.244.1.0/24']);
  const services = [
    build.service('web'),
    build.service('local', { externalTrafficPolicy: 'Local', created: '2026-01-02T00:00:00Z' }),
  ];
  const endpoints = [build.endpoints('local', { minikube: 1 })];
  const joined = (nodes: readonly ObservedNode[]) =>
    build.observedProfile({ cluster: build.cluster({ nodes, services, endpoints }) });

  it('routes nothing: kube-proxy and the network plugin here lead to the others, for `Local` Services too', () => {
    const { routes, given, codes, isHere } = planOf(joined([elsewhere, { ...worker, bootId }]));
    expect({ routes, codes, isHere }).toEqual({ routes: [], codes: [], isHere: true });
    expect(given).toEqual(['create local 10.200.0.2', 'create web 10.200.0.1']);
  });

  it.each([
    ['does not tell its boot id', worker],
    ['has another kernel', { ...worker, bootId: 'boot-9' }],
  ])('routes through the control plane elsewhere where the worker with our address %s', (_, node) => {
    const { routes, codes, isHere } = planOf(joined([elsewhere, node]));
    expect(isHere).toBe(false);
    expect(routes.length).toBeGreaterThan(0);
    expect(codes).toEqual(['node-address']);
  });
});

describe('a cluster that runs elsewhere', () => {
  it.each<[string, ObservedProfile]>([
    [
      'kind and k3d: a container of this host, with its kernel',
      k3s({ internalIps: ['192.168.39.2'] }, { context: context('https://127.0.0.1:41513', '127.0.0.1') }),
    ],
    [
      'colima: a VM, its API server forwarded to loopback',
      k3s({ internalIps: ['192.168.39.2'], bootId: 'boot-9' }),
    ],
  ])('is told from one here by its Node’s own address: %s', (_, seen) => {
    const { routes, isHere } = planOf(seen);
    expect(isHere).toBe(false);
    expect(routes.length).toBeGreaterThan(0);
  });

  it.each<[string, ObservedProfile, Partial<DesiredProfile>, string]>([
    [
      'its Node has our address behind another NAT, as VirtualBox gives 10.0.2.15 to all',
      k3s({ bootId: 'boot-9' }),
      {},
      'Node laptop has that address too, but another kernel (boot id boot-9; this host has boot-1)',
    ],
    ['its Node says that it is on loopback', k3s({ internalIps: ['127.0.0.1'] }), {}, 'Node laptop'],
    [
      'the spec gives the host’s side of the VM’s network',
      build.observedProfile(),
      { gateway: { value: { ipv4: '192.168.39.1', ipv6: null }, at: build.AT } },
      'none of its Nodes has an address of this host as InternalIP',
    ],
  ])('is set aside where %s', (_, seen, profile, cause) => {
    const lo = { address: '127.0.0.1', network: build.prefix('127.0.0.0/8'), device: 'lo' };
    const base = build.host();
    const host = { ...base, addresses: [lo, ...base.addresses] };
    const { made, routes, given, isHere } = planOf(seen, { profile, host });
    expect({ routes, given, isHere }).toEqual({ routes: [], given: [], isHere: false });
    expect(made.aside).toMatchObject([{ state: 'out-of-reach' }]);
    expect(made.diagnostics).toMatchObject([{ code: 'gateway-own', cause: expect.stringContaining(cause) }]);
  });

  it('leads through its other control plane where one has our address behind a NAT', () => {
    const nodes = [
      build.node('a', [OWN], ['10.244.0.0/24'], { controlPlane: true, bootId: 'boot-9' }),
      build.node('b', [build.VM], ['10.244.1.0/24'], { controlPlane: true, bootId: 'boot-8' }),
    ];
    const { made, isHere } = planOf(k3s({}, { cluster: build.cluster({ nodes }) }));
    expect(isHere).toBe(false);
    expect(made.profiles[0]?.gateways).toMatchObject([{ address: build.VM }]);
  });
});

describe('a cluster that moves', () => {
  const vm = { ...k3s({ internalIps: [build.VM], bootId: 'boot-9' }), name: 'k3s' };
  const served = (seen: ObservedProfile): ObservedProfile => ({
    ...seen,
    cluster: {
      ...build.cluster(seen.cluster ?? {}),
      services: [build.service('web', { ingress: ['10.200.0.1'], ingressManager: 'mkplan' })],
      allocations: { resourceVersion: '1', allocations: [{ address: '10.200.0.1', service: 'default/web' }] },
    },
  });
  const wanted = build.profile({
    name: 'k3s',
    gateway: AUTO,
    services: AUTO,
    pods: AUTO,
    loadBalancer: { ...POOL, unclassed: true },
  });

  it('to this host loses every route, guard and claim, and its Services keep their addresses', () => {
    const elsewhere = plan(build.desired([wanted]), build.observed({ profiles: [vm] }));
    const made = elsewhere.steps.flatMap((step) =>
      step.kind === 'route' && step.after !== null
        ? [{ ...encodeRoute(step.after), profile: 'k3s', purpose: step.purpose }]
        : [],
    );
    expect(made.length).toBeGreaterThan(3);
    const claims = made.map(({ profile, purpose, ...route }) => build.claim(route, { profile, purpose }));
    const host = build.host(made);
    const here = plan(
      build.desired([wanted]),
      build.observed({ host, registry: { claims, open: null }, profiles: [served(k3s())] }),
    );
    expect(here.steps.filter(({ kind }) => kind === 'route').map(({ action }) => action)).toEqual(
      made.map(() => 'delete'),
    );
    expect(here.steps.filter(({ kind }) => kind === 'service')).toMatchObject([
      { action: 'none', after: ['10.200.0.1'] },
    ]);
    // Its own guard still stands, and is not what would reject connections afterwards.
    expect(here.diagnostics).toEqual([]);
  });

  it('away from this host gets its routes, and its Services keep their addresses', () => {
    const away = plan(build.desired([wanted]), build.observed({ profiles: [served(vm)] }));
    const ways = away.steps.filter((step) => step.kind === 'route');
    expect(ways.map(({ action }) => action)).toEqual(ways.map(() => 'create'));
    expect(ways.map(({ purpose }) => purpose)).toContain('load-balancer');
    expect(away.steps.filter(({ kind }) => kind === 'service')).toMatchObject([{ action: 'none' }]);
  });
});

describe('the pool of a cluster on this host', () => {
  const warned = (
    routes: readonly RouteDocument[],
    rest: Partial<ObservedHost> = {},
    pool = ['10.200.0.0/24'],
  ) => {
    const { made } = planOf(k3s(), {
      host: build.host(routes, rest),
      profile: { loadBalancer: build.loadBalancer(pool, { unclassed: true }) },
    });
    expect(made.steps.some(({ kind }) => kind === 'service')).toBe(true);
    return made.diagnostics.map(({ code, cause }) => `${code}: ${cause}`);
  };
  const address = (text: string, device: string): RouteDocument => ({
    destination: `${text}/32`,
    type: 'local',
    device,
    table: 255,
    protocol: 2,
  });

  it.each<[string, readonly RouteDocument[], Partial<ObservedHost>, readonly string[]]>([
    ['the default route leads there', [], {}, []],
    [
      'no route leads there at all',
      [],
      { routes: [build.route({ destination: '192.168.1.0/24', device: 'eth0', protocol: 2 })] },
      ['pool-unreachable: this host has no route that leads there'],
    ],
    [
      'another tunnel closes it',
      [{ destination: '10.200.0.0/24', type: 'unreachable', protocol: 109, metric: 427 }],
      {},
      ['pool-unreachable: the route unreachable 10.200.0.0/24'],
    ],
    [
      'part of it is a blackhole',
      [{ destination: '10.200.0.128/25', type: 'blackhole', protocol: 3 }],
      {},
      ['pool-unreachable: the route blackhole 10.200.0.128/25'],
    ],
    [
      'a policy rule rejects it',
      [],
      { rules: [build.rule(0, 255), build.rule(100, null, { action: 'prohibit' }), build.rule(32766, 254)] },
      ['pool-unreachable: the policy rule of priority 100'],
    ],
    [
      'a VPN has it',
      [{ destination: '10.0.0.0/8', device: 'wg0', protocol: 3 }],
      {},
      ['pool-in-use: the route 10.0.0.0/8 dev wg0'],
    ],
    [
      'a network of this host is in it',
      [{ destination: '10.200.0.64/26', device: 'docker0', protocol: 2 }],
      {},
      ['pool-in-use: the route 10.200.0.64/26 dev docker0'],
    ],
    [
      'this host has an address of it',
      [address('10.200.0.7', 'lo')],
      {},
      ['pool-in-use: this host itself has the address 10.200.0.7 on lo'],
    ],
    [
      'kube-proxy in IPVS mode has the addresses of Services on its device',
      [address('10.200.0.1', 'kube-ipvs0')],
      {},
      [],
    ],
    [
      'a route to loopback has it, with a lower metric than what rejects it',
      [
        { destination: '10.200.0.0/24', type: 'unreachable', protocol: 109, metric: 427 },
        { destination: '10.200.0.0/24', device: 'lo', protocol: 3 },
      ],
      {},
      [],
    ],
    [
      'a VPN takes everything, by two halves',
      [
        { destination: '0.0.0.0/1', gateway: '10.8.0.1', device: 'tun0', protocol: 3 },
        { destination: '128.0.0.0/1', gateway: '10.8.0.1', device: 'tun0', protocol: 3 },
      ],
      {},
      [],
    ],
  ])('%s', (_, routes, rest, told) => {
    expect(warned(routes, rest)).toEqual(told.map((text) => expect.stringContaining(text)));
  });

  it('is refused where it overlaps a network of its cluster, which needs no route', () => {
    expect(
      planOf(k3s(), { profile: { loadBalancer: build.loadBalancer(['10.43.7.0/24'], { unclassed: true }) } })
        .made.diagnostics,
    ).toMatchObject([{ code: 'pool-overlaps-network', severity: 'error' }]);
  });
});

describe('a cluster on this host beside one elsewhere', () => {
  it('warns where both have the same service network, which is kube-proxy’s here', () => {
    const here = k3s(
      {},
      {
        cluster: build.cluster({
          nodes: [build.node('laptop', [OWN], ['10.42.0.0/24'], { bootId })],
          kubeadm: null,
        }),
      },
    );
    const both = [
      build.profile({ name: 'k3s', gateway: AUTO, services: AUTO }),
      build.profile({ gateway: AUTO, services: AUTO }),
    ];
    const made = plan(build.desired(both), build.observed({ profiles: [here, build.observedProfile()] }));
    expect(made.diagnostics).toMatchObject([
      {
        code: 'network-on-this-host',
        profile: 'minikube',
        summary: expect.stringContaining('10.96.0.0/12 of profile k3s'),
      },
    ]);
    expect(made.steps).toMatchObject([{ action: 'create', profile: 'minikube', purpose: 'services' }]);
  });
});
