import { type Family, type Ipv4Prefix, type Prefix, parsePrefix } from '../../model/prefix.ts';

const DOT = 46;
const ZERO = 48;
const NO_DIGIT = -1;

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
  const start = readDotted(text, slash < 0 ? text.length : slash);
  const digits = slash < 0 ? '32' : text.slice(slash + 1);
  const length = Number(digits);
  if (start < 0 || String(length) !== digits || !(length >= 0 && length <= 32)) return null;
  return start % 2 ** (32 - length) === 0 ? { family: 4, start, length } : null;
}

/** The address before `end`, as a number; -1 when it is none. */
function readDotted(text: string, end: number): number {
  let start = 0;
  let octet = NO_DIGIT;
  let dots = 0;
  for (let index = 0; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      if (octet === NO_DIGIT) return -1;
      start = start * 256 + octet;
      octet = NO_DIGIT;
      dots++;
    } else {
      if (code < ZERO || code > ZERO + 9 || octet === 0) return -1;
      octet = octet === NO_DIGIT ? code - ZERO : octet * 10 + code - ZERO;
      if (octet > 255) return -1;
    }
  }
  return octet === NO_DIGIT || dots !== 3 ? -1 : start * 256 + octet;
}
