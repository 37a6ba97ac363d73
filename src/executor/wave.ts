import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import type { EmitRunEvent } from '../model/event.ts';
import type { Plan } from '../model/plan.ts';
import type { Family, Prefix } from '../model/prefix.ts';
import type { Route } from '../model/route.ts';
import type { ChangeFailure, RouteChanger, RouteTable, RouteWords } from '../platform/route-table.ts';
import type { IntendedChange, Journal } from '../registry/registry.ts';
import { tryChanges } from './attempt.ts';
import { type KeyedChange, type ServiceChange, splitWave } from './change.ts';
import { keyOf } from './key.ts';
import {
  foreignAppeared,
  refusedChange,
  refusedService,
  staleChange,
  unansweredServices,
  untriedService,
} from './refusal.ts';
import { type StatusWriter, type TriedStatus, wasUnanswered } from './services.ts';
import { familiesOf, TableView } from './table-view.ts';

/** What a wave is performed with. */
export interface WavePorts {
  readonly journal: Journal;
  readonly routeTable: RouteTable;
  readonly routeChanger: RouteChanger;
}

/** What one wave did, in memory: rollback trusts it only as far as the kernel agrees. */
export interface PerformedWave {
  /** Changes that were made, or may have been. */
  made: readonly IntendedChange[];
  /** `intended` until a reread has shown which of them were made. */
  state: 'intended' | 'done';
  /** Changes that were intended and certainly not made. */
  refused: readonly IntendedChange[];
  /** Whether the system was asked to change anything, as far as can be told. */
  tried: boolean;
  /** Why a process that can still make changes may be alive; null when none is. */
  unsettled: unknown;
  /** Changes of Services that were made, or may have been. */
  readonly services: Set<TriedStatus>;
}

/** An open transaction, as far as this process has come with it. */
export class Transaction {
  readonly txid: string;
  readonly plan: Plan;
  readonly statuses: StatusWriter;
  readonly words: RouteWords;
  /** Waves that have begun, in order. */
  readonly performed: PerformedWave[] = [];
  /** Those that the plan changes routes of: the others need not be read. */
  readonly families: readonly Family[];
  /** All that a change of routes is judged by; null for the whole table, where a precondition names an unknown route. */
  readonly scope: readonly Prefix[] | null;
  /** Table main as last reread, within the scope; null when something else came between. */
  table: readonly Route[] | null = null;
  #begun = false;
  readonly #started = new Set<number>();
  readonly #known: ReadonlyMap<string, Prefix>;

