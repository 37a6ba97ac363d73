import type { WatchEvent } from '../../model/event.ts';
import type { SessionListener } from './session-listener.ts';
import type { SessionState } from './session-state.ts';
import { heldNews } from './session-view.ts';

/** What says nothing new by itself. What is set aside is told once the pass has ended: a second attempt may fail as well. */
const ROUTINE: ReadonlySet<WatchEvent['type']> = new Set([
  'watch.trigger',
  'watch.held',
  'watch.released',
  'lock.acquired',
]);
const RESTING: readonly string[] = ['idle', 'fighting', 'suspended'];

/**
 * A session in lines, for a log: most of what a host hears is none of its business, so a session that looked and found
 * nothing says nothing, and what fails again in the same way is told once.
 */
export class SessionLines implements SessionListener {
  readonly #write: SessionListener['heard'];
  /** The rest that was told last, and whether anything was since. */
  #rest: string | null = null;
  #isNews = true;
  #failure: string | null = null;
  #held: ReadonlyMap<string, string> = new Map();

  constructor(write: SessionListener['heard']) {
    this.#write = write;
  }

  heard(event: WatchEvent, session: SessionState): void {
    if (ROUTINE.has(event.type)) return;
    if (event.type === 'watch.failed') this.#failed(event, session);
    else if (event.type === 'watch.pass') this.#passed(session);
    else if (event.type === 'watch.state') this.#entered(event, session);
    else {
      this.#isNews = true;
      this.#write(event, session);
    }
  }

  #passed(session: SessionState): void {
    for (const news of heldNews(this.#held, session)) {
      this.#isNews = true;
      this.#write(news, session);
    }
    this.#held = session.held;
  }

  #entered(event: WatchEvent & { type: 'watch.state' }, session: SessionState): void {
    const { state } = event;
    if (RESTING.includes(state)) {
      this.#failure = null;
      if (state === this.#rest && !this.#isNews) return;
      this.#rest = state;
      this.#isNews = false;
    }
    this.#write(event, session);
  }

  #failed(event: WatchEvent & { type: 'watch.failed' }, session: SessionState): void {
    const text = JSON.stringify(event.diagnostics);
    if (text === this.#failure) return;
    this.#failure = text;
    this.#isNews = true;
    this.#write(event, session);
  }
}
