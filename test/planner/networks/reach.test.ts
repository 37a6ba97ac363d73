import { describe, expect, it } from 'vitest';
import type { DesiredProfile } from '../../../src/model/desired.ts';
import type { ObservedHost, ObservedProfile } from '../../../src/model/observed.ts';
import { formatPrefix } from '../../../src/model/prefix.ts';
import { decodeRoute } from '../../../src/model/route.ts';
import { Reach } from '../../../src/planner/networks/reach.ts';
import { plan } from '../../../src/planner/plan.ts';
import * as build from '../build.ts';

/** Every VirtualBox VM has this address on its NAT adapter. */
const NAT = '10.0.2.15';
const SECOND = '192.168.39.3';
const AUTO = { value: 'auto', at: build.AT } as const;

/** What a profile with everything on `auto`, two nodes and a pool comes to. */
function planWith(
  seen: Partial<ObservedProfile>,
  {
    host = build.host(),
    profile = {},
  }: { readonly host?: ObservedHost; readonly profile?: Partial<DesiredProfile> } = {},
) {
  const lb = build.loadBalancer(['10.200.0.0/24']);
  const desired = build.desired([
    build.profile({ gateway: AUTO, services: AUTO, pods: AUTO, loadBalancer: lb, ...profile }),
  ]);
  const made = plan(desired, build.observed({ host, profiles: [build.observedProfile(seen)] }));
  const ways = made.steps.flatMap((step) =>
    step.kind === 'route' && step.after?.type === 'unicast'
      ? [`${formatPrefix(step.after.destination)} via ${step.after.gateway}`]
      : [],
  );
  return { ways, made, codes: made.diagnostics.map(({ code }) => code) };
}

const node = build.node;
const nodes = (first: readonly string[], second: readonly string[]) => [
  node('minikube', first, ['10.244.0.0/24']),
  node('minikube-m02', second, ['10.244.1.0/24']),
];
const recorded = (...ips: readonly string[]) => ({
  driver: 'virtualbox',
  unroutable: null,
  serviceCidr: '10.96.0.0/12',
  nodes: ips.map((ip, index) => ({
    name: index === 0 ? 'minikube' : `minikube-m0${index + 1}`,
    ip,
    controlPlane: index === 0,
  })),
});

describe('Nodes that this host cannot reach by their InternalIP', () => {
  it('prefers an address on a network of its own to one that only a VPN’s wide route makes on-link', () => {
    const host = build.host([{ destination: '10.0.0.0/8', device: 'wg0', protocol: 3 }], {});
    const cluster = build.cluster({ nodes: nodes([build.VM], [NAT]) });
    const seen = { config: recorded(build.VM, SECOND), cluster };
    const pods = planWith(seen, { host, profile: { services: { value: 'none', at: build.AT } } });
    expect(pods.ways).toContain(`10.244.1.0/24 via ${SECOND}`);
  });

  it('gives a Service whose only endpoint is on such a Node the address of config.json', () => {
    const web = build.service('web', { externalTrafficPolicy: 'Local' });
    const endpoints = [build.endpoints('web', { 'minikube-m02': 1 })];
    const cluster = build.cluster({ nodes: nodes([NAT], [NAT]), services: [web], endpoints });
    const { ways } = planWith({ config: recorded(build.VM, SECOND), cluster });
    expect(ways).toContain(`10.200.0.1/32 via ${SECOND}`);
    const lost = planWith({ config: recorded(build.VM), cluster });
    expect(lost.ways.filter((way) => way.startsWith('10.200.'))).toEqual([]);
    expect(lost.made.services).toMatchObject([{ state: 'pending' }]);
  });
});

describe('a gateway that this host cannot reach', () => {
  it('takes along neither the other family nor the Services of it', () => {
    const gateway = { value: { ipv4: build.VM, ipv6: 'fd99::1' }, at: build.AT };
    const cluster = build.cluster({ serviceCidrs: ['10.96.0.0/12', 'fd00:1::/112'] });
    const { ways, codes, made } = planWith({ cluster }, { profile: { gateway } });
    expect(ways).toEqual([`10.96.0.0/12 via ${build.VM}`, `10.244.0.0/16 via ${build.VM}`]);
    expect(codes).toEqual(['gateway-off-link']);
    expect(made.aside).toEqual([]);
  });

  it('gives way to an address that it can reach', () => {
    const cluster = build.cluster({
      nodes: [node('minikube', [NAT, build.VM], ['10.244.0.0/24'])],
    });
    const { made, codes } = planWith({ cluster, context: null, minikubeIp: null });
    expect(made.profiles[0]?.gateways[0]?.address).toBe(build.VM);
    expect(codes).toEqual([]);
  });
});

