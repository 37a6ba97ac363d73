/**
 * When a server was heard, and what became of the connection since. Times are milliseconds of a clock that never goes back.
 *
 *     kept ─► cut (a stream broke) ─► lost (no new one could be opened) ─► heard again: kept
 */
export class Hearing {
  readonly #now: () => number;
  #heardAt: number | null = null;
  #connection: 'kept' | 'cut' | 'lost' = 'kept';
  #recoveries = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How often the connection broke and was made again: another server may have answered then. */
  get recoveries(): number {
    return this.#recoveries;
  }

  /** How long the server has been silent; Infinity before it was heard. */
  get silentMs(): number {
    return this.#heardAt === null ? Number.POSITIVE_INFINITY : this.#now() - this.#heardAt;
  }

  /** The server sent something. */
  heard(): void {
    this.#heardAt = this.#now();
  }

  /** A stream broke. */
  cut(): void {
    if (this.#connection === 'kept') this.#connection = 'cut';
  }

  /** No stream could be opened. */
  lost(): void {
    this.#connection = 'lost';
  }

  /** The server has answered a request. True if it could not be reached before. */
  answered(): boolean {
    this.heard();
    const wasLost = this.#connection === 'lost';
    if (this.#connection !== 'kept') this.#recoveries++;
    this.#connection = 'kept';
    return wasLost;
  }
}
