import type { ObservedHost } from '../../model/observed.ts';
import { contains, parseAddress } from '../../model/prefix.ts';
import { MAIN_TABLE } from '../../model/route.ts';

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

function deviceTowards(host: ObservedHost, gateway: string): string | null {
  const address = parseAddress(gateway);
  if (address === null) return null;
  let best: { length: number; device: string } | null = null;
  for (const network of host.addresses) {
    if (contains(network.network, address) && network.network.length > (best?.length ?? -1)) {
      best = { length: network.network.length, device: network.device };
    }
  }
  // A route without a gateway also makes addresses on-link (point-to-point devices, `onlink` host routes).
  for (const route of host.routes) {
    const onLink = route.gateway === null && route.type === 'unicast' && route.table === MAIN_TABLE;
    if (
      onLink &&
      route.device !== null &&
      route.nextHops.length === 0 &&
      route.destination.length > (best?.length ?? 0)
    ) {
      if (contains(route.destination, address))
        best = { length: route.destination.length, device: route.device };
    }
  }
  return best?.device ?? null;
}
