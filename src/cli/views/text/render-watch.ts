import type { RunEvent, WatchEvent } from '../../../model/event.ts';
import type { Palette } from '../color.ts';
import { printableLine } from '../text.ts';
import { closingLine } from './render-plan.ts';

/** Whether an event is one of the session, and not of one of its transactions. */
export function isWatchOnly(event: WatchEvent): event is Exclude<WatchEvent, RunEvent> {
  return event.type.startsWith('watch.');
}

/** One line for what happened to a session; null for what people need no line for. */
export function renderWatchEvent(event: Exclude<WatchEvent, RunEvent>, colors: Palette): string | null {
  switch (event.type) {
    case 'watch.trigger':
    // What a pass came to is told by what it did, and by the state after it.
    case 'watch.pass':
      return null;
    case 'watch.state':
      return STATES[event.state] ?? null;
    case 'watch.planned':
      return colors.bold(closingLine(event.plan));
    case 'watch.spec-invalid':
      return colors.alarm('The spec cannot be used as it is now; the last one that could is kept.');
    case 'watch.held':
      return `${colors.change('Left as it is:')} ${printableLine(event.what)}: ${printableLine(event.why)}`;
    case 'watch.released':
      return `Tried again: ${printableLine(event.what)}`;
    case 'watch.warning':
      return `${colors.change('warning:')} ${printableLine(`${event.diagnostic.summary}: ${event.diagnostic.cause}`)}`;
    case 'watch.failed':
      return colors.alarm(`This pass failed; the next try is in ${(event.retryMs / 1000).toFixed(1)} s.`);
  }
}

/** What a session tells when it comes to rest. */
const STATES: Readonly<Record<string, string>> = {
  idle: 'Watching.',
  fighting: 'Watching; something here undoes what mkplan makes.',
  suspended: 'Watching; nothing can be done for now.',
  stopping: 'Removing what this session made.',
};
