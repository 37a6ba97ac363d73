import type { Diagnostic } from '../model/diagnostic.ts';
import type { OpenTransaction } from '../model/observed.ts';
import { count } from './text.ts';

/** What `plan` and `status` tell of a transaction that did not end: the next command that changes something ends it. */
export function openTransaction({ txid, decided, changes }: OpenTransaction): Diagnostic {
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
