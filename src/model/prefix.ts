/**
 * Prefix arithmetic. A prefix is held as numbers, so that the planner can sort and compare
 * a hundred thousand of them: IPv4 as an unsigned 32-bit number, IPv6 as a 128-bit bigint.
 * An address is a prefix of full length (/32 or /128).
 */

export type Family = 4 | 6;

export interface Ipv4Prefix {
  readonly family: 4;
  /** First address, as an unsigned 32-bit number. */
  readonly start: number;
  /** 0 to 32. */
  readonly length: number;
}

export interface Ipv6Prefix {
  readonly family: 6;
  /** First address, as an unsigned 128-bit number. */
  readonly start: bigint;
  /** 0 to 128. */
  readonly length: number;
}

export type Prefix = Ipv4Prefix | Ipv6Prefix;

const IPV6_MAX = (1n << 128n) - 1n;

/** Number of bits in an address of the family: 32 or 128. */
export function addressBits(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

const DOT = 46;
const ZERO = 48;
const NO_DIGIT = -1;

/**
 * The dotted address before `end`, as a number; null when it is none. A leading zero is refused: some read 010 as octal
 * (RFC 6943, 3.1.1). In one pass and without parts, since a routing table may have a hundred thousand.
 */
function parseIpv4(text: string, end = text.length): number | null {
  let start = 0;
  let octet = NO_DIGIT;
  let dots = 0;
  for (let index = 0; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      if (octet === NO_DIGIT) return null;
      start = start * 256 + octet;
      octet = NO_DIGIT;
      dots++;
    } else {
      if (code < ZERO || code > ZERO + 9 || octet === 0) return null;
      octet = octet === NO_DIGIT ? code - ZERO : octet * 10 + code - ZERO;
      if (octet > 255) return null;
    }
  }
  return octet === NO_DIGIT || dots !== 3 ? null : start * 256 + octet;
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (part.includes('.')) {
      const ipv4 = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : null;
      if (ipv4 === null) return null;
      groups.push(Math.floor(ipv4 / 65536), ipv4 % 65536);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return null;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

function parseIpv6(text: string): bigint | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  let value = 0n;
  for (const group of [...head, ...new Array<number>(missing).fill(0), ...tail]) {
    value = (value << 16n) | BigInt(group);
  }
  return value;
}

/** Reads one IPv4 or IPv6 address (RFC 4291, section 2.2; no zone). Returns null when it is none. */
export function parseAddress(text: string): Prefix | null {
  return addressBefore(text, text.length);
}

function addressBefore(text: string, end: number): Prefix | null {
  if (text.includes(':')) {
    const start = parseIpv6(text.slice(0, end));
    return start === null ? null : { family: 6, start, length: 128 };
  }
  const start = parseIpv4(text, end);
  return start === null ? null : { family: 4, start, length: 32 };
}

/** The decimal number from `begin` to the end, without leading zeros; more than any length where it is none. */
function parseLength(text: string, begin: number): number {
  let length = 0;
  for (let index = begin; index < text.length; index++) {
    const digit = text.charCodeAt(index) - ZERO;
    if (digit < 0 || digit > 9 || (length === 0 && index > begin)) return Number.POSITIVE_INFINITY;
    length = length * 10 + digit;
  }
  return begin < text.length ? length : Number.POSITIVE_INFINITY;
}

/**
 * Reads CIDR notation, or a bare address as a prefix of full length.
 * Returns null when the text is malformed or has host bits set.
 */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf('/');
  if (slash < 0) return parseAddress(text);
  const address = addressBefore(text, slash);
  const prefix = networkOf(address, parseLength(text, slash + 1));
  return prefix?.start === address?.start ? prefix : null;
}

/** Reads CIDR notation as Kubernetes' programs do: `10.96.0.1/12` is the network 10.96.0.0/12. Null when it is malformed. */
export function parseNetwork(text: string): Prefix | null {
  const slash = text.indexOf('/');
  return slash < 0 ? null : networkOf(addressBefore(text, slash), parseLength(text, slash + 1));
}

function networkOf(address: Prefix | null, length: number): Prefix | null {
  return address === null || length > address.length ? null : truncate(address, length);
}

/** How many addresses an IPv4 prefix has, by its length. Looked up: a hundred thousand powers take longer than the rest of a plan. */
const IPV4_SIZES: readonly number[] = Array.from({ length: 33 }, (_, length) => 2 ** (32 - length));

function ipv4Size(length: number): number {
  return IPV4_SIZES[length] ?? Number.NaN;
}

/** The prefix of the given length that holds the start of `prefix`. */
export function truncate(prefix: Prefix, length: number): Prefix {
  if (prefix.family === 4) {
    const size = ipv4Size(length);
    return { family: 4, start: Math.floor(prefix.start / size) * size, length };
  }
  const shift = BigInt(128 - length);
  return { family: 6, start: (prefix.start >> shift) << shift, length };
}

/** The last address of a prefix, as a number of the family's kind. */
export function lastOf(prefix: Prefix): number | bigint {
  return prefix.family === 4
    ? prefix.start + ipv4Size(prefix.length) - 1
    : prefix.start + (1n << BigInt(128 - prefix.length)) - 1n;
}

/** The address (full-length prefix) of the given number; null when the number is outside the family. */
export function addressOf(family: Family, value: bigint): Prefix | null {
  if (value < 0n || value > (family === 4 ? 0xffff_ffffn : IPV6_MAX)) return null;
  return family === 4
    ? { family: 4, start: Number(value), length: 32 }
    : { family: 6, start: value, length: 128 };
}

function formatIpv4(value: number): string {
  return `${Math.floor(value / 16777216)}.${Math.floor(value / 65536) % 256}.${Math.floor(value / 256) % 256}.${value % 256}`;
}

function formatIpv6(value: bigint): string {
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn));
  // RFC 5952, section 4.2: the longest run of zero groups, the first of equals, and never a single group.
  let best = { at: -1, size: 1 };
  for (let at = 0; at < 8; at++) {
    let size = 0;
    while (at + size < 8 && groups[at + size] === 0) size++;
    if (size > best.size) best = { at, size };
    at += size;
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.at < 0) return hex.join(':');
  return `${hex.slice(0, best.at).join(':')}::${hex.slice(best.at + best.size).join(':')}`;
}

/** The first address of a prefix, in canonical text (RFC 5952 for IPv6). */
export function formatAddress(prefix: Prefix): string {
  return prefix.family === 4 ? formatIpv4(prefix.start) : formatIpv6(prefix.start);
}

/** Canonical CIDR notation, always with its length. */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix)}/${prefix.length}`;
}

/** Whether every address of `inner` is in `outer`; never across families. */
export function contains(outer: Prefix, inner: Prefix): boolean {
  return (
    outer.family === inner.family &&
    outer.length <= inner.length &&
    outer.start <= inner.start &&
    inner.start <= lastOf(outer)
  );
}

/** Whether two prefixes share an address. Of two that do, one contains the other. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return contains(a, b) || contains(b, a);
}

/** Whether two prefixes are the same. */
export function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && a.length === b.length && a.start === b.start;
}

/** Order: family, then first address, then the shorter prefix, so that a prefix precedes what it contains. */
export function comparePrefixes(a: Prefix, b: Prefix): number {
  if (a.family !== b.family) return a.family - b.family;
  if (a.start !== b.start) return a.start < b.start ? -1 : 1;
  return a.length - b.length;
}
