import { setImmediate } from 'node:timers/promises';
import { createActor, toPromise } from 'xstate';
import { claimsAfter } from '../executor/claims.ts';
import { ingressOf } from '../executor/confirmation.ts';
import { ClusterDeadlines, phaseMs, servicesInTime } from '../executor/deadlines.ts';
import { allOf, announce, leaveAll, stayAll } from '../executor/leases.ts';
import { type RecoveryPorts, recoverTransaction } from '../executor/recover.ts';
import { tellServices } from '../executor/reports.ts';
import { leftLines } from '../executor/residue.ts';
import { rollback } from '../executor/rollback.ts';
import { type ServicePort, StatusWriter } from '../executor/services.ts';
import { routesToVerify, verify } from '../executor/verify.ts';
import { performWave, Transaction } from '../executor/wave.ts';
import type { Claim, Owner } from '../model/claim.ts';
import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import type { EmitRunEvent } from '../model/event.ts';
import { isEmpty, type LeaseChange, type Plan } from '../model/plan.ts';
import { MAIN_TABLE } from '../model/route.ts';
import type { RouteChanger } from '../platform/route-table.ts';
import type { HeldLock, Lock } from '../registry/registry.ts';
import { type ApplyEnd, type ApplyWork, createApplyMachine, isApplyEnd } from './apply.ts';
import type { ApplyOptions, ApplyOutcome, ApplyPorts } from './apply-ports.ts';
import {
  diagnosticsOf,
  interruption,
  mayBeDecided,
  participantsChanged,
  stale,
  uncommitted,
} from './endings.ts';

/**
 * The lock is held until no process is left that can still change a route; and whoever takes it next, in this
 * process too, waits for the helper's own lock.
 */
async function releaseHelper(routeChanger: RouteChanger): Promise<void> {
  // One that does not let go keeps its own lock, so that the next to change anything waits for it or is told.
  await routeChanger.release().catch(() => undefined);
}

/**
 * Ends a transaction that was cut off, under a held lock; for commands that do not apply. With `unconfirmed`, also one
 * that may still be confirmed.
 */
export async function recover(
  ports: RecoveryPorts,
  emit: EmitRunEvent,
  options?: { readonly unconfirmed: boolean },
): Promise<readonly Diagnostic[]> {
  try {
    return (await recoverTransaction(ports, emit, options))?.left ?? [];
  } finally {
    await releaseHelper(ports.routeChanger);
  }
}

function changesRoutes({ steps, waves }: Plan): boolean {
  return waves.some((wave) => wave.some(({ step }) => steps[step]?.kind === 'route'));
}

/** Milliseconds that the cluster of a profile has for each phase of this plan. */
function clusterMs({ steps, reports }: Plan, name: string): number {
  const changed = [...steps, ...reports].filter(
    (one) => one.profile === name && !('kind' in one && (one.kind === 'route' || one.action === 'none')),
  );
  return phaseMs(changed.length);
}

/** The work of one run, and what it has come to. */
class ApplyRun implements ApplyWork {
  readonly #ports: ApplyPorts;
  readonly #options: ApplyOptions;
  readonly #emit: EmitRunEvent;
  readonly #deadlines: ClusterDeadlines;
  /** Every cluster, asked within its deadline. */
  readonly #services: ServicePort;
  #held: HeldLock | null = null;
  #claims: readonly Claim[] = [];
  #owner: Owner | null = null;
  #journalFailure: unknown = null;
  #deciding = false;
  /** What the clusters were told, once the plan was found to hold all the same. */
  #announced: readonly LeaseChange[] = [];
  plan: Plan | null = null;
  transaction: Transaction | null = null;
  left: readonly Diagnostic[] = [];

  constructor(ports: ApplyPorts, options: ApplyOptions, emit: EmitRunEvent) {
    this.#ports = ports;
    this.#options = options;
    this.#emit = emit;
    this.#deadlines = new ClusterDeadlines(ports.services, (name) => clusterMs(this.#planned(), name));
    this.#services = servicesInTime(ports.services, this.#deadlines);
  }

