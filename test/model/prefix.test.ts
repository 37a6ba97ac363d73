import fc from 'fast-check';
import IPCIDR from 'ip-cidr';
import { describe, expect, test } from 'vitest';
import {
  addressBits,
  addressOf,
  comparePrefixes,
  contains,
  formatAddress,
  formatPrefix,
  lastOf,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
  samePrefix,
  truncate,
} from '../../src/model/prefix.ts';
import { address, anyPrefix, crowdedPrefix, prefix } from './arbitrary-prefix.ts';

/** IPv4 written as IPv6 is a trap of the oracle: it takes ::ffff:10.0.0.0/104 for 10.0.0.0/32. */
function isMapped(of: Prefix): boolean {
  return of.family === 6 && of.start >> 32n === 0xffffn;
}

function oracle(of: Prefix): { first: bigint; last: bigint } {
  const cidr = new IPCIDR(formatPrefix(of));
  return {
    first: cidr.start<bigint>({ type: 'bigInteger' }),
    last: cidr.end<bigint>({ type: 'bigInteger' }),
  };
}

function parsed(text: string): Prefix {
  const found = parsePrefix(text);
  if (found === null) throw new Error(`not a prefix: ${text}`);
  return found;
}

describe('parseAddress', () => {
  test.each([
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['128.0.0.1', '128.0.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['FD00::00A', 'fd00::a'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
    ['1:2:3:4:5:6:10.0.0.1', '1:2:3:4:5:6:a00:1'],
  ])('reads %s as %s', (text, canonical) => {
    const found = parseAddress(text);
    expect(found && formatAddress(found)).toBe(canonical);
  });

  test.each([
    '',
    ' ',
    '10',
    '10.0.0',
    '10.0.0.0.0',
    '10.0.0.256',
    '010.0.0.1',
    '10.0.0.1 ',
    '10.0.0.-1',
    '10.0..1',
    '0x10.0.0.1',
    '1e1.0.0.1',
    '٣.0.0.1',
    ':',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '1::2::3',
    '12345::',
    'g::',
    '::1%eth0',
    '10.0.0.1::',
    '1:10.0.0.1::',
    '::10.0.0.1:1',
    ':1::',
    '1::2:',
    '::ffff:10.0.0.256',
    '10.0.0.0/8',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  test.each([4, 6] as const)('reads back every IPv%i address it writes', (family) => {
    fc.assert(
      fc.property(address(family), (of) => {
        expect(parseAddress(formatAddress(of))).toEqual(of);
      }),
    );
  });

  test('never throws, and reads only what it can write again', () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'0123456789abcdef:./') }),
      fc.string(),
      fc.ipV4(),
      fc.ipV6(),
    );
    fc.assert(
      fc.property(text, (given) => {
        const found = parseAddress(given);
        if (found !== null) expect(parseAddress(formatAddress(found))).toEqual(found);
      }),
      { numRuns: 1000 },
    );
  });

  test('reads all that fast-check knows as addresses', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV6(), (ipv4, ipv6) => {
        expect([parseAddress(ipv4)?.family, parseAddress(ipv6)?.family]).toEqual([4, 6]);
      }),
    );
  });
});