  constructor(txid: string, plan: Plan, statuses: StatusWriter, words: RouteWords) {
    this.words = words;
    this.txid = txid;
    this.plan = plan;
    this.statuses = statuses;
    this.families = familiesOf(plan);
    this.#known = knownRoutes(plan);
    this.scope = planScope(plan, this.#known);
  }

  /** Whether the journal knows of it. */
  get begun(): boolean {
    return this.#begun;
  }

  markBegun(): void {
    this.#begun = true;
  }

  /** Whether the plan speaks of this route: its own, or a foreign one that it knew and accepted. */
  knows(key: string): boolean {
    return this.#known.has(key);
  }

  /** Whether this is the first change of its step, whose precondition is then due. */
  starts({ intended }: KeyedChange): boolean {
    return !this.#started.has(intended.change.step);
  }

  markStarted(changes: readonly KeyedChange[]): void {
    for (const { intended } of changes) this.#started.add(intended.change.step);
  }
}

function knownRoutes(plan: Plan): ReadonlyMap<string, Prefix> {
  const known = new Map<string, Prefix>();
  const add = (route: Route | null) => {
    if (route !== null) known.set(keyOf(route), route.destination);
  };
  for (const step of plan.steps) {
    if (step.kind !== 'route') continue;
    add(step.before);
    if (step.after !== step.before) add(step.after);
  }
  for (const { foreign } of plan.conflicts) add(foreign);
  return known;
}

/** The destinations that the changes of a plan, and their conditions, speak of. */
function planScope({ steps }: Plan, known: ReadonlyMap<string, Prefix>): readonly Prefix[] | null {
  const scope: Prefix[] = [];
  for (const step of steps) {
    if (step.kind !== 'route' || step.action === 'none') continue;
    for (const route of [step.before, step.after]) if (route !== null) scope.push(route.destination);
    for (const key of [...step.precondition.present, ...step.precondition.absent]) {
      const destination = known.get(key);
      if (destination === undefined) return null;
      scope.push(destination);
    }
  }
  return scope;
}

/** What of a change's conditions the table does not meet; null when all is well. */
function unmet(transaction: Transaction, view: TableView, change: KeyedChange): Diagnostic | null {
  const { present, absent } = change.intended.step.precondition;
  const due = transaction.starts(change);
  const missing = [...(change.op === 'delete' ? [change.key] : []), ...(due ? present : [])].find(
    (key) => !view.has(key),
  );
  if (missing !== undefined) return staleChange(change, `${missing} is gone`, transaction.words);
  const inTheWay = [...(change.op === 'add' ? [change.key] : []), ...(due ? absent : [])].find((key) =>
    view.has(key),
  );
  if (inTheWay !== undefined)
    return staleChange(change, `${inTheWay} is there already, and it is not mkplan's`, transaction.words);
  return foreignAt(transaction, view, change);
}

/** A foreign route to the destination of a route that is to be ours; null when there is none that the plan did not know. */
function foreignAt(transaction: Transaction, view: TableView, change: KeyedChange): Diagnostic | null {
  if (change.op !== 'add') return null;
  const foreign = view.at(change.route.destination).find(({ key }) => !transaction.knows(key));
  return foreign === undefined ? null : foreignAppeared(change, foreign.route, transaction.words);
}

function viewOf(routes: readonly Route[], scope: readonly Prefix[] | null): TableView {
  return new TableView(routes, scope ?? routes.map((route) => route.destination));
}

interface Judgement {
  readonly made: KeyedChange[];
  readonly refused: KeyedChange[];
  readonly problems: Map<KeyedChange, Diagnostic>;
}

/** Judges every change by the reread table alone; what the system said only explains. */
function judge(
  transaction: Transaction,
  view: TableView,
  changes: readonly KeyedChange[],
  failures: readonly ChangeFailure[],
): Judgement {
  const said = new Map(failures.map(({ index, message }) => [index, message]));
  const result: Judgement = { made: [], refused: [], problems: new Map() };
  for (const [index, change] of changes.entries()) {
    if (view.has(change.key) !== (change.op === 'add')) {
      result.refused.push(change);
      result.problems.set(change, refusedChange(change, said.get(index) ?? null, transaction.words));
    } else {
      result.made.push(change);
      const foreign = foreignAt(transaction, view, change);
      if (foreign !== null) result.problems.set(change, foreign);
    }
  }
  return result;
}

const intendedOf = (changes: readonly KeyedChange[]) => changes.map(({ intended }) => intended);

async function performRoutes(
  ports: WavePorts,
  transaction: Transaction,
  performed: PerformedWave,
  changes: readonly KeyedChange[],
  emit: EmitRunEvent,
): Promise<void> {
  const { txid } = transaction;
  const fail = (problems: ReadonlyMap<KeyedChange, Diagnostic>) => {
    for (const [{ intended }, diagnostic] of problems) {
      emit({ type: 'change.failed', txid, ...intended, diagnostic });
    }
  };
  const { scope } = transaction;
  const before = viewOf(
    transaction.table ?? (await ports.routeTable.mainRoutes(transaction.families, scope)),
    scope,
  );
  const stale = new Map<KeyedChange, Diagnostic>();
  for (const change of changes) {
    const problem = unmet(transaction, before, change);
    if (problem !== null) stale.set(change, problem);
  }
  if (stale.size > 0) {
    fail(stale);
    throw new Failure('stale', [...stale.values()]);
  }
  await ports.journal.intend(txid, intendedOf(changes));
  // From here on any of them may be made, whatever else goes wrong.
  performed.made = intendedOf(changes);
  performed.tried = true;
  transaction.markStarted(changes);
  transaction.table = null;
  const outcome = await tryChanges(ports.routeChanger, changes);
  if (!outcome.settled) {
    performed.unsettled = outcome.thrown;
    throw outcome.thrown;
  }
  const routes = await ports.routeTable.mainRoutes(transaction.families, scope);
  const { made, refused, problems } = judge(transaction, viewOf(routes, scope), changes, outcome.failures);
  performed.made = intendedOf(made);
  performed.state = 'done';
  performed.refused = intendedOf(refused);
  performed.tried = outcome.thrown === null || made.length > 0;
  if (problems.size > 0) {
    fail(problems);
    throw outcome.thrown ?? new Failure('error', [...problems.values()]);
  }
  await ports.journal.done(txid, performed.made);
  transaction.table = routes;
  for (const { intended } of made) emit({ type: 'change.done', txid, ...intended });
}

async function performServices(
  transaction: Transaction,
  performed: PerformedWave,
  changes: readonly ServiceChange[],
  emit: EmitRunEvent,
): Promise<void> {
  const { txid } = transaction;
  const problems: Diagnostic[] = [];
  const unanswered: { readonly given: ServiceChange; readonly thrown: unknown }[] = [];
  performed.tried = true;
  transaction.table = null;
  const fail = (given: ServiceChange, diagnostic: Diagnostic) =>
    emit({ type: 'change.failed', txid, ...given, diagnostic });
  const untried = await transaction.statuses.perform(
    changes,
    (tried) => performed.services.add(tried),
    (tried, { thrown, isMade }) => {
      const { change, step } = tried;
      if (!isMade) performed.services.delete(tried);
      if (thrown === null) {
        emit({ type: 'change.done', txid, change, step });
        return;
      }
      const diagnostic = refusedService(tried, thrown);
      fail(tried, diagnostic);
      if (wasUnanswered(thrown)) unanswered.push({ given: tried, thrown });
      else problems.push(diagnostic);
    },
  );
  for (const given of untried) fail(given, untriedService(given));
  problems.push(...unansweredServices(unanswered, untried));
  if (problems.length > 0) throw new Failure('error', problems);
}

/**
 * Performs one wave: checks the conditions, journals the intent, changes, rereads, judges, journals what was done.
 * Two fsyncs, however many changes. Throws a Failure when anything of it was not made, of kind `stale` when nothing
 * was tried because the table is not what the plan rests on; `transaction.performed` then says what to undo.
 */
export async function performWave(
  ports: WavePorts,
  transaction: Transaction,
  wave: number,
  emit: EmitRunEvent,
): Promise<void> {
  const changes = transaction.plan.waves[wave] ?? [];
  const { routes, services } = splitWave(transaction.plan, changes);
  const { txid } = transaction;
  emit({
    type: 'wave.started',
    txid,
    wave,
    waves: transaction.plan.waves.length,
    changes: changes.length,
  });
  const performed: PerformedWave = {
    made: [],
    state: 'intended',
    refused: [],
    tried: false,
    unsettled: null,
    services: new Set(),
  };
  transaction.performed.push(performed);
  if (routes.length > 0) await performRoutes(ports, transaction, performed, routes, emit);
  if (services.length > 0) await performServices(transaction, performed, services, emit);
}
