import { describe, expect, it } from 'vitest';
import type { DesiredProfile } from '../../../src/model/desired.ts';
import type { MinikubeConfig, ObservedCluster, ObservedProfile } from '../../../src/model/observed.ts';
import { formatPrefix } from '../../../src/model/prefix.ts';
import { plan } from '../../../src/planner/plan.ts';
import * as build from '../build.ts';

const AUTO = { value: 'auto', at: build.AT } as const;
const NONE = { value: 'none', at: build.AT } as const;
const config = (rest: Partial<MinikubeConfig> = {}): MinikubeConfig => ({
  driver: 'kvm2',
  unroutable: null,
  nodes: [{ name: 'minikube', ip: build.VM, controlPlane: true }],
  serviceCidr: null,
  ...rest,
});
/** A cluster that tells nothing of its networks. */
const silent = (rest: Partial<ObservedCluster> = {}) =>
  build.cluster({ serviceCidrs: [], kubeadm: null, ...rest });
const subnets = (serviceSubnet: string | null, podSubnet: string | null = null, range?: string) => ({
  serviceSubnet,
  podSubnet,
  ...(range === undefined ? {} : { apiServerRange: range }),
});
const web = (...clusterIps: readonly string[]) => [build.service('web', { clusterIps })];

function planWith(
  seen: Partial<ObservedProfile>,
  profile: Partial<DesiredProfile> = {},
  claims: Parameters<typeof build.claim>[] = [],
) {
  const desired = build.desired([build.profile({ services: AUTO, ...profile })]);
  const registry = { claims: claims.map((one) => build.claim(...one)), open: null };
  const host = build.host(claims.map(([document]) => document));
  const made = plan(
    desired,
    build.observed({ host, registry, profiles: [build.observedProfile({ config: config(), ...seen })] }),
  );
  const [{ services, pods } = { services: [], pods: [] }] = made.profiles;
  return {
    made,
    services: services.map(({ cidr }) => cidr),
    pods: pods.map(({ cidr }) => cidr),
    sources: [...services, ...pods].map(({ source }) => source),
    codes: made.diagnostics.map(({ code }) => code),
    approvals: made.approvals.map(({ kind, subject }) => `${kind} ${subject}`),
  };
}