describe('sources that name other gateways', () => {
  const three = ['192.168.39.2', '192.168.39.3', '192.168.39.4'];
  const control = three.map((ip, index) =>
    node(index === 0 ? 'minikube' : `minikube-m0${index + 1}`, [ip], [`10.244.${index}.0/24`], {
      controlPlane: true,
    }),
  );
  const ha = {
    ...recorded(...three),
    servers: ['192.168.39.254'],
    nodes: recorded(...three).nodes.map((one) => ({ ...one, controlPlane: true })),
  };
  const answeredAt = (address: string) => ({
    name: 'minikube',
    server: `https://${address}:8443`,
    fromMinikube: true,
    answeredAt: address,
    program: null,
    proxy: null,
  });

  it.each<[string, Partial<ObservedProfile>, string, readonly string[]]>([
    [
      'agree where they are of other control planes (--ha, its virtual address)',
      {
        config: ha,
        cluster: build.cluster({ nodes: control }),
        context: answeredAt('192.168.39.254'),
        minikubeIp: null,
      },
      '192.168.39.2',
      [],
    ],
    [
      'agree where another control plane answers',
      {
        config: ha,
        cluster: build.cluster({ nodes: control }),
        context: answeredAt('192.168.39.3'),
        minikubeIp: null,
      },
      '192.168.39.3',
      [],
    ],
    [
      'agree where one is a NAT’s inside',
      {
        config: recorded(build.VM),
        cluster: build.cluster({ nodes: [node('minikube', [NAT], ['10.244.0.0/24'])] }),
        context: answeredAt(build.VM),
        minikubeIp: null,
      },
      build.VM,
      [],
    ],
    [
      'disagree where the same Node is said to be elsewhere',
      {
        config: recorded('192.168.39.9'),
        cluster: build.cluster({ nodes: [node('minikube', [build.VM], ['10.244.0.0/24'])] }),
        context: answeredAt(build.VM),
        minikubeIp: null,
      },
      build.VM,
      ['gateway-disagreement'],
    ],
    [
      'disagree where `minikube ip` says what no Node has',
      {
        config: recorded(build.VM),
        cluster: build.cluster({ nodes: [node('minikube', [build.VM], ['10.244.0.0/24'])] }),
        context: answeredAt(build.VM),
        minikubeIp: '192.168.39.77',
      },
      build.VM,
      ['gateway-disagreement'],
    ],
  ])('%s', (_, seen, gateway, warned) => {
    const { made, codes } = planWith(seen);
    expect(made.profiles[0]?.gateways.map(({ address }) => address)).toEqual([gateway]);
    expect(codes).toEqual(warned);
  });
});

describe('the device towards a next hop is that of the kernel’s own route', () => {
  const network = (device: string, metric = 0) => ({
    destination: '192.168.39.0/24',
    device,
    metric,
    protocol: 2,
  });
  const own = (device: string, cidr = '192.168.39.0/24') => ({
    address: '192.168.39.1',
    network: build.prefix(cidr),
    device,
  });
  const addresses = [own('old0', '192.168.39.0/25'), own('old0'), own('new0')];

  it.each<[string, Partial<ObservedHost>, string | null]>([
    [
      'the lower metric of two links on one subnet',
      { routes: [network('old0', 600), network('new0', 100)].map(decodeRoute) },
      'new0',
    ],
    [
      'the one that was made first, of equal ones',
      { routes: [network('new0'), network('old0')].map(decodeRoute) },
      'new0',
    ],
    [
      'the only one that has a route, where the other link is down',
      { routes: [decodeRoute(network('new0'))] },
      'new0',
    ],
    [
      'the longest, whatever its metric',
      {
        routes: [network('old0', 1), { ...network('new0', 900), destination: '192.168.39.128/25' }].map(
          decodeRoute,
        ),
      },
      'new0',
    ],
    [
      'none for another type of service',
      { routes: [decodeRoute({ ...network('old0'), tos: 16 }), decodeRoute(network('new0', 9))] },
      'new0',
    ],
    [
      'none through a gateway, which no next hop is',
      {
        routes: [
          decodeRoute({ ...network('old0'), gateway: '192.168.39.7' }),
          decodeRoute(network('new0', 9)),
        ],
      },
      'new0',
    ],
    [
      'none of another table',
      { routes: [decodeRoute({ ...network('old0'), table: 100 }), decodeRoute(network('new0', 9))] },
      'new0',
    ],
    [
      'that of an address, in a recording without such routes',
      { routes: [], addresses: [own('new0')] },
      'new0',
    ],
    [
      'that of an address on a link that is down for a moment',
      { routes: [], addresses: [own('new0')], links: [{ name: 'new0', up: false }] },
      'new0',
    ],
    [
      'that of a link that is down for a moment, and not of a VPN’s wider route',
      {
        routes: [decodeRoute({ ...network('wg0'), destination: '192.168.0.0/16' })],
        addresses: [own('new0')],
        links: [{ name: 'new0', up: false }],
      },
      'new0',
    ],
    [
      'the route of a link that is up, where one that is down has the same subnet',
      {
        routes: [decodeRoute(network('new0'))],
        links: [{ name: 'old0', up: false }],
        addresses: [own('old0'), own('new0')],
      },
      'new0',
    ],
  ])('%s', (_, host, device) => {
    expect(new Reach(build.host([], { addresses, ...host })).deviceTowards('192.168.39.174')).toBe(device);
  });
});
