import { describe, expect, it } from 'vitest';
import type { ObservedProfile } from '../../src/model/observed.ts';
import { addressesToAsk, MAX_ASKED } from '../../src/observe/answers.ts';
import { rule } from '../planner/build.ts';
import { cidrs, desiredProfile, pool } from './desired.ts';

/** What every Linux host has. */
const USUAL = ([4, 6] as const).flatMap((family) => [
  rule(0, 255, { family }),
  rule(32766, 254, { family }),
  rule(32767, 253, { family }),
]);
/** A table of a VPN, asked before main. */
const vpn = (family: 4 | 6) => rule(5270, 52, { family });
const POLICY = [vpn(4), vpn(6), ...USUAL];

const unobserved: ObservedProfile = {
  name: 'dev',
  config: null,
  minikubeIp: null,
  context: null,
  cluster: null,
  problems: [],
};

const cluster: NonNullable<ObservedProfile['cluster']> = {
  identity: null,
  version: 'v1.34.0',
  nodes: [
    { name: 'a', ready: true, controlPlane: true, internalIps: [], podCidrs: ['10.244.0.0/24'] },
    { name: 'b', ready: true, controlPlane: false, internalIps: [], podCidrs: ['10.244.1.0/24'] },
  ],
  serviceCidrs: ['10.100.0.0/16'],
  kubeadm: { serviceSubnet: '10.101.0.0/16,fd00:1::/112', podSubnet: '10.244.0.0/16' },
  otherLoadBalancers: [],
  services: [],
  endpoints: [],
  strayPods: [],
  missingRights: [],
  allocations: null,
  participants: [],
};

describe('addressesToAsk', () => {
  it('asks for the first usable and the last address of explicit CIDRs of both families', () => {
    const desired = desiredProfile({
      services: cidrs('10.96.0.0/12', 'fd00:2::/64'),
      pods: cidrs('10.244.0.0/16'),
    });
    expect(addressesToAsk([desired], [unobserved], POLICY)).toEqual([
      '10.96.0.1',
      '10.111.255.255',
      'fd00:2::1',
      'fd00:2::ffff:ffff:ffff:ffff',
      '10.244.0.1',
      '10.244.255.255',
    ]);
  });

  it('asks for both addresses of a /31 and the one of a /32', () => {
    const desired = desiredProfile({ services: cidrs('10.0.0.4/31', '10.0.0.9/32') });
    expect(addressesToAsk([desired], [unobserved], POLICY)).toEqual(['10.0.0.4', '10.0.0.5', '10.0.0.9']);
  });

  it('asks for what the arguments of k3s’ servers say', () => {
    const server = { name: 's', ready: true, controlPlane: true, internalIps: [], podCidrs: [] };
    const nodes = [{ ...server, serviceRange: '10.50.0.0/16,fd00:50::/112' }];
    const seen = { ...unobserved, cluster: { ...cluster, nodes } };
    const asked = addressesToAsk([desiredProfile({ services: 'auto' })], [seen], POLICY);
    expect(asked).toEqual(
      expect.arrayContaining(['10.50.0.1', '10.50.255.255', 'fd00:50::1', 'fd00:50::ffff']),
    );
  });

  it('asks for every candidate of `auto`', () => {
    const desired = desiredProfile({ services: 'auto', pods: 'auto' });
    const config = { driver: 'kvm2', unroutable: null, nodes: [], serviceCidr: '10.102.0.0/16' };
    const asked = addressesToAsk([desired], [{ ...unobserved, cluster, config }], POLICY);
    const first = [
      '10.100.0.1',
      '10.101.0.1',
      'fd00:1::1',
      '10.102.0.1',
      '10.96.0.1',
      '10.244.0.1',
      '10.244.1.1',
    ];
    expect(asked).toEqual(expect.arrayContaining(first));
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('asks for pools, reservations and what Services hold or ask for', () => {
    const service = {
      namespace: 'default',
      name: 'web',
      uid: 'u',
      resourceVersion: '1',
      type: 'LoadBalancer',
      loadBalancerClass: null,
      clusterIps: [],
      ipFamilies: [],
      ipFamilyPolicy: null,
      externalTrafficPolicy: null,
      loadBalancerIp: 'not an address',
      requestedIp: '10.200.0.9',
      otherRequests: { 'metallb.io/loadBalancerIPs': '10.200.0.10, fd20::a' },
      ingress: ['10.200.0.8'],
      ingressNames: [],
      ingressManager: null,
      condition: null,
      created: '',
      hasSelector: true,
      ports: [],
    };
    const changes = { pool: [pool('10.200.0.0/24')], reservations: { 'default/web': '10.200.0.7' } };
    const observed = { ...unobserved, cluster: { ...cluster, services: [service] } };
    expect(addressesToAsk([desiredProfile({ ...changes, assign: 'pool' })], [observed], POLICY)).toEqual([
      '10.200.0.1',
      '10.200.0.255',
      '10.200.0.7',
      '10.200.0.8',
      '10.200.0.9',
      '10.200.0.10',
      'fd20::a',
    ]);
  });

  it('asks nothing where nothing may be routed', () => {
    expect(addressesToAsk([desiredProfile()], [{ ...unobserved, cluster }], POLICY)).toEqual([]);
  });

  it.each([
    ['no rules at all', [], []],
    ['the rules of every host', USUAL, []],
    ['a table before main in IPv4', [vpn(4), ...USUAL], ['10.0.0.9']],
    ['a table before main in IPv6', [vpn(6), ...USUAL], ['fd00:2::9']],
    [
      'a rule before main that may match',
      [rule(5, null, { action: 'prohibit', applies: 'unknown' }), ...USUAL],
      ['10.0.0.9'],
    ],
    [
      'a table behind a main that keeps its default route to itself',
      [rule(0, 255), rule(5, 254, { suppressPrefixLength: 0 }), rule(6, 51820), rule(32766, 254)],
      ['10.0.0.9'],
    ],
    ['a table behind main', [...USUAL, rule(40000, 52)], []],
    ['main behind other tables alone for some', [rule(0, 255), rule(5, 254, { not: true })], ['10.0.0.9']],
  ])('asks only where something but table local may answer before main: %s', (_, rules, asked) => {
    const desired = desiredProfile({ services: cidrs('10.0.0.9/32', 'fd00:2::9/128') });
    expect(addressesToAsk([desired], [unobserved], rules)).toEqual(asked);
  });

  it('stays within its bound, networks before single addresses', () => {
    const many = Array.from({ length: MAX_ASKED }, (_, index) => `10.${index >> 8}.${index & 255}.1/32`);
    const desired = desiredProfile({ services: cidrs(...many, '172.20.0.0/16') });
    const asked = addressesToAsk([desired], [unobserved], POLICY);
    expect(asked).toHaveLength(MAX_ASKED);
    expect(asked.slice(0, 2)).toEqual(['172.20.0.1', '172.20.255.255']);
  });
});
