import { uptime } from 'node:os';

/** Clocks of the system, in milliseconds, each from a beginning of its own. */
export interface SystemClocks {
  /** Stands still while the system is suspended (clock_gettime(2), CLOCK_MONOTONIC). */
  monotonic(): number;
  /** Goes on meanwhile (CLOCK_BOOTTIME). */
  boot(): number;
}

/** How often {@link Suspensions.count} has to be asked at least, in milliseconds. */
export const ASKED_EVERY_MS = 1000;
/** So much later than that is it asked by a process that was stopped (SIGSTOP, a debugger, a frozen container) and by no busy one. */
const STOPPED_MS = 3000;
/** Two clocks are read one after the other, and the clock since boot to a hundredth of a second. */
const APART_MS = 500;

/** The clocks of this process. */
export const SYSTEM_CLOCKS: SystemClocks = {
  monotonic: () => performance.now(),
  boot: () => uptime() * 1000,
};

/**
 * Notices that the system was suspended, or this process stopped: the clock since boot went on without the other, or both
 * did without this process. No event tells of either.
 */
export class Suspensions {
  readonly #clocks: SystemClocks;
  #monotonic: number;
  #boot: number;
  #count = 0;

  constructor(clocks: SystemClocks) {
    this.#clocks = clocks;
    this.#monotonic = clocks.monotonic();
    this.#boot = clocks.boot();
  }

  /** How many there were, until now. */
  count(): number {
    const monotonic = this.#clocks.monotonic();
    const boot = this.#clocks.boot();
    const ran = monotonic - this.#monotonic;
    const passed = boot - this.#boot;
    this.#monotonic = monotonic;
    this.#boot = boot;
    if (passed - ran >= APART_MS || ran >= ASKED_EVERY_MS + STOPPED_MS) this.#count++;
    return this.#count;
  }
}
