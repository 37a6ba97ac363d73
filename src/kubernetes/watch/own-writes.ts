/** What we know of our own writes to one object. */
interface Own {
  /** Writes that are not answered yet. */
  underWay: number;
  /** Versions that were told while there were any. */
  readonly told: Set<string>;
  /** The version that the last one made, until it is told. */
  awaited: string | null;
  /** When it was answered: by count, and by the clock. */
  order: number;
  at: number;
}

/**
 * Keeps what a stream tells late from undoing what we wrote and already know of. A resourceVersion is an opaque text here
 * (API concepts, "Resource versions"): two are equal or not, and none is later. A stream tells every version of an object in
 * order, so what comes before the one that our write made is older, and what comes after is newer.
 */
export class OwnWrites {
  readonly #byKey = new Map<string, Own>();
  #order = 0;

  /** A write to this object is being sent. */
  begin(key: string): void {
    const own = this.#byKey.get(key) ?? { underWay: 0, told: new Set(), awaited: null, order: 0, at: 0 };
    own.underWay++;
    this.#byKey.set(key, own);
  }

  /**
   * It was answered with this version; null where it failed, or changed nothing. Returns whether the answer is news: it is
   * not where the stream was faster.
   */
  end(key: string, version: string | null, now: number): boolean {
    const own = this.#byKey.get(key);
    if (own === undefined) return false;
    own.underWay--;
    const isNews = version !== null && !own.told.has(version);
    if (isNews) {
      own.awaited = version;
      own.order = ++this.#order;
      own.at = now;
    }
    this.#forgetSettled(key, own);
    return isNews;
  }

  /** Whether to believe this version of an object that the server tells of. */
  admits(key: string, version: string): boolean {
    const own = this.#byKey.get(key);
    if (own === undefined) return true;
    own.told.add(version);
    if (own.awaited !== null && own.awaited !== version) return false;
    own.awaited = null;
    this.#forgetSettled(key, own);
    return true;
  }

  /** To be taken before a list is asked for. */
  mark(): number {
    return this.#order;
  }

  /** A list that was asked for at this mark is no older than what was answered before; returns what is still awaited. */
  settle(mark: number): string[] {
    for (const [key, own] of this.#byKey) {
      if (own.order <= mark) own.awaited = null;
      this.#forgetSettled(key, own);
    }
    return [...this.#byKey].flatMap(([key, { awaited }]) => (awaited === null ? [] : [key]));
  }

  /** Whether a version is awaited since before this time: it was told before a list that we took for older, or never. */
  isOverdue(since: number): boolean {
    return [...this.#byKey.values()].some(({ awaited, at }) => awaited !== null && at < since);
  }

  #forgetSettled(key: string, own: Own): void {
    if (own.underWay === 0 && own.awaited === null) this.#byKey.delete(key);
    else if (own.underWay === 0) own.told.clear();
  }
}
