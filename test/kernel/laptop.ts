import { open } from 'node:fs/promises';
import type { Answer, ObservedHost, Rule } from '../../src/model/observed.ts';
import { LinuxRouteTable } from '../../src/platform/linux/route-table.ts';
import type { HostIdentity, RouteChanger, RouteTable } from '../../src/platform/route-table.ts';
import { prepare } from '../helper/on-linux.ts';
import * as build from '../planner/build.ts';
import { createHost, type Host } from './netns.ts';
import { type Case, OTHER_TABLES, PROTOCOLS } from './tables.ts';

const IDENTITY: HostIdentity = { platform: 'linux', bootId: 'boot-1', networkNamespace: '1' };

const DEVICES = [
  ['eth0', '192.168.1.10/24', 'fd00:1::10/64'],
  ['virbr1', '192.168.39.1/24', 'fd00:39::1/64'],
  ['tun0', '10.8.0.42/24', 'fd00:8::42/64'],
] as const;

/** Rules as every host has them. */
const USUAL_RULES = ['rule add priority 32766 lookup main', 'rule add priority 32767 lookup default'];

/**
 * One network namespace whose routing table is laid anew for each case, with mkplan's own adapters: `ip` reads and
 * changes, the helper's guard looks at each change.
 */
export class Laptop {
  readonly routeTable: RouteTable;
  readonly #host: Host;

  private constructor(host: Host) {
    this.#host = host;
    const table = new LinuxRouteTable(host.processes, { user: 0, ipv6: true });
    this.routeTable = {
      capabilities: table.capabilities,
      identity: async () => IDENTITY,
      snapshot: (signal) => table.snapshot(signal),
      routesTo: (destinations, signal) => table.routesTo(destinations, signal),
      mainRoutes: (families, within) => table.mainRoutes(families, within),
      answers: (addresses, signal) => table.answers(addresses, signal),
    };
  }

  static async create(): Promise<Laptop> {
    const host = await createHost();
    const lines = DEVICES.flatMap(([name, ipv4, ipv6]) => [
      `link add ${name} type veth peer name ${name}-peer`,
      `link set ${name} addrgenmode none`,
      `link set ${name}-peer addrgenmode none`,
      `address add ${ipv4} dev ${name}`,
      `address add ${ipv6} dev ${name} nodad`,
      `link set ${name}-peer up`,
      `link set ${name} up`,
    ]);
    await host.must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
    return new Laptop(host);
  }

  close(): Promise<void> {
    return this.#host.close();
  }

  /** Lays the table of a case. What the kernel refuses of it, a gateway that it cannot reach say, is left out. */
  async lay({ rules, routes }: Case): Promise<void> {
    await Promise.all(
      ([4, 6] as const).map(async (family) => {
        const lines = [
          'rule flush',
          ...OTHER_TABLES.map((table) => `route flush table ${table}`),
          ...PROTOCOLS.map((protocol) => `route flush table main proto ${protocol}`),
          ...USUAL_RULES.slice(0, family === 4 ? 2 : 1),
          ...rules
            .filter((one) => one.family === family)
            .map((one) => `rule add priority ${one.priority} ${one.words}`),
          ...routes.filter((one) => one.family === family).map((one) => `route add ${one.words}`),
        ];
        await this.#host.run(['ip', `-${family}`, '-force', '-batch', '-'], {
          input: `${lines.join('\n')}\n`,
        });
      }),
    );
  }

  /** All rules and all routes of all tables, as text. */
  async dump(): Promise<string> {
    const families = ['-4', '-6'].map((family) =>
      this.#host.run(['ip', '-N', '-details', family, '-batch', '-'], {
        input: 'route show table all\nrule\n',
      }),
    );
    return (await Promise.all(families)).map(({ stdout }) => stdout).join('');
  }

  async answers(addresses: readonly string[]): Promise<readonly (Answer | null)[]> {
    return await this.routeTable.answers(addresses);
  }

  /** The host as a snapshot shows it; what the planner asks about is for the caller to say. */
  async observe(toAsk: (rules: readonly Rule[]) => readonly string[]): Promise<ObservedHost> {
    const snapshot = await this.routeTable.snapshot();
    const answers = await this.answers(toAsk(snapshot.rules));
    return {
      ...build.host(),
      ...IDENTITY,
      ...snapshot,
      answers: answers.filter((answer) => answer !== null),
    };
  }

  /** Changes routes as the helper does, without a process of its own. */
  async changer(): Promise<RouteChanger> {
    const lock = await open('/dev/null');
    return {
      start: () => undefined,
      take: async () => false,
      change: (changes) =>
        prepare(changes, {
          runner: this.#host.processes,
          ip: 'ip',
          lock: async () => lock.fd,
        })(),
      release: async () => undefined,
      close: () => lock.close(),
    };
  }
}
