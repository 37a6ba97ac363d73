import { describe, expect, it } from 'vitest';
import type { ObservedProfile } from '../../src/model/observed.ts';
import { NO_POLICY } from '../../src/model/policy.ts';
import { parsePrefix } from '../../src/model/prefix.ts';
import type { Route } from '../../src/model/route.ts';
import {
  apiServers,
  clusterProxies,
  proxyAddresses,
  proxyHosts,
  sortCritical,
  sshClient,
  vpnEndpoints,
} from '../../src/observe/critical.ts';
import { createHostFacts } from '../../src/observe/host-facts.ts';

const addresses = (found: readonly { address: string }[]) => found.map(({ address }) => address);

describe('sshClient', () => {
  it('takes the first address of SSH_CONNECTION', () => {
    expect(addresses(sshClient('192.168.0.50 51514 192.168.0.31 22'))).toEqual(['192.168.0.50']);
    expect(addresses(sshClient('fe80::5%eth0 1 fe80::6 22'))).toEqual(['fe80::5']);
    expect(sshClient(undefined)).toEqual([]);
    expect(sshClient('127.0.0.1 1 127.0.0.1 22')).toEqual([]);
  });
});

describe('apiServers', () => {
  const profile = (server: string, answeredAt: string | null): ObservedProfile => ({
    name: 'dev',
    config: null,
    minikubeIp: null,
    context: { name: 'dev', server, fromMinikube: true, answeredAt, program: null, proxy: null },
    cluster: null,
    problems: [],
  });

  it('takes the address that answered, else the one in the URL', () => {
    const profiles = [
      profile('https://cluster.example:6443', '192.168.39.2'),
      profile('https://192.168.39.3:8443', null),
      profile('https://[fd00::4]:8443', null),
      profile('https://cluster.example:6443', null),
      profile('https://127.0.0.1:32771', '127.0.0.1'),
    ];
    expect(addresses(apiServers(profiles))).toEqual(['192.168.39.2', '192.168.39.3', 'fd00::4']);
  });
});

describe('vpnEndpoints', () => {
  const route = (destination: string, gateway: string | null, device: string, table = 254): Route => {
    const parsed = parsePrefix(destination);
    if (parsed === null) throw new Error(destination);
    const usual = { type: 'unicast', tos: 0, metric: 0, protocol: 3, nextHops: [] } as const;
    return { ...usual, destination: parsed, gateway, device, table };
  };
  const routes = [
    route('0.0.0.0/0', '192.168.0.1', 'eth0'),
    route('::/0', 'fe80::1', 'eth0'),
    route('0.0.0.0/1', '10.8.0.1', 'tun0'),
    route('203.0.113.9/32', '192.168.0.1', 'eth0'),
    route('2001:db8::9/128', 'fe80::1', 'eth0'),
    route('203.0.113.0/24', '192.168.0.1', 'eth0'),
    route('203.0.113.10/32', '192.168.0.1', 'eth1'),
    route('203.0.113.11/32', '192.168.0.2', 'eth0'),
    route('203.0.113.12/32', '192.168.0.1', 'eth0', 52),
    route('10.200.0.1/32', '192.168.0.1', 'eth0'),
  ];
  const owner = {
    spec: '/a',
    mode: 'persistent',
    pid: 1,
    startTime: '1',
    bootId: 'b',
    networkNamespace: 'n',
  } as const;

  it('finds foreign host routes through the default route’s own gateway and device', () => {
    const claims = routes
      .slice(-1)
      .map((claimed) => ({ profile: 'p', purpose: 'services' as const, route: claimed, owner, created: '' }));
    expect(vpnEndpoints(routes, claims)).toEqual([
      { kind: 'vpn-endpoint', address: '203.0.113.9', detail: 'host route via 192.168.0.1 dev eth0' },
      { kind: 'vpn-endpoint', address: '2001:db8::9', detail: 'host route via fe80::1 dev eth0' },
    ]);
  });
});

describe('sortCritical', () => {
  it('names each address once a kind, in one order', () => {
    const peer = (address: string, detail: string) => ({ kind: 'live-peer', address, detail }) as const;
    const dns = { kind: 'dns-server', address: '9.9.9.9', detail: 'd' } as const;
    const sorted = [dns, peer('1.1.1.1', 'tcp'), peer('8.8.8.8', 'tcp')];
    expect(
      sortCritical([peer('8.8.8.8', 'tcp'), peer('1.1.1.1', 'tcp'), peer('8.8.8.8', 'tcp6'), dns]),
    ).toEqual(sorted);
  });
});

describe('proxies', () => {
  it('are found by every variable that names one, addresses and names', () => {
    const env = {
      HTTPS_PROXY: 'http://me:secret@10.1.2.3:3128',
      http_proxy: 'proxy.example:3128',
      ALL_PROXY: '',
    };
    expect([...proxyHosts(env)]).toEqual([
      ['10.1.2.3', 'HTTPS_PROXY'],
      ['proxy.example', 'http_proxy'],
    ]);
  });

  it('are critical where they are not on this host', () => {
    expect(addresses(proxyAddresses(['10.1.2.3', '127.0.0.1'], 'HTTPS_PROXY'))).toEqual(['10.1.2.3']);
  });

  it('of clusters are critical by the address that was reached', () => {
    const context = {
      name: 'dev',
      server: 'https://c:6443',
      fromMinikube: false,
      answeredAt: null,
      program: null,
    };
    const of = (proxy: string | null): ObservedProfile => ({
      name: 'dev',
      config: null,
      minikubeIp: null,
      context: { ...context, proxy },
      cluster: null,
      problems: [],
    });
    expect(addresses(clusterProxies([of('10.1.2.4'), of(null), of('127.0.0.1')]))).toEqual(['10.1.2.4']);
  });

  it('are looked up by name, once where an answer came', async () => {
    const answers = [[], ['10.1.2.5']];
    const facts = createHostFacts({
      env: { HTTPS_PROXY: 'proxy.example:3128' },
      policy: () => NO_POLICY,
      stateDirectory: '/nowhere',
      sources: { machineId: async () => null, critical: async () => [] },
      resolve: async () => answers.shift() ?? [],
    });
    const found = async () => addresses([...(await facts.critical())]);
    expect([await found(), await found(), await found()]).toEqual([[], ['10.1.2.5'], ['10.1.2.5']]);
  });
});

it('the client of an ssh session is critical beside what the system tells', async () => {
  const found = { kind: 'dns-server', address: '192.168.0.1', detail: 'f' } as const;
  const facts = createHostFacts({
    env: { SSH_CONNECTION: '192.168.0.50 1 192.168.0.31 22' },
    policy: () => NO_POLICY,
    stateDirectory: '/nowhere',
    sources: { machineId: async () => null, critical: async () => [found] },
  });
  expect(addresses(await facts.critical())).toEqual(['192.168.0.1', '192.168.0.50']);
});
