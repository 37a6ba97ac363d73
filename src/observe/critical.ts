import type { Claim } from '../model/claim.ts';
import { claimKey } from '../model/claim.ts';
import type { CriticalAddress, CriticalKind, ObservedProfile } from '../model/observed.ts';
import { addressBits, formatAddress, type Prefix, parseAddress } from '../model/prefix.ts';
import { MAIN_TABLE, type Route, routeKey } from '../model/route.ts';
import { isLoopback } from '../model/scope.ts';

/** systemd-resolved's own listeners, named in resolv.conf instead of the servers it asks (systemd-resolved(8)). */
const RESOLVED_STUBS = ['127.0.0.53', '127.0.0.54'];
/** proc_net_tcp: the connection state ESTABLISHED. */
const ESTABLISHED = '01';

/** The canonical text of an address that is not this host's own; null for loopback and for what is no address. */
function outside(text: string): string | null {
  // A zone (`fe80::1%eth0`) names the link; the address is the same without it.
  const [bare = ''] = text.split('%', 1);
  const address = parseAddress(bare);
  if (address === null || isLoopback(address)) return null;
  return formatAddress(address);
}

/** The `nameserver` lines of a resolv.conf(5), as they stand there. */
function parseNameservers(text: string): string[] {
  return text.split('\n').flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
}

/** Whether a resolv.conf names systemd-resolved's stub, so that the servers proper stand in another file. */
export function isResolvedStub(text: string): boolean {
  return parseNameservers(text).some((server) => RESOLVED_STUBS.includes(server));
}

/** The DNS servers of a resolv.conf(5); those on loopback are left out. */
export function dnsServers(text: string, file: string): CriticalAddress[] {
  return parseNameservers(text).flatMap((server): CriticalAddress[] => {
    const address = outside(server);
    return address === null ? [] : [{ kind: 'dns-server', address, detail: file }];
  });
}

/** The client of an ssh session: SSH_CONNECTION is `client port server port` (ssh(1)). */
export function sshClient(connection: string | undefined): CriticalAddress[] {
  const address = outside(connection?.split(' ', 1)[0] ?? '');
  return address === null ? [] : [{ kind: 'ssh-client', address, detail: 'SSH_CONNECTION' }];
}

/** One hexadecimal address of /proc/net/tcp: 32-bit words, each in the host's byte order (proc_net(5)). */
function addressOfWords(hex: string, endianness: 'BE' | 'LE'): string | null {
  if (!/^([0-9A-F]{8}|[0-9A-F]{32})$/i.test(hex)) return null;
  const bytes = Buffer.from(hex, 'hex');
  if (endianness === 'LE') bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes.readUInt16BE(10) === 0xffff;
  if (isMapped) return bytes.subarray(12).join('.');
  return Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(group * 2).toString(16)).join(':');
}

/**
 * The other ends of open TCP connections, from the text of /proc/net/tcp or tcp6. Loopback is left out; IPv4 peers of
 * IPv6 sockets are IPv4 addresses.
 */
export function livePeers(text: string, file: string, endianness: 'BE' | 'LE'): CriticalAddress[] {
  return text.split('\n').flatMap((line): CriticalAddress[] => {
    const [, , remote = '', state] = line.trim().split(/\s+/);
    if (state !== ESTABLISHED) return [];
    const [words = ''] = remote.split(':', 1);
    const address = outside(addressOfWords(words, endianness) ?? '');
    return address === null ? [] : [{ kind: 'live-peer', address, detail: file }];
  });
}

/** The API servers of the profiles: where they answered, else the address that the kubeconfig names. */
export function apiServers(profiles: readonly ObservedProfile[]): CriticalAddress[] {
  return profiles.flatMap(({ name, context }): CriticalAddress[] => {
    if (context === null) return [];
    const host = URL.canParse(context.server) ? new URL(context.server).hostname : '';
    const address = outside(context.answeredAt ?? host.replace(/^\[(.*)\]$/, '$1'));
    return address === null ? [] : [{ kind: 'api-server', address, detail: `profile ${name}` }];
  });
}

/** The proxies that clusters are reached through, by their addresses. */
export function clusterProxies(profiles: readonly ObservedProfile[]): CriticalAddress[] {
  return profiles.flatMap(({ name, context }): CriticalAddress[] => {
    const address = outside(context?.proxy ?? '');
    return address === null ? [] : [{ kind: 'proxy', address, detail: `of profile ${name}` }];
  });
}

/** What names the proxy of a host's programs, as curl(1) and Go's net/http read it. */
const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'];

/** The hosts of the proxies that the environment names, each once, with the variable: addresses and names. */
export function proxyHosts(env: NodeJS.ProcessEnv): ReadonlyMap<string, string> {
  const hosts = new Map<string, string>();
  for (const variable of PROXY_VARIABLES) {
    const value = env[variable] ?? '';
    const url = [value, `http://${value}`].find(
      (text) => URL.canParse(text) && new URL(text).hostname !== '',
    );
    const host = url === undefined ? '' : new URL(url).hostname.replace(/^\[(.*)\]$/, '$1');
    if (host !== '' && !hosts.has(host)) hosts.set(host, variable);
  }
  return hosts;
}

/** The addresses of a proxy that a variable names; loopback is left out. */
export function proxyAddresses(addresses: readonly string[], variable: string): CriticalAddress[] {
  return addresses.flatMap((text): CriticalAddress[] => {
    const address = outside(text);
    return address === null ? [] : [{ kind: 'proxy', address, detail: variable }];
  });
}

function isFullLength(destination: Prefix): boolean {
  return destination.length === addressBits(destination.family);
}

/**
 * The endpoints of VPNs: a client that takes the default route first pins its server by a /32 or /128 through the
 * default route's own gateway and device (OpenVPN's redirect-gateway, vpnc, wg-quick's PostUp). Claimed routes are ours.
 */
export function vpnEndpoints(routes: readonly Route[], claims: readonly Claim[]): CriticalAddress[] {
  const claimed = new Set(claims.map(claimKey));
  const wayOf = (route: Route) => `${route.destination.family} ${route.gateway} ${route.device}`;
  // Two passes that ask little: the routes may be a hundred thousand.
  const inMain = (isOf: (destination: Prefix) => boolean) =>
    routes.filter(
      (route) =>
        isOf(route.destination) &&
        route.table === MAIN_TABLE &&
        route.type === 'unicast' &&
        route.gateway !== null,
    );
  const defaults = new Set(inMain(({ length }) => length === 0).map(wayOf));
  return inMain(isFullLength)
    .filter((route) => defaults.has(wayOf(route)) && !claimed.has(routeKey(route)))
    .map((route) => ({
      kind: 'vpn-endpoint',
      address: formatAddress(route.destination),
      detail: `host route via ${route.gateway} dev ${route.device}`,
    }));
}

const KIND_ORDER: readonly CriticalKind[] = [
  'dns-server',
  'api-server',
  'ssh-client',
  'vpn-endpoint',
  'proxy',
  'live-peer',
];

/** Each address once a kind, sorted by kind and address. */
export function sortCritical(addresses: readonly CriticalAddress[]): CriticalAddress[] {
  const byKey = new Map<string, CriticalAddress>();
  for (const address of addresses) {
    const key = `${KIND_ORDER.indexOf(address.kind)} ${address.address}`;
    if (!byKey.has(key)) byKey.set(key, address);
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, address]) => address);
}
