import { PassThrough } from 'node:stream';
import { prepareGuarded } from '../../src/helper/prepare.ts';
import { encodeResponse } from '../../src/helper/protocol.ts';
import { serve } from '../../src/helper/serve.ts';
import type { Answer } from '../../src/model/observed.ts';
import { contains, formatPrefix, parseAddress, samePrefix } from '../../src/model/prefix.ts';
import { decodeRoute, type Route } from '../../src/model/route.ts';
import type { Platform } from '../../src/platform/platform.ts';
import type { HostChange } from '../../src/platform/route-events.ts';
import type { RouteChange } from '../../src/platform/route-table.ts';

const DEVICE = 'Ethernet 3';
/** The network that this host is in. */
const LAN = decodeRoute({ destination: '192.168.39.0/24', device: DEVICE, metric: 281 });

function byHand(verb: string) {
  return ({ destination }: Route) => `${verb}-NetRoute ${formatPrefix(destination)}`;
}

/**
 * A third operating system, all of it in memory, with other rules than Linux: its routes have no protocol, and nothing can
 * close a pool; a route is told apart by destination and next hop, so that two with one metric may stand side by side; its
 * helper is no process. It is the smallest example of a platform.
 */
export class ThirdPlatform implements Platform {
  readonly name = 'win32';
  /** Routes that the system refuses to add, by destination. */
  readonly refused = new Set<string>();
  readonly #capabilities = { protocols: false, guards: false, hostContainers: false };
  readonly #listeners = new Set<(change: HostChange) => void>();
  #routes: readonly Route[] = [
    decodeRoute({ destination: '0.0.0.0/0', gateway: '192.168.39.254', device: DEVICE, metric: 25 }),
    LAN,
  ];

  /** Destinations in the table, in order. */
  get destinations(): readonly string[] {
    return this.#routes.map(({ destination }) => formatPrefix(destination)).sort();
  }

  /** Somebody deletes the routes to a destination. */
  remove(destination: string): void {
    const gone = this.#routes.filter((route) => formatPrefix(route.destination) === destination);
    this.#routes = this.#routes.filter((route) => !gone.includes(route));
    for (const route of gone) this.#tell(route, true);
  }

  readonly routeTable: Platform['routeTable'] = {
    capabilities: this.#capabilities,
    words: { show: byHand('Get'), remove: byHand('Remove'), restore: byHand('New'), explain: () => null },
    identity: async () => ({ platform: this.name, bootId: 'boot-1', networkNamespace: 'host' }),
    snapshot: async () => ({
      rules: [],
      routes: this.#routes,
      links: [{ name: DEVICE, up: true }],
      addresses: [{ address: '192.168.39.1', network: LAN.destination, device: DEVICE }],
    }),
    routesTo: async (asked) =>
      this.#routes.filter((route) =>
        asked.some(({ destination }) => samePrefix(destination, route.destination)),
      ),
    mainRoutes: async () => this.#routes,
    answers: async (addresses) => addresses.map((address) => this.#answer(address)),
  };

  readonly routeEvents: Platform['routeEvents'] = {
    listen: (onChange) => {
      this.#listeners.add(onChange);
      return { ready: Promise.resolve(), stop: async () => void this.#listeners.delete(onChange) };
    },
  };

  readonly processes: Platform['processes'] = {
    self: async () => ({ pid: process.pid, startTime: '1' }),
    isAlive: async (pid, startTime) => pid === process.pid && startTime === '1',
    nameOf: async () => null,
    descriptors: () => null,
  };

  readonly host: Platform['host'] = {
    machineId: async () => '0123456789abcdef0123456789abcdef',
    critical: async () => [{ kind: 'dns-server', address: '192.168.39.254', detail: 'of the adapter' }],
  };

  /** Only one mkplan runs on it. */
  readonly locks: Platform['locks'] = { tryLock: async () => true };

  readonly elevation: Platform['elevation'] = {
    stream: (_helper, onLine) => {
      const input = new PassThrough();
      const served = serve({
        input,
        respond: (response) => {
          onLine(encodeResponse(response).trimEnd());
          return true;
        },
        prepare: (changes) =>
          prepareGuarded(changes, {
            system: { capabilities: this.#capabilities, isDeviceName: (name) => name === DEVICE },
            allowed: [],
            prepare: (passed) => async () =>
              passed.flatMap((change, index) => this.#change(change).map((message) => ({ index, message }))),
          }),
        take: async () => undefined,
        release: () => undefined,
        stopping: () => false,
      });
      const end = () => void input.end();
      const write = (text: string) => void input.write(text);
      return {
        pid: null,
        write,
        end,
        kill: end,
        leave: end,
        exit: served.then(() => ({ code: 0, stderr: '' })),
      };
    },
    refusal: () => null,
  };

  /** Makes a change; says why not, where it does not. */
  #change({ op, route }: RouteChange): string[] {
    const isRow = (other: Route) =>
      samePrefix(other.destination, route.destination) && other.gateway === route.gateway;
    const row = this.#routes.find((other) => isRow(other));
    if (op === 'add' && this.refused.has(formatPrefix(route.destination))) return ['5: access is denied'];
    if (op === 'add' && row !== undefined) return ['5010: the object already exists'];
    if (op === 'delete' && row === undefined) return ['1168: element not found'];
    this.#routes = op === 'add' ? [...this.#routes, route] : this.#routes.filter((other) => other !== row);
    this.#tell(route, op === 'delete');
    return [];
  }

  #tell({ destination, gateway, device, metric, protocol }: Route, isRemoved: boolean): void {
    const news = { isRemoved, gateway, device, metric };
    for (const hear of this.#listeners) hear({ kind: 'routes', destinations: [destination], protocol, news });
  }

  #answer(text: string): Answer | null {
    const address = parseAddress(text);
    const [best] = this.#routes
      .filter(({ destination }) => address !== null && contains(destination, address))
      .sort((a, b) => b.destination.length - a.destination.length || a.metric - b.metric);
    if (best === undefined) return null;
    const { table, type, gateway, device } = best;
    return { address: text, table, type, gateway, device };
  }
}
