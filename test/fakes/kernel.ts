import type { Answer } from '../../src/model/observed.ts';
import {
  contains,
  type Family,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  samePrefix,
} from '../../src/model/prefix.ts';
import { MAIN_TABLE, type Route, routeKey } from '../../src/model/route.ts';
import { ALL_CAPABILITIES } from '../../src/model/system.ts';
import type {
  ChangeFailure,
  HostIdentity,
  NetworkSnapshot,
  RouteChange,
  RouteChanger,
  RouteQuery,
  RouteTable,
} from '../../src/platform/route-table.ts';
import { Faults } from './faults.ts';

/**
 * A routing table with the kernel's rules: an add is exclusive in destination, tos and metric; a delete names
 * the whole key; a gateway has to be on a network of the host.
 */
export class FakeKernel implements RouteTable, RouteChanger {
  readonly capabilities = ALL_CAPABILITIES;
  faults = new Faults();
  bootId = 'boot-1';
  networkNamespace = '4026531840';
  readonly unreachable = new Set<string>();
  /** Thrown by the changer once it has made this many more changes; null for never. */
  gone: { after: number; error: Error } | null = null;
  /** Changes that were tried, in order. */
  readonly tried: RouteChange[] = [];
  started = 0;
  released = 0;
  /** How often it was told to keep others from changing routes. */
  taken = 0;
  readonly #routes = new Map<string, Route>();

  constructor(routes: Iterable<Route> = []) {
    for (const route of routes) this.#routes.set(routeKey(route), route);
  }

  /** Somebody else's change, or the test's own look. */
  insert(route: Route): void {
    this.#routes.set(routeKey(route), route);
  }

  remove(route: Route): void {
    this.#routes.delete(routeKey(route));
  }

  has(route: Route): boolean {
    return this.#routes.has(routeKey(route));
  }

  keys(): string[] {
    return [...this.#routes.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  /** Hears of what was changed through it, as whoever listens to the kernel does. */
  onChange: () => void = () => undefined;

  async identity(): Promise<HostIdentity> {
    return { platform: 'linux', bootId: this.bootId, networkNamespace: this.networkNamespace };
  }

  async routesTo(asked: readonly RouteQuery[]): Promise<readonly Route[]> {
    const { routes } = await this.snapshot();
    return routes.filter((route) =>
      asked.some(
        ({ destination, protocol }) =>
          samePrefix(destination, route.destination) && (protocol === null || protocol === route.protocol),
      ),
    );
  }

  async snapshot(): Promise<NetworkSnapshot> {
    return { rules: [], routes: [...this.#routes.values()], links: [], addresses: [] };
  }

  async mainRoutes(
    families: readonly Family[] = [4, 6],
    within: readonly Prefix[] | null = null,
  ): Promise<readonly Route[]> {
    this.faults.step('kernel.mainRoutes');
    return [...this.#routes.values()].filter(
      ({ table, destination }) =>
        table === MAIN_TABLE &&
        families.includes(destination.family) &&
        (within === null || within.some((range) => contains(range, destination))),
    );
  }

  async answers(addresses: readonly string[]): Promise<readonly (Answer | null)[]> {
    this.faults.step('kernel.answers');
    return addresses.map((address) => this.#answer(address));
  }

  #answer(text: string): Answer | null {
    const address = parseAddress(text);
    if (address === null) throw new RangeError(text);
    const [best] = [...this.#routes.values()]
      .filter((route) => contains(route.destination, address))
      .sort((a, b) => b.destination.length - a.destination.length || a.metric - b.metric);
    if (best === undefined) return null;
    return {
      address: formatAddress(address),
      table: best.table,
      type: best.type,
      gateway: best.gateway,
      device: best.device,
    };
  }

  async change(changes: readonly RouteChange[]): Promise<readonly ChangeFailure[]> {
    const failures: ChangeFailure[] = [];
    for (const [index, change] of changes.entries()) {
      this.faults.step(`kernel.${change.op} ${formatPrefix(change.route.destination)}`);
      if (this.gone !== null && this.gone.after-- <= 0) {
        const { error } = this.gone;
        this.gone = null;
        throw error;
      }
      this.tried.push(change);
      const message = change.op === 'add' ? this.#add(change.route) : this.#delete(change.route);
      if (message !== null) failures.push({ index, message });
      else this.onChange();
    }
    this.faults.step('kernel.reply');
    return failures;
  }

  start(): void {
    this.started++;
  }

  async take(): Promise<boolean> {
    this.taken++;
    return true;
  }

  async close(): Promise<void> {
    await this.release();
  }

  async release(): Promise<void> {
    this.released++;
  }

  #add(route: Route): string | null {
    if (route.gateway !== null && this.unreachable.has(route.gateway)) {
      return 'Error: Nexthop has invalid gateway.';
    }
    return this.insertNew(route) ? null : 'RTNETLINK answers: File exists';
  }

  /** An exclusive add by whoever; false where its place is taken. */
  insertNew(route: Route): boolean {
    const isTaken = [...this.#routes.values()].some(
      (other) =>
        samePrefix(other.destination, route.destination) &&
        other.metric === route.metric &&
        other.tos === route.tos &&
        other.table === route.table,
    );
    if (!isTaken) this.insert(route);
    return !isTaken;
  }

  #delete(route: Route): string | null {
    return this.#routes.delete(routeKey(route)) ? null : 'RTNETLINK answers: No such process';
  }
}
