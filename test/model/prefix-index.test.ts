import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparePrefixes, contains, formatPrefix, type Prefix, samePrefix } from '../../src/model/prefix.ts';
import { PrefixIndex } from '../../src/model/prefix-index.ts';
import { anyPrefix, crowdedPrefix } from './arbitrary-prefix.ts';

const crowd = fc.array(fc.oneof(crowdedPrefix(4), crowdedPrefix(6)), { maxLength: 60 });
const asked = fc.oneof(crowdedPrefix(4), crowdedPrefix(6), anyPrefix);

function indexOf(prefixes: readonly Prefix[]) {
  const items = prefixes.map((prefix, id) => ({ prefix, id }));
  return { items, index: new PrefixIndex(items, ({ prefix }) => prefix) };
}

function ids(items: readonly { id: number }[]): number[] {
  return items.map(({ id }) => id).sort((a, b) => a - b);
}

describe('PrefixIndex', () => {
  test('finds the items at, inside and around a prefix as a search through all of them does', () => {
    fc.assert(
      fc.property(crowd, asked, (prefixes, of) => {
        const { items, index } = indexOf(prefixes);
        const isInside = (inner: Prefix, outer: Prefix) =>
          contains(outer, inner) && !samePrefix(outer, inner);
        expect(ids(index.exact(of))).toEqual(ids(items.filter(({ prefix }) => samePrefix(prefix, of))));
        expect(ids(index.descendants(of))).toEqual(ids(items.filter(({ prefix }) => isInside(prefix, of))));
        expect(ids(index.ancestors(of))).toEqual(ids(items.filter(({ prefix }) => isInside(of, prefix))));
      }),
      { numRuns: 500 },
    );
  });

  test('gives descendants in order, ancestors the longest first, and equals as they came', () => {
    fc.assert(
      fc.property(crowd, asked, (prefixes, of) => {
        const { index } = indexOf(prefixes);
        const descendants = index.descendants(of);
        expect(descendants).toEqual(
          [...descendants].sort((a, b) => comparePrefixes(a.prefix, b.prefix) || a.id - b.id),
        );
        const ancestors = index.ancestors(of);
        expect(ancestors).toEqual(
          [...ancestors].sort((a, b) => b.prefix.length - a.prefix.length || a.id - b.id),
        );
      }),
    );
  });

  test('of nothing finds nothing', () => {
    const { index } = indexOf([]);
    const all: Prefix = { family: 4, start: 0, length: 0 };
    expect([index.exact(all), index.descendants(all), index.ancestors(all)]).toEqual([[], [], []]);
  });

  test('finds the default route above an address, and never the other family', () => {
    const { index } = indexOf([
      { family: 4, start: 0, length: 0 },
      { family: 6, start: 0n, length: 0 },
    ]);
    const found = index.ancestors({ family: 4, start: 0xffff_ffff, length: 32 });
    expect(found.map(({ prefix }) => formatPrefix(prefix))).toEqual(['0.0.0.0/0']);
  });
});
