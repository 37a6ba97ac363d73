import type { RunEvent, SessionOnlyEvent } from '../../../model/event.ts';
import { type Change, type Step, serviceName } from '../../../model/plan.ts';
import { formatRoute } from '../../../model/route.ts';
import type { Palette } from '../color.ts';
import { count, printableLine } from '../text.ts';
import { closingLine } from './render-plan.ts';

/** One line for what happened while a plan is applied; null for what people need no line for. */
export function renderEvent(event: RunEvent, colors: Palette): string | null {
  switch (event.type) {
    case 'lock.waiting':
      return `Waiting for the lock: ${printableLine(event.holder)}`;
    case 'lock.acquired':
    case 'wave.started':
    // What a rollback came to is told with how the command ended.
    case 'rollback.done':
      return null;
    case 'recovered':
      return recovered(event);
    case 'transaction.started':
      return colors.dim(`Transaction ${event.txid}: ${count(event.changes, 'change')}`);
    case 'change.done':
      return `  ${changeText(event.change, event.step)}`;
    case 'change.failed':
      return `  ${colors.alarm('failed')} ${changeText(event.change, event.step)}: ${printableLine(event.diagnostic.summary)}`;
    case 'verifying':
      return `Verifying ${count(event.routes, 'route')}`;
    // How to confirm it is told with how the command ended.
    case 'awaiting':
      return null;
    case 'rollback.started':
      return event.changes === 0 ? null : colors.change(`Rolling back ${count(event.changes, 'change')}`);
    case 'committed':
      return colors.dim(`Committed ${event.txid}`);
    case 'warning':
      return `${colors.change('warning:')} ${printableLine(`${event.diagnostic.summary}: ${event.diagnostic.cause}`)}`;
  }
}

function recovered(event: RunEvent & { type: 'recovered' }): string {
  const left = event.left.length === 0 ? '' : `; left as found: ${event.left.map(printableLine).join(', ')}`;
  const done = event.direction === 'forward' ? 'finished' : 'undone';
  return `Recovered an interrupted transaction (${event.txid}): ${count(event.changes, 'change')} ${done}${left}`;
}

/** What one change does, in the words of `ip route`. */
function changeText(change: Change, step: Step): string {
  if (step.kind === 'service') {
    const addresses = change.op === 'clear' ? step.before : step.after;
    return printableLine(`${change.op} ${serviceName(step)} ${addresses.join(', ')}`);
  }
  const route = change.op === 'delete' ? (step.before ?? step.after) : (step.after ?? step.before);
  return printableLine(`${change.op} ${route === null ? '' : formatRoute(route)}`);
}

/** One line for what happened to a session; null for what people need no line for. */
export function renderWatchEvent(event: SessionOnlyEvent, colors: Palette): string | null {
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
      return colors.alarm('The spec is not valid; the last valid one stays in use.');
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
