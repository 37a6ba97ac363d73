import { expect, test } from 'vitest';
import { LINUX_WORDS } from '../../../src/platform/linux/words.ts';
import { route } from '../../fakes/plans.ts';

test('commands name the whole route', () => {
  const guard = route('fd00:200::/64', { type: 'unreachable', gateway: null, device: null });
  expect(LINUX_WORDS.remove(route('10.96.0.0/12'))).toBe(
    'sudo ip route del 10.96.0.0/12 via 192.168.39.2 dev virbr1 table 254 proto 109 metric 109',
  );
  expect(LINUX_WORDS.restore(guard)).toBe(
    'sudo ip route add unreachable fd00:200::/64 table 254 proto 109 metric 109',
  );
  expect(LINUX_WORDS.show(guard)).toBe('ip -6 route show table 254 exact fd00:200::/64');
});
