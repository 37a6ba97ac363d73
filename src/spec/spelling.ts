import { parseAddress, parsePrefix } from '../model/prefix.ts';
import { formatRange, parseRange } from '../model/range.ts';

/** Dashes, minus and tilde that stand for the hyphen of a range; two or more dots and "to" do, too. */
const DASHES = /\s*(?:[\u2010-\u2015\u2212~-]|\.{2,}|\bto\b)\s*/giu;
const BLANKS = /[\s\p{Cf}]/gu;

/**
 * How addresses are written that were written in another way, if it can be told: blanks, other dashes and digits (Unicode
 * NFKC), `10.0.0.10-20`, the order of a range, leading zeros, a final dot. Null where the text is as it should be, or
 * cannot be understood.
 */
export function spellingOf(text: string): string | null {
  const plain = text.normalize('NFKC').replace(DASHES, '-').replace(BLANKS, '');
  const [first = '', ...rest] = plain.split('-').map(addressText);
  if (rest.length > 1) return null;
  const [last] = rest;
  const spelt = last === undefined ? first : ordered(first, isShort(last) ? expanded(first, last) : last);
  return spelt !== text && isAddresses(spelt) ? spelt : null;
}

/** What addresses of each kind are read by. */
const READERS = new Map<string | null, (text: string) => unknown>([
  ['IP address', parseAddress],
  ['CIDR', parsePrefix],
  ['address range', parseRange],
]);

/** The fix for a value that should be of a kind of addresses (a title of the schema); null where its spelling cannot be told. */
export function fixOfSpelling(value: unknown, kind: string | null): string | null {
  const read = READERS.get(kind);
  if (typeof value !== 'string' || read === undefined) return null;
  // An address with the length of its network, as `ip address` shows it.
  const [host = null] = kind === 'IP address' ? value.split(/\/\d+$/) : [];
  const meant = [spellingOf(value), host].find((text) => text !== null && read(text) !== null);
  return meant === undefined ? null : `write ${meant}`;
}

function isAddresses(text: string): boolean {
  return parseAddress(text) !== null || parsePrefix(text) !== null || parseRange(text) !== null;
}

/** An IPv4 address or CIDR without leading zeros and final dot. */
function addressText(text: string): string {
  return /^[\d.]+(?:\/\d+)?$/.test(text)
    ? text.replace(/\.(?=$|\/)/, '').replace(/(?<=^|[./])0+(?=\d)/g, '')
    : text;
}

/** The end of a range by its last numbers alone. */
function isShort(last: string): boolean {
  return /^\d{1,3}(?:\.\d{1,3}){0,2}$/.test(last);
}

function expanded(first: string, last: string): string {
  const numbers = first.split('.');
  return [...numbers.slice(0, numbers.length - last.split('.').length), last].join('.');
}

function ordered(first: string, last: string): string {
  const range = parseRange(`${first}-${last}`);
  if (range === null || range.first <= range.last) return `${first}-${last}`;
  return formatRange({ ...range, first: range.last, last: range.first });
}
