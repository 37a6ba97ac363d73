import { confirm as confirmTransaction } from '../../machine/confirm.ts';
import { Failure } from '../../model/diagnostic.ts';
import type { CommandContext } from '../run-command.ts';
import { approvedBy } from '../transaction/approval.ts';
import { tellEnd } from '../transaction/confirming.ts';
import { underLock } from '../transaction/under-lock.ts';
import { composeChanging } from '../wiring/compose.ts';

/** `mkplan confirm [SPEC]`: keeps what `apply --confirm-within` made. `isNamed`: whether a spec was given. */
export async function confirm(
  context: CommandContext,
  isNamed: boolean,
  { lockTimeout }: { readonly lockTimeout: number },
): Promise<number> {
  const { terminal, names, output } = context;
  // It takes no --allow: what it may have to undo, cleanup undoes as well.
  const adapters = await composeChanging(
    terminal,
    approvedBy(['cleanup'], [], isNamed ? names.absolute : null),
  );
  try {
    const end = await underLock(context, adapters, 'confirm', lockTimeout, () =>
      confirmTransaction(adapters, isNamed ? names.absolute : null, (event) => output.event(event)),
    );
    if (end === null) throw nothingToConfirm();
    return tellEnd(context, end);
  } finally {
    await adapters.close();
  }
}

function nothingToConfirm(): Failure {
  return new Failure('error', [
    {
      code: 'nothing-to-confirm',
      severity: 'error',
      summary: 'nothing is waiting for confirmation',
      cause: 'Only `mkplan apply --confirm-within` asks for confirmation.',
      fix: 'See what is applied.',
      command: 'mkplan status',
    },
  ]);
}
