import type { RunEvent } from '../../../model/event.ts';
import { type Change, type Step, serviceName } from '../../../model/plan.ts';
import { formatRoute } from '../../../model/route.ts';
import type { Palette } from '../color.ts';
import { count, printableLine } from '../text.ts';

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
