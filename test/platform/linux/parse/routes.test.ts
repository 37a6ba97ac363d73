import { describe, expect, test } from 'vitest';
import { Failure } from '../../../../src/model/diagnostic.ts';
import { formatPrefix } from '../../../../src/model/prefix.ts';
import { decodeRoute, type Route, routeKey, sameNextHop } from '../../../../src/model/route.ts';
import { parseRoutes } from '../../../../src/platform/linux/parse/routes.ts';
import { fixture } from '../fixtures.ts';

const v4 = parseRoutes(fixture('routes-4.json'), 4);
const v6 = parseRoutes(fixture('routes-6.json'), 6);

function at(routes: readonly Route[], destination: string): Route {
  const found = routes.filter((route) => formatPrefix(route.destination) === destination);
  const [route] = found;
  if (route === undefined || found.length > 1) throw new Error(`${destination}: ${found.length} routes`);
  return route;
}

describe('routes of a dump', () => {
  test('every row becomes a route, in order', () => {
    expect(v4).toHaveLength(fixture('routes-4.json').trim().split('\n').length - 2);
    expect(v6).toHaveLength(fixture('routes-6.json').trim().split('\n').length - 2);
  });

  test('a route through a gateway keeps its whole key', () => {
    expect(at(v4, '10.1.0.0/16')).toEqual(
      decodeRoute({
        destination: '10.1.0.0/16',
        gateway: '192.0.2.2',
        device: 'v0',
        metric: 109,
        protocol: 109,
      }),
    );
    expect(at(v6, 'fd00:1::/64')).toEqual(
      decodeRoute({
        destination: 'fd00:1::/64',
        gateway: '2001:db8::2',
        device: 'v0',
        metric: 109,
        protocol: 109,
      }),
    );
  });

  test('a host route, printed without its length, has that of an address', () => {
    expect(at(v4, '10.1.1.1/32').gateway).toBe('192.0.2.3');
    expect(at(v6, 'fd00:7::1/128').gateway).toBe('fe80::2');
  });

  test('default is the prefix of length 0 of its family', () => {
    expect(at(v4, '0.0.0.0/0').gateway).toBe('192.0.2.254');
    expect(at(v6, '::/0').gateway).toBe('2001:db8::fe');
  });

  test.each([
    ['unreachable', '10.2.0.0/24', 'fd00:2::/64'],
    ['blackhole', '10.3.0.0/24', 'fd00:3::/64'],
    ['prohibit', '10.4.0.0/24', 'fd00:4::/64'],
    ['throw', '10.5.0.0/24', 'fd00:5::/64'],
  ])('%s is on no device in IPv4 and on lo in IPv6, as the kernel shows it', (type, four, six) => {
    expect(at(v4, four)).toMatchObject({ type, gateway: null, device: null });
    expect(at(v6, six)).toMatchObject({ type, gateway: null, device: 'lo' });
  });

  test('local, broadcast, anycast and multicast routes are told apart', () => {
    expect(at(v4, '192.0.2.1/32')).toMatchObject({ type: 'local', table: 255, protocol: 2 });
    expect(at(v4, '192.0.2.255/32').type).toBe('broadcast');
    expect(at(v4, '239.0.0.0/24').type).toBe('multicast');
    expect(at(v6, 'fd00:9::/64').type).toBe('anycast');
  });

  test('tos, other tables and metrics are numbers', () => {
    expect(at(v4, '10.6.0.0/24').tos).toBe(16);
    expect(at(v4, '10.9.0.0/24').table).toBe(100);
    expect(at(v4, '10.20.0.0/24').table).toBe(70000);
    expect(at(v6, '2001:db8::/64').metric).toBe(256);
  });

  test('a row that names no table belongs to the one that was asked for', () => {
    const row = '[{"type":"1","dst":"10.0.0.0/8","dev":"v0","protocol":"3","flags":[]}]';
    expect(parseRoutes(row, 4, { table: 100 })[0]?.table).toBe(100);
  });

  test('multipath keeps every path with its weight', () => {
    expect(at(v4, '10.7.0.0/24')).toMatchObject({
      gateway: null,
      device: null,
      nextHops: [
        { gateway: '192.0.2.2', device: 'v0', weight: 3 },
        { gateway: '192.0.2.3', device: 'v0', weight: 1 },
      ],
    });
    expect(at(v6, 'fd00:6::/64').nextHops).toHaveLength(2);
  });

  test.each([
    ['10.13.0.0/24', '192.0.2.2 nhid 7', '192.0.2.2'],
    ['fd00:a::/64', '2001:db8::2 nhid 17', '2001:db8::2'],
    ['fd00:b::/64', 'encap seg6', null],
    ['fd00:8::/64', '2001:db8::2 from 2001:db8::/64', '2001:db8::2'],
  ])(
    '%s is more than a gateway, and so never the same next hop as a route of ours',
    (destination, hop, gateway) => {
      const route = at(destination.includes(':') ? v6 : v4, destination);
      expect(route.gateway).toBe(gateway);
      expect(route.nextHops).toEqual([{ gateway: hop, device: 'v0', weight: 1 }]);
      const plain = { ...route, nextHops: [] };
      expect(sameNextHop(route, plain)).toBe(false);
      expect(routeKey(route)).not.toBe(routeKey(plain));
    },
  );

  test('a group of nexthop objects is shown as its paths', () => {
    expect(at(v4, '10.14.0.0/24').nextHops).toHaveLength(2);
  });

  test('a gateway of the other family is kept', () => {
    expect(at(v4, '10.8.0.0/24').gateway).toBe('fe80::1');
  });

  test('lifetimes do not show', () => {
    const row = (expires: number) =>
      `[{"type":"1","dst":"fd00:c::/64","gateway":"fe80::1","dev":"v0","protocol":"9","expires":${expires}}]`;
    expect(parseRoutes(row(299), 6)).toEqual(parseRoutes(row(2), 6));
  });

  test('an address that `ip` does not write as RFC 5952 says is brought to that form', () => {
    const row = '[{"type":"1","dst":"fd00::/64","gateway":"::ffff:192.0.2.1","dev":"v0","protocol":"3"}]';
    expect(parseRoutes(row, 6)[0]?.gateway).toBe('::ffff:c000:201');
  });

  test('a type that is not known is other', () => {
    const row = '[{"type":"77","dst":"10.0.0.0/8","dev":"v0","protocol":"3"}]';
    expect(parseRoutes(row, 4)[0]?.type).toBe('other');
  });

  test('nothing printed is an empty table', () => {
    expect(parseRoutes('', 4)).toEqual([]);
    expect(parseRoutes('[ ]\n', 4)).toEqual([]);
  });
});

