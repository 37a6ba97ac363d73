import { timeLeft } from '../executor/confirmation.ts';
import type { RecoveryPorts } from '../executor/recover.ts';
import { Failure } from '../model/diagnostic.ts';
import type { EmitRunEvent } from '../model/event.ts';
import type { TransactionEnd } from '../registry/registry.ts';
import { recover } from './run.ts';

/**
 * Confirms the transaction that waits for it, under a held lock: the commit point of `apply --confirm-within`. Comes it too
 * late, the transaction is undone instead. `spec`, an absolute path, has to be the one that was applied; null for
 * whichever it was. Returns how the transaction ended; null where there was none to confirm. Throws a Failure when it
 * is of another spec, or cannot be ended now.
 */
export async function confirm(
  ports: RecoveryPorts,
  spec: string | null,
  emit: EmitRunEvent,
): Promise<TransactionEnd | null> {
  const open = await ports.journal.open();
  if (open === null) return await ports.journal.last();
  if (spec !== null && spec !== open.spec) throw ofAnotherSpec(open.spec);
  const { txid, awaiting, claims } = open;
  const here = await ports.routeTable.identity();
  if (awaiting && claims !== null && timeLeft(open, here, ports.uptimeMs()) > 0) {
    await ports.journal.decide(txid, claims);
  }
  // One that waited was not interrupted: how it ended is what is returned.
  await recover(ports, awaiting ? butRecovered(emit) : emit);
  return await ports.journal.last();
}

/** Tells everything but that something was recovered. */
export function butRecovered(emit: EmitRunEvent): EmitRunEvent {
  return (event) => {
    if (event.type !== 'recovered') emit(event);
  };
}

function ofAnotherSpec(spec: string): Failure {
  return new Failure('error', [
    {
      code: 'confirmation-elsewhere',
      severity: 'error',
      summary: `what waits to be confirmed was applied for ${spec}`,
      cause: 'A confirmation that names a spec is for that one alone.',
      fix: 'Name that spec, or none.',
      command: 'mkplan confirm',
    },
  ]);
}
