import { describe, expect, it } from 'vitest';
import type { DesiredProfile } from '../../../src/model/desired.ts';
import type { ObservedHost, ObservedProfile } from '../../../src/model/observed.ts';
import { formatPrefix } from '../../../src/model/prefix.ts';
import { ALL_CAPABILITIES } from '../../../src/model/system.ts';
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
  it.each<[string, Partial<ObservedProfile>, readonly string[], readonly string[]]>([
    [
      'one address for all, where config.json has others',
      { config: recorded(build.VM, SECOND), cluster: build.cluster({ nodes: nodes([NAT], [NAT]) }) },
      [`10.244.0.0/24 via ${build.VM}`, `10.244.1.0/24 via ${SECOND}`],
      [],
    ],
    [
      'one of them off the host’s networks, where config.json has another',
      { config: recorded(build.VM, SECOND), cluster: build.cluster({ nodes: nodes([build.VM], [NAT]) }) },
      [`10.244.0.0/24 via ${build.VM}`, `10.244.1.0/24 via ${SECOND}`],
      [],
    ],
    [
      'no InternalIP at all, also where config.json has one',
      { config: recorded(build.VM, SECOND), cluster: build.cluster({ nodes: nodes([build.VM], []) }) },
      [`10.244.0.0/24 via ${build.VM}`],
      ['Node minikube-m02 has no InternalIP'],
    ],
    [
      'one address for all, and config.json does not know the second',
      { config: recorded(build.VM), cluster: build.cluster({ nodes: nodes([NAT], [NAT]) }) },
      [`10.244.0.0/24 via ${build.VM}`],
      ['Node minikube-m02 has its InternalIP 10.0.2.15 in common with minikube'],
    ],
    [
      'two Nodes with one address that is on a network of this host',
      {
        config: recorded(build.VM),
        cluster: build.cluster({
          nodes: [...nodes([build.VM], [SECOND]), node('minikube-m03', [SECOND], ['10.244.2.0/24'])],
        }),
      },
      [`10.244.0.0/24 via ${build.VM}`],
      [
        'Node minikube-m02 has its InternalIP 192.168.39.3 in common with minikube-m03',
        'Node minikube-m03 has its InternalIP 192.168.39.3 in common with minikube-m02',
      ],
    ],
    [
      'an address that no network of this host has',
      { config: recorded(build.VM), cluster: build.cluster({ nodes: nodes([build.VM], ['172.30.0.9']) }) },
      [`10.244.0.0/24 via ${build.VM}`],
      ['Node minikube-m02 has no InternalIP that this host reaches'],
    ],
    [
      'the address of this host',
      { config: recorded(build.VM), cluster: build.cluster({ nodes: nodes([build.VM], ['192.168.39.1']) }) },
      [`10.244.0.0/24 via ${build.VM}`],
      ['Node minikube-m02 has the InternalIP 192.168.39.1, which is this host'],
    ],
    [
      'IPv6 alone',
      { config: recorded(build.VM), cluster: build.cluster({ nodes: nodes([build.VM], ['fd00::9']) }) },
      [`10.244.0.0/24 via ${build.VM}`],
      ['Node minikube-m02 has no IPv4 InternalIP'],
    ],
    [
      'a first address that is off the host’s networks, and a second that is not',
      { config: recorded(build.VM), cluster: build.cluster({ nodes: nodes([build.VM], [NAT, SECOND]) }) },
      [`10.244.0.0/24 via ${build.VM}`, `10.244.1.0/24 via ${SECOND}`],
      [],
    ],
    [
      'a stale address in config.json that another Node has by now',
      {
        config: recorded(build.VM, build.VM),
        cluster: build.cluster({ nodes: nodes([build.VM], [NAT]) }),
      },
      [`10.244.0.0/24 via ${build.VM}`],
      ['Node minikube-m02 has no InternalIP that this host reaches'],
    ],
  ])('%s', (_, seen, pods, warned) => {
    const { ways, made } = planWith(seen);
    expect(ways.filter((way) => way.startsWith('10.244.'))).toEqual(pods);
    expect(ways).toContain(`10.96.0.0/12 via ${build.VM}`);
    const warnings = made.diagnostics.map(({ summary }) => summary);
    expect(warnings).toEqual(warned.map((text) => expect.stringContaining(text)));
    for (const { code, fix } of made.diagnostics) {
      expect(code).toBe('node-address');
      expect(fix).toContain('--node-ip');
      expect(fix).not.toContain('gateway');
    }
  });

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
  const slirp = (driver: string) => ({
    config: { ...recorded(NAT), driver },
    minikubeIp: null,
    context: {
      name: 'minikube',
      server: 'https://localhost:44361',
      fromMinikube: false,
      answeredAt: '127.0.0.1',
      program: null,
      proxy: null,
    },
    cluster: build.cluster({ nodes: [node('minikube', [NAT], ['10.244.0.0/24'])] }),
  });

  it.each<[string, Partial<ObservedProfile>, string]>([
    ['QEMU without a Network key', slirp('qemu2'), '`--network`'],
    ['VirtualBox with its NAT alone', slirp('virtualbox'), '`--network`'],
    [
      'Lima’s and Colima’s user network',
      {
        ...slirp(''),
        config: null,
        cluster: build.cluster({ nodes: [node('colima', ['192.168.5.15'], [], { controlPlane: true })] }),
      },
      'kind, k3d',
    ],
    [
      'the NAT of a VM that is not minikube’s',
      { ...slirp(''), config: null },
      'by the settings of the program that started it',
    ],
  ])('leaves the profile out, with the reason and a way out: %s', (_, seen, way) => {
    const { made, ways } = planWith(seen);
    expect(ways).toEqual([]);
    expect(made.aside).toMatchObject([{ state: 'out-of-reach' }]);
    const found = made.diagnostics.filter(({ code }) => code === 'gateway-off-link');
    expect(found).toHaveLength(1);
    expect(found[0]?.cause).toContain('on its inside');
    expect(found[0]?.fix).toContain(way);
    expect(found[0]?.fix).not.toContain('spec.profiles[].gateway');
  });

  it.each<[string, string, string, boolean, string]>([
    ['kind, rootless', 'dev-control-plane', 'kind', true, 'that root runs on this host itself'],
    ['k3d, in Docker Desktop’s VM', 'k3d-dev-server-0', 'k3s', true, 'that root runs on this host itself'],
    ['kind on macOS', 'dev-control-plane', 'kind', false, 'minikube with driver vfkit'],
    ['k3s in a VM whose network is down', 'server', 'k3s', true, 'the network of the VM is up'],
  ])('is told from the nodes: %s', (_what, name, provider, hostContainers, way) => {
    const nodes = [node(name, ['172.18.0.2'], [], { controlPlane: true, provider })];
    const seen = { ...slirp(''), config: null, cluster: build.cluster({ nodes }) };
    const { made, ways } = planWith(seen, {
      host: build.host([], { capabilities: { ...ALL_CAPABILITIES, hostContainers } }),
    });
    expect(ways).toEqual([]);
    expect(made.aside).toMatchObject([{ state: 'out-of-reach' }]);
    const found = made.diagnostics.filter(({ code }) => code === 'gateway-off-link');
    expect(found).toMatchObject([{ fix: expect.stringContaining(way) }]);
  });

  it('is told how to reach Colima’s VM where that is possible', () => {
    const seen = {
      ...slirp(''),
      config: null,
      cluster: build.cluster({ nodes: [node('colima', ['192.168.5.15'], [], { controlPlane: true })] }),
    };
    const capabilities = { ...ALL_CAPABILITIES, hostContainers: false };
    const { made } = planWith(seen, { host: build.host([], { platform: 'darwin', capabilities }) });
    expect(made.diagnostics.find(({ code }) => code === 'gateway-off-link')).toMatchObject({
      fix: expect.stringContaining('`colima start --network-address`'),
      command: 'route -n get 192.168.5.15',
    });
  });

  it('is corrected in the spec where the spec gives it', () => {
    const gateway = { value: { ipv4: '172.30.0.9', ipv6: null }, at: build.AT };
    const { made, ways } = planWith({}, { profile: { gateway } });
    expect(ways).toEqual([]);
    expect(made.diagnostics.find(({ code }) => code === 'gateway-off-link')?.fix).toContain(
      'Correct spec.profiles[].gateway',
    );
  });

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
