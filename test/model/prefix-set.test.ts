import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { overlaps, type Prefix, parsePrefix, truncate } from '../../src/model/prefix.ts';
import { PrefixSet } from '../../src/model/prefix-set.ts';

const ipv4 = fc
  .record({ bits: fc.nat(0xffff_ffff), length: fc.nat(32) })
  .map(({ bits, length }): Prefix => truncate({ family: 4, start: bits, length: 32 }, length));

const ipv6 = fc
  .record({ bits: fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), length: fc.nat(128) })
  .map(({ bits, length }): Prefix => truncate({ family: 6, start: bits, length: 128 }, length));

const prefix = fc.oneof(ipv4, ipv6);

describe('PrefixSet', () => {
  it('overlaps exactly what one of its prefixes overlaps', () => {
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 12 }), prefix, (members, asked) => {
        expect(new PrefixSet(members).overlaps(asked)).toBe(
          members.some((member) => overlaps(member, asked)),
        );
      }),
    );
  });

  it.each([
    ['10.96.0.0/12', '10.100.0.0/16', true],
    ['10.96.0.0/12', '10.0.0.0/8', true],
    ['10.96.0.0/12', '10.112.0.0/12', false],
    ['10.96.0.0/12', '::/0', false],
    ['10.96.0.0/12', '10.95.255.255/32', false],
  ])('%s and %s: %s', (member, asked, expected) => {
    const [one, other] = [parsePrefix(member), parsePrefix(asked)];
    if (one === null || other === null) throw new Error('not prefixes');
    expect(new PrefixSet([one]).overlaps(other)).toBe(expected);
  });

  it('of nothing overlaps nothing', () => {
    fc.assert(
      fc.property(prefix, (asked) => {
        expect(new PrefixSet([]).overlaps(asked)).toBe(false);
      }),
    );
  });
});
