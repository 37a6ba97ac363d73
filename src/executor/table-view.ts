import type { Plan } from '../model/plan.ts';
import type { Family, Prefix } from '../model/prefix.ts';
import { type Route, routeKey } from '../model/route.ts';

/** A route together with its key, which costs too much to make twice. */
export interface KeyedRoute {
  readonly key: string;
  readonly route: Route;
}

type DestinationKey = number | string;

/** A destination as a map key. IPv4 fits a number: 32 bits of address, 6 of length. */
function destinationKey(prefix: Prefix): DestinationKey {
  return prefix.family === 4
    ? prefix.start * 64 + prefix.length
    : `${prefix.start.toString(36)}/${prefix.length}`;
}

/**
 * A reread of the routing table, as far as some destinations go: the rest of it may be a hundred thousand
 * foreign routes, of which no key is made. Only exact destinations count, not what lies inside them.
 */
export class TableView {
  /** Only of those destinations that have a route. */
  readonly #byDestination = new Map<DestinationKey, KeyedRoute[]>();
  readonly #keys = new Set<string>();

  constructor(routes: Iterable<Route>, destinations: Iterable<Prefix>) {
    const wanted = new Set<DestinationKey>();
    for (const destination of destinations) wanted.add(destinationKey(destination));
    for (const route of routes) {
      const destination = destinationKey(route.destination);
      if (!wanted.has(destination)) continue;
      // Not remembered with the route, which the next reread makes anew.
      const key = routeKey(route);
      this.#keys.add(key);
      const here = this.#byDestination.get(destination);
      if (here === undefined) this.#byDestination.set(destination, [{ key, route }]);
      else here.push({ key, route });
    }
  }

  /** Whether the table has a route of exactly this key. */
  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** The routes to exactly this destination. */
  at(destination: Prefix): readonly KeyedRoute[] {
    return this.#byDestination.get(destinationKey(destination)) ?? [];
  }

  /**
   * The other route that stands where this one would: an exclusive `add` is refused where destination, tos and
   * metric are taken. Null where the place is free or holds the route itself.
   */
  inPlaceOf({ key, route }: KeyedRoute): KeyedRoute | null {
    const taken = this.at(route.destination).find(
      (other) => other.key !== key && other.route.metric === route.metric && other.route.tos === route.tos,
    );
    return taken ?? null;
  }
}

/** The families of the routes that a plan changes or adopts. */
export function familiesOf(plan: Plan): Family[] {
  const found = new Set<Family>();
  for (const step of plan.steps) {
    if (step.kind !== 'route' || step.action === 'none') continue;
    for (const route of [step.before, step.after]) if (route !== null) found.add(route.destination.family);
  }
  return [...found];
}
