import type { WatchEvent } from '../../model/event.ts';
import type { SessionState } from './session-state.ts';

/** What a session comes to between two passes. */
export const RESTING: readonly string[] = ['idle', 'fighting', 'suspended'];

/** Knows which failures people have been told of: one that comes again in the same way is no news until it was over. */
export class Repeats {
  #failure: string | null = null;
  #specProblem: string | null = null;

  /** Whether people were told the same before, and it has gone on since. To be asked about every event, in order. */
  has(event: WatchEvent, session: SessionState): boolean {
    switch (event.type) {
      case 'watch.state':
        if (RESTING.includes(event.state)) this.#failure = null;
        return false;
      case 'watch.pass':
        if (session.specProblem.length === 0) this.#specProblem = null;
        return false;
      case 'watch.failed': {
        const last = this.#failure;
        this.#failure = JSON.stringify(event.diagnostics);
        return this.#failure === last;
      }
      // An editor may save the same text several times.
      case 'watch.spec-invalid': {
        const last = this.#specProblem;
        this.#specProblem = JSON.stringify(event.diagnostics);
        return this.#specProblem === last;
      }
      default:
        return false;
    }
  }
}
