import { formatPrefix, type Prefix, samePrefix } from '../model/prefix.ts';
import type { HostChange } from '../platform/route-events.ts';
import type { NetworkSnapshot, RouteTable } from '../platform/route-table.ts';

/** Past so many destinations the whole is read anew: each costs the kernel a walk over its table. */
const MOST_DESTINATIONS = 8;

/** The host's routing, kept in memory: only the destinations that an event touched are read anew. */
export class LiveNetwork {
  readonly #routeTable: RouteTable;
  #network: NetworkSnapshot | null = null;
  /** Destinations to read anew, by CIDR. */
  #touched = new Map<string, Prefix>();
  /** Counts how often anything may have changed, so that what was read meanwhile is used, but not kept. */
  #wholes = 0;

  constructor(routeTable: RouteTable) {
    this.#routeTable = routeTable;
  }

  /** Takes note of what may have changed. */
  touch(change: HostChange): void {
    if (change.kind === 'routes') {
      for (const one of change.destinations) this.#touched.set(formatPrefix(one), one);
      return;
    }
    this.#wholes++;
    this.#network = null;
  }

  /** The same value as long as nothing was touched. Throws a Failure when the host cannot be read. */
  async read(signal: AbortSignal): Promise<NetworkSnapshot> {
    if (this.#touched.size > MOST_DESTINATIONS) this.#network = null;
    const known = this.#network;
    if (known !== null && this.#touched.size === 0) return known;
    const touched = [...this.#touched.values()];
    // What is touched while this is read is read anew the next time; and where reading fails, nothing is known.
    this.#touched = new Map();
    this.#network = null;
    const wholes = this.#wholes;
    const network =
      known === null ? await this.#routeTable.snapshot(signal) : await this.#reread(known, touched, signal);
    if (wholes === this.#wholes) this.#network = network;
    return network;
  }

  async #reread(
    known: NetworkSnapshot,
    touched: readonly Prefix[],
    signal: AbortSignal,
  ): Promise<NetworkSnapshot> {
    const found = await this.#routeTable.routesTo(touched, signal);
    const kept = known.routes.filter(
      ({ destination }) => !touched.some((one) => samePrefix(one, destination)),
    );
    return { ...known, routes: [...kept, ...found] };
  }
}
