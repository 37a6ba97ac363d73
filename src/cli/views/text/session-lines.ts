import { UNANSWERED } from '../../../model/diagnostic.ts';
import type { WatchEvent } from '../../../model/event.ts';
import type { Plan } from '../../../model/plan.ts';
import type { SessionListener } from '../../session/session-feed.ts';
import { RESTING, type SessionState } from '../../session/session-state.ts';
import { pendingNews, pendingReasons } from '../../session/session-view.ts';
import { closingLine } from './render-plan.ts';

/** What says nothing new by itself. */
const ROUTINE: ReadonlySet<WatchEvent['type']> = new Set(['watch.trigger', 'lock.acquired']);

/** Codes of what failed for a cluster that did not answer. */
const LOST: ReadonlySet<string> = new Set([...UNANSWERED, 'service-untried']);

/**
 * A session in lines, for a log: most of what a host hears is none of its business, so a session that looked and found
 * nothing says nothing, and what is as it was told last is not told again.
 */
export class SessionLines implements SessionListener {
  readonly #write: SessionListener['heard'];
  /** The rest that was told last; null where something since made people doubt it. */
  #rest: string | null = null;
  /** The plan that people know to be under way, in one line; null once something came of it. */
  #plan: string | null;
  /** By profile: the last attempt in which its cluster did not answer. */
  readonly #lost = new Map<string, string>();
  #pending: ReadonlyMap<string, string>;

  /** `shown` is the plan that people have seen already. */
  constructor(write: SessionListener['heard'], shown: Plan) {
    this.#write = write;
    this.#plan = closingLine(shown);
    this.#pending = pendingReasons(shown.services);
  }

  heard(event: WatchEvent, session: SessionState): void {
    for (const news of session.news) this.#tell(news, session);
    if (event.type === 'watch.pass') this.#tellPending(session);
  }

  #tell(event: WatchEvent, session: SessionState): void {
    if (ROUTINE.has(event.type)) return;
    if (event.type === 'watch.state') this.#entered(event, session);
    else if (event.type === 'watch.planned') this.#planned(event, session);
    else if (!this.#isOfLost(event)) {
      if (event.type === 'committed') this.#plan = null;
      if (event.type === 'watch.failed') this.#rest = null;
      this.#write(event, session);
    }
  }

  /** Of what waits for one cluster that does not answer, the first is told; then what is set aside for it. */
  #isOfLost(event: WatchEvent): boolean {
    if (event.type !== 'change.failed' || !LOST.has(event.diagnostic.code)) return false;
    const { txid, step } = event;
    if (step.kind !== 'service') return false;
    const isTold = this.#lost.get(step.profile) === txid;
    this.#lost.set(step.profile, txid);
    return isTold;
  }

  #tellPending(session: SessionState): void {
    if (session.plan === null) return;
    // Of a cluster that is out of reach the plan has no Services: what people were told of them stands.
    const aside = [...this.#pending].filter(([name]) => session.held.has(`profile ${name.split(' ')[0]}`));
    const pending = new Map([...aside, ...pendingReasons(session.plan.services)]);
    for (const news of pendingNews(this.#pending, pending)) this.#write(news, session);
    this.#pending = pending;
  }

  #entered(event: WatchEvent & { type: 'watch.state' }, session: SessionState): void {
    const { state } = event;
    if (RESTING.has(state)) {
      if (state === this.#rest) return;
      this.#rest = state;
    }
    this.#write(event, session);
  }

  #planned(event: WatchEvent & { type: 'watch.planned' }, session: SessionState): void {
    const plan = closingLine(event.plan);
    if (plan === this.#plan) return;
    this.#plan = plan;
    this.#write(event, session);
  }
}
