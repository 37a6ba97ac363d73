import { eventsUnwritten, type News, tellEvents } from '../../executor/reports.ts';
import type { ServicePort } from '../../executor/services.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';

/** Few, so that the API server is free for addresses, which somebody waits for. */
const AT_A_TIME = 2;
/** So many wait at most. What happens past that is not written: it is news, and the conditions say how things are. */
const MOST_WAITING = 5000;

/** The Events of a session, written in order of their happening while it goes on with what matters more. */
export class EventQueue {
  readonly #port: Pick<ServicePort, 'createEvent'>;
  readonly #onLost: (diagnostic: Diagnostic) => void;
  readonly #end = new AbortController();
  #waiting: News[] = [];
  /** Past the bound. */
  #dropped = 0;
  #telling: Promise<void> | null = null;

  /** `onLost` hears of Events that could not be written. */
  constructor(port: Pick<ServicePort, 'createEvent'>, onLost: (diagnostic: Diagnostic) => void) {
    this.#port = port;
    this.#onLost = onLost;
  }

  /** Takes note of what is to be told. */
  add(news: News): void {
    if (this.#waiting.length < MOST_WAITING) this.#waiting.push(news);
    else this.#dropped++;
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = null;
    });
  }

  /** Resolves when all is told, or `enough` is over, after which nothing more is. */
  async close(enough: Promise<unknown>): Promise<void> {
    await Promise.race([this.#telling, enough]);
    this.#end.abort();
  }

  async #tellAll(): Promise<void> {
    // What is added at the same time goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const news = this.#waiting;
      this.#waiting = [];
      for (const lost of await tellEvents(this.#port, news, {
        signal: this.#end.signal,
        atATime: AT_A_TIME,
      })) {
        this.#onLost(lost);
      }
      if (this.#dropped === 0) continue;
      const cause = `More than ${MOST_WAITING} were waiting to be written.`;
      this.#onLost({ ...eventsUnwritten(this.#dropped), severity: 'warning', cause });
      this.#dropped = 0;
    }
  }
}
