import { comparePrefixes, contains, type Prefix, truncate } from './prefix.ts';

/**
 * Items under their prefixes, sorted once. The descendants of a prefix are one contiguous run of the
 * sorted list; its ancestors are at most 32 (IPv4) or 128 (IPv6) binary searches.
 */
export class PrefixIndex<T> {
  readonly #entries: readonly { readonly prefix: Prefix; readonly item: T }[];
  /** The lengths that occur, the longest first: an ancestor can have no other. */
  readonly #lengths: readonly number[];

  constructor(items: Iterable<T>, prefixOf: (item: T) => Prefix) {
    const entries: { prefix: Prefix; item: T }[] = [];
    for (const item of items) entries.push({ prefix: prefixOf(item), item });
    this.#entries = entries.sort((a, b) => comparePrefixes(a.prefix, b.prefix));
    this.#lengths = [...new Set(entries.map(({ prefix }) => prefix.length))].sort((a, b) => b - a);
  }

  /** Items at exactly this prefix. */
  exact(prefix: Prefix): T[] {
    const found: T[] = [];
    for (let at = this.#lowerBound(prefix); at < this.#entries.length; at++) {
      const entry = this.#entries[at];
      if (entry === undefined || comparePrefixes(entry.prefix, prefix) !== 0) break;
      found.push(entry.item);
    }
    return found;
  }

  /** Items at prefixes strictly inside this one. */
  descendants(prefix: Prefix): T[] {
    const found: T[] = [];
    for (let at = this.#lowerBound(prefix); at < this.#entries.length; at++) {
      const entry = this.#entries[at];
      if (entry === undefined || !contains(prefix, entry.prefix)) break;
      if (entry.prefix.length > prefix.length) found.push(entry.item);
    }
    return found;
  }

  /** Items at prefixes that strictly contain this one, the longest first. */
  ancestors(prefix: Prefix): T[] {
    const found: T[] = [];
    for (const length of this.#lengths) {
      if (length < prefix.length) found.push(...this.exact(truncate(prefix, length)));
    }
    return found;
  }

  /** Index of the first entry that does not sort before `prefix`. */
  #lowerBound(prefix: Prefix): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && comparePrefixes(entry.prefix, prefix) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
