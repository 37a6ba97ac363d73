import { comparePrefixes, type Family, lastOf, type Prefix } from './prefix.ts';

/** Disjoint runs of addresses of one family, in order. */
interface Runs {
  readonly starts: (number | bigint)[];
  readonly lasts: (number | bigint)[];
}

/**
 * The addresses of some prefixes, merged: tells whether another prefix shares any of them by one binary search. What a
 * hundred thousand routes are sifted with before any of them is looked at.
 */
export class PrefixSet {
  readonly #runs: Readonly<Record<Family, Runs>> = {
    4: { starts: [], lasts: [] },
    6: { starts: [], lasts: [] },
  };

  constructor(prefixes: readonly Prefix[]) {
    for (const prefix of [...prefixes].sort(comparePrefixes)) {
      const { starts, lasts } = this.#runs[prefix.family];
      const previous = lasts.at(-1);
      // Prefixes nest or are disjoint, so whatever starts inside the last run ends inside it.
      if (previous !== undefined && prefix.start <= previous) continue;
      starts.push(prefix.start);
      lasts.push(lastOf(prefix));
    }
  }

  /** Whether a prefix shares an address with the set. */
  overlaps(prefix: Prefix): boolean {
    const { starts, lasts } = this.#runs[prefix.family];
    let low = 0;
    let high = lasts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = lasts[middle];
      if (last !== undefined && last < prefix.start) low = middle + 1;
      else high = middle;
    }
    const start = starts[low];
    return start !== undefined && start <= lastOf(prefix);
  }
}
