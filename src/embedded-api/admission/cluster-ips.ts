import {
  addressOf,
  contains,
  type Family,
  formatAddress,
  lastOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../model/prefix.ts';

/** What the API says of a text that is not an address. */
export const NO_ADDRESS = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

/** Hands out clusterIPs of the cluster's service CIDRs, lowest first. */
export class ClusterIpAllocator {
  readonly #cidrs: readonly Prefix[];
  readonly #taken = new Set<string>();
  /** Per CIDR, an offset below which everything is taken. */
  readonly #from: bigint[];

  /** Throws a RangeError for a CIDR that is not canonical. */
  constructor(cidrs: readonly string[]) {
    this.#cidrs = cidrs.map((cidr) => {
      const prefix = parsePrefix(cidr);
      if (prefix === null) throw new RangeError(`not a canonical CIDR: ${cidr}`);
      return prefix;
    });
    // The network's own address is never handed out.
    this.#from = this.#cidrs.map(() => 1n);
  }

  /** Families in the order of the CIDRs: the first is the cluster's default. */
  families(): Family[] {
    return [...new Set(this.#cidrs.map((cidr) => cidr.family))];
  }

  /** The lowest free address of a family, now taken; null when there is none. */
  lowestFree(family: Family): string | null {
    for (const [index, cidr] of this.#cidrs.entries()) {
      if (cidr.family !== family) continue;
      const size = BigInt(lastOf(cidr)) - BigInt(cidr.start) + 1n;
      // The last IPv4 address of a network is its broadcast address; IPv6 has none.
      const end = family === 4 ? size - 1n : size;
      for (let offset = this.#from[index] ?? 1n; offset < end; offset++) {
        const address = addressOf(family, BigInt(cidr.start) + offset);
        const text = address === null ? '' : formatAddress(address);
        if (this.#taken.has(text)) continue;
        this.#taken.add(text);
        this.#from[index] = offset + 1n;
        return text;
      }
    }
    return null;
  }

  /** Takes the given address. Returns why it cannot be had, or null. */
  take(text: string): string | null {
    const address = parseAddress(text);
    if (address === null) return NO_ADDRESS;
    const canonical = formatAddress(address);
    if (!this.#cidrs.some((cidr) => contains(cidr, address))) {
      return `failed to allocate IP ${text}: the provided network does not match the current range`;
    }
    if (this.#taken.has(canonical)) return `failed to allocate IP ${text}: provided IP is already allocated`;
    this.#taken.add(canonical);
    return null;
  }

  /** Gives addresses back. */
  release(addresses: readonly string[]): void {
    for (const text of addresses) {
      const address = parseAddress(text);
      if (address === null) continue;
      this.#taken.delete(formatAddress(address));
      for (const [index, cidr] of this.#cidrs.entries()) {
        if (!contains(cidr, address)) continue;
        const offset = BigInt(address.start) - BigInt(cidr.start);
        if (offset < (this.#from[index] ?? 1n)) this.#from[index] = offset;
      }
    }
  }
}
