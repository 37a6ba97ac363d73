import { type Diagnostic, messageOf } from '../model/diagnostic.ts';
import type { EmitRunEvent } from '../model/event.ts';
import type { RouteChange, RouteWords } from '../platform/route-table.ts';
import type { IntendedChange } from '../registry/registry.ts';
import { tryChanges } from './attempt.ts';
import { type KeyedChange, keyedChange } from './change.ts';
import { leftLines, routeChanged, routeMissing, routeRemains } from './residue.ts';
import { TableView } from './table-view.ts';
import type { PerformedWave, Transaction, WavePorts } from './wave.ts';

/** A change with what is known of it: a change that was only intended may never have run. */
export type KnownChange = IntendedChange & { readonly state: 'intended' | 'done' };

/** How an undoing ended. */
export interface Undone {
  /** Changes that were taken back now. */
  readonly count: number;
  /** Changes that are proven to be as they were before; the others stay open in the journal, and are named again. */
  readonly proven: readonly IntendedChange[];
  /** What could not be, or was not mkplan's any more. */
  readonly left: readonly Diagnostic[];
  /** Why the undoing has to be tried again; null when there is nothing more that it could do. */
  readonly unfinished: unknown;
}

interface Reversal extends KeyedChange {
  readonly reverse: RouteChange;
}

/** What takes a change back, as the kernel shows it now: nothing, a conditional change, or a report. */
function reversalOf(
  change: KeyedChange,
  state: KnownChange['state'],
  view: TableView,
  words: RouteWords,
): Reversal | Diagnostic | null {
  const { op, route, key } = change;
  const there = view.has(key);
  if (there === (op === 'delete')) {
    const other = there ? null : view.inPlaceOf(change);
    // An add that was only intended and whose place another route has was refused for that: it never ran.
    return other === null || state === 'intended' ? null : routeChanged(route, other.route, words);
  }
  const other = op === 'delete' ? view.inPlaceOf(change) : null;
  if (other !== null) return routeChanged(route, other.route, words);
  return { ...change, reverse: { op: op === 'add' ? 'delete' : 'add', route } };
}

function leftOver({ op, route }: Reversal, said: string | undefined, words: RouteWords): Diagnostic {
  const cause = said === undefined || said === '' ? 'The system gave no reason.' : `The system said: ${said}`;
  return op === 'add' ? routeRemains(route, cause, words) : routeMissing(route, cause, words);
}

/**
 * Takes route changes back, the last first, each only where the kernel shows what the change left: a route that is
 * neither before nor after is left and reported. Safe to repeat. Throws a Failure when the table cannot be read.
 */
export async function undoRoutes(
  ports: Pick<WavePorts, 'routeTable' | 'routeChanger'>,
  changes: readonly KnownChange[],
): Promise<Undone> {
  const { words } = ports.routeTable;
  const reversed = changes.map((known) => ({ ...keyedChange(known), state: known.state })).reverse();
  const destinations = reversed.map(({ route }) => route.destination);
  const before = new TableView(await ports.routeTable.mainRoutes(undefined, destinations), destinations);
  const left: Diagnostic[] = [];
  const proven: IntendedChange[] = [];
  const todo: Reversal[] = [];
  for (const change of reversed) {
    const found = reversalOf(change, change.state, before, words);
    if (found === null) proven.push(change.intended);
    else if ('reverse' in found) todo.push(found);
    else left.push(found);
  }
  if (todo.length === 0) return { count: 0, proven, left, unfinished: null };
  const { failures, thrown, settled } = await tryChanges(
    ports.routeChanger,
    todo.map(({ reverse }) => reverse),
  );
  const said = new Map(failures.map(({ index, message }) => [index, message.trim()]));
  const after = new TableView(await ports.routeTable.mainRoutes(undefined, destinations), destinations);
  const isBack = ({ op, key }: Reversal) => after.has(key) !== (op === 'add');
  const remaining = [...todo.entries()].filter(([, change]) => !isBack(change));
  proven.push(...todo.filter(isBack).map(({ intended }) => intended));
  const gone = thrown === null ? undefined : messageOf(thrown);
  left.push(...remaining.map(([index, change]) => leftOver(change, said.get(index) ?? gone, words)));
  return {
    count: todo.length - remaining.length,
    proven,
    left,
    unfinished: settled && remaining.length === 0 ? null : thrown,
  };
}

