import { printableLine } from '../views/text.ts';
import { renderMetrics, TEXT_FORMAT } from './exposition.ts';
import { illness } from './health.ts';
import type { Answer, ListenerOptions } from './http-listener.ts';
import { sessionMetrics } from './metrics.ts';
import { type ProcessFacts, processMetrics } from './process-metrics.ts';
import type { Moment, SessionState } from './session-state.ts';

/** What the listener of a session answers. */
export function sessionPages(
  session: () => SessionState,
  now: () => Moment,
  facts: ProcessFacts,
): ListenerOptions['pages'] {
  return {
    '/metrics': () => ({
      status: 200,
      type: TEXT_FORMAT,
      text: renderMetrics([...sessionMetrics(session()), ...processMetrics(facts)]),
    }),
    '/healthz': () => healthOf(illness(session(), now())),
  };
}

function healthOf(why: string | null): Answer {
  const type = 'text/plain; charset=utf-8';
  return why === null
    ? { status: 200, type, text: 'ok\n' }
    : { status: 503, type, text: `${printableLine(why)}\n` };
}
