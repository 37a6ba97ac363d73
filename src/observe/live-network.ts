import { formatPrefix, type Prefix, samePrefix } from '../model/prefix.ts';
import type { Route } from '../model/route.ts';
import type { HostChange } from '../platform/route-events.ts';
import type { NetworkSnapshot, RouteQuery, RouteTable } from '../platform/route-table.ts';

/** Past so many destinations the whole is read anew: each costs the kernel a walk over its table. */
const MOST_DESTINATIONS = 8;

/** A destination to read anew. */
interface Touched {
  readonly destination: Prefix;
  /** Of the routes that were told of; null once one did not tell its own. */
  protocols: Set<number> | null;
}

/** The host's routing, kept in memory: only the destinations that an event touched are read anew. */
export class LiveNetwork {
  readonly #routeTable: RouteTable;
  #network: NetworkSnapshot | null = null;
  /** By CIDR. */
  #touched = new Map<string, Touched>();
  /** Counts how often anything may have changed, so that what was read meanwhile is used, but not kept. */
  #wholes = 0;

  constructor(routeTable: RouteTable) {
    this.#routeTable = routeTable;
  }

  /** Takes note of what may have changed. */
  touch(change: HostChange): void {
    if (change.kind === 'routes') {
      for (const destination of change.destinations) this.#touch(destination, change.protocol);
      return;
    }
    this.#wholes++;
    this.#network = null;
  }

  #touch(destination: Prefix, protocol: number | null): void {
    const name = formatPrefix(destination);
    const touched = this.#touched.get(name) ?? { destination, protocols: new Set() };
    if (protocol === null) touched.protocols = null;
    else touched.protocols?.add(protocol);
    this.#touched.set(name, touched);
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
    touched: readonly Touched[],
    signal: AbortSignal,
  ): Promise<NetworkSnapshot> {
    const kept: Route[] = [];
    for (const route of known.routes) {
      const one = touchedAt(touched, route.destination);
      if (one === null) kept.push(route);
      // A route may have been replaced by the one that was told of: no event tells that it is gone.
      else one.protocols?.add(route.protocol);
    }
    const asked = touched.flatMap(({ destination, protocols }): RouteQuery[] =>
      protocols === null
        ? [{ destination, protocol: null }]
        : [...protocols].map((protocol) => ({ destination, protocol })),
    );
    return { ...known, routes: [...kept, ...(await this.#routeTable.routesTo(asked, signal))] };
  }
}

/** What is touched at a destination; without a function for each of a hundred thousand routes. */
function touchedAt(touched: readonly Touched[], destination: Prefix): Touched | null {
  for (const one of touched) if (samePrefix(one.destination, destination)) return one;
  return null;
}
