import {
  addressBits,
  addressOf,
  type Family,
  formatAddress,
  formatPrefix,
  lastOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from './prefix.ts';

/** A run of addresses, both ends included. Bigint for both families: ranges are few and never on a hot path. */
export interface AddressRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** The range that a prefix spans. */
export function rangeOf(prefix: Prefix): AddressRange {
  return { family: prefix.family, first: BigInt(prefix.start), last: BigInt(lastOf(prefix)) };
}

/** Whether two ranges share an address; never across families. */
export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** Whether a range holds the first address of a prefix. */
export function rangeHolds(range: AddressRange, address: Prefix): boolean {
  const value = BigInt(address.start);
  return range.family === address.family && range.first <= value && value <= range.last;
}

/** The fewest prefixes that cover exactly this range, in order (RFC 4632, section 5.1). */
export function prefixesOf(range: AddressRange): Prefix[] {
  const bits = addressBits(range.family);
  const found: Prefix[] = [];
  let first = range.first;
  while (first <= range.last) {
    let size = 1n;
    let length: number = bits;
    while (length > 0 && first % (size * 2n) === 0n && first + size * 2n - 1n <= range.last) {
      size *= 2n;
      length--;
    }
    const start = addressOf(range.family, first);
    if (start === null) break;
    found.push({ ...start, length } as Prefix);
    first += size;
  }
  return found;
}

/** The inverse of {@link formatRange}; null for what is not a range. */
export function parseRange(text: string): AddressRange | null {
  const prefix = parsePrefix(text);
  if (prefix !== null) return rangeOf(prefix);
  const [first, last, ...rest] = text.split('-').map((end) => parseAddress(end));
  if (!first || !last || rest.length > 0 || first.family !== last.family) return null;
  return { family: first.family, first: BigInt(first.start), last: BigInt(last.start) };
}

/** CIDR notation where the range is one prefix, else `FIRST-LAST`; the inverse of how specs write pools. */
export function formatRange(range: AddressRange): string {
  const [only, ...rest] = prefixesOf(range);
  if (only !== undefined && rest.length === 0) return formatPrefix(only);
  const first = addressOf(range.family, range.first);
  const last = addressOf(range.family, range.last);
  return first === null || last === null ? '' : `${formatAddress(first)}-${formatAddress(last)}`;
}
