import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addressBits,
  addressOf,
  contains,
  type Family,
  formatPrefix,
  lastOf,
  parsePrefix,
} from '../../src/model/prefix.ts';
import {
  type AddressRange,
  formatRange,
  prefixesOf,
  rangeHolds,
  rangeOf,
  rangesOverlap,
} from '../../src/model/range.ts';
import { address, anyPrefix, prefix } from './arbitrary-prefix.ts';

function range(family: Family): fc.Arbitrary<AddressRange> {
  const near = fc.tuple(address(family), fc.bigInt({ min: 0n, max: 5000n })).map(([of, size]) => {
    const max = (1n << BigInt(addressBits(family))) - 1n;
    const first = BigInt(of.start);
    return { family, first, last: first + size > max ? max : first + size };
  });
  const far = fc.tuple(address(family), address(family)).map(([a, b]) => {
    const [first, last] = [BigInt(a.start), BigInt(b.start)];
    return first <= last ? { family, first, last } : { family, first: last, last: first };
  });
  return fc.oneof(near, far);
}

const anyRange = fc.oneof(range(4), range(6));

function between(first: string, last: string): AddressRange {
  const [a, b] = [parsePrefix(first), parsePrefix(last)];
  if (a === null || b === null) throw new Error('not two addresses');
  return { family: a.family, first: BigInt(a.start), last: BigInt(b.start) };
}

describe('prefixesOf', () => {
  test.each([
    ['10.0.0.0', '10.0.0.255', '10.0.0.0/24'],
    ['10.0.0.5', '10.0.0.5', '10.0.0.5/32'],
    ['10.0.0.1', '10.0.0.6', '10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32'],
    ['0.0.0.0', '255.255.255.255', '0.0.0.0/0'],
    ['127.255.255.255', '128.0.0.0', '127.255.255.255/32 128.0.0.0/32'],
    ['255.255.255.254', '255.255.255.255', '255.255.255.254/31'],
    ['::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '::/0'],
    ['fd00::ffff', 'fd00::1:1', 'fd00::ffff/128 fd00::1:0/127'],
  ])('%s to %s is %s', (first, last, expected) => {
    expect(prefixesOf(between(first, last)).map(formatPrefix).join(' ')).toBe(expected);
  });

  test('covers the range without gap or overlap, in order', () => {
    fc.assert(
      fc.property(anyRange, (of) => {
        let next = of.first;
        for (const each of prefixesOf(of)) {
          expect(BigInt(each.start)).toBe(next);
          next = BigInt(lastOf(each)) + 1n;
        }
        expect(next).toBe(of.last + 1n);
      }),
    );
  });

  test('needs no prefix more: no two neighbours are the halves of one', () => {
    fc.assert(
      fc.property(anyRange, (of) => {
        const found = prefixesOf(of);
        for (const [at, each] of found.entries()) {
          const after = found[at + 1];
          const isLowerHalf =
            BigInt(each.start) % (1n << BigInt(addressBits(of.family) - each.length + 1)) === 0n;
          expect(after !== undefined && after.length === each.length && isLowerHalf).toBe(false);
        }
        expect(found.length).toBeLessThanOrEqual(2 * addressBits(of.family) - 2);
      }),
    );
  });

  test('is the inverse of rangeOf', () => {
    fc.assert(
      fc.property(anyPrefix, (of) => {
        expect(prefixesOf(rangeOf(of))).toEqual([of]);
      }),
    );
  });

  test('of nothing is nothing', () => {
    expect(prefixesOf({ family: 4, first: 1n, last: 0n })).toEqual([]);
  });
});

describe('rangeHolds and rangesOverlap', () => {
  test('agree with the prefixes that cover the range', () => {
    fc.assert(
      fc.property(fc.oneof(range(4), range(6)), fc.oneof(address(4), address(6)), (of, one) => {
        expect(rangeHolds(of, one)).toBe(prefixesOf(of).some((each) => contains(each, one)));
      }),
    );
  });

  test('a range holds its ends and not what lies beyond them', () => {
    fc.assert(
      fc.property(anyRange, (of) => {
        const holds = (value: bigint) => {
          const one = addressOf(of.family, value);
          return one !== null && rangeHolds(of, one);
        };
        expect([holds(of.first), holds(of.last), holds(of.first - 1n), holds(of.last + 1n)]).toEqual([
          true,
          true,
          false,
          false,
        ]);
      }),
    );
  });

  test('overlap is mutual, and that of the prefixes', () => {
    fc.assert(
      fc.property(range(4), prefix(4), (a, b) => {
        const other = rangeOf(b);
        const shared = prefixesOf(a).some((each) => contains(each, b) || contains(b, each));
        expect([rangesOverlap(a, other), rangesOverlap(other, a)]).toEqual([shared, shared]);
      }),
    );
  });

  test('ranges of two families share nothing, whatever their numbers', () => {
    expect(rangesOverlap({ family: 4, first: 0n, last: 9n }, { family: 6, first: 0n, last: 9n })).toBe(false);
    expect(rangeHolds({ family: 4, first: 0n, last: 9n }, { family: 6, start: 5n, length: 128 })).toBe(false);
  });
});

describe('formatRange', () => {
  test.each([
    ['10.0.0.0', '10.0.0.255', '10.0.0.0/24'],
    ['10.0.0.1', '10.0.0.50', '10.0.0.1-10.0.0.50'],
    ['fd00::1', 'fd00::1', 'fd00::1/128'],
    ['fd00::1', 'fd00::ff', 'fd00::1-fd00::ff'],
  ])('%s to %s is written %s', (first, last, text) => {
    expect(formatRange(between(first, last))).toBe(text);
  });
});