/** How a rollback ended. */
export interface RolledBack {
  readonly left: readonly Diagnostic[];
  /** Why the journal could not follow; null when it did. */
  readonly journalFailure: unknown;
}

const countOf = ({ made, services }: PerformedWave) => made.length + services.size;

function stillChanging({ made, unsettled }: PerformedWave): Diagnostic {
  return {
    code: 'residue-unsettled',
    severity: 'error',
    summary: `up to ${made.length} route changes may still be under way, and were not undone`,
    cause: messageOf(unsettled),
    fix: 'Run `mkplan cleanup`: it waits until they have ended, and undoes them.',
    command: 'mkplan cleanup',
  };
}

/** Undoes one wave, Services first, and journals it. */
async function undoWave(
  ports: WavePorts,
  transaction: Transaction,
  wave: PerformedWave,
  journal: (write: () => Promise<void>) => Promise<void>,
): Promise<Pick<Undone, 'left' | 'unfinished'>> {
  const left = await transaction.statuses.undo([...wave.services]);
  // A helper that still makes changes would make them after the undoing; the next command waits for its end.
  if (wave.unsettled !== null) return { left: [...left, stillChanging(wave)], unfinished: wave.unsettled };
  if (wave.made.length === 0) return { left, unfinished: null };
  try {
    const undone = await undoRoutes(
      ports,
      wave.made.map((change) => ({ ...change, state: wave.state })),
    );
    if (undone.unfinished === null)
      await journal(() => ports.journal.undone(transaction.txid, undone.proven));
    return { left: [...left, ...undone.left], unfinished: undone.unfinished };
  } catch (thrown) {
    // The table cannot be read, so nothing of this wave is proven: each of its changes is named.
    const unproven = wave.made
      .map(keyedChange)
      .map(({ op, route }) =>
        (op === 'add' ? routeRemains : routeMissing)(route, messageOf(thrown), transaction.words),
      );
    return { left: [...left, ...unproven], unfinished: thrown };
  }
}

/**
 * Undoes everything that a transaction did, its waves in reverse, and closes the journal. An undo that has to be
 * tried again leaves the journal open, so that the next command recovers. Never throws: what was not proven to be as
 * before is in `left`.
 */
export async function rollback(
  ports: WavePorts,
  transaction: Transaction,
  emit: EmitRunEvent,
): Promise<RolledBack> {
  const { txid, performed } = transaction;
  emit({
    type: 'rollback.started',
    txid,
    changes: performed.reduce((sum, wave) => sum + countOf(wave), 0),
  });
  let journalFailure: unknown = null;
  // Undoing goes on in memory where the journal cannot follow: the kernel is reread either way.
  const journal = async (write: () => Promise<void>) => {
    await write().catch((thrown: unknown) => {
      journalFailure = thrown;
    });
  };
  const refused = performed.flatMap((wave) => wave.refused);
  if (refused.length > 0) await journal(() => ports.journal.undone(txid, refused));
  const left: Diagnostic[] = [];
  let finished = true;
  for (const wave of performed.toReversed()) {
    const undone = await undoWave(ports, transaction, wave, journal);
    left.push(...undone.left);
    finished &&= undone.unfinished === null;
  }
  // Told first: what was left must be named though this process dies before the journal is closed.
  emit({ type: 'rollback.done', txid, left: leftLines(left) });
  if (finished) await journal(() => ports.journal.close(txid, 'undone'));
  return { left, journalFailure };
}
