import {
  contains,
  formatAddress,
  formatPrefix,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
} from './prefix.ts';

/** A block of addresses with a meaning of its own, and the standard that gives it. */
interface Block {
  readonly prefix: Prefix;
  readonly meaning: string;
}

function block(cidr: string, meaning: string): Block {
  const prefix = parsePrefix(cidr);
  if (prefix === null) throw new RangeError(`not a canonical CIDR: ${cidr}`);
  return { prefix, meaning };
}

const PRIVATE = [
  block('10.0.0.0/8', 'private (RFC 1918)'),
  block('172.16.0.0/12', 'private (RFC 1918)'),
  block('192.168.0.0/16', 'private (RFC 1918)'),
  block('100.64.0.0/10', 'shared address space (RFC 6598)'),
  block('198.18.0.0/15', 'benchmarking (RFC 2544)'),
  block('fc00::/7', 'unique local (RFC 4193)'),
];

/** What no route can lead to. */
const NEVER = [
  block('0.0.0.0/8', 'unspecified (RFC 1122, "this network")'),
  block('127.0.0.0/8', 'loopback (RFC 1122)'),
  block('255.255.255.255/32', 'broadcast (RFC 919)'),
  block('240.0.0.0/4', 'reserved (RFC 1112)'),
  block('::/128', 'unspecified (RFC 4291)'),
  block('::1/128', 'loopback (RFC 4291)'),
  block('::ffff:0:0/96', 'IPv4 written as IPv6 (RFC 4291)'),
];

const SPECIAL = [
  ...NEVER,
  block('169.254.0.0/16', 'link-local (RFC 3927)'),
  block('224.0.0.0/4', 'multicast (RFC 5771)'),
  block('fe80::/10', 'link-local (RFC 4291)'),
  block('ff00::/8', 'multicast (RFC 4291)'),
];

const LOOPBACK = NEVER.filter(({ meaning }) => meaning.startsWith('loopback'));

/** Whether every address of the prefix is one that every host has for itself: 127.0.0.0/8 (RFC 1122), ::1 (RFC 4291). */
export function isLoopback(prefix: Prefix): boolean {
  return LOOPBACK.some((known) => contains(known.prefix, prefix));
}

/** The canonical text of an address that is not this host's own; null for loopback and for what is no address. */
export function addressElsewhere(text: string): string | null {
  // A zone (`fe80::1%eth0`) names the link; the address is the same without it.
  const [bare = ''] = text.split('%', 1);
  const address = parseAddress(bare);
  if (address === null || isLoopback(address)) return null;
  return formatAddress(address);
}

/** Whether every address of the prefix is private: RFC 1918, RFC 6598, RFC 2544 or RFC 4193. Both families. */
export function isPrivate(prefix: Prefix): boolean {
  return PRIVATE.some((known) => contains(known.prefix, prefix));
}

/**
 * Why a prefix may never be routed on a spec's word alone, for people; null when it is private, or within one of the
 * `allowed` ranges (the host's policy). Both families.
 */
export function whyNotPrivate(prefix: Prefix, allowed: readonly Prefix[] = []): string | null {
  if (isPrivate(prefix) || allowed.some((range) => contains(range, prefix))) return null;
  const text = formatPrefix(prefix);
  const half = whyDefault(prefix);
  if (half !== null) return half;
  const special = whySpecial(prefix);
  if (special !== null) return special;
  const within = PRIVATE.find((known) => contains(prefix, known.prefix));
  return within === undefined
    ? `${text} is public`
    : `${text} reaches beyond the private ${formatPrefix(within.prefix)} into public addresses`;
}

function whyDefault(prefix: Prefix): string | null {
  if (prefix.length === 0) return `${formatPrefix(prefix)} is the default route`;
  return prefix.length === 1 ? `${formatPrefix(prefix)} is half of the default route` : null;
}

/**
 * Why not even the host's policy may allow a range, for people; null when it may: the default route and its halves, and
 * whatever holds an address that no route can lead to. Both families.
 */
export function whyNeverRouted(prefix: Prefix): string | null {
  const half = whyDefault(prefix);
  if (half !== null) return half;
  const never = NEVER.find((known) => overlaps(known.prefix, prefix));
  if (never === undefined) return null;
  const within = contains(never.prefix, prefix) ? 'is' : `holds ${formatPrefix(never.prefix)}, which is`;
  return `${formatPrefix(prefix)} ${within} ${never.meaning}`;
}

/**
 * Why an address or prefix cannot be a next hop or a destination at all (unspecified, loopback, link-local,
 * multicast, broadcast, reserved), for people; null for ordinary unicast, public or private. Both families.
 */
export function whySpecial(prefix: Prefix): string | null {
  const special = SPECIAL.find((known) => contains(known.prefix, prefix));
  return special === undefined ? null : `${formatPrefix(prefix)} is ${special.meaning}`;
}
