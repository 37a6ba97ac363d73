import { describe, expect, test } from 'vitest';
import { whyRefused as whyRefusedBy } from '../../src/helper/guard.ts';
import type { Prefix } from '../../src/model/prefix.ts';
import type { Route } from '../../src/model/route.ts';
import { ALL_CAPABILITIES } from '../../src/model/system.ts';
import type { RouteChange } from '../../src/platform/route-table.ts';
import { add, guard, ours, REFUSED, remove } from './routes.ts';

/** On Linux. */
const whyRefused = (change: RouteChange, allowed: readonly Prefix[] = []) =>
  whyRefusedBy(change, ALL_CAPABILITIES, allowed);

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
  test.each(REFUSED)('%s', (_, document) => {
    expect(whyRefused(add(ours(document)))).not.toBeNull();
    expect(whyRefused(remove(ours(document)))).not.toBeNull();
  });

  test('a unicast route without gateway', () => {
    expect(whyRefused(add({ ...ours(), gateway: null }))).toMatch(/gateway/);
  });

  test.each(['fd0C:39::2', 'fd00:039::2', '::ffff:10.0.0.1'])(
    'a gateway in another spelling: %s',
    (gateway) => {
      expect(whyRefused(add(ours({ destination: 'fd00:96::/112', gateway })))).toMatch(/canonical/);
    },
  );

  test('an unreachable route with a gateway or on a device', () => {
    expect(whyRefused(add({ ...guard('10.200.0.0/24'), gateway: '192.168.39.10' }))).toMatch(/no gateway/);
    expect(whyRefused(remove({ ...guard('10.200.0.0/24'), device: 'virbr0' }))).toMatch(/no device/);
    expect(whyRefused(remove({ ...guard('fd00:200::/120'), device: null }))).toMatch(/lo/);
  });
});

describe('on a system without protocols and guards', () => {
  const here = { ...ALL_CAPABILITIES, protocols: false, guards: false };

  test('a route passes without a protocol, and with none that it could not have', () => {
    expect(whyRefusedBy(add(ours({ protocol: 0 })), here)).toBeNull();
    expect(whyRefusedBy(add(ours({ protocol: 109 })), here)).toMatch(/protocol 109/);
    expect(whyRefusedBy(add(ours({ protocol: 0, metric: 0 })), here)).toMatch(/metric 0/);
  });

  test('nothing closes a pool', () => {
    const { protocol: _, ...closing } = guard('10.200.0.0/24');
    expect(whyRefusedBy(add({ ...closing, protocol: 0 }), here)).toBe('type unreachable is not unicast');
  });
});