describe('parsePrefix', () => {
  test.each(['10.0.0.0/8', '0.0.0.0/0', '10.0.0.1/32', '::/0', 'fd00::/8', '8000::/1', '::1/128'])(
    'reads %s',
    (text) => {
      expect(formatPrefix(parsed(text))).toBe(text);
    },
  );

  test('takes a bare address for a prefix of full length', () => {
    expect(formatPrefix(parsed('10.0.0.1'))).toBe('10.0.0.1/32');
    expect(formatPrefix(parsed('::1'))).toBe('::1/128');
  });

  test.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/8 ',
    '10.0.0.0/1e1',
    '0.0.0.0/1.5',
    '0.0.0.0/NaN',
    '0.0.0.0/-0',
    '0.0.0.0/Infinity',
    '/8',
    '::/129',
    '::/0128',
    '10.97.0.0/12',
    '10.0.0.1/31',
    'fd00::1/127',
    '1.0.0.0/0',
  ])('refuses %j', (text) => {
    expect(parsePrefix(text)).toBeNull();
  });

  test('reads exactly the IPv4 CIDRs that are written in the one canonical way', () => {
    const parts = fc.constantFrom(
      '0',
      '1',
      '9',
      '10',
      '255',
      '256',
      '01',
      '.',
      '.',
      '.',
      '/',
      '-',
      ' ',
      'e',
      '',
    );
    const nearly = fc.array(parts, { maxLength: 12 }).map((some) => some.join(''));
    const cidr = fc.tuple(fc.ipV4(), fc.nat({ max: 33 })).map(([ip, length]) => `${ip}/${length}`);
    const octet = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
    const written = new RegExp(`^${octet}\\.${octet}\\.${octet}\\.${octet}(?:/(3[0-2]|[12]?\\d))?$`);
    fc.assert(
      fc.property(fc.oneof(nearly, cidr, fc.ipV4()), (text) => {
        const [, a, b, c, d, length = '32'] = written.exec(text) ?? [];
        const found = parsePrefix(text);
        if (d === undefined) expect(found).toBeNull();
        else {
          const value = [a, b, c, d].reduce((sum, one) => sum * 256n + BigInt(one ?? ''), 0n);
          const hasHostBits = value % (1n << BigInt(32 - Number(length))) !== 0n;
          const expected = { family: 4, start: Number(value), length: Number(length) };
          expect(found).toEqual(hasHostBits ? null : expected);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('refuses exactly the CIDRs with host bits, as ip-cidr reckons them', () => {
    fc.assert(
      fc.property(fc.oneof(address(4), address(6)), fc.nat(128), (of, some) => {
        const length = some % (addressBits(of.family) + 1);
        fc.pre(!isMapped(of));
        const text = `${formatAddress(of)}/${length}`;
        const first = new IPCIDR(text).start<bigint>({ type: 'bigInteger' });
        expect(parsePrefix(text) !== null).toBe(first === BigInt(of.start));
      }),
    );
  });
});

describe('arithmetic', () => {
  test('first and last address are those of ip-cidr', () => {
    fc.assert(
      fc.property(anyPrefix, (of) => {
        fc.pre(!isMapped(of));
        expect({ first: BigInt(of.start), last: BigInt(lastOf(of)) }).toEqual(oracle(of));
      }),
    );
  });

  test('truncate gives the prefix of that length around it', () => {
    fc.assert(
      fc.property(anyPrefix, fc.nat(128), (of, some) => {
        const length = some % (of.length + 1);
        const outer = truncate(of, length);
        expect(outer.length).toBe(length);
        expect(contains(outer, of)).toBe(true);
        expect(parsePrefix(formatPrefix(outer))).toEqual(outer);
      }),
    );
  });

  test.each([4, 6] as const)('containment in IPv%i is that of ip-cidr', (family) => {
    fc.assert(
      fc.property(fc.oneof(crowdedPrefix(family), prefix(family)), crowdedPrefix(family), (outer, inner) => {
        const [a, b] = [oracle(outer), oracle(inner)];
        expect(contains(outer, inner)).toBe(a.first <= b.first && b.last <= a.last);
        expect(overlaps(outer, inner)).toBe(a.first <= b.last && b.first <= a.last);
        expect(overlaps(inner, outer)).toBe(overlaps(outer, inner));
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ['0.0.0.0/0', '::1/128'],
    ['::/0', '10.0.0.0/8'],
    ['10.0.0.0/8', 'a00::/24'],
  ])('%s and %s are of two families and share nothing', (one, other) => {
    expect([contains(parsed(one), parsed(other)), overlaps(parsed(one), parsed(other))]).toEqual([
      false,
      false,
    ]);
    expect(samePrefix(parsed(one), parsed(other))).toBe(false);
  });

  test('addressOf keeps to its family', () => {
    expect(addressOf(4, 0xffff_ffffn)).toEqual({ family: 4, start: 0xffff_ffff, length: 32 });
    expect(addressOf(4, 1n << 32n)).toBeNull();
    expect(addressOf(6, (1n << 128n) - 1n)).toEqual({ family: 6, start: (1n << 128n) - 1n, length: 128 });
    expect(addressOf(6, 1n << 128n)).toBeNull();
    expect(addressOf(6, -1n)).toBeNull();
  });
});

describe('comparePrefixes', () => {
  test('is a total order in which equal means the same', () => {
    fc.assert(
      fc.property(anyPrefix, anyPrefix, anyPrefix, (a, b, c) => {
        expect(Math.sign(comparePrefixes(a, b))).toBe(-Math.sign(comparePrefixes(b, a)) + 0);
        expect(comparePrefixes(a, b) === 0).toBe(samePrefix(a, b));
        if (comparePrefixes(a, b) <= 0 && comparePrefixes(b, c) <= 0)
          expect(comparePrefixes(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  test('puts a prefix before everything inside it, and that in one run', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(crowdedPrefix(4), crowdedPrefix(6)), { minLength: 1, maxLength: 40 }),
        (some) => {
          const sorted = [...some].sort(comparePrefixes);
          for (const [at, outer] of sorted.entries()) {
            const run = sorted.slice(at).findIndex((inner) => !contains(outer, inner));
            const inside = sorted.filter((inner) => contains(outer, inner) && !samePrefix(inner, outer));
            const after = sorted.slice(at, run < 0 ? undefined : at + run);
            for (const inner of inside) expect(after).toContain(inner);
          }
        },
      ),
    );
  });

  test('orders by family, address, then the shorter first', () => {
    const texts = ['::/0', '10.0.0.0/16', '128.0.0.0/1', '10.0.0.0/8', '0.0.0.0/0', '10.0.0.1/32'];
    expect(texts.map(parsed).sort(comparePrefixes).map(formatPrefix)).toEqual([
      '0.0.0.0/0',
      '10.0.0.0/8',
      '10.0.0.0/16',
      '10.0.0.1/32',
      '128.0.0.0/1',
      '::/0',
    ]);
  });
});