describe('the service network', () => {
  it.each<[string, Partial<ObservedProfile>, readonly string[], string, readonly string[]]>([
    [
      'host bits in kubeadm’s record',
      { cluster: silent({ kubeadm: subnets('10.96.0.1/12') }) },
      ['10.96.0.0/12'],
      "kubeadm's ClusterConfiguration (written 10.96.0.1/12)",
      [],
    ],
    [
      'host bits in config.json',
      { config: config({ serviceCidr: '10.101.0.1/16' }), cluster: silent() },
      ['10.101.0.0/16'],
      'config.json of profile minikube (written 10.101.0.1/16)',
      [],
    ],
    [
      'host bits in the option of the API server',
      {
        config: config({ apiServerRange: '10.254.32.9/24', serviceCidr: '10.96.0.0/12' }),
        cluster: silent(),
      },
      ['10.254.32.0/24'],
      'apiserver.service-cluster-ip-range in config.json of profile minikube (written 10.254.32.9/24)',
      [],
    ],
    [
      'what is not a CIDR in config.json',
      { config: config({ serviceCidr: 'bad.cidr' }), cluster: silent({ kubeadm: subnets('10.101.0.0/16') }) },
      ['10.101.0.0/16'],
      "kubeadm's ClusterConfiguration",
      ['fact-unreadable'],
    ],
    [
      'what is not a CIDR in kubeadm’s record',
      {
        config: config({ serviceCidr: '10.101.0.0/16' }),
        cluster: silent({ kubeadm: subnets('10.96.0.0/33') }),
      },
      ['10.101.0.0/16'],
      'config.json of profile minikube',
      ['fact-unreadable'],
    ],
    [
      'what is not a CIDR anywhere',
      { config: config({ serviceCidr: 'bad.cidr' }), cluster: silent({ kubeadm: subnets('10.96.0.0') }) },
      ['10.96.0.0/12'],
      "minikube's default",
      ['fact-unreadable', 'fact-unreadable'],
    ],
    [
      'half of a dual-stack list is not a CIDR',
      { cluster: silent({ kubeadm: subnets('10.101.0.0/16, fd00::/129') }) },
      ['10.101.0.0/16'],
      "kubeadm's ClusterConfiguration",
      ['fact-unreadable'],
    ],
    [
      'the API server’s own arguments before kubeadm’s networking',
      { cluster: silent({ kubeadm: subnets('10.96.0.0/12', null, '10.254.32.0/24') }) },
      ['10.254.32.0/24'],
      "kubeadm's ClusterConfiguration, apiServer.extraArgs",
      [],
    ],
    [
      'ClusterIPs that speak against kubeadm’s record, and for config.json',
      {
        config: config({ apiServerRange: '10.254.32.0/24', serviceCidr: '10.96.0.0/12' }),
        cluster: silent({ kubeadm: subnets('10.96.0.0/12'), services: web('10.254.32.77') }),
      },
      ['10.254.32.0/24'],
      'apiserver.service-cluster-ip-range in config.json of profile minikube',
      [],
    ],
    [
      'ClusterIPs that speak against every source',
      {
        config: config({ serviceCidr: '10.96.0.0/12' }),
        cluster: silent({ kubeadm: subnets('10.96.0.0/12'), services: web('10.254.32.77') }),
      },
      ['10.96.0.0/12'],
      "kubeadm's ClusterConfiguration",
      ['services-outside'],
    ],
    [
      'ClusterIPs that speak against ServiceCIDR objects, which are in force',
      {
        config: config({ serviceCidr: '10.254.32.0/24' }),
        cluster: silent({ serviceCidrs: ['10.96.0.0/12'], services: web('10.254.32.77') }),
      },
      ['10.96.0.0/12'],
      'ServiceCIDR object',
      ['services-outside'],
    ],
    [
      'ClusterIPs of a family that the source does not have',
      { cluster: silent({ kubeadm: subnets('10.101.0.0/16'), services: web('10.101.0.9', 'fd00::9') }) },
      ['10.101.0.0/16'],
      "kubeadm's ClusterConfiguration",
      [],
    ],
    [
      'both families',
      { cluster: silent({ serviceCidrs: ['10.101.0.0/16', 'fd00::/112'], services: web('fd00::9') }) },
      ['10.101.0.0/16', 'fd00::/112'],
      'ServiceCIDR object',
      ['gateway-family'],
    ],
    [
      'k3s’ own arguments',
      {
        config: null,
        cluster: silent({
          version: 'v1.31.5+k3s1',
          nodes: [
            build.node('agent', ['192.168.39.9'], []),
            build.node('server', [build.VM], [], { controlPlane: true, serviceRange: '10.50.0.0/16' }),
          ],
          services: web('10.50.0.5'),
        }),
      },
      ['10.50.0.0/16'],
      'arguments of the server on Node server',
      [],
    ],
    [
      'k3s’ own arguments, of another time',
      {
        config: null,
        cluster: silent({
          version: 'v1.31.5+k3s1',
          nodes: [build.node('server', [build.VM], [], { controlPlane: true, serviceRange: '10.50.0.0/16' })],
          services: web('10.43.0.5'),
        }),
      },
      ['10.50.0.0/16'],
      'arguments of the server on Node server',
      ['services-outside'],
    ],
    ['nothing tells it: minikube', { cluster: silent() }, ['10.96.0.0/12'], "minikube's default", []],
    [
      'nothing tells it: k3s',
      { config: null, cluster: silent({ version: 'v1.31.5+k3s1', services: web('10.43.77.5') }) },
      ['10.43.0.0/16'],
      "k3s' default",
      [],
    ],
    [
      'nothing tells it: RKE2',
      { config: null, cluster: silent({ version: 'v1.31.5+rke2r1' }) },
      ['10.43.0.0/16'],
      "k3s' default",
      [],
    ],
  ])('%s', (_, seen, networks, source, codes) => {
    const found = planWith(seen, { loadBalancer: build.loadBalancer([]) });
    expect(found.services).toEqual(networks);
    expect(new Set(found.sources)).toEqual(new Set([source]));
    expect(found.codes).toEqual(codes);
  });

  it.each<[string, Partial<ObservedProfile>, string]>([
    ['kubeadm, whose configuration may not be read', { cluster: silent() }, 'its own default'],
    [
      'MicroK8s before 1.33',
      { cluster: silent({ services: web('10.152.183.42') }) },
      'Service default/web (10.152.183.42)',
    ],
    ['a cluster that does not answer', { cluster: null }, 'its own default'],
  ])('is not guessed for any other cluster: %s', (_, seen, why) => {
    const { services, codes, approvals, made } = planWith(
      { config: null, ...seen },
      { loadBalancer: build.loadBalancer([]) },
    );
    expect(services).toEqual([]);
    expect(codes).toEqual(['services-unknown']);
    expect(approvals).toEqual([]);
    expect(made.diagnostics[0]).toMatchObject({
      cause: expect.stringContaining(why),
      fix: expect.stringContaining('cidrs.services'),
    });
  });

  it.each<[string, Partial<ObservedProfile>]>([
    ['minikube', { cluster: silent({ services: web('10.254.32.77') }) }],
    ['k3s', { config: null, cluster: silent({ version: 'v1.31.5+k3s1', services: web('10.50.0.5') }) }],
  ])('is not guessed against the ClusterIPs that were seen: %s', (_, seen) => {
    const { services, codes, approvals, made } = planWith(seen);
    expect(services).toEqual([]);
    expect(codes).toEqual(['services-unknown']);
    expect(approvals).toEqual([]);
    expect(made.diagnostics[0]).toMatchObject({
      cause: expect.stringMatching(/Service default\/web \(10\.(254\.32\.77|50\.0\.5)\)/),
      fix: expect.stringContaining('cidrs.services'),
    });
  });

  it('names the source, the value and the place to correct it', () => {
    const { made } = planWith({ config: config({ serviceCidr: 'bad.cidr' }), cluster: silent() });
    expect(made.diagnostics).toMatchObject([
      {
        code: 'fact-unreadable',
        summary: 'profile minikube: config.json of profile minikube has "bad.cidr", which is not a CIDR',
        fix: expect.stringContaining('KubernetesConfig.ServiceCIDR'),
      },
    ]);
  });

  it('names at most three of the Services that are outside', () => {
    const services = ['a', 'b', 'c', 'd', 'e'].map((name, index) =>
      build.service(name, { clusterIps: [`10.254.32.${index}`] }),
    );
    const { made } = planWith({ cluster: silent({ kubeadm: subnets('10.96.0.0/12'), services }) });
    expect(made.diagnostics[0]?.summary).toContain(
      'Service default/a (10.254.32.0), Service default/b (10.254.32.1), Service default/c (10.254.32.2), 2 more',
    );
  });

  it('says nothing of Services outside what the spec lists: that may be narrower on purpose', () => {
    const { codes } = planWith(
      { cluster: silent({ services: web('10.254.32.77') }) },
      { services: { value: [build.cidr('10.96.0.0/24')], at: build.AT } },
    );
    expect(codes).toEqual([]);
  });
});

