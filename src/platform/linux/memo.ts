import { createHash } from 'node:crypto';

/**
 * What was made of some texts last, to be given again where they are the same: a session looks at everything twice a minute,
 * and a hundred thousand routes have rarely changed. Only the texts' digest is kept, and from the second time on, since
 * most commands look once.
 */
export class Memo<T> {
  #looks = 0;
  #last: { readonly digest: string; readonly value: T } | null = null;

  /** The value of these texts: the very one that was made of them, where they are those of the last time. */
  of(texts: () => readonly string[], make: () => T): T {
    if (this.#looks++ === 0) return make();
    const digest = digestOf(texts());
    if (this.#last?.digest !== digest) this.#last = { digest, value: make() };
    return this.#last.value;
  }
}

function digestOf(texts: readonly string[]): string {
  const hash = createHash('sha256');
  // Which text ends where is part of it.
  for (const text of texts) hash.update(`${text.length}\n`).update(text);
  return hash.digest('hex');
}
