import type { Resource } from '../resources.ts';
import type { KubeObject } from './json.ts';
import { expired } from './status-error.ts';

/** One change of the store. */
export interface StoreEvent {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: Resource;
  /** After the change; of a deletion, the last state with the deletion's own resourceVersion. */
  readonly object: KubeObject;
  /** Before the change; null for a new object. */
  readonly previous: KubeObject | null;
}

/** The last changes, from which watches resume and consistent pages are made. Older ones are compacted away. */
export class History {
  readonly #limit: number;
  #events: StoreEvent[] = [];
  #compacted = 0;

  /** Keeps at least `limit` changes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  push(event: StoreEvent): void {
    this.#events.push(event);
    // Dropped in halves, so that a push costs the same however long the history is.
    if (this.#events.length > this.#limit * 2) {
      this.compact(this.#events[this.#events.length - this.#limit - 1]?.revision ?? 0);
    }
  }

  /** Forgets every change up to and with this revision. */
  compact(revision: number): void {
    this.#events = this.#events.filter((event) => event.revision > revision);
    this.#compacted = Math.max(this.#compacted, revision);
  }

  /** Changes after a revision, oldest first. Throws a StatusError 410 when some of them are gone. */
  since(revision: number): readonly StoreEvent[] {
    if (revision < this.#compacted) {
      throw expired(`too old resource version: ${revision} (${this.#compacted})`);
    }
    return this.#events.slice(this.#firstAfter(revision));
  }

  #firstAfter(revision: number): number {
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#events[middle]?.revision ?? 0) > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
