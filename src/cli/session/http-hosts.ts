import { isIPv4, isIPv6 } from 'node:net';

/** Names by which minikube's nodes and Docker's containers know the host that they run on. */
const NAMES_FROM_INSIDE = ['host.minikube.internal', 'host.docker.internal'];

/** Who may be asked for. */
export interface AnsweredHosts {
  /** Whether the listener can be reached from this host alone. */
  readonly isLoopback: boolean;
  /** Lower case, no dot at the end. */
  readonly names: ReadonlySet<string>;
}

/** Whether an address that a listener is bound to is loopback (RFC 1122, RFC 4291; mapped as RFC 4291 has it). */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || isLoopbackIPv4(address.replace(/^::ffff:/i, ''));
}

function isLoopbackIPv4(address: string): boolean {
  return isIPv4(address) && address.startsWith('127.');
}

/** Who is answered at an address. `hostname` is this host's own name, `extra` what the user named. */
export function answeredHosts(address: string, hostname: string, extra: readonly string[]): AnsweredHosts {
  if (isLoopbackAddress(address)) return { isLoopback: true, names: new Set(['localhost']) };
  const own = hostname.toLowerCase().replace(/\.$/, '');
  const short = own.split('.', 1)[0] ?? own;
  return {
    isLoopback: false,
    names: new Set(['localhost', own, short, ...NAMES_FROM_INSIDE, ...extra].filter((name) => name !== '')),
  };
}

/** `host`, `host:port` or `[ipv6]:port` and nothing else: no user, no zone, no second spelling of an address. */
const HOST = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z._-]+))(?::\d{0,5})?$/;

/**
 * Whether a request for this Host may be answered. A page of another site can let a name of its own lead here ("DNS
 * rebinding"), and its browser then sends that name; an address or a name that is ours it cannot send. Only the plain form
 * of an address counts: `127.1`, `0x7f.1` and `2130706433` are names, which a resolver may give anybody.
 */
export function isAnswered(host: string, { isLoopback, names }: AnsweredHosts): boolean {
  const [, address, name] = HOST.exec(host) ?? [];
  if (address !== undefined) return isLoopback ? address === '::1' : isIPv6(address);
  if (name === undefined) return false;
  if (isIPv4(name)) return isLoopback ? isLoopbackIPv4(name) : true;
  return names.has(name.toLowerCase().replace(/\.$/, ''));
}

/** A name that `--http-host` may give; null for one that no Host header can have, or that is an address. */
export function hostName(text: string): string | null {
  const name = text.toLowerCase().replace(/\.$/, '');
  const isName = name.length <= 253 && /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(name);
  // What ends in a number is an address to a browser, however it is spelt (WHATWG URL, "ends in a number").
  return isName && !/(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(name) ? name : null;
}
