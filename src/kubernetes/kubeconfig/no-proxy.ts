import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** A server: its name or address, without brackets, and its port. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** `1.2.3.4/8`, or null where it is no network. */
function matchesNetwork(item: string, { host }: Target): boolean | null {
  const [address = '', bits = '', ...rest] = item.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return null;
  if (Number(bits) > (family === 4 ? 32 : 128)) return null;
  return isWithin(host, address, Number(bits));
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}

function isWithin(host: string, address: string, bits: number): boolean {
  if (isIP(host) === 0) return false;
  const list = new BlockList();
  list.addSubnet(address, bits, familyOf(address));
  return list.check(host, familyOf(host));
}

/** `host`, `host:port`, `[::1]:port`. */
function splitPort(item: string): { name: string; port: number | null } {
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(item) ?? /^([^:]*):(\d+)$/.exec(item);
  if (bracketed === null) return { name: item, port: null };
  const [, name = '', port] = bracketed;
  return { name, port: port === undefined ? null : Number(port) };
}

function matchesName(name: string, host: string): boolean {
  const suffix = name.replace(/^\*(?=\.)/, '');
  if (suffix.startsWith('.')) return host.endsWith(suffix);
  const ascii = domainToASCII(suffix) || suffix;
  return host === ascii || host.endsWith(`.${ascii}`);
}

function matches(item: string, target: Target): boolean {
  const ofNetwork = matchesNetwork(item, target);
  if (ofNetwork !== null) return ofNetwork;
  const { name, port } = splitPort(item);
  if (name === '' || (port !== null && port !== target.port)) return false;
  if (isIP(name) !== 0) return isWithin(target.host, name, isIP(name) === 4 ? 32 : 128);
  return isIP(target.host) === 0 && matchesName(name, target.host);
}

/**
 * Whether a server is reached without the proxy of the environment, as Go's programs read NO_PROXY
 * (https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config): names with what is below them, names below a dot,
 * addresses, networks, each with a port or for all, and `*`. This machine itself always is.
 */
export function isUnproxied(target: Target, noProxy: string): boolean {
  const { host } = target;
  const isThisMachine = host === 'localhost' || isWithin(host, '127.0.0.0', 8) || isWithin(host, '::1', 128);
  const items = noProxy.split(',').map((item) => item.trim().toLowerCase());
  return isThisMachine || items.some((item) => item === '*' || (item !== '' && matches(item, target)));
}
