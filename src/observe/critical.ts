import type { Claim } from '../model/claim.ts';
import { claimKey } from '../model/claim.ts';
import type { CriticalAddress, CriticalKind, ObservedProfile } from '../model/observed.ts';
import { addressBits, formatAddress, type Prefix } from '../model/prefix.ts';
import { MAIN_TABLE, type Route, routeKey } from '../model/route.ts';
import { addressElsewhere } from '../model/scope.ts';

/** The client of an ssh session: SSH_CONNECTION is `client port server port` (ssh(1)). */
export function sshClient(connection: string | undefined): CriticalAddress[] {
  const address = addressElsewhere(connection?.split(' ', 1)[0] ?? '');
  return address === null ? [] : [{ kind: 'ssh-client', address, detail: 'SSH_CONNECTION' }];
}

/** The API servers of the profiles: where they answered, else the address that the kubeconfig names. */
export function apiServers(profiles: readonly ObservedProfile[]): CriticalAddress[] {
  return profiles.flatMap(({ name, context }): CriticalAddress[] => {
    if (context === null) return [];
    const host = URL.canParse(context.server) ? new URL(context.server).hostname : '';
    const address = addressElsewhere(context.answeredAt ?? host.replace(/^\[(.*)\]$/, '$1'));
    return address === null ? [] : [{ kind: 'api-server', address, detail: `profile ${name}` }];
  });
}

/** The proxies that clusters are reached through, by their addresses. */
export function clusterProxies(profiles: readonly ObservedProfile[]): CriticalAddress[] {
  return profiles.flatMap(({ name, context }): CriticalAddress[] => {
    const address = addressElsewhere(context?.proxy ?? '');
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
    const address = addressElsewhere(text);
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
