import { describe, expect, it } from 'vitest';
import { formatPrefix } from '../../../../src/model/prefix.ts';
import { parseEvent } from '../../../../src/platform/linux/parse/events.ts';

/** What a line hints at: the destinations, `*` for everything, null for a line that belongs to another. */
function hintOf(line: string): string | null {
  const change = parseEvent(line);
  if (change === null) return null;
  return change.kind === 'everything' ? '*' : change.destinations.map(formatPrefix).join(' ');
}

/** Lines of `ip -N monitor route address link rule`, iproute2 6.1, as they came. */
describe('a line of ip monitor', () => {
  it.each([
    ['10.96.0.0/12 via 10.9.0.2 dev d0 proto 109 metric 109 ', '10.96.0.0/12'],
    ['Deleted 10.96.0.0/12 via 10.9.0.2 dev d0 proto 109 metric 109 ', '10.96.0.0/12'],
    ['10.200.0.10 via 10.9.0.2 dev d0 proto 109 metric 109 ', '10.200.0.10/32'],
    ['0.0.0.0/1 via 10.9.0.2 dev d0 ', '0.0.0.0/1'],
    ['7 10.200.0.0/24 metric 300 ', '10.200.0.0/24'],
    ['2 10.9.0.1 dev d0 table 255 proto 2 scope 254 src 10.9.0.1 ', '10.9.0.1/32'],
    ['3 10.9.0.255 dev d0 table 255 proto 2 scope 253 src 10.9.0.1 ', '10.9.0.255/32'],
    ['10.77.0.0/16 ', '10.77.0.0/16'],
    ['Deleted 10.77.0.0/16 ', '10.77.0.0/16'],
  ])('IPv4 route: %s', (line, hint) => {
    expect(hintOf(line)).toBe(hint);
  });

  it.each([
    ['10.96.0.0/12 via 10.9.0.2 dev d0 proto 109 metric 109 ', 109],
    ['Deleted 10.96.0.0/12 via 10.9.0.2 dev d0 proto 109', 109],
    ['10.77.0.0/16 proto 186 metric 20', 186],
    ['10.77.0.0/16 dev d0 ', null],
    ['10.77.0.0/16 dev d0 proto dhcp ', null],
  ])('tells the protocol of its route, where that is a number: %s', (line, protocol) => {
    expect(parseEvent(line)).toMatchObject({ protocol });
  });

  it.each([
    ['fd00:2::/64 via fd00:1::2 dev d0 proto 109 metric 1024 pref medium', 'fd00:2::/64'],
    ['Deleted fd00:2::/64 via fd00:1::2 dev d0 proto 109 metric 1024 pref medium', 'fd00:2::/64'],
    ['fd00:200::10 via fd00:1::2 dev d0 proto 109 metric 109 pref medium', 'fd00:200::10/128'],
    ['5 ff00::/8 dev d1 table 255 proto 2 metric 256 pref medium', 'ff00::/8'],
    ['Deleted 5 ff00::/8 dev d0 table 255 proto 2 metric 256 pref medium', 'ff00::/8'],
  ])('IPv6 route: %s', (line, hint) => {
    expect(hintOf(line)).toBe(hint);
  });

  it.each([
    'default via 10.9.0.2 dev d0 table 77 ',
    'Deleted default via 10.9.0.2 dev d0 table 77 ',
    'default via fd00:1::2 dev d0 metric 1024 pref medium',
  ])('a default route does not say its family: %s', (line) => {
    expect(hintOf(line)).toBe('*');
  });

  it.each([
    '2: d1@NONE: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group 0 ',
    '3: d0@d1: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500 qdisc noqueue state LOWERLAYERDOWN group 0 ',
    'Deleted 3: d0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group 0 ',
    '3: d0    inet 10.9.0.1/24 scope 0 d0',
    'Deleted 3: d0    inet6 fd00:1::1/64 scope 0 tentative ',
    '50:	from 10.0.0.0/8 lookup 77',
    'Deleted 50:	from 10.0.0.0/8 lookup 77',
    '32765:	from all fwmark 0x1 lookup 52',
  ])('a link, an address or a rule may change anything: %s', (line) => {
    expect(hintOf(line)).toBe('*');
  });

  it.each([
    '    link/[1] 82:e4:3d:c9:6e:2e brd ff:ff:ff:ff:ff:ff',
    '       valid_lft forever preferred_lft forever',
    '	nexthop via 10.9.0.2 dev d0 weight 1 ',
    '',
  ])('what belongs to the line before it says nothing by itself: %j', (line) => {
    expect(hintOf(line)).toBeNull();
  });

  it.each(['Unknown message: type=0x00000064', 'Deleted ', '10.96.0.0/99 via nowhere', '7 what'])(
    'what is not understood may mean anything: %s',
    (line) => {
      expect(hintOf(line)).toBe('*');
    },
  );
});
