import { printableLine } from '../views/text.ts';
import { renderMetrics, TEXT_FORMAT } from './exposition.ts';
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

/** A session looks at everything every 30 s; one that has not for three times as long is stuck. Milliseconds. */
const RECENT_MS = 90_000;

/** Why a session is not well; null while its last pass is recent and served what the spec asks for. */
function illness(session: SessionState, now: Moment): string | null {
  const { state, lastPass, failure, held } = session;
  if (state === 'stopping' || state === 'stopped') return 'the session is ending';
  if (lastPass === null) return 'no pass has ended yet';
  const seconds = Math.floor((now.steadyMs - lastPass.at.steadyMs) / 1000);
  if (lastPass.result === 'failure') {
    return `the last pass failed ${seconds} s ago: ${failure.map(({ summary }) => summary).join('; ')}`;
  }
  if (lastPass.result === 'suspended') {
    const why = [...held].map(([what, reason]) => `${what}: ${reason}`).join('; ');
    return `no profile could be served ${seconds} s ago: ${why}`;
  }
  return seconds * 1000 > RECENT_MS ? `the last pass ended ${seconds} s ago` : null;
}
