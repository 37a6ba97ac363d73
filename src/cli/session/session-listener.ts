import type { WatchEvent } from '../../model/event.ts';
import type { Plan } from '../../model/plan.ts';

/** Whoever tells others what a session is at: people, another mkplan, a service manager, a monitoring system. */
export interface SessionListener {
  /** Something happened. */
  heard(event: WatchEvent): void;
  /** A pass planned this: what there is, beside what is to be done. */
  planned?(plan: Plan): void;
}
