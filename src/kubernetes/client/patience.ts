import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Half to all of the time given, so that clients that failed together do not come back together. */
export function jittered(ms: number, random: () => number = Math.random): number {
  return ms * (0.5 + random() / 2);
}

/** The `Retry-After` of an answer in milliseconds: seconds or a date (RFC 9110, section 10.2.3); null where there is none. */
export function retryAfterMs(headers: IncomingHttpHeaders, now: () => number = Date.now): number | null {
  const text = headers['retry-after'];
  if (text === undefined) return null;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(date - now(), 0);
}

/** Milliseconds to wait after this many attempts: twice as long each time, and never less than the server asked for. */
export function backoffMs(baseMs: number, attempts: number, askedMs: number | null): number {
  const own = jittered(baseMs * 2 ** (attempts - 1));
  return askedMs === null ? own : Math.max(own, askedMs + jittered(askedMs / 4));
}

/** What a server may ask for at most; a client that waits for longer is as good as dead. */
const LONGEST_ASKED_MS = 600_000;

/** The longest wait right after a server was heard is so many first waits; later, this fraction of its silence. */
const SHORT = 4;

/** How long to wait after each failure of a row: twice as long each time, up to a longest. */
export class Backoff {
  readonly #baseMs: number;
  readonly #capMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(baseMs: number, capMs: number, random: () => number = Math.random) {
    this.#baseMs = baseMs;
    this.#capMs = capMs;
    this.#random = random;
  }

  /**
   * Milliseconds to wait after one more failure; never less than the server asked for, but for ten minutes. A server that
   * was heard `silentMs` ago may be back any moment, so the wait stays short compared with its silence.
   */
  next(askedMs: number | null, silentMs = Number.POSITIVE_INFINITY): number {
    const most = Math.min(this.#capMs, Math.max(this.#baseMs * SHORT, silentMs / SHORT));
    const own = jittered(Math.min(this.#baseMs * 2 ** this.#failures++, most), this.#random);
    if (askedMs === null) return own;
    const asked = Math.min(askedMs, LONGEST_ASKED_MS);
    return Math.max(own, asked + jittered(asked / 4, this.#random));
  }

  /** The row of failures is over. */
  reset(): void {
    this.#failures = 0;
  }
}

/** A deadline that stands still while the caller waits on purpose. Times are milliseconds. */
export class Deadline {
  readonly #late: () => Error;
  readonly #abort = new AbortController();
  #endsAt: number;
  #timer: NodeJS.Timeout;

  /** `late`: what the signal says once the time is over. */
  constructor(ms: number, late: () => Error) {
    this.#late = late;
    this.#endsAt = performance.now() + ms;
    this.#timer = this.#start(ms);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** By `performance.now()`. */
  get endsAt(): number {
    return this.#endsAt;
  }

  /** Stands still while that waits. */
  async suspend(wait: () => Promise<void>): Promise<void> {
    const leftMs = this.#endsAt - performance.now();
    clearTimeout(this.#timer);
    try {
      await wait();
    } finally {
      this.#endsAt = performance.now() + leftMs;
      this.#timer = this.#start(leftMs);
    }
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #start(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#abort.abort(this.#late()), ms);
  }
}

/** A wait that can be ended early. */
export class Pause {
  #early = new AbortController();

  /** Milliseconds. Rejects with an AbortError once the signal is aborted. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    const early = new AbortController();
    this.#early = early;
    await sleep(ms, undefined, { signal: AbortSignal.any([signal, early.signal]) }).catch(
      (error: unknown) => {
        if (signal.aborted) throw error;
      },
    );
  }

  /** Ends the wait under way, if any. */
  end(): void {
    this.#early.abort();
  }
}

/** Keeps apart what several do. Times are milliseconds of a clock that the caller reads. */
export class Spacing {
  readonly #ms: number;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(ms: number) {
    this.#ms = ms;
  }

  /** How long the one who asks has to wait: so long after the last one who asked, or from now. */
  next(now: number): number {
    this.#lastAt = Math.max(this.#lastAt, now) + this.#ms;
    return this.#lastAt - now;
  }
}

/** So many calls in a row may fail before the next ones have to wait. */
const TOLERATED = 4;

/**
 * Holds back calls to a server that only fails: after a few failures in a row there is a pause, a longer one each
 * time, until a call succeeds. Times are milliseconds of a clock that the caller reads.
 */
export class Brake {
  readonly #baseMs: number;
  readonly #capMs: number;
  #failures = 0;
  #pauses = 0;
  #until = 0;

  constructor(baseMs: number, capMs: number) {
    this.#baseMs = baseMs;
    this.#capMs = capMs;
  }

  /** How many calls in a row failed. */
  get failures(): number {
    return this.#failures;
  }

  succeeded(): void {
    this.#failures = 0;
    this.#pauses = 0;
    this.#until = 0;
  }

  failed(now: number): void {
    this.#failures++;
    // Those that were under way when the pause began say nothing new.
    if (now < this.#until || this.#failures < TOLERATED) return;
    this.#until = now + jittered(Math.min(this.#baseMs * 2 ** this.#pauses++, this.#capMs));
  }

  /** What is left of the pause; 0 where there is none. */
  pauseMs(now: number): number {
    return Math.max(this.#until - now, 0);
  }
}
