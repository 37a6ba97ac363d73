import { type Family, type Ipv4Prefix, type Prefix, parsePrefix } from '../../model/prefix.ts';

const DOT = 46;
const ZERO = 48;

const DEFAULT: Readonly<Record<Family, Prefix>> = {
  4: { family: 4, start: 0, length: 0 },
  6: { family: 6, start: 0n, length: 0 },
};

/** A destination as `ip` prints it: `default`, a prefix, or the address of a host route. Null when it is none of the family. */
export function readDestination(text: string, family: Family): Prefix | null {
  if (text === 'default') return DEFAULT[family];
  const prefix = (family === 4 ? readIpv4(text) : null) ?? parsePrefix(text);
  return prefix?.family === family ? prefix : null;
}

/**
 * `a.b.c.d` or `a.b.c.d/length` in one pass: a routing table may have a hundred thousand, and the general reader
 * takes three times as long. Whatever this one does not take, that one decides about.
 */
function readIpv4(text: string): Ipv4Prefix | null {
  const slash = text.indexOf('/');
  const end = slash < 0 ? text.length : slash;
  let start = 0;
  let octet = 0;
  let dots = 0;
  for (let index = 0; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      start = start * 256 + octet;
      octet = 0;
      dots++;
    } else {
      octet = octet * 10 + code - ZERO;
      if (code < ZERO || code > ZERO + 9 || octet > 255) return null;
    }
  }
  start = start * 256 + octet;
  const length = slash < 0 ? 32 : Number(text.slice(slash + 1));
  if (dots !== 3 || !(length >= 0 && length <= 32) || start % 2 ** (32 - length) !== 0) return null;
  return { family: 4, start, length };
}