describe('the pod network', () => {
  const two = [
    build.node('minikube', [build.VM], ['10.244.0.0/24']),
    build.node('minikube-m02', ['192.168.39.3'], ['10.244.1.0/24']),
  ];
  const pods = { services: NONE, pods: AUTO };

  it.each<[string, Partial<ObservedProfile>, readonly string[]]>([
    [
      'kubeadm’s, on one node',
      { cluster: silent({ kubeadm: subnets(null, '10.244.0.1/16') }) },
      ['10.244.0.0/16'],
    ],
    [
      'config.json’s option, on one node',
      { config: config({ podSubnet: '10.11.0.0/16' }), cluster: silent() },
      ['10.11.0.0/16'],
    ],
    ['the Node’s, on one node', { cluster: silent() }, ['10.244.0.0/24']],
    ['each Node’s, on several', { cluster: silent({ nodes: two }) }, ['10.244.0.0/24', '10.244.1.0/24']],
  ])('is %s', (_, seen, networks) => {
    const found = planWith(seen, pods);
    expect(found.pods).toEqual(networks);
    expect(found.codes).toEqual([]);
  });

  it.each<[string, readonly string[], readonly [string, string, string][], readonly string[]]>([
    [
      'Calico’s blocks, whatever the podCIDRs',
      ['10.244.0.0/24', '10.244.1.0/24'],
      [
        ['10.244.120.64/26', 'minikube', 'Calico'],
        ['10.244.205.192/26', 'minikube-m02', 'Calico'],
        ['10.244.206.0/26', 'minikube-m02', 'Calico'],
      ],
      [
        '10.244.120.64/26 via 192.168.39.174',
        '10.244.205.192/26 via 192.168.39.3',
        '10.244.206.0/26 via 192.168.39.3',
      ],
    ],
    [
      'Cilium’s parts, where no Node has podCIDRs',
      [],
      [
        ['10.0.0.0/24', 'minikube', 'Cilium'],
        ['10.0.1.0/24', 'minikube-m02', 'Cilium'],
      ],
      ['10.0.0.0/24 via 192.168.39.174', '10.0.1.0/24 via 192.168.39.3'],
    ],
    [
      'a Node’s podCIDRs, where it alone has no block',
      ['10.244.0.0/24', '10.244.1.0/24'],
      [['10.244.120.64/26', 'minikube', 'Calico']],
      ['10.244.120.64/26 via 192.168.39.174', '10.244.1.0/24 via 192.168.39.3'],
    ],
    [
      'not that of a Node which is gone',
      ['10.244.0.0/24', '10.244.1.0/24'],
      [['10.244.9.64/26', 'minikube-m03', 'Calico']],
      ['10.244.0.0/24 via 192.168.39.174', '10.244.1.0/24 via 192.168.39.3'],
    ],
  ])('is, part by part, %s', (_, podCidrs, parts, ways) => {
    const nodes = two.map((node, index) => ({
      ...node,
      podCidrs: podCidrs.slice(index, index + 1),
    }));
    const podBlocks = parts.map(([cidr, node, plugin]) => ({ cidr, node, plugin }));
    const { made, codes } = planWith({ cluster: silent({ nodes, podBlocks }) }, pods);
    const found = made.steps.flatMap((step) =>
      step.kind === 'route' && step.after !== null
        ? [`${formatPrefix(step.after.destination)} via ${step.after.gateway}`]
        : [],
    );
    expect(found.sort()).toEqual([...ways].sort());
    expect(codes).toEqual([]);
  });

  it('of one node goes through the gateway, whatever its InternalIP', () => {
    const nodes = [build.node('minikube', ['10.0.2.15'], ['10.244.0.0/24'])];
    const { made, codes } = planWith({ cluster: silent({ nodes }) }, pods);
    expect(made.steps).toMatchObject([{ after: { gateway: build.VM } }]);
    expect(codes).toEqual([]);
  });

  it('is said to be known as a whole, where no Node says which part it has', () => {
    const nodes = two.map((node) => ({ ...node, podCidrs: [] }));
    const { made } = planWith({ cluster: silent({ nodes, kubeadm: subnets(null, '10.244.0.0/16') }) }, pods);
    expect(made.diagnostics).toMatchObject([
      {
        code: 'pods-unknown',
        cause: expect.stringContaining('no Node says which part'),
        fix: expect.stringContaining('pods: [10.244.0.0/16]'),
      },
    ]);
  });

  it.each<[string, readonly string[], readonly [string, string, string][]]>([
    [
      'blocks that the network plugin chose',
      ['10.244.120.66', '10.244.205.193'],
      [
        [
          '2 pods run',
          'of which the network plugin gives each Node parts of its own choice',
          'pods: [10.244.0.0/16]',
        ],
      ],
    ],
    ['docker0', ['172.17.0.3'], [['1 pod runs', 'docker0', 'cidrs.pods']]],
    ['CRI-O’s bridge', ['10.85.0.3'], [['1 pod runs', 'CRI-O', 'cidrs.pods']]],
    ['a pool of the network plugin', ['192.168.120.66'], [['1 pod runs', 'a pool of its own', 'cidrs.pods']]],
    [
      'several causes, each told once',
      ['10.244.120.66', '172.17.0.3', '172.17.0.4'],
      [
        ['1 pod runs', 'of its own choice', 'pods: [10.244.0.0/16]'],
        ['2 pods run', 'docker0', 'cidrs.pods'],
      ],
    ],
  ])('says why pods are elsewhere: %s', (_, addresses, told) => {
    const strayPods = addresses.map((address) => ({ address, node: 'minikube' }));
    const cluster = silent({ nodes: two, kubeadm: subnets(null, '10.244.0.0/16'), strayPods });
    const { made } = planWith({ cluster }, pods);
    expect(made.diagnostics).toMatchObject(
      told.map(([summary, cause, fix]) => ({
        code: 'pods-outside',
        summary: expect.stringContaining(summary),
        cause: expect.stringContaining(cause),
        fix: expect.stringContaining(fix),
      })),
    );
  });

  it.each<[string, string, readonly string[]]>([
    ['kubeadm’s whole network', '10.244.0.0/16', []],
    ['a part of it', '10.244.120.64/26', []],
    ['more than it', '10.240.0.0/12', ['unconfirmed 10.240.0.0/12']],
    ['another', '192.168.128.0/17', ['unconfirmed 192.168.128.0/17']],
  ])('that the spec lists is confirmed by kubeadm’s: %s', (_, listed, expected) => {
    const cluster = silent({ nodes: two, kubeadm: subnets(null, '10.244.0.0/16') });
    const value = [build.cidr(listed)];
    const { approvals } = planWith({ cluster }, { services: NONE, pods: { value, at: build.AT } });
    expect(approvals).toEqual(expected);
  });
});

