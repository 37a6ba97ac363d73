import { describe, expect, it, test } from 'vitest';
import { decodeRoute, type NextHop, type Route, type RouteDocument } from '../../../../src/model/route.ts';
import { whyNotDeleted } from '../../../../src/platform/linux/helper/plain.ts';

const HOP = { gateway: '192.168.39.10', device: 'virbr0', weight: 1 };
const OTHER_HOP = { ...HOP, gateway: '192.168.39.11' };
const { weight: _, ...NEXT } = HOP;

const plain = (document: Partial<RouteDocument> = {}): Route =>
  decodeRoute({ destination: '10.96.0.0/12', ...NEXT, protocol: 3, ...document });
const plain6 = (document: Partial<RouteDocument> = {}): Route =>
  plain({ destination: 'fd00:96::/112', gateway: 'fd39::10', metric: 1024, ...document });
/** A route whose next hop is more than a gateway and a device, as the parser reads it. */
const unusual = (how: string) => plain({ nextHops: [{ ...HOP, gateway: `${HOP.gateway} ${how}` }] });
const paths = (document: Partial<RouteDocument>, ...nextHops: NextHop[]): Route =>
  decodeRoute({ destination: '10.96.0.0/12', protocol: 3, ...document, nextHops });

describe('a plain route is deleted where, of what stands,', () => {
  test.each<[string, Route, Route[]]>([
    ['it is all', plain(), [plain()]],
    ['nothing else has its next hop', plain(), [plain({ gateway: OTHER_HOP.gateway, metric: 100 }), plain()]],
    ['nothing else is on its device', plain(), [plain(), plain({ device: 'eth0', metric: 100 })]],
    ['nothing else has its destination', plain(), [plain({ destination: '10.96.0.0/13' }), plain()]],
    ['nothing else has its tos', plain(), [plain({ tos: 16 }), plain()]],
    ['nothing else has its type', plain(), [plain({ type: 'unreachable', metric: 100 }), plain()]],
    ['nothing else has its metric, for IPv6', plain6(), [plain6({ metric: 100 }), plain6()]],
    [
      'several paths lead elsewhere',
      plain(),
      [plain(), paths({ metric: 9 }, OTHER_HOP, { ...HOP, device: 'eth0' })],
    ],
  ])('%s', (_, route, standing) => {
    expect(whyNotDeleted([route], standing)).toEqual([null]);
  });
});

describe('a plain route is not deleted where', () => {
  test.each<[string, Route, Route[], RegExp]>([
    ['none stands', plain(), [], /no such route/],
    ['another metric stands alone', plain(), [plain({ metric: 100 })], /take another route .*metric 100$/],
    ['another metric stands too', plain(), [plain(), plain({ metric: 100 })], /another .*metric 100$/],
    ['one stands twice, by what its key leaves out', plain(), [plain(), plain()], /another route/],
    [
      'several paths of which it is the first',
      plain(),
      [paths({}, HOP, OTHER_HOP)],
      /another route .*39\.11/,
    ],
    ['a nexthop object', plain(), [unusual('nhid 7')], /another route/],
    ['an encapsulation', plain(), [unusual('encap mpls')], /another route/],
    [
      'IPv6 paths of which it is one',
      plain6(),
      [
        paths(
          { destination: 'fd00:96::/112', metric: 1024 },
          { ...HOP, gateway: 'fd39::11' },
          { ...HOP, gateway: 'fd39::10' },
        ),
      ],
      /another route/,
    ],
  ])('%s', (_, route, standing, why) => {
    expect(whyNotDeleted([route], standing)).toEqual([expect.stringMatching(why)]);
  });
});

it('is found by the first of two deletes alone', () => {
  const elsewhere = plain({ destination: '10.50.0.0/16' });
  expect(whyNotDeleted([plain(), elsewhere, plain()], [elsewhere, plain()])).toEqual([
    null,
    null,
    expect.stringContaining('no such route'),
  ]);
});
