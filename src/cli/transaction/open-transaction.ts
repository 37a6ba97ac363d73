import type { Diagnostic } from '../../model/diagnostic.ts';
import type { OpenTransaction } from '../../model/observed.ts';
import { count } from '../views/text.ts';

/** What `plan` and `status` tell of a transaction that did not end: the next command that changes something ends it. */
export function openTransaction({ txid, decided, awaiting, changes }: OpenTransaction): Diagnostic {
  if (awaiting) {
    return {
      code: 'confirmation-pending',
      severity: 'warning',
      summary: `the last apply (${txid}, ${count(changes, 'change')}) waits to be confirmed, and is undone unless it is`,
      cause: 'it was applied with --confirm-within; until it has ended nothing else is applied',
      fix: 'confirm it, or wait until it is undone',
      command: 'mkplan confirm',
    };
  }
  const fate = decided ? 'finished' : 'undone';
  return {
    code: 'transaction-open',
    severity: 'warning',
    summary: `an interrupted apply (${txid}, ${count(changes, 'change')}) will be ${fate} by the next apply, destroy or cleanup`,
    cause:
      'the program that applied it ended before it was done, or is still at it; what is shown above changes with it',
    fix: `let it be ${fate}`,
    command: 'mkplan cleanup',
  };
}
