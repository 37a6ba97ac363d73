import type { DesiredLoadBalancer } from '../../model/desired.ts';
import { addressBits, addressOf, type Family, formatAddress, type Prefix } from '../../model/prefix.ts';
import { type AddressRange, prefixesOf, rangeHolds } from '../../model/range.ts';

/** Whether an address may be assigned from the pool: inside it and not excluded. */
export function isAssignable(pool: DesiredLoadBalancer, address: Prefix): boolean {
  return (
    pool.pool.some((range) => rangeHolds(range, address)) &&
    !pool.exclude.some((range) => rangeHolds(range, address))
  );
}

/**
 * The ends of a range that are never handed out on their own accord: the network and broadcast address of an IPv4
 * subnet, which some stacks refuse, and the Subnet-Router anycast address of an IPv6 one (RFC 4291, section 2.6.1).
 * A reservation or a request may still name them.
 */
function withoutSubnetEnds(range: AddressRange): AddressRange {
  const [only, ...rest] = prefixesOf(range);
  if (only === undefined || rest.length > 0 || only.length > addressBits(range.family) - 2) return range;
  return { ...range, first: range.first + 1n, last: range.family === 4 ? range.last - 1n : range.last };
}

/** A range without what the others take out of it, in order. */
export function subtract(range: AddressRange, taken: readonly AddressRange[]): AddressRange[] {
  const holes = taken
    .filter((hole) => hole.family === range.family && hole.first <= range.last && hole.last >= range.first)
    .sort((a, b) => (a.first < b.first ? -1 : 1));
  const left: AddressRange[] = [];
  let first = range.first;
  for (const hole of holes) {
    if (hole.first > first) left.push({ family: range.family, first, last: hole.first - 1n });
    if (hole.last >= first) first = hole.last + 1n;
  }
  if (first <= range.last) left.push({ family: range.family, first, last: range.last });
  return left;
}

/** Hands out the lowest free addresses of a pool, in spec order, each at most once. */
export class FreeAddresses {
  readonly #taken = new Set<string>();
  readonly #ranges: readonly AddressRange[];
  readonly #cursors: bigint[];

  constructor(pool: DesiredLoadBalancer) {
    this.#ranges = pool.pool.flatMap((range) => subtract(withoutSubnetEnds(range), pool.exclude));
    this.#cursors = this.#ranges.map((range) => range.first);
  }

  /** Marks an address as used; false when it already was. */
  take(address: string): boolean {
    if (this.#taken.has(address)) return false;
    this.#taken.add(address);
    return true;
  }

  /** Whether an address is used. */
  isTaken(address: string): boolean {
    return this.#taken.has(address);
  }

  /** Makes a taken address free again. */
  release(address: string): void {
    this.#taken.delete(address);
  }

  /** Takes the lowest free address of the family; null when none is left. */
  lowest(family: Family): string | null {
    for (const [index, range] of this.#ranges.entries()) {
      if (range.family !== family) continue;
      for (let value = this.#cursors[index] ?? range.first; value <= range.last; value++) {
        const address = addressOf(family, value);
        if (address !== null && this.take(formatAddress(address))) {
          this.#cursors[index] = value + 1n;
          return formatAddress(address);
        }
      }
      this.#cursors[index] = range.last + 1n;
    }
    return null;
  }

  /** How many addresses of the family the pool has, free or not. */
  size(family: Family): bigint {
    return this.#ranges
      .filter((range) => range.family === family)
      .reduce((sum, range) => sum + range.last - range.first + 1n, 0n);
  }
}
