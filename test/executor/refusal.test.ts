import { expect, test } from 'vitest';
import { keyedChange } from '../../src/executor/change.ts';
import { refusedChange } from '../../src/executor/refusal.ts';
import { LINUX_WORDS } from '../../src/platform/linux/words.ts';
import { create, route } from '../fakes/plans.ts';

const change = keyedChange({ change: { step: 6, op: 'add' }, step: create(route('10.96.0.0/12')) });

test.each([
  [
    'Error: Nexthop has invalid gateway.',
    'gateway-unreachable',
    'the gateway 192.168.39.2 is on no network of this host',
  ],
  [
    'RTNETLINK answers: Network is unreachable',
    'gateway-unreachable',
    'the gateway 192.168.39.2 is on no network of this host',
  ],
  [
    'RTNETLINK answers: No route to host',
    'gateway-unreachable',
    'the gateway 192.168.39.2 is on no network of this host',
  ],
  [
    'RTNETLINK answers: File exists',
    'route-exists',
    'another route to 10.96.0.0/12 with metric 109 is there already',
  ],
  [
    'RTNETLINK answers: Operation not permitted',
    'route-not-permitted',
    'the right to change routes (CAP_NET_ADMIN) is missing',
  ],
  ['RTNETLINK answers: No such process', 'route-gone', 'the kernel has no such route any more'],
  ['Cannot find device "virbr1"', 'device-down', 'the device virbr1 is gone or down'],
  ['Error: Device for nexthop is not up.', 'device-down', 'the device virbr1 is gone or down'],
  ['Something new', 'route-refused', 'Something new'],
  [null, 'route-refused', 'it was gone again at once: its link went down, or something removed it'],
])('%s is %s', (message, code, cause) => {
  const diagnostic = refusedChange(change, message, LINUX_WORDS);
  expect(diagnostic.code).toBe(code);
  expect(diagnostic.summary).toBe(`step 7 (create route 10.96.0.0/12) failed: ${cause}`);
  expect(diagnostic.fix).not.toBe('');
});
