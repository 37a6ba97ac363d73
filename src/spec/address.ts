import IPCIDR from 'ip-cidr';
import { POLICY_PATH } from '../model/policy.ts';
import {
  addressBits,
  type Family,
  formatPrefix,
  type Prefix,
  parseAddress,
  truncate,
} from '../model/prefix.ts';
import { type AddressRange, formatRange, prefixesOf, rangeOf } from '../model/range.ts';
import { whyNotPrivate, whySpecial } from '../model/scope.ts';
import { type Flaw, quote } from './problem.ts';
import { spellingOf } from './spelling.ts';

/** A value read from text, or what is wrong with the text. */
export type Reading<T> = { readonly value: T } | { readonly flaw: Flaw };

/** Reads one address. IPv4 written as IPv6 (::ffff:10.0.0.1) is refused: the kernel takes it for neither. */
export function readAddress(text: string): Reading<Prefix> {
  const address = parseAddress(text);
  if (address === null) {
    const cause = text.includes(':')
      ? 'an IPv6 address is eight groups of up to four hex digits, with one `::` for a run of zeros'
      : 'an IPv4 address is four numbers from 0 to 255 with dots between and no leading zeros';
    return { flaw: badAddress(text, cause, 'correct the address') };
  }
  if (address.family === 6 && address.start >> 32n === 0xffffn) {
    const fix = `write ${formatPrefix({ family: 4, start: Number(address.start & 0xffff_ffffn), length: 32 }).slice(0, -3)}`;
    return { flaw: badAddress(text, 'it is an IPv4 address written as IPv6', fix) };
  }
  return { value: address };
}

function badAddress(text: string, cause: string, fix: string): Flaw {
  return { code: 'bad-address', summary: `${quote(text)} is not an IP address`, cause, fix };
}

/** Reads a CIDR that must be canonical, and private or within one of the `allowed` ranges. */
export function readCidr(text: string, allowed: readonly Prefix[]): Reading<Prefix> {
  const reading = respelt(text, readCanonicalCidr(text));
  return 'flaw' in reading ? reading : refusePublic(text, [reading.value], allowed, reading);
}

function readCanonicalCidr(text: string): Reading<Prefix> {
  const slash = text.indexOf('/');
  const address = readAddress(text.slice(0, slash));
  if ('flaw' in address) return { flaw: { ...address.flaw, summary: `${quote(text)} is not a CIDR` } };
  const { family } = address.value;
  const digits = text.slice(slash + 1);
  const length = Number(digits);
  if (length > addressBits(family) || digits !== String(length))
    return { flaw: badLength(text, digits, family) };
  const prefix = truncate(address.value, length);
  return prefix.start === address.value.start ? { value: prefix } : { flaw: hostBits(text, length) };
}

function badLength(text: string, digits: string, family: Family): Flaw {
  return {
    code: 'bad-length',
    summary: `${quote(text)} has the prefix length ${quote(digits)}`,
    cause: `an IPv${family} prefix length is a number from 0 to ${addressBits(family)} without leading zeros`,
    fix: 'correct the number behind the slash',
  };
}

function hostBits(text: string, length: number): Flaw {
  // For people alone: ip-cidr takes 16 µs, too long for each of a thousand CIDRs that are in order.
  const canonical = `${new IPCIDR(text).start()}/${length}`;
  return {
    code: 'host-bits',
    summary: `${text} is ${canonical}`,
    cause: `bits are set behind the ${length}-bit prefix, and which of the two was meant cannot be told`,
    fix: `write ${canonical}, or correct the length`,
  };
}

/** Reads a CIDR, one address, or FIRST-LAST; all of it must be private or within one of the `allowed` ranges. */
export function readRange(text: string, allowed: readonly Prefix[]): Reading<AddressRange> {
  const reading = respelt(text, readAnyRange(text));
  return 'flaw' in reading ? reading : refusePublic(text, prefixesOf(reading.value), allowed, reading);
}

/** The same, with how the whole is written in the fix, where that can be told. */
function respelt<T>(text: string, reading: Reading<T>): Reading<T> {
  if (!('flaw' in reading) || reading.flaw.code !== 'bad-address') return reading;
  const spelt = spellingOf(text);
  return spelt === null
    ? reading
    : {
        flaw: {
          ...reading.flaw,
          ...(text.includes('-') ? { summary: `${quote(text)} is not an address range` } : {}),
          fix: `write ${spelt}`,
        },
      };
}

function readAnyRange(text: string): Reading<AddressRange> {
  if (text.includes('/')) {
    const cidr = readCanonicalCidr(text);
    return 'flaw' in cidr ? cidr : { value: rangeOf(cidr.value) };
  }
  const dash = text.indexOf('-');
  const first = readAddress(dash < 0 ? text : text.slice(0, dash));
  if ('flaw' in first) return first;
  if (dash < 0) return { value: rangeOf(first.value) };
  const last = readAddress(text.slice(dash + 1));
  return 'flaw' in last ? last : rangeBetween(text, first.value, last.value);
}

function rangeBetween(text: string, first: Prefix, last: Prefix): Reading<AddressRange> {
  if (first.family !== last.family) {
    return {
      flaw: {
        code: 'mixed-families',
        summary: `${text} begins in IPv${first.family} and ends in IPv${last.family}`,
        cause: 'a range is a run of addresses, and none leads from one family to the other',
        fix: 'write two ranges, one for each family',
      },
    };
  }
  const range = { family: first.family, first: BigInt(first.start), last: BigInt(last.start) };
  if (range.first <= range.last) return { value: range };
  return {
    flaw: {
      code: 'reversed-range',
      summary: `${text} ends before it begins`,
      cause: 'the address before the dash must be the lower one',
      fix: `write ${formatRange({ ...range, first: range.last, last: range.first })}`,
    },
  };
}

function refusePublic<T>(
  text: string,
  prefixes: readonly Prefix[],
  allowed: readonly Prefix[],
  reading: Reading<T>,
): Reading<T> {
  const why = prefixes.map((prefix) => whyNotPrivate(prefix, allowed)).find((reason) => reason !== null);
  if (why === undefined) return reading;
  return {
    flaw: {
      code: 'forbidden-range',
      summary: `${text} may not be routed`,
      cause: `${why}; a spec can come from a stranger, so it reaches private ranges alone`,
      fix: `use a range of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 198.18.0.0/15 or fc00::/7; only ${POLICY_PATH} can allow others`,
    },
  };
}

/** Reads a gateway: an address of the given family (null: of either) that can be a next hop. */
export function readGateway(text: string, family: Family | null): Reading<Prefix> {
  const reading = readAddress(text);
  if ('flaw' in reading) return reading;
  if (family !== null && reading.value.family !== family) {
    return {
      flaw: {
        code: 'gateway-family',
        summary: `${text} is not an IPv${family} address`,
        cause: `it stands under ipv${family}`,
        fix: `put it under ipv${reading.value.family}, or give an IPv${family} address`,
      },
    };
  }
  const why = whySpecial(reading.value);
  if (why === null) return reading;
  return {
    flaw: {
      code: 'bad-gateway',
      summary: `${text} cannot be a gateway`,
      cause: `${why}; no route can lead through it`,
      fix: 'give the address of the VM, or `auto`',
    },
  };
}
