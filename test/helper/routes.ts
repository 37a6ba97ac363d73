import { decodeRoute, type Route, type RouteDocument } from '../../src/model/route.ts';
import type { RouteChange } from '../../src/platform/route-table.ts';

/** A route that the helper lets pass. */
export function ours(document: Partial<RouteDocument> = {}): Route {
  return decodeRoute({
    destination: '10.96.0.0/12',
    gateway: '192.168.39.10',
    device: 'virbr0',
    metric: 109,
    protocol: 109,
    ...document,
  });
}

/** One that closes a pool. */
export function guard(destination: string): Route {
  const device = destination.includes(':') ? { device: 'lo' } : {};
  return decodeRoute({ destination, type: 'unreachable', metric: 109, protocol: 109, ...device });
}

export function add(route: Route): RouteChange {
  return { op: 'add', route };
}

export function remove(route: Route): RouteChange {
  return { op: 'delete', route };
}

/** What the helper does to no route, by what is wrong with it: each is `ours` but for this. */
export const REFUSED: readonly [string, Partial<RouteDocument>][] = [
  ['the default route', { destination: '0.0.0.0/0' }],
  ['half of it', { destination: '128.0.0.0/1' }],
  ['the IPv6 default route', { destination: '::/0', gateway: 'fe80::1' }],
  ['half of that', { destination: '8000::/1', gateway: 'fe80::1' }],
  ['a public address', { destination: '8.8.8.8/32' }],
  ['more than a private prefix', { destination: '10.0.0.0/7' }],
  ['a public IPv6 prefix', { destination: '2001:db8::/32', gateway: 'fe80::1' }],
  ['more than the unique local prefix', { destination: 'f800::/5', gateway: 'fe80::1' }],
  ['loopback', { destination: '127.0.0.0/8' }],
  ['link-local', { destination: '169.254.0.0/16' }],
  ['multicast', { destination: '224.0.0.0/4' }],
  ['IPv4 written as IPv6', { destination: '::ffff:10.0.0.0/104', gateway: 'fe80::1' }],
  ['another table', { table: 100 }],
  ['table local', { table: 255 }],
  ['a tos', { tos: 16 }],
  ['metric 0, by which a delete matches any', { metric: 0 }],
  ['metric 1', { metric: 1 }],
  ['a metric past 32 bits', { metric: 2 ** 32 }],
  ['no protocol', { protocol: 0 }],
  ['protocol kernel', { protocol: 2 }],
  ['protocol boot', { protocol: 3 }],
  ['protocol boot with another metric', { protocol: 3, metric: 1024 }],
  ['a plain closed pool', { type: 'unreachable', protocol: 3, metric: 0 }],
  ['protocol static', { protocol: 4 }],
  ['protocol static without a metric', { protocol: 4, metric: 0 }],
  ['a protocol past a byte', { protocol: 256 }],
  ['type local', { type: 'local' }],
  ['type blackhole', { type: 'blackhole' }],
  ['type throw', { type: 'throw' }],
  ['type other', { type: 'other' }],
  ['several next hops', { nextHops: [{ gateway: '192.168.39.10', device: 'virbr0', weight: 1 }] }],
  ['a gateway that is no address', { gateway: 'router' }],
  ['a gateway with a length', { gateway: '192.168.39.10/24' }],
  ['a gateway with more after it', { gateway: '192.168.39.10 dev eth0' }],
  ['a gateway of the other family', { gateway: 'fd39::10' }],
  ['a device that looks like an option', { device: '-batch' }],
  ['a device with a space', { device: 'eth0 eth1' }],
  ['a device with a newline', { device: 'eth0\nroute' }],
  ['a device with a slash', { device: '../eth0' }],
  ['a device with a quote', { device: 'eth"0' }],
  ['a device with an apostrophe', { device: "eth'0" }],
  ['a device that starts a comment', { device: '#eth0' }],
  ['a device that continues the line', { device: 'eth0\\' }],
  ['a device with a control character', { device: 'eth\u00010' }],
  ['a device with a NUL', { device: 'eth\u00000' }],
  ['a device of 16 bytes', { device: 'abcdefghijklmnop' }],
  ['a device of 16 bytes in 8 characters', { device: 'éééééééé' }],
  ['an empty device', { device: '' }],
  ['the device ..', { device: '..' }],
];
