import type { WatchEvent } from '../../model/event.ts';
import { advisedInSession } from './by-itself.ts';
import {
  type Moment,
  NEW_SESSION,
  reduceSession,
  type SessionEvent,
  type SessionState,
} from './session-state.ts';

/** Whoever tells others what a session is at: people, another mkplan, a service manager, a monitoring system. */
export interface SessionListener {
  /** Something happened, and this is what the session is at by now. */
  heard(event: WatchEvent, session: SessionState): void;
}

/** What a session is at by now, kept for all who tell of it. */
export class SessionFeed {
  readonly #now: () => Moment;
  readonly #listeners: SessionListener[] = [];
  #session = NEW_SESSION;

  constructor(now: () => Moment) {
    this.#now = now;
  }

  get session(): SessionState {
    return this.#session;
  }

  add(...listeners: readonly SessionListener[]): void {
    this.#listeners.push(...listeners);
  }

  heard(happened: SessionEvent): void {
    const isLeaving = this.#session.state === 'stopping';
    const event = isLeaving ? happened : advisedInSession(happened);
    this.#session = reduceSession(this.#session, event, this.#now());
    // What was planned is told with what comes of it.
    if (event.type === 'session.planned') return;
    for (const listener of this.#listeners) listener.heard(event, this.#session);
  }
}

/** The moment by this process's clocks. */
export function thisMoment(): Moment {
  return { epochMs: Date.now(), steadyMs: performance.now() };
}
