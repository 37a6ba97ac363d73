import { expect, test } from 'vitest';
import { batchLine } from '../../../../src/platform/linux/helper/batch.ts';
import { add, guard, ours, remove } from '../../../helper/routes.ts';

test('a delete names the whole key, destination last', () => {
  expect(batchLine(remove(ours()))).toBe(
    'route del proto 109 metric 109 tos 0 table 254 via 192.168.39.10 dev virbr0 unicast "10.96.0.0/12"',
  );
});

test('an add is exclusive', () => {
  expect(batchLine(add(ours()))).toMatch(/^route add /);
});

test('an IPv6 route and its metric', () => {
  const route = ours({ destination: 'fd00:96::/112', gateway: 'fd39::10', metric: 110 });
  expect(batchLine(add(route))).toBe(
    'route add proto 109 metric 110 tos 0 table 254 via fd39::10 dev virbr0 unicast "fd00:96::/112"',
  );
});

test('an unreachable route has no gateway, and in IPv6 names lo', () => {
  expect(batchLine(remove(guard('10.200.0.0/24')))).toBe(
    'route del proto 109 metric 109 tos 0 table 254 unreachable "10.200.0.0/24"',
  );
  expect(batchLine(remove(guard('fd00:200::/120')))).toBe(
    'route del proto 109 metric 109 tos 0 table 254 dev lo unreachable "fd00:200::/120"',
  );
});
