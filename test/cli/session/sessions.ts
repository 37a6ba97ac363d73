import {
  type Moment,
  NEW_SESSION,
  reduceSession,
  type SessionEvent,
} from '../../../src/cli/session/session-state.ts';
import type { WatchEvent, WatchState } from '../../../src/model/event.ts';
import type { Plan } from '../../../src/model/plan.ts';

/** A moment so many seconds after noon. */
export const moment = (seconds = 0): Moment => ({
  epochMs: new Date(2026, 0, 1, 12, 0, seconds).getTime(),
  steadyMs: seconds * 1000,
});

/** What a session is at after these events, one a second. */
export function sessionAfter(...events: readonly SessionEvent[]) {
  return events.reduce((session, event, index) => reduceSession(session, event, moment(index)), NEW_SESSION);
}

export const state = (name: WatchState): WatchEvent => ({ type: 'watch.state', state: name });
export const trigger = (source: string): WatchEvent => ({ type: 'watch.trigger', source });
export const pass = (result: 'success' | 'suspended' | 'failure', summary?: string): WatchEvent => ({
  type: 'watch.pass',
  result,
  diagnostics:
    summary === undefined ? [] : [{ code: 'x', severity: 'error', summary, cause: '', fix: 'Try again.' }],
});
export const held = (what: string, why = 'refused'): WatchEvent => ({ type: 'watch.held', what, why });
export const released = (what: string): WatchEvent => ({ type: 'watch.released', what });

/** A pass that planned this and came to that. */
export function passOf(plan: Plan, profiles: Record<string, boolean | null> = {}): SessionEvent[] {
  const answers = Object.entries(profiles).map(([name, one]) => ({ name, answers: one }));
  return [
    state('reconciling'),
    { type: 'session.planned', plan, profiles: answers },
    pass('success'),
    state('idle'),
  ];
}
