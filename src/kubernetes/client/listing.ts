import type { RawAnswer } from './answer.ts';
import { type Expected, requireItem, requirePage, Unexpected } from './expected.ts';

/** Something to list. */
export interface Listable {
  readonly type: Expected;
  /** Stop after this many pages; without it, a list that is longer than {@link MAX_PAGES} is refused. */
  readonly maxPages?: number;
}

/** What a list was read into. */
export interface Listed<V> {
  readonly values: readonly V[];
  /** Of the state that it shows: where a watch of it begins. */
  readonly resourceVersion: string;
}

const PAGE_SIZE = 500;
/** Ten times the Services that Kubernetes is tested with (sig-scalability, "Kubernetes Scalability thresholds"). */
export const MAX_ITEMS = 100_000;
const MAX_PAGES = 1000;
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * A list that is being read page by page. Every page has to be one of the same state, no object comes twice, and there is
 * an end to it: half a list is none.
 */
export class Listing<T, V> {
  readonly #asked: Listable;
  readonly #take: (item: T) => V;
  #values: V[] = [];
  #keys = new Set<string>();
  readonly #tokens = new Set<string>();
  #resourceVersion: string | null = null;
  #pages = 0;
  #bytes = 0;
  #query: Readonly<Record<string, string>> | null = { limit: String(PAGE_SIZE) };
  #isRestarted = false;

  /** `take`: what is kept of each object. */
  constructor(asked: Listable, take: (item: T) => V) {
    this.#asked = asked;
    this.#take = take;
  }

  /** How the next page is asked for; null where there is none. */
  get query(): Readonly<Record<string, string>> | null {
    return this.#query;
  }

  /** How many pages were read. */
  get pages(): number {
    return this.#pages;
  }

  /**
   * The state that the pages are of is forgotten by the server: from the start, in one piece, to which that cannot happen.
   * Returns whether that helps: once, and not before there was a page.
   */
  restart(): boolean {
    if (this.#pages === 0 || this.#isRestarted) return false;
    this.#isRestarted = true;
    [this.#values, this.#keys, this.#resourceVersion, this.#query] = [[], new Set(), null, {}];
    return true;
  }

  /** Takes a page. Throws Unexpected for what is none, and for a list without end. */
  add({ body, bytes }: Pick<RawAnswer, 'body' | 'bytes'>): void {
    const { type, maxPages = Number.POSITIVE_INFINITY } = this.#asked;
    const { items, resourceVersion, next } = requirePage(body, type);
    this.#resourceVersion ??= resourceVersion;
    if (resourceVersion !== this.#resourceVersion)
      throw new Unexpected('the pages of the list are of several states');
    this.#pages++;
    this.#bytes += bytes;
    for (const item of items) {
      const key = requireItem(item, type);
      if (this.#keys.has(key)) throw new Unexpected(`the list has the ${type.kind} "${key}" twice`);
      this.#keys.add(key);
      this.#values.push(this.#take(item as T));
    }
    this.#query =
      next === '' || this.#pages >= maxPages ? null : { limit: String(PAGE_SIZE), continue: next };
    if (this.#query !== null) this.#requireEnd(next);
  }

  /** What was read, whole. */
  get listed(): Listed<V> {
    return { values: this.#values, resourceVersion: this.#resourceVersion ?? '' };
  }

  #requireEnd(next: string): void {
    if (this.#tokens.has(next)) throw new Unexpected('the list goes round: it continues where it did before');
    this.#tokens.add(next);
    const read = `${this.#pages} pages with ${this.#values.length} objects and ${this.#bytes} bytes`;
    if (this.#pages < MAX_PAGES && this.#values.length < MAX_ITEMS && this.#bytes < MAX_BYTES) return;
    throw new Unexpected(`the list does not end: ${read} were read`);
  }
}
