import type { HostAddress, ObservedHost } from '../../model/observed.ts';
import { contains, type Prefix, parseAddress } from '../../model/prefix.ts';
import { MAIN_TABLE, type Route } from '../../model/route.ts';

/** Which next hops this host reaches; each address is looked up once. */
export class Reach {
  readonly #host: ObservedHost;
  readonly #devices = new Map<string, string | null>();

  constructor(host: ObservedHost) {
    this.#host = host;
  }

  /** The device of the host's network that an address is on; null when it is on none of them, and no next hop. */
  deviceTowards(address: string): string | null {
    const known = this.#devices.get(address);
    if (known !== undefined) return known;
    const device = deviceTowards(this.#host, address);
    this.#devices.set(address, device);
    return device;
  }

  /** Whether the kernel takes an address for a next hop, and it is another machine's. */
  isNextHop(address: string): boolean {
    return this.deviceTowards(address) !== null && !this.isOwn(address);
  }

  /** Whether the address is on a network that this host has an address in, too; a VPN's route makes more than that on-link. */
  isNeighbour(text: string): boolean {
    const address = parseAddress(text);
    return address !== null && this.#host.addresses.some(({ network }) => contains(network, address));
  }

  /** Whether this host itself has the address. */
  isOwn(address: string): boolean {
    return this.#host.addresses.some((own) => own.address === address);
  }
}

/**
 * The device of the route by which the kernel checks a next hop and sends to it: of table main's on-link routes the longest,
 * then the one with the lowest metric, then the one that was made first, as the kernel lists them (fib_table_lookup,
 * rt6_select). A link that is down has no routes until it is up again, so its addresses stand for them.
 */
function deviceTowards(host: ObservedHost, gateway: string): string | null {
  const address = parseAddress(gateway);
  if (address === null) return null;
  let best: Route | null = null;
  for (const route of host.routes) {
    if (isOnLink(route) && contains(route.destination, address) && isBetter(route, best)) best = route;
  }
  const own = ownNetwork(host, address, best !== null);
  const isOwnLonger = own !== null && own.network.length > (best?.destination.length ?? 0);
  return (isOwnLonger ? own : best)?.device ?? null;
}

/** A wide route that leads everything into a device, such as a VPN's, is on-link to nothing in particular. */
function isOnLink({ type, table, tos, gateway, device, nextHops, destination }: Route): boolean {
  const isOrdinary = type === 'unicast' && table === MAIN_TABLE && tos === 0 && nextHops.length === 0;
  return isOrdinary && gateway === null && device !== null && destination.length > 0;
}

function isBetter(route: Route, best: Route | null): boolean {
  if (best === null) return true;
  const longer = route.destination.length - best.destination.length;
  return longer > 0 || (longer === 0 && route.metric < best.metric);
}

/** Beside a route only links that are down count: an up link's address without a route was added with `noprefixroute`. */
function ownNetwork(
  { addresses, links }: ObservedHost,
  address: Prefix,
  isBesideRoute: boolean,
): HostAddress | null {
  const down = new Set(links.flatMap(({ name, up }) => (up ? [] : [name])));
  let best: HostAddress | null = null;
  for (const own of addresses) {
    if ((isBesideRoute && !down.has(own.device)) || !contains(own.network, address)) continue;
    if (own.network.length > (best?.network.length ?? -1)) best = own;
  }
  return best;
}
