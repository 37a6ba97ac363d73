import { overlaps, type Prefix, parsePrefix } from '../../model/prefix.ts';

/** Shorter prefixes are default routes, or the halves of one: they cover every pool and collide with none. */
const SHORTEST = 2;

/**
 * The /24s that are tried for a pool, private ones alone (RFC 1918): 10.200.0.0 and on, where few networks are, then
 * the end of 172.16.0.0/12, then that of 192.168.0.0/16.
 */
function candidates(): string[] {
  const from = (first: number, last: number, format: (value: number) => string) =>
    Array.from({ length: last - first + 1 }, (_, index) => format(first + index));
  return [
    ...from(200, 254, (second) => `10.${second}.0.0/24`),
    ...from(28, 31, (second) => `172.${second}.255.0/24`),
    ...from(200, 254, (third) => `192.168.${third}.0/24`),
  ];
}

/** A /24 that shares no address with any of the prefixes in use; null when every one that is tried does. */
export function freePool(used: readonly Prefix[]): Prefix | null {
  const relevant = used.filter((prefix) => prefix.family === 4 && prefix.length >= SHORTEST);
  for (const cidr of candidates()) {
    const pool = parsePrefix(cidr);
    if (pool !== null && !relevant.some((prefix) => overlaps(prefix, pool))) return pool;
  }
  return null;
}
