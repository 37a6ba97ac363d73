import type { Clock } from './ports.ts';

/** Wakes a session at one moment, the last that it was set to. */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #set: AbortController | null = null;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** To the first of these moments, in milliseconds of the clock; null is none. */
  set(moments: readonly (number | null)[]): void {
    this.stop();
    const due = moments.filter((at) => at !== null);
    if (due.length === 0) return;
    const set = new AbortController();
    this.#set = set;
    void this.#clock.wait(Math.min(...due) - this.#clock.now(), set.signal).then(() => {
      if (!set.signal.aborted) this.#ring();
    });
  }

  stop(): void {
    this.#set?.abort();
    this.#set = null;
  }
}
