import { CALLS_AT_ONCE } from '../cluster.ts';

/** A cold start opens no more connections than this: each costs a TLS handshake, more than most answers do. */
const AT_FIRST = 2;
/** So many calls have to end while others wait before one more is let through: reading a small cluster takes fewer. */
const GROW_AFTER = 16;

/**
 * Lets a few calls do their work at once; the others wait, the first come first. More are let through where so much is
 * asked that further connections pay, and as few as at first once the server puts calls off: it is asked for less by
 * us then, whoever else asks.
 */
export class Turns {
  #limit = AT_FIRST;
  #busy = 0;
  #ended = 0;
  readonly #waiting: (() => void)[] = [];

  async take<T>(work: () => Promise<T>): Promise<T> {
    await this.#begin();
    try {
      return await work();
    } finally {
      this.#end();
    }
  }

  /** Lets others have the turn that `take` gave while the work waits for something else. */
  async stepAside(wait: () => Promise<void>): Promise<void> {
    this.#end();
    try {
      await wait();
    } finally {
      await this.#begin();
    }
  }

  async #begin(): Promise<void> {
    if (this.#busy < this.#limit) this.#busy++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The server has said that it is asked for too much. What is under way ends first. */
  putOff(): void {
    this.#limit = AT_FIRST;
    this.#ended = 0;
  }

  #end(): void {
    this.#busy--;
    if (this.#waiting.length > 0 && ++this.#ended >= GROW_AFTER && this.#limit < CALLS_AT_ONCE) {
      this.#limit++;
      this.#ended = 0;
    }
    while (this.#busy < this.#limit) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#busy++;
      next();
    }
  }
}
