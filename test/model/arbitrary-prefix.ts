import fc from 'fast-check';
import { addressBits, type Family, type Prefix, truncate } from '../../src/model/prefix.ts';

/** Addresses, with the ends of the family and the bits around signed 32-bit numbers more often than by chance. */
export function address(family: Family): fc.Arbitrary<Prefix> {
  if (family === 4) {
    const start = fc.oneof(
      fc.integer({ min: 0, max: 0xffff_ffff }),
      fc.constantFrom(0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
    );
    return start.map((value) => ({ family, start: value, length: 32 }));
  }
  const max = (1n << 128n) - 1n;
  const start = fc.oneof(
    fc.bigInt({ min: 0n, max }),
    fc.bigInt({ min: 0n, max: 0xffff_ffffn }),
    fc.constantFrom(0n, 1n << 127n, max),
  );
  return start.map((value) => ({ family, start: value, length: 128 }));
}

/** Prefixes of every length of one family. */
export function prefix(family: Family): fc.Arbitrary<Prefix> {
  return fc
    .tuple(address(family), fc.integer({ min: 0, max: addressBits(family) }))
    .map(([of, length]) => truncate(of, length));
}

/** Prefixes that meet each other often: few bits set, near the top of the address. */
export function crowdedPrefix(family: Family): fc.Arbitrary<Prefix> {
  return fc.tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 6 })).map(([bits, length]) => {
    const of: Prefix =
      family === 4
        ? { family, start: bits * 2 ** 28, length: 32 }
        : { family, start: BigInt(bits) << 124n, length: 128 };
    return truncate(of, length);
  });
}

/** Prefixes of either family. */
export const anyPrefix: fc.Arbitrary<Prefix> = fc.oneof(prefix(4), prefix(6));