  async lock(): Promise<void> {
    const { doing, waitMs, signal } = this.#options;
    const onWait = (holder: Parameters<Parameters<Lock['acquire']>[0]['onWait']>[0]) =>
      this.#emit({
        type: 'lock.waiting',
        holder: holder === null ? 'unknown' : `pid ${holder.pid}, since ${holder.since}: ${holder.doing}`,
      });
    const takeHelper = () => this.#ports.routeChanger.take();
    this.#held = await this.#ports.lock.acquire({ doing, waitMs, onWait, signal, takeHelper });
    this.#emit({ type: 'lock.acquired' });
  }

  async release(): Promise<void> {
    // Also where our lock could not be had after all: the helper may have been told to keep others out.
    await releaseHelper(this.#ports.routeChanger);
    await this.#held?.release();
  }

  async recover(): Promise<void> {
    await recoverTransaction(this.#ports, this.#emit);
  }

  async observe(): Promise<void> {
    this.plan = await this.#ports.observe();
  }

  async check(): Promise<'apply' | 'nothing'> {
    const plan = this.#planned();
    const { fingerprint } = this.#options;
    if (fingerprint !== null && plan.fingerprint !== fingerprint) throw stale();
    const refusal = this.#options.approve(plan);
    if (refusal !== null) throw refusal;
    if (isEmpty(plan)) return 'nothing';
    this.#claims = await this.#ports.registry.read();
    this.#owner = await this.#ports.owner();
    const statuses = new StatusWriter(this.#services);
    this.transaction = new Transaction(this.#ports.txid(), plan, statuses, this.#ports.routeTable.words);
    this.transaction.table = this.#ports.seen?.().filter(({ table }) => table === MAIN_TABLE) ?? null;
    return 'apply';
  }

  async execute(wave: number): Promise<'more' | 'last'> {
    // Steps that never wait for the system would keep timers and signals from being heard.
    await setImmediate();
    const transaction = this.#open();
    const { plan } = transaction;
    if (!transaction.begun) await this.#begin(transaction);
    if (plan.waves.length > 0) await performWave(this.#ports, transaction, wave, this.#emit);
    return wave + 1 < plan.waves.length ? 'more' : 'last';
  }

  async #begin(transaction: Transaction): Promise<void> {
    const { txid, plan } = transaction;
    const { bootId, networkNamespace } = this.#owned();
    await this.#announce(plan);
    // Before anything else: whoever loses this race has changed nothing. What is recorded in vain is only remembered.
    await allOf(plan.allocations.map((change) => this.#services.writeAllocations(change)));
    const { confirmation } = this.#options;
    await this.#ports.journal.begin({
      txid,
      spec: plan.spec,
      bootId,
      networkNamespace,
      ...(confirmation === null ? {} : { ingress: ingressOf(plan, (name) => confirmation.contextOf(name)) }),
    });
    transaction.markBegun();
    this.#emit({
      type: 'transaction.started',
      txid,
      changes: plan.waves.reduce((sum, wave) => sum + wave.length, 0),
    });
    // It starts while the conditions are checked and the intent is written; nothing is asked of it before that.
    if (changesRoutes(plan)) this.#ports.routeChanger.start();
    await confirmation?.guard(txid);
  }

  /** Our Lease stays as it is when the plan turns out to be another one: the next run finds it, and goes on from there. */
  async #announce(plan: Plan): Promise<void> {
    if (await announce(this.#services, plan.leases)) {
      const again = await this.#ports.observe();
      if (again.fingerprint !== plan.fingerprint) throw participantsChanged();
    }
    this.#announced = plan.leases;
  }

  async verify(): Promise<void> {
    const { txid, plan, table } = this.#open();
    this.#emit({ type: 'verifying', txid, routes: routesToVerify(plan) });
    const problems = await verify(this.#ports.routeTable, plan, table);
    if (problems.length > 0) throw new Failure('error', problems);
  }

  async decide(): Promise<'commit' | 'confirm'> {
    const { txid, plan } = this.#open();
    this.#claims = claimsAfter(this.#claims, plan, this.#owned(), this.#ports.now());
    const { confirmation } = this.#options;
    if (confirmation === null) {
      this.#deciding = true;
      await this.#ports.journal.decide(txid, this.#claims);
      return 'commit';
    }
    const deadlineMs = Math.ceil(this.#ports.uptimeMs() + confirmation.withinMs);
    await this.#ports.journal.awaitConfirmation(txid, this.#claims, deadlineMs);
    this.#emit({ type: 'awaiting', txid, withinMs: confirmation.withinMs });
    return 'confirm';
  }

  async commit(): Promise<void> {
    const { txid, plan } = this.#open();
    // Once it is decided nothing is changed or undone any more, so the helper can let go meanwhile.
    const released = releaseHelper(this.#ports.routeChanger);
    try {
      await this.#ports.registry.write(this.#claims);
      await this.#ports.journal.close(txid, 'committed');
    } finally {
      await released;
    }
    this.#emit({ type: 'committed', txid });
    this.#deadlines.renew();
    // Last: whatever cuts this off leaves a Lease that is still to go, and no routes without one.
    this.left = await leaveAll(this.#services, plan.leases);
  }

  async report(): Promise<void> {
    const transaction = this.#open();
    // A Lease that could not be removed has a diagnostic of its own; the cluster may still take the Events.
    this.#deadlines.renew();
    const warnings = await tellServices(this.#services, transaction, this.#options.signal);
    for (const diagnostic of warnings) this.#emit({ type: 'warning', txid: transaction.txid, diagnostic });
  }

  async rollBack(): Promise<'unchanged' | 'rolled-back' | 'residue'> {
    const transaction = this.#open();
    // What did not answer while it was asked to do something may answer when it is asked to undo it.
    this.#deadlines.renew();
    if (!transaction.begun) {
      this.left = await stayAll(this.#services, this.#announced);
      return this.left.length > 0 ? 'residue' : 'unchanged';
    }
    const { left, journalFailure } = await rollback(this.#ports, transaction, this.#emit);
    this.left = [...left, ...(await stayAll(this.#services, this.#announced))];
    this.#journalFailure = journalFailure;
    if (journalFailure !== null && this.#deciding) this.left = [...this.left, mayBeDecided(journalFailure)];
    if (this.left.length > 0) return 'residue';
    return transaction.performed.some(({ tried }) => tried) ? 'rolled-back' : 'unchanged';
  }

  #planned(): Plan {
    if (this.plan === null) throw new TypeError('nothing was planned yet');
    return this.plan;
  }

  #open(): Transaction {
    if (this.transaction === null) throw new TypeError('no transaction was begun yet');
    return this.transaction;
  }

  #owned(): Owner {
    if (this.#owner === null) throw new TypeError('the owner was not asked for yet');
    return this.#owner;
  }

  /** What the end of the machine means for the caller. Throws where nothing was changed. */
  outcome(end: ApplyEnd, error: unknown): ApplyOutcome {
    // A Ctrl-C at the terminal also ends the programs that were just asked, so their failing is part of it.
    const interrupted = this.#options.signal.aborted;
    if (end === 'cancelled' || (end === 'refused' && interrupted)) {
      throw new Failure('interrupted', [interruption()], { cause: error });
    }
    if (end === 'refused') throw error;
    if (end === 'incomplete') this.left = [uncommitted(error)];
    const isAtEnd = end === 'nothing' || end === 'awaiting';
    if (isAtEnd || (end === 'done' && this.left.length === 0)) return this.#result(end, []);
    const journal = this.#journalFailure === null ? [] : diagnosticsOf(this.#journalFailure);
    const diagnostics = [...(end === 'done' ? [] : diagnosticsOf(error)), ...journal, ...this.left];
    if (end !== 'rolledBack') return this.#result('residue', diagnostics);
    return this.#result(interrupted ? 'interrupted' : 'rolled-back', diagnostics);
  }

  #result(kind: ApplyOutcome['kind'], diagnostics: readonly Diagnostic[]): ApplyOutcome {
    return {
      kind,
      plan: this.#planned(),
      txid: this.transaction?.txid ?? null,
      diagnostics,
      left: leftLines(this.left),
    };
  }
}

/** Events are for people: whoever listens and fails, at a closed pipe say, must not decide about routes. */
export function harmless<E>(emit: (event: E) => void): (event: E) => void {
  return (event) => {
    try {
      emit(event);
    } catch {
      // The outcome is returned as well, so nothing is lost that the caller does not learn.
    }
  };
}

/**
 * Applies a plan as one transaction: locks, recovers what was cut off, observes, checks, executes wave by wave,
 * verifies, decides, commits, and tells the Services; rolls everything back when anything fails or the signal is aborted.
 * Throws a Failure where nothing was changed: `lock-held`, `stale`, `conflict`, `interrupted`, or whatever
 * stood in the way. The route changer lets go before the lock is released; whoever made it closes it.
 */
export async function runApply(
  ports: ApplyPorts,
  options: ApplyOptions,
  emit: EmitRunEvent,
): Promise<ApplyOutcome> {
  const run = new ApplyRun(ports, options, harmless(emit));
  const actor = createActor(createApplyMachine(run));
  const cancel = () => actor.send({ type: 'CANCEL' });
  options.signal.addEventListener('abort', cancel, { once: true });
  try {
    const ended = toPromise(actor);
    actor.start();
    if (options.signal.aborted) cancel();
    await ended;
    const { value, context } = actor.getSnapshot();
    if (!isApplyEnd(value)) throw new TypeError(`the machine stopped in ${value}`);
    return run.outcome(value, context.error);
  } finally {
    options.signal.removeEventListener('abort', cancel);
    await run.release();
  }
}
