import type { WatchEvent } from '../../model/event.ts';
import type { SessionState } from './session-state.ts';

/** Whoever tells others what a session is at: people, another mkplan, a service manager, a monitoring system. */
export interface SessionListener {
  /** Something happened, and this is what the session is at by now. */
  heard(event: WatchEvent, session: SessionState): void;
}
