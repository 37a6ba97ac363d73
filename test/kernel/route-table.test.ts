import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contains, formatPrefix } from '../../src/model/prefix.ts';
import { encodeRoute, type Route } from '../../src/model/route.ts';
import { LinuxRouteTable } from '../../src/platform/linux/route-table.ts';
import type { NetworkSnapshot } from '../../src/platform/route-table.ts';
import { createHost, type Host, requireNamespaces } from './netns.ts';

const forbidden = requireNamespaces();

/** One `ip` batch: a route of every type in both families, paths, rules and other tables. */
const TABLE = `
route add 10.1.0.0/16 via 192.168.39.10 metric 109 proto 109
route add 10.1.1.1/32 via 192.168.39.11 metric 109 proto 109
route add unreachable 10.2.0.0/24 metric 109 proto 109
route add blackhole 10.3.0.0/24
route add prohibit 10.4.0.0/24
route add throw 10.5.0.0/24
route add 10.6.0.0/24 tos 0x10 via 192.168.39.10
route add 10.7.0.0/24 nexthop via 192.168.39.10 weight 3 nexthop via 192.168.39.11
route add 10.8.0.0/24 via inet6 fd39::10 dev virbr0
route add 10.9.0.0/24 via 192.168.39.10 table 100
route add 10.10.0.0/24 dev virbr0
route add local 10.11.0.0/24 dev lo
route add 10.20.0.0/24 via 192.168.39.10 table 70000
route add default via 192.168.39.254
route add fd00:1::/64 via fd39::10 metric 109 proto 109
route add unreachable fd00:2::/64 metric 109 proto 109
route add blackhole fd00:3::/64
route add prohibit fd00:4::/64
route add throw fd00:5::/64
route add fd00:6::/64 nexthop via fd39::10 nexthop via fd39::11
route add anycast fd00:9::/64 dev virbr0
route add fd00:c::/64 via fd39::10 expires 300
nexthop add id 7 via 192.168.39.10 dev virbr0
route add 10.13.0.0/24 nhid 7
rule add pref 100 to 10.30.0.0/16 lookup 100
rule add pref 101 lookup main suppress_prefixlength 0
rule add pref 102 fwmark 0x10/0xff lookup 100
rule add pref 105 to 10.31.0.0/16 prohibit
route add 10.30.0.0/16 via 192.168.39.11 table 100
`;

