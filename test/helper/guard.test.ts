import { describe, expect, test } from 'vitest';
import { whyRefused } from '../../src/helper/guard.ts';
import type { Route, RouteDocument } from '../../src/model/route.ts';
import { add, guard, ours, remove } from './routes.ts';

describe('passes', () => {
  test.each<[string, Route]>([
    ['a service network', ours()],
    ['an address', ours({ destination: '10.200.0.10/32' })],
    ['shared address space', ours({ destination: '100.64.0.0/16' })],
    ['benchmarking space', ours({ destination: '198.18.0.0/15' })],
    ['a unique local prefix', ours({ destination: 'fd00:10::/108', gateway: 'fd39::10' })],
    ['a link-local gateway', ours({ destination: 'fd00:10::/108', gateway: 'fe80::1' })],
    ['the highest protocol', ours({ protocol: 255 })],
    ['the lowest protocol', ours({ protocol: 5 })],
    ['a VLAN device', ours({ device: 'eth0.100@a' })],
    ['a plain route, which was adopted', ours({ protocol: 3, metric: 0 })],
    [
      'a plain IPv6 route',
      ours({ destination: 'fd00:10::/108', gateway: 'fd39::10', protocol: 3, metric: 1024 }),
    ],
    ['a closed pool', guard('10.200.0.0/24')],
    ['a closed IPv6 pool', guard('fd00:200::/120')],
  ])('%s', (_, route) => {
    expect(whyRefused(add(route))).toBeNull();
    expect(whyRefused(remove(route))).toBeNull();
  });

  test('an add whose device is for the kernel to find', () => {
    const { device: _, ...anywhere } = { ...ours() };
    expect(whyRefused(add({ ...anywhere, device: null }))).toBeNull();
    expect(whyRefused(remove({ ...anywhere, device: null }))).toMatch(/name the device/);
  });
});

describe('refuses', () => {
  const bad: readonly [string, Partial<RouteDocument>][] = [
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
  test.each(bad)('%s', (_, document) => {
    expect(whyRefused(add(ours(document)))).not.toBeNull();
    expect(whyRefused(remove(ours(document)))).not.toBeNull();
  });

  test('a unicast route without gateway', () => {
    expect(whyRefused(add({ ...ours(), gateway: null }))).toMatch(/gateway/);
  });

  test('an unreachable route with a gateway or on a device', () => {
    expect(whyRefused(add({ ...guard('10.200.0.0/24'), gateway: '192.168.39.10' }))).toMatch(/no gateway/);
    expect(whyRefused(remove({ ...guard('10.200.0.0/24'), device: 'virbr0' }))).toMatch(/no device/);
    expect(whyRefused(remove({ ...guard('fd00:200::/120'), device: null }))).toMatch(/lo/);
  });
});