describe('what stands', () => {
  const POD = {
    destination: '10.244.1.0/24',
    gateway: '192.168.39.3',
    device: 'virbr1',
    protocol: 109,
    metric: 109,
  };
  const SERVICE = {
    destination: '10.101.0.0/16',
    gateway: build.VM,
    device: 'virbr1',
    protocol: 109,
    metric: 109,
  };
  const claims: Parameters<typeof build.claim>[] = [
    [POD, { purpose: 'pods' }],
    [SERVICE, { purpose: 'services' }],
  ];
  const one = build.node('minikube', [build.VM], ['10.244.0.0/24']);
  const other = (rest: object) => ({ ...build.node('minikube-m02', ['192.168.39.3'], []), ...rest });
  const actions = (seen: Partial<ObservedProfile>, profile: Partial<DesiredProfile> = { pods: AUTO }) =>
    Object.fromEntries(
      planWith(seen, profile, claims).made.steps.flatMap((step) =>
        step.kind === 'route' && step.before !== null
          ? [[formatPrefix(step.before.destination), step.action]]
          : [],
      ),
    );

  it.each<[string, Partial<ObservedProfile>]>([
    ['a podCIDR', { cluster: silent({ nodes: [one, other({ strange: ['podCIDR "10.244.1.0"'] })] }) }],
    ['an InternalIP', { cluster: silent({ nodes: [one, other({ strange: ['InternalIP "x"'] })] }) }],
    ['a ServiceCIDR', { cluster: silent({ nodes: [one, other({})], strange: ['ServiceCIDR "x"'] }) }],
    [
      'a value of config.json',
      {
        config: config({ strange: ['KubernetesConfig.ServiceCIDR 7'] }),
        cluster: silent({ nodes: [one, other({})] }),
      },
    ],
    [
      'config.json',
      { config: null, problems: ['it is a directory'], cluster: silent({ nodes: [one, other({})] }) },
    ],
    [
      'a CIDR of config.json',
      { config: config({ serviceCidr: 'bad.cidr' }), cluster: silent({ nodes: [one, other({})] }) },
    ],
  ])('stays where %s cannot be understood, and that is said', (what, seen) => {
    const isServices = what === 'a CIDR of config.json';
    expect(actions(seen)).toEqual({
      '10.244.1.0/24': isServices ? 'delete' : 'none',
      '10.101.0.0/16': 'none',
    });
    const { made, codes } = planWith(seen, { pods: AUTO }, claims);
    expect(codes.some((code) => code === 'fact-unreadable' || code === 'profile-unobserved')).toBe(true);
    expect(made.diagnostics.every(({ severity }) => severity === 'warning')).toBe(true);
  });

  it('goes where all facts are understood, and none has it', () => {
    const cluster = silent({ kubeadm: subnets('10.96.0.0/12'), nodes: [one, other({})] });
    expect(actions({ cluster })).toEqual({ '10.244.1.0/24': 'delete', '10.101.0.0/16': 'delete' });
  });

  it('goes where the spec no longer asks for it', () => {
    const cluster = silent({ nodes: [one, other({ strange: ['podCIDR "10.244.1.0"'] })] });
    expect(actions({ cluster }, { services: NONE, pods: NONE })).toEqual({
      '10.244.1.0/24': 'delete',
      '10.101.0.0/16': 'delete',
    });
  });
});
