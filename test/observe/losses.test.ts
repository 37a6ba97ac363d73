import { describe, expect, it } from 'vitest';
import { Losses } from '../../src/observe/losses.ts';
import { parseEvent } from '../../src/platform/linux/parse/events.ts';
import type { HostChange } from '../../src/platform/route-events.ts';
import * as build from '../planner/build.ts';

const OURS = build.route({
  destination: '10.96.0.0/12',
  gateway: '10.9.0.2',
  device: 'd0',
  metric: 109,
  protocol: 109,
});
const OURS_6 = build.route({
  destination: 'fd00:2::/64',
  gateway: 'fd00:1::2',
  device: 'd0',
  metric: 109,
  protocol: 109,
});
const GONE = 'Deleted 10.96.0.0/12 via 10.9.0.2 dev d0 proto 109 metric 109 ';
const GONE_6 = 'Deleted fd00:2::/64 via fd00:1::2 dev d0 proto 109 metric 109 pref medium';
const DOWN = '3: d0@d1: <BROADCAST,MULTICAST> mtu 1500 qdisc noqueue state DOWN group 0 ';
const UP = '3: d0@d1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group 0 ';
const DELETED = 'Deleted 3: d0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group 0 ';

/** What becomes of lines of `ip -N monitor`. */
function told(...lines: readonly string[]): Losses {
  const losses = new Losses();
  let tell: (change: HostChange) => void = () => undefined;
  const events = {
    listen: (onChange: (change: HostChange) => void) => {
      tell = onChange;
      return { ready: Promise.resolve(), stop: async () => undefined };
    },
  };
  losses.noting(events).listen(() => undefined);
  for (const line of lines) {
    const change = parseEvent(line);
    if (change !== null) tell(change);
  }
  return losses;
}

describe('a lost route', () => {
  it.each([
    ['of which an event tells', OURS, [GONE], true],
    ['in whose place another was put', OURS, ['10.96.0.0/12 via 10.8.0.1 dev tun0 metric 109 '], true],
    ['of which no event tells, as when a link goes down', OURS, [DOWN, UP], false],
    ['that was removed once its link was up again', OURS, [DOWN, UP, GONE], true],
    ['that an IPv6 link took along', OURS_6, [DOWN, GONE_6], false],
    ['that went with its link', OURS_6, [DELETED, GONE_6], false],
    ['that somebody removed, IPv6', OURS_6, [GONE_6], true],
    ['of another gateway', OURS, [GONE.replace('10.9.0.2', '10.9.0.7')], false],
    ['at another metric', OURS, [GONE.replace('metric 109', 'metric 110')], false],
    ['that was only made', OURS, [GONE.replace('Deleted ', '')], false],
    ['of another destination', OURS, [GONE.replace('10.96', '10.112')], false],
  ])('%s', (_, route, lines, isSomebodys) => {
    expect(told(...lines).isSomebodys(route)).toBe(isSomebodys);
  });

  it('is nobody’s any more once it is counted', () => {
    const losses = told(GONE);
    losses.forget([OURS.destination]);
    expect(losses.isSomebodys(OURS)).toBe(false);
  });

  it('is forgotten behind a thousand others', () => {
    const others = Array.from(
      { length: 1000 },
      (_, at) => `Deleted 10.0.${at >> 8}.${at & 255} dev d0 proto 186 `,
    );
    expect(told(GONE, ...others).isSomebodys(OURS)).toBe(false);
  });
});

it.each([
  ['a link that came up', UP, 1],
  ['an address that came', '3: d0    inet 10.9.0.1/24 scope 0 d0', 1],
  ['a link that went down', DOWN, 0],
  ['an address that went', 'Deleted 3: d0    inet 10.9.0.1/24 scope 0 d0', 0],
  ['a rule', '50:\tfrom 10.0.0.0/8 lookup 77', 0],
])('counts what a route that was refused may wait for: %s', (_, line, returns) => {
  expect(told(line).returns).toBe(returns);
});
