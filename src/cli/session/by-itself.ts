import type { Diagnostic } from '../../model/diagnostic.ts';
import type { SessionEvent } from './session-state.ts';

/** Codes of what a command would have to be run again for. */
const RUN_AGAIN: ReadonlySet<string> = new Set([
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
]);

/** The same event, advising nothing that a session which goes on does by itself. */
export function advisedInSession<E extends SessionEvent>(event: E): E {
  if ('diagnostics' in event) return { ...event, diagnostics: event.diagnostics.map(advised) };
  return 'diagnostic' in event ? { ...event, diagnostic: advised(event.diagnostic) } : event;
}

function advised(diagnostic: Diagnostic): Diagnostic {
  if (!RUN_AGAIN.has(diagnostic.code)) return diagnostic;
  return { ...diagnostic, fix: 'Nothing has to be done: this session tries again by itself.' };
}
