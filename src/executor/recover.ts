import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import type { EmitRunEvent } from '../model/event.ts';
import type { RouteChanger, RouteTable } from '../platform/route-table.ts';
import type { Journal, JournaledIngress, JournaledTransaction, Registry } from '../registry/registry.ts';
import { awaitsConfirmation, timeLeft } from './confirmation.ts';
import { ClusterDeadlines, phaseMs, statusesInTime } from './deadlines.ts';
import { leftLines } from './residue.ts';
import { type KnownChange, undoRoutes } from './rollback.ts';
import { type GivenStatus, type StatusPort, StatusWriter } from './services.ts';

/** What recovery needs. The caller holds the lock. */
export interface RecoveryPorts {
  readonly journal: Journal;
  readonly registry: Registry;
  readonly routeTable: RouteTable;
  readonly routeChanger: RouteChanger;
  /** The Services of profiles that are known by their kubeconfig contexts alone. */
  servicesIn(contexts: ReadonlyMap<string, string>): StatusPort;
  /** Milliseconds since boot, suspended time included (CLOCK_BOOTTIME of clock_gettime(2)). */
  uptimeMs(): number;
}

/** What was recovered. */
export interface Recovery {
  readonly txid: string;
  readonly direction: 'forward' | 'back';
  readonly changes: number;
  readonly left: readonly Diagnostic[];
}

function ofAnotherNamespace(transaction: JournaledTransaction): Failure {
  return new Failure('error', [
    {
      code: 'transaction-elsewhere',
      severity: 'error',
      summary: `transaction ${transaction.txid} did not end, and it is of network namespace ${transaction.networkNamespace}`,
      cause: `It was changing routes for ${transaction.spec} in another network namespace, whose routes cannot be seen from here.`,
      fix: 'Run `mkplan cleanup` in that namespace. If it is gone, its routes are too: then remove journal.ndjson from mkplan’s state directory.',
      command: `lsns -t net | grep ${transaction.networkNamespace}`,
    },
  ]);
}

/** Runs of changes of one kind, the last run first: changes of one run do not depend on each other's order. */
function runsBackwards(changes: readonly KnownChange[]): KnownChange[][] {
  const runs: KnownChange[][] = [];
  for (const change of changes) {
    const last = runs.at(-1);
    if (last?.[0]?.change.op === change.change.op) last.push(change);
    else runs.push([change]);
  }
  return runs.reverse();
}

/**
 * Takes back what Services were given. After the routes: those may be why nobody could confirm, and a cluster may take
 * its time to answer, or not answer at all.
 */
async function undoIngress(
  ports: RecoveryPorts,
  changes: readonly JournaledIngress[],
): Promise<readonly Diagnostic[]> {
  if (changes.length === 0) return [];
  const contexts = new Map(changes.map(({ profile, context }) => [profile, context]));
  const clusters = ports.servicesIn(contexts);
  const deadlines = new ClusterDeadlines(clusters, (name) =>
    phaseMs(changes.filter(({ profile }) => profile === name).length),
  );
  const writer = new StatusWriter(statusesInTime(clusters, deadlines));
  const given = (one: JournaledIngress): GivenStatus => ({
    step: one,
    previous: one.before,
    wanted: { addresses: one.after },
  });
  // Nothing is given back before every other Service is rid of it.
  const assigned = await writer.undo(changes.filter(({ after }) => after.length > 0).map(given));
  const cleared = await writer.undo(changes.filter(({ after }) => after.length === 0).map(given));
  return [...assigned, ...cleared];
}

async function rollForward(ports: RecoveryPorts, transaction: JournaledTransaction): Promise<Recovery> {
  const { txid, claims, changes } = transaction;
  if (claims !== null) await ports.registry.write(claims);
  return { txid, direction: 'forward', changes, left: [] };
}

async function rollBack(ports: RecoveryPorts, transaction: JournaledTransaction): Promise<Recovery> {
  const { txid, intents } = transaction;
  const left: Diagnostic[] = [];
  let count = 0;
  const open = intents.flatMap((intent) =>
    intent.state === 'undone' ? [] : [{ ...intent, state: intent.state }],
  );
  for (const run of runsBackwards(open)) {
    const undone = await undoRoutes(ports, run);
    // The journal stays open, so that the next command goes on from here.
    if (undone.unfinished !== null) throw undone.unfinished;
    await ports.journal.undone(txid, undone.proven);
    left.push(...undone.left);
    count += undone.count;
  }
  return { txid, direction: 'back', changes: count, left };
}

/**
 * Ends a transaction that was cut off: rolled forward where it was decided, else undone by what the kernel shows.
 * Null when there is none. Safe to repeat, and to be killed itself. Throws a Failure when the journal is damaged, when
 * the transaction is of another network namespace, when the undoing has to be tried again, or, of kind `lock-held`,
 * when it may still be confirmed; with `unconfirmed` it is undone then, too.
 */
export async function recoverTransaction(
  ports: RecoveryPorts,
  emit: EmitRunEvent,
  { unconfirmed } = { unconfirmed: false },
): Promise<Recovery | null> {
  const transaction = await ports.journal.open();
  if (transaction === null) return null;
  const { txid, claims, awaiting } = transaction;
  if (awaiting && claims !== null) {
    const msLeft = timeLeft(transaction, await ports.routeTable.identity(), ports.uptimeMs());
    if (msLeft > 0 && !unconfirmed) throw awaitsConfirmation(transaction, msLeft);
    // Once undoing has begun nobody may confirm any more, though it be cut off.
    if (msLeft > 0) await ports.journal.awaitConfirmation(txid, claims, 0);
  }
  const recovery = await endOf(ports, transaction);
  const { direction, changes, left } = recovery;
  // Told first: what was left must be named though this process dies before the journal is closed.
  emit({ type: 'recovered', txid, direction, changes, left: leftLines(left) });
  // The process that waits for a confirmation learns from the journal how it ended.
  const kept = transaction.ingress === null ? null : leftLines(left);
  await ports.journal.close(txid, direction === 'forward' ? 'committed' : 'undone', kept);
  return recovery;
}

async function endOf(ports: RecoveryPorts, transaction: JournaledTransaction): Promise<Recovery> {
  // The claims are all that is missing, and they do not depend on where this runs.
  if (transaction.decided) return await rollForward(ports, transaction);
  const here = await ports.routeTable.identity();
  // Routes do not outlive the boot that they were made in.
  let routes: Recovery = { txid: transaction.txid, direction: 'back', changes: 0, left: [] };
  if (transaction.bootId === here.bootId) {
    if (transaction.networkNamespace !== here.networkNamespace) throw ofAnotherNamespace(transaction);
    routes = await rollBack(ports, transaction);
  }
  return { ...routes, left: [...routes.left, ...(await undoIngress(ports, transaction.ingress ?? []))] };
}
