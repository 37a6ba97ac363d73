import type { Condition, FormerStatus } from '../model/condition.ts';
import { Failure } from '../model/diagnostic.ts';
import type { Plan } from '../model/plan.ts';
import type { HostIdentity } from '../platform/route-table.ts';
import type { JournaledIngress, JournaledTransaction } from '../registry/registry.ts';
import { formerStatus, wantedOf } from './services.ts';

/**
 * How much longer a transaction may be confirmed, in milliseconds, at most 0 when the time is over. A clock that counts
 * since boot says nothing about another boot: whose routes are gone anyway.
 */
export function timeLeft(
  { deadlineMs, bootId }: JournaledTransaction,
  here: Pick<HostIdentity, 'bootId'>,
  uptimeMs: number,
): number {
  return deadlineMs === null || bootId !== here.bootId ? 0 : deadlineMs - uptimeMs;
}

/** Why nothing else may be changed while a transaction waits to be confirmed. */
export function awaitsConfirmation({ txid, spec }: JournaledTransaction, msLeft: number): Failure {
  return new Failure('lock-held', [
    {
      code: 'confirmation-pending',
      severity: 'error',
      summary: `the last apply (${txid}) waits to be confirmed, for ${Math.ceil(msLeft / 1000)} s more`,
      cause: `It was applied for ${spec} with --confirm-within, and mkplan undoes it unless you confirm it; until then nothing else is changed.`,
      fix: 'Confirm it, or wait until it is undone.',
      command: 'mkplan confirm',
    },
  ]);
}

/** What the journal has to hold of a plan's Services; `contextOf` gives a profile's kubeconfig context. */
export function ingressOf(plan: Plan, contextOf: (profile: string) => string): JournaledIngress[] {
  const left = new Map<number, FormerStatus>();
  return plan.waves.flat().flatMap((change) => {
    const step = plan.steps[change.step];
    if (step?.kind !== 'service') return [];
    const { profile, namespace, name, uid } = step;
    const former = left.get(change.step) ?? formerStatus(step);
    const before = { ...former, condition: plainCondition(former.condition) };
    const { addresses, condition } = wantedOf({ change, step });
    left.set(change.step, { addresses, condition });
    return [{ profile, context: contextOf(profile), namespace, name, uid, before, after: addresses }];
  });
}

/** Without what the cluster showed beside it. */
function plainCondition(given: Condition | null): Condition | null {
  if (given === null) return null;
  const { status, reason, message, lastTransitionTime } = given;
  return { status, reason, message, lastTransitionTime };
}
