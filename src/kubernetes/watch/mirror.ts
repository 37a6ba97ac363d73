import { OwnWrites } from './own-writes.ts';

/** An object as a list or a stream tells of it. */
export interface Told<V> {
  /** `namespace/name`. */
  readonly key: string;
  readonly version: string;
  /** What is kept of it; null where it is gone, or of no interest. */
  readonly value: V | null;
}

/** What tells whether an observation shows a difference. */
export interface Appearance<V> {
  /** Whether an observation shows the two alike. */
  isSame(a: V, b: V): boolean;
  /** Whether an observation shows it at all. */
  isShown(value: V): boolean;
}

/** The objects of one list as they were told of last; what we wrote ourselves is known at once, and not undone by older news. */
export class Mirror<V> {
  readonly #appearance: Appearance<V>;
  readonly #onDifference: () => void;
  readonly #writes = new OwnWrites();
  #values = new Map<string, V>();
  #revision = 0;

  /** `onDifference`: an observation would show something else now. */
  constructor(appearance: Appearance<V>, onDifference: () => void) {
    this.#appearance = appearance;
    this.#onDifference = onDifference;
  }

  /** What is kept of each object, by `namespace/name`. */
  get values(): ReadonlyMap<string, V> {
    return this.#values;
  }

  /** Another one whenever something of the values may be another, shown or not. */
  get revision(): number {
    return this.#revision;
  }

  /** To be taken before a list is asked for. */
  mark(): number {
    return this.#writes.mark();
  }

  /** Takes the whole of a list that was asked for at this mark; a difference is told once. */
  replace(items: readonly Told<V>[], mark: number): void {
    const before = this.#values;
    const next = new Map<string, V>();
    this.#writes.settle(mark);
    for (const { key, version, value } of items) {
      if (this.#writes.admits(key, version) && value !== null) next.set(key, value);
    }
    // Written while the list was on its way, and not in it.
    for (const key of this.#writes.settle(mark)) {
      const own = before.get(key);
      if (own === undefined) next.delete(key);
      else next.set(key, own);
    }
    this.#values = next;
    this.#revision++;
    const keys = new Set([...before.keys(), ...next.keys()]);
    for (const key of keys) {
      if (!this.#differs(before.get(key), next.get(key))) continue;
      this.#onDifference();
      return;
    }
  }

  /** Takes what a stream tells of one object, unless it is older than what we wrote there. */
  hear({ key, version, value }: Told<V>): void {
    if (this.#writes.admits(key, version)) this.#put(key, value);
  }

  /** Whether no stream has told of something that we wrote before this time. */
  isOverdue(before: number): boolean {
    return this.#writes.isOverdue(before);
  }

  /**
   * Runs a write of ours to one object, and takes what it answers. `before` is the version that the write rests on: the
   * answer to a write that changes nothing. `now` is asked when it has been answered.
   */
  async write<R>(
    key: string,
    before: string | null,
    work: () => Promise<R>,
    told: (answer: R) => { readonly version: string; readonly value: V | null },
    now: () => number,
  ): Promise<R> {
    this.#writes.begin(key);
    let version: string | null = null;
    let value: V | null = null;
    try {
      const answer = await work();
      ({ version, value } = told(answer));
      if (version === before) version = null;
      return answer;
    } finally {
      const isNews = this.#writes.end(key, version, now());
      if (isNews) this.#put(key, value);
    }
  }

  #put(key: string, value: V | null): void {
    const before = this.#values.get(key);
    this.#revision++;
    if (value === null) this.#values.delete(key);
    else this.#values.set(key, value);
    if (this.#differs(before, value ?? undefined)) this.#onDifference();
  }

  #differs(before: V | undefined, after: V | undefined): boolean {
    const { isShown, isSame } = this.#appearance;
    const [a, b] = [before, after].map((value) =>
      value !== undefined && isShown(value) ? value : undefined,
    );
    if (a === undefined || b === undefined) return a !== b;
    return !isSame(a, b);
  }
}
