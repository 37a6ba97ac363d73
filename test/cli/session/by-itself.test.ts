import { expect, it } from 'vitest';
import { SessionFeed } from '../../../src/cli/session/session-feed.ts';
import type { SessionState } from '../../../src/cli/session/session-state.ts';
import type { Diagnostic } from '../../../src/model/diagnostic.ts';
import type { WatchEvent } from '../../../src/model/event.ts';
import { moment, state } from './sessions.ts';

const AGAIN = 'Run the command again.';
const ITSELF = 'Nothing has to be done: this session tries again by itself.';

function diagnostic(code: string): Diagnostic {
  return { code, severity: 'error', summary: 'it failed', cause: 'something', fix: AGAIN };
}

const warning = (code: string): WatchEvent => ({
  type: 'warning',
  txid: 't',
  diagnostic: diagnostic(code),
});
const failed = (code: string): WatchEvent => ({
  type: 'watch.failed',
  diagnostics: [diagnostic(code)],
  retryMs: 1,
});
const ended = (code: string): WatchEvent => ({
  type: 'watch.pass',
  result: 'failure',
  diagnostics: [diagnostic(code)],
});

/** What is advised to those who hear of the last of these events, and what the session keeps of it. */
function advice(...events: readonly WatchEvent[]): { heard: string[]; kept: string[] } {
  let last: { event: WatchEvent; session: SessionState } | null = null;
  const feed = new SessionFeed(() => moment());
  feed.add({
    heard: (event, session) => {
      last = { event, session };
    },
  });
  for (const event of events) feed.heard(event);
  const { event, session } = last ?? { event: {}, session: feed.session };
  const one = 'diagnostic' in event ? [(event as { diagnostic: Diagnostic }).diagnostic] : [];
  const several = 'diagnostics' in event ? (event as { diagnostics: readonly Diagnostic[] }).diagnostics : [];
  return {
    heard: [...one, ...several].map(({ fix }) => fix),
    kept: session.failure.map(({ fix }) => fix),
  };
}

it.each([
  'allocations-changed',
  'cluster-busy',
  'conditions-unwritten',
  'helper-gone',
  'lock-held',
  'participants-changed',
  'precondition',
  'route-gone',
  'service-changed',
  'service-untried',
])('a session that meets %s advises nobody to run a command again', (code) => {
  expect(advice(warning(code)).heard).toEqual([ITSELF]);
  expect(advice(failed(code)).heard).toEqual([ITSELF]);
  expect(advice(ended(code))).toEqual({ heard: [ITSELF], kept: [ITSELF] });
});

it('what somebody has to do is advised as it is', () => {
  expect(advice(failed('helper-exposed')).heard).toEqual([AGAIN]);
});

it('a session that leaves tries nothing again', () => {
  expect(advice(state('stopping'), warning('cluster-busy')).heard).toEqual([AGAIN]);
});