describe('what cannot be read is a Failure that names it', () => {
  const row = { type: '1', dst: '10.0.0.0/8', gateway: '192.0.2.1', dev: 'v0', table: '254', protocol: '3' };
  test.each<[string, unknown]>([
    ['host bits in the destination', { ...row, dst: '10.0.0.1/8' }],
    ['a length past the end', { ...row, dst: '10.0.0.0/33' }],
    ['no number as length', { ...row, dst: '10.0.0.0/' }],
    ['a length with a leading zero', { ...row, dst: '10.0.0.0/08' }],
    ['an empty octet', { ...row, dst: '10..0.0/8' }],
    ['an octet past 255', { ...row, dst: '10.256.0.0/16' }],
    ['the other family', { ...row, dst: 'fd00::/64' }],
    ['a name for a destination', { ...row, dst: 'everything' }],
    ['no destination', { ...row, dst: undefined }],
    ['a gateway that is no address', { ...row, gateway: 'router' }],
    ['a table by name', { ...row, table: 'main' }],
    ['a protocol by name', { ...row, protocol: 'boot' }],
    ['no protocol', { ...row, protocol: undefined }],
    ['a path that is no address', { ...row, nexthops: [{ gateway: 'router', dev: 'v0' }] }],
    ['no object', 5],
    ['null', null],
  ])('%s', (_, bad) => {
    expect(() => parseRoutes(JSON.stringify([row, bad]), 4)).toThrow(Failure);
    try {
      parseRoutes(JSON.stringify([row, bad]), 4);
    } catch (error) {
      expect((error as Failure).diagnostics[0]?.cause).toContain(JSON.stringify(bad));
    }
  });

  test('half a document', () => {
    expect(() => parseRoutes('[{"type":"1","dst"', 4)).toThrow(Failure);
    expect(() => parseRoutes('{"type":"1"}', 4)).toThrow(Failure);
  });
});