describe.skipIf(forbidden !== null)(
  `the routing table of a kernel${forbidden === null ? '' : `: ${forbidden}`}`,
  () => {
    let host: Host;
    let table: LinuxRouteTable;
    let snapshot: NetworkSnapshot;

    beforeAll(async () => {
      host = await createHost();
      await host.addNeighbour('vm', {
        hostDevice: 'virbr0',
        hostAddress: ['192.168.39.1/24', 'fd39::1/64'],
        address: ['192.168.39.10/24', 'fd39::10/64'],
      });
      table = new LinuxRouteTable(host.processes, { user: 0, ipv6: true });
      await host.must(['ip', '-batch', '-'], { input: TABLE.trimStart() });
      snapshot = await table.snapshot();
    });
    afterAll(async () => {
      await host.close();
    });

    const at = (destination: string, routes = snapshot.routes) => {
      const found = routes.filter((route) => formatPrefix(route.destination) === destination);
      return found.map(encodeRoute);
    };

    test('every route that `ip` counts is read', async () => {
      const count = async (family: string) => {
        const dump = await host.must(['ip', '-json', family, 'route', 'show', 'table', 'all']);
        return (JSON.parse(dump) as unknown[]).length;
      };
      expect(snapshot.routes).toHaveLength((await count('-4')) + (await count('-6')));
    });

    test('routes of both families keep their whole key', () => {
      const key = { device: 'virbr0', metric: 109, protocol: 109 };
      expect(at('10.1.0.0/16')).toEqual([{ destination: '10.1.0.0/16', gateway: '192.168.39.10', ...key }]);
      expect(at('10.1.1.1/32')).toEqual([{ destination: '10.1.1.1/32', gateway: '192.168.39.11', ...key }]);
      expect(at('fd00:1::/64')).toEqual([{ destination: 'fd00:1::/64', gateway: 'fd39::10', ...key }]);
      expect(at('0.0.0.0/0')).toEqual([
        { destination: '0.0.0.0/0', gateway: '192.168.39.254', device: 'virbr0', protocol: 3 },
      ]);
    });

    test.each([
      ['10.2.0.0/24', 'unreachable', undefined],
      ['10.3.0.0/24', 'blackhole', undefined],
      ['10.4.0.0/24', 'prohibit', undefined],
      ['10.5.0.0/24', 'throw', undefined],
      ['10.11.0.0/24', 'local', 'lo'],
      ['192.168.39.255/32', 'broadcast', 'virbr0'],
      ['fd00:2::/64', 'unreachable', 'lo'],
      ['fd00:3::/64', 'blackhole', 'lo'],
      ['fd00:4::/64', 'prohibit', 'lo'],
      ['fd00:5::/64', 'throw', 'lo'],
      ['fd00:9::/64', 'anycast', 'virbr0'],
      ['ff00::/8', 'multicast', 'virbr0'],
    ])('%s is of type %s, on %s', (destination, type, device) => {
      const [document] = at(destination);
      expect(document?.type).toBe(type);
      expect(document?.device).toBe(device);
    });

    test('paths, nexthop objects and gateways of the other family are kept', () => {
      expect(at('10.7.0.0/24')[0]?.nextHops).toEqual([
        { gateway: '192.168.39.10', device: 'virbr0', weight: 3 },
        { gateway: '192.168.39.11', device: 'virbr0', weight: 1 },
      ]);
      expect(at('fd00:6::/64')[0]?.nextHops).toHaveLength(2);
      expect(at('10.13.0.0/24')[0]?.nextHops).toEqual([
        { gateway: '192.168.39.10 nhid 7', device: 'virbr0', weight: 1 },
      ]);
      expect(at('10.8.0.0/24')[0]?.gateway).toBe('fd39::10');
    });

    test('tos and other tables are told apart', () => {
      expect(at('10.6.0.0/24')[0]?.tos).toBe(16);
      expect(at('10.9.0.0/24')[0]?.table).toBe(100);
      expect(at('10.20.0.0/24')[0]?.table).toBe(70_000);
    });

    test('rules come in the order in which the kernel asks them', () => {
      const rules = snapshot.rules.filter(({ family }) => family === 4);
      expect(rules.map(({ priority }) => priority)).toEqual([0, 100, 101, 102, 105, 32_766, 32_767]);
      expect(rules.slice(1, 5)).toMatchObject([
        { table: 100, selector: 'to 10.30.0.0/16' },
        { table: 254, suppressPrefixLength: 0, selector: '' },
        { table: 100, selector: 'fwmark 0x10 fwmask 0xff' },
        { table: null, selector: 'to 10.31.0.0/16 prohibit' },
      ]);
    });

    test('links and addresses are those of the host', () => {
      expect(snapshot.links).toEqual([
        { name: 'lo', up: true },
        { name: 'virbr0', up: true },
      ]);
      const shown = snapshot.addresses.map(({ address, network }) => `${address} ${formatPrefix(network)}`);
      expect(shown).toEqual(expect.arrayContaining(['192.168.39.1 192.168.39.0/24', 'fd39::1 fd39::/64']));
    });

    test('mainRoutes are those of the snapshot that are in table main', async () => {
      const main = snapshot.routes.filter((route: Route) => route.table === 254);
      expect(await table.mainRoutes()).toEqual(main);
    });

    test('routes to some destinations are those of the snapshot, of every table and type, and no others', async () => {
      const byText = (route: Route) => formatPrefix(route.destination);
      const destinations = [
        ...new Map(snapshot.routes.map((route) => [byText(route), route.destination])).values(),
      ];
      expect(destinations.length).toBeGreaterThan(20);
      const order = (routes: readonly Route[]) =>
        routes.map((route) => JSON.stringify(encodeRoute(route))).sort();
      const toAll = destinations.map((destination) => ({ destination, protocol: null }));
      expect(order(await table.routesTo(toAll))).toEqual(order(snapshot.routes));
      const [one] = destinations;
      if (one === undefined) throw new Error('the host has routes');
      const expected = snapshot.routes.filter((route) => byText(route) === formatPrefix(one));
      expect(order(await table.routesTo([{ destination: one, protocol: null }]))).toEqual(order(expected));
      expect(await table.routesTo([])).toEqual([]);
      const byProtocol = snapshot.routes.map(({ destination, protocol }) => ({ destination, protocol }));
      const distinct = new Map(
        byProtocol.map((query) => [`${formatPrefix(query.destination)} ${query.protocol}`, query]),
      );
      expect(order(await table.routesTo([...distinct.values()]))).toEqual(order(snapshot.routes));
    });

    test('within a range, table main is what the snapshot has there', async () => {
      const order = (routes: readonly Route[]) =>
        routes.map((route) => JSON.stringify(encodeRoute(route))).sort();
      for (const { destination } of snapshot.routes) {
        const expected = snapshot.routes.filter(
          (route) => route.table === 254 && contains(destination, route.destination),
        );
        expect(order(await table.mainRoutes([destination.family], [destination]))).toEqual(order(expected));
      }
    });

    test('the kernel is asked who gets each address, and its answers are told apart', async () => {
      const answer = (type: string, gateway: string | null, device: string | null, number: number | null) =>
        expect.objectContaining({ type, gateway, device, table: number });
      const asked: [string, unknown][] = [
        ['10.1.0.1', answer('unicast', '192.168.39.10', 'virbr0', 254)],
        ['10.1.1.1', answer('unicast', '192.168.39.11', 'virbr0', 254)],
        ['10.2.0.1', answer('unreachable', null, null, null)],
        ['10.3.0.1', answer('blackhole', null, null, null)],
        ['10.4.0.1', answer('prohibit', null, null, null)],
        ['10.5.0.1', null],
        ['10.8.0.1', answer('unicast', 'fd39::10', 'virbr0', 254)],
        ['10.10.0.1', answer('unicast', null, 'virbr0', 254)],
        ['10.11.0.1', answer('local', null, 'lo', 255)],
        ['10.30.0.1', answer('unicast', '192.168.39.11', 'virbr0', 100)],
        ['10.31.0.1', answer('prohibit', null, null, null)],
        ['192.168.39.1', answer('local', null, 'lo', 255)],
        ['203.0.113.1', answer('unicast', '192.168.39.254', 'virbr0', 254)],
        ['fd00:1::1', answer('unicast', 'fd39::10', 'virbr0', 254)],
        ['fd00:2::1', answer('unreachable', null, null, null)],
        ['fd00:3::1', answer('blackhole', null, null, null)],
        ['fd00:4::1', answer('prohibit', null, null, null)],
        ['fd00:5::1', null],
        ['fd39::1', answer('local', null, 'lo', 255)],
        ['2001:db8::1', null],
        ['10.1.0.1', answer('unicast', '192.168.39.10', 'virbr0', 254)],
      ];
      const addresses = asked.map(([address]) => address);
      const answers = await table.answers(addresses);
      expect(answers).toEqual(asked.map(([, expected]) => expected));
      expect(answers.map((one, index) => one?.address ?? addresses[index])).toEqual(addresses);
    });

    test('a namespace that has no route at all is empty, and not a failure', async () => {
      const empty = await createHost();
      try {
        const routes = await new LinuxRouteTable(empty.processes, { user: 0, ipv6: true }).mainRoutes();
        expect(routes).toEqual([]);
      } finally {
        await empty.close();
      }
    });

    test('a table of thousands of routes is read whole while others change it', async () => {
      const batch = (op: string) =>
        Array.from(
          { length: 5000 },
          (_, index) =>
            `route ${op} 10.50.${Math.floor(index / 256)}.${index % 256}/32 via 192.168.39.10 proto 4`,
        ).join('\n');
      const before = (await table.mainRoutes()).length;
      const adding = host.must(['ip', '-batch', '-'], { input: `${batch('add')}\n` });
      await table.mainRoutes();
      await adding;
      expect(await table.mainRoutes()).toHaveLength(before + 5000);
      await host.must(['ip', '-batch', '-'], { input: `${batch('del')}\n` });
      expect(await table.mainRoutes()).toHaveLength(before);
    });
  },
);
