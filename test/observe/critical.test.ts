import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ObservedProfile } from '../../src/model/observed.ts';
import { NO_POLICY } from '../../src/model/policy.ts';
import { parsePrefix } from '../../src/model/prefix.ts';
import type { Route } from '../../src/model/route.ts';
import {
  apiServers,
  clusterProxies,
  dnsServers,
  isResolvedStub,
  livePeers,
  proxyAddresses,
  proxyHosts,
  sortCritical,
  sshClient,
  vpnEndpoints,
} from '../../src/observe/critical.ts';
import { createHostFacts } from '../../src/observe/host-facts.ts';

const policy = () => NO_POLICY;

const addresses = (found: readonly { address: string }[]) => found.map(({ address }) => address);

/** As Linux prints it on a little-endian machine. */
const TCP = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 1F00A8C0:8AE2 0E64A8C0:0016 01 00000000:00000000 02:000A1B2C 00000000  1000        0 2 2 0 20 4 31 10 -1
   2: 0100007F:C0DE 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 3 1 0 20 4 30 10 -1
   3: 1F00A8C0:8AE4 08080808:01BB 06 00000000:00000000 03:00000B2C 00000000     0        0 0 3 0
`;
const TCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000
   1: 000000FD000000000000000002000000:0016 000000FD0000000000000000030A0000:D431 01 00000000:00000000
   2: 0000000000000000FFFF00001F00A8C0:0016 0000000000000000FFFF00000764A8C0:D432 01 00000000:00000000
   3: 00000000000000000000000001000000:0016 00000000000000000000000001000000:D433 01 00000000:00000000
`;

describe('livePeers', () => {
  it('reads open connections in little-endian words, loopback left out', () => {
    expect(livePeers(TCP, '/proc/net/tcp', 'LE')).toEqual([
      { kind: 'live-peer', address: '192.168.100.14', detail: '/proc/net/tcp' },
    ]);
  });

  it('reads IPv6, and IPv4 peers of IPv6 sockets as IPv4', () => {
    expect(addresses(livePeers(TCP6, '/proc/net/tcp6', 'LE'))).toEqual(['fd00::a03', '192.168.100.7']);
  });

  it('reads big-endian words', () => {
    expect(addresses(livePeers('0: C0A8001F:8AE2 C0A8640E:0016 01', 'f', 'BE'))).toEqual(['192.168.100.14']);
  });

  it('passes over lines that it does not know', () => {
    expect(livePeers('\n0: x y 01\n1: 00000000:1 0000:1 01\nrubbish', 'f', 'LE')).toEqual([]);
  });
});

describe('dnsServers', () => {
  it('reads nameserver lines, zones cut off and loopback left out', () => {
    const text = `# nameserver 9.9.9.9
search example
nameserver 192.168.0.1
  nameserver\tfe80::1%eth0
nameserver 127.0.0.1
nameserver nonsense
`;
    expect(dnsServers(text, '/etc/resolv.conf')).toEqual([
      { kind: 'dns-server', address: '192.168.0.1', detail: '/etc/resolv.conf' },
      { kind: 'dns-server', address: 'fe80::1', detail: '/etc/resolv.conf' },
    ]);
  });

  it('knows the stub of systemd-resolved', () => {
    expect(isResolvedStub('nameserver 127.0.0.53\noptions edns0\n')).toBe(true);
    expect(isResolvedStub('nameserver 127.0.0.1\n')).toBe(false);
  });
});

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

describe('createHostFacts', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'mkplan-host-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function write(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }

  it('asks systemd-resolved’s own file for the servers behind its stub', async () => {
    await write('etc/resolv.conf', 'nameserver 127.0.0.53\n');
    await write('run/systemd/resolve/resolv.conf', 'nameserver 192.168.0.1\n');
    expect(await createHostFacts({ env: {}, root, stateDirectory: root, policy }).critical()).toEqual([
      { kind: 'dns-server', address: '192.168.0.1', detail: '/run/systemd/resolve/resolv.conf' },
    ]);
  });

  it('leaves out what the system does not have', async () => {
    const env = { SSH_CONNECTION: '192.168.0.50 1 192.168.0.31 22' };
    expect(addresses(await createHostFacts({ env, root, stateDirectory: root, policy }).critical())).toEqual([
      '192.168.0.50',
    ]);
  });

  it('fails where a file is there but cannot be read', async () => {
    await mkdir(join(root, 'etc/resolv.conf'), { recursive: true });
    await expect(
      createHostFacts({ env: {}, root, stateDirectory: root, policy }).critical(),
    ).rejects.toMatchObject({
      diagnostics: [{ code: 'host-unreadable' }],
    });
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
      root: '/nowhere',
      resolve: async () => answers.shift() ?? [],
    });
    const found = async () => addresses([...(await facts.critical())]);
    expect([await found(), await found(), await found()]).toEqual([[], ['10.1.2.5'], ['10.1.2.5']]);
  });
});
