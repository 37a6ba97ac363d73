import type { TextSink } from '../terminal.ts';

/**
 * Lines that are written together before anything waits for the system: a wave tells of its ten thousand changes one
 * after the other, and a write for each would take longer than the telling. Call {@link flush} before anything else is
 * written to the same reader.
 */
export class LineBuffer {
  readonly #sink: TextSink;
  #held = '';

  constructor(sink: TextSink) {
    this.#sink = sink;
  }

  /** Adds text that ends with a newline; it is written before anything that waits for the system goes on. */
  add(text: string): void {
    if (this.#held === '') queueMicrotask(() => this.flush());
    this.#held += text;
  }

  /** Writes what was added. */
  flush(): void {
    const held = this.#held;
    this.#held = '';
    if (held !== '') this.#sink.write(held);
  }
}
