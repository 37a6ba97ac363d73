import { createActor, toPromise } from 'xstate';
import type { DesiredProfile, DesiredState } from '../model/desired.ts';
import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import type { EmitWatchEvent, PassResult, WatchState } from '../model/event.ts';
import { isEmpty, type Plan } from '../model/plan.ts';
import { diagnosticsOf } from './endings.ts';
import { harmless } from './run.ts';
import { Units, unitOf } from './units.ts';
import { createWatchMachine, type WatchRest, type WatchWork } from './watch.ts';
import {
  type FailedStep,
  lostHelper,
  MAX_STALE,
  mayPass,
  type SessionOutcome,
  SessionTransactions,
} from './watch-apply.ts';
import { Dropped } from './watch-dropped.ts';
import { Given } from './watch-given.ts';
import { makeLast } from './watch-keeping.ts';
import { leave } from './watch-leaving.ts';
import { Made } from './watch-made.ts';
import { WatchPlanning } from './watch-planning.ts';
import type { TriggerSource, WatchOptions, WatchOutcome, WatchPorts } from './watch-ports.ts';

const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 60_000;
/** An editor or a git checkout writes several files, some of them twice. */
const SPEC_QUIET_MS = 50;
/** The longest that a pass in vain makes the next one wait, so that many triggers about nothing cost no more than half of a core. */
const LONGEST_REST_MS = 50;
/** After a suspension, until links and addresses are back. */
const WAKING_MS = 3000;
/** How long a session that ends goes on writing Events, which nothing depends on. */
const TELLING_MS = 2000;
/** Before facts that had changed are looked at again, so that news of them can arrive. */
const RETRY_MS = 20;

class WatchRun implements WatchWork {
  readonly #ports: WatchPorts;
  readonly #options: WatchOptions;
  readonly #emit: EmitWatchEvent;
  readonly #wake: (source: TriggerSource) => void;
  readonly #units = new Units();
  readonly #made: Made;
  readonly #dropped = new Dropped();
  readonly #given = new Given();
  readonly #planning: WatchPlanning;
  readonly #transactions: SessionTransactions;
  #desired: DesiredState;
  /** How often the spec may have changed since it was read: once before anybody listened. */
  #specNews = 1;
  /** Until when the pass before makes the next one wait, by the clock. */
  #restUntil = 0;
  /** Transactions that have changed something. */
  #changes = 0;
  #shown = '';
  #suspensions: number;
  /** How many links had come up when it was looked last. */
  #returns = 0;
  #failure: readonly Diagnostic[] = [];
  #alarm: AbortController | null = null;
  outcome: WatchOutcome = { diagnostics: [], left: [] };

  constructor(
    ports: WatchPorts,
    options: WatchOptions,
    emit: EmitWatchEvent,
    wake: (source: TriggerSource) => void,
  ) {
    this.#ports = ports;
    this.#options = options;
    this.#emit = emit;
    this.#desired = options.desired;
    this.#wake = wake;
    this.#suspensions = ports.suspensions.count();
    this.#planning = new WatchPlanning(ports, options, this.#units, emit);
    this.#made = new Made(ports.losses, (step, taken) => this.#planning.rival(step, taken));
    this.#transactions = new SessionTransactions(ports.apply, options, emit);
  }

  heard(source: TriggerSource): void {
    if (source === 'spec' || source === 'asked') this.#specNews++;
    if (source === 'asked') {
      this.#units.reset();
      this.#ports.distrust();
    }
    this.#emit({ type: 'watch.trigger', source });
  }

  async settle(): Promise<void> {
    const { clock } = this.#ports;
    const ms = this.#specNews > 0 ? SPEC_QUIET_MS : this.#restUntil - clock.now();
    if (ms > 0) await clock.wait(ms, this.#options.signal);
  }

  async backOff(failures: number): Promise<void> {
    const { clock } = this.#ports;
    const ms = Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), LONGEST_BACKOFF_MS);
    const retryMs = Math.round(ms * (0.5 + clock.random() / 2));
    this.#emit({ type: 'watch.failed', diagnostics: this.#failure, retryMs });
    await clock.wait(retryMs, this.#options.signal);
  }

  async reconcile(): Promise<WatchRest> {
    const { clock } = this.#ports;
    const began = clock.now();
    const changes = this.#changes;
    try {
      await this.#awake();
      this.#retryOverLinks();
      this.#units.release(began);
      await this.#readSpec();
      for (const profile of this.#dropped.profiles) await this.#takeBack(profile);
      for (let attempt = 1; (await this.#pass(attempt)) === 'again'; attempt++) {
        await clock.wait(RETRY_MS, this.#options.signal);
      }
    } catch (thrown) {
      this.#ports.distrust();
      this.#failure = diagnosticsOf(thrown);
      this.#passed('failure', this.#failure);
      throw thrown;
    } finally {
      const ended = clock.now();
      // After one that was not in vain somebody may wait already for what came too late for it.
      const isInVain = this.#changes === changes;
      this.#restUntil = isInVain ? ended + Math.min(ended - began, LONGEST_REST_MS) : ended;
      this.#setAlarm();
    }
    const profiles = this.#desired.profiles;
    const isSuspended = profiles.length > 0 && profiles.every(({ name }) => this.#planning.isAside(name));
    this.#passed(isSuspended ? 'suspended' : 'success');
    if (isSuspended) return 'suspended';
    return this.#units.isFighting ? 'fighting' : 'idle';
  }

  /** After a suspension nothing is as it was known: links, VMs and clusters come back by and by. */
  async #awake(): Promise<void> {
    const { suspensions, clock, distrust } = this.#ports;
    const count = suspensions.count();
    if (count === this.#suspensions) return;
    this.#suspensions = count;
    await clock.wait(WAKING_MS, this.#options.signal);
    await suspensions.renew();
    distrust();
    this.#units.retry();
  }

  /** What the kernel refused while a link was down it may take now. */
  #retryOverLinks(): void {
    const { returns } = this.#ports.losses;
    if (returns !== this.#returns) this.#units.retry();
    this.#returns = returns;
  }

  #passed(result: PassResult, diagnostics: readonly Diagnostic[] = []): void {
    if (!this.#options.signal.aborted) this.#emit({ type: 'watch.pass', result, diagnostics });
  }

  /** Keeps the last spec that could be used. */
  async #readSpec(): Promise<void> {
    if (this.#specNews === 0) return;
    this.#specNews = 0;
    try {
      const desired = await this.#ports.desired();
      this.#dropped.edited(this.#desired, desired);
      this.#desired = desired;
      this.#units.reset();
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      this.#emit({ type: 'watch.spec-invalid', diagnostics: thrown.diagnostics });
    }
  }

  /** Takes back what Services of a profile were given that the spec has dropped; where that fails, the next pass tries again. */
  async #takeBack(profile: DesiredProfile): Promise<void> {
    const { observe, planner } = this.#ports;
    const absent: DesiredState = { ...this.#desired, mode: 'absent', profiles: [profile] };
    const { signal } = this.#options;
    let isSeen = false;
    const plan = async () => {
      const observed = await observe(absent, signal);
      isSeen = observed.profiles.some(({ name, cluster }) => name === profile.name && cluster !== null);
      return planner.servicesAlone(planner.plan(absent, observed), observed.host);
    };
    try {
      const { kind, failed } = await this.#transactions.apply({ observe: plan }, signal);
      const isOver = kind === 'done' || kind === 'nothing';
      if (isSeen && isOver && failed.length === 0) this.#dropped.forget(profile);
    } catch (thrown) {
      // Nothing was changed, and nothing else depends on it.
      if (!(thrown instanceof Failure)) throw thrown;
    }
  }

  /** Plans, and applies what there is to apply. `again`: its facts had changed under it. */
  async #pass(attempt: number): Promise<'done' | 'again'> {
    const plan = await this.#planning.plan(this.#desired);
    const whole = this.#ports.planner.refusals(plan).get('');
    if (whole !== undefined) throw refused(whole);
    this.#made.saw(plan);
    this.#units.look((unit) => this.#planning.obstacleTo(unit), this.#ports.clock.now());
    if (isEmpty(plan)) {
      this.#noteGiven(plan);
      return 'done';
    }
    this.#show(plan);
    let failed: readonly FailedStep[] = [];
    try {
      const outcome = await this.#transactions.apply(
        { observe: () => this.#planning.plan(this.#desired), seen: () => this.#planning.routes },
        this.#options.signal,
      );
      failed = outcome.failed;
      if (outcome.kind === 'interrupted') return 'done';
      if (outcome.kind === 'rolled-back' && lostHelper(outcome) && attempt < MAX_STALE) return 'again';
      this.#conclude(outcome);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      if (thrown.kind === 'interrupted') return 'done';
      if (!mayPass(thrown) || attempt >= MAX_STALE) {
        if (this.#transactions.unwritten.size === 0) throw thrown;
        this.#setUnwrittenAside();
      }
      this.#ports.distrust();
      return 'again';
    }
    return this.#setAside(failed, attempt);
  }

  /** Takes note of how a transaction ended. Throws a Failure where it came to nothing. */
  #conclude(outcome: SessionOutcome): void {
    const { kind, plan, failed, diagnostics } = outcome;
    if (kind === 'residue') this.#emit({ type: 'watch.failed', diagnostics, retryMs: RETRY_MS });
    if (kind === 'done') {
      this.#changes++;
      const missed = new Set(failed.map(({ step }) => step));
      this.#made.note(plan, missed, this.#units, this.#ports.clock.now());
      this.#noteGiven(plan);
    } else if (kind !== 'nothing') {
      this.#made.forgetLosses(plan);
      if (failed.length === 0) throw new Failure('error', diagnostics);
    }
  }

  #setUnwrittenAside(): void {
    for (const [name, why] of this.#transactions.unwritten) {
      this.#units.failed({ kind: 'profile', name }, why, this.#ports.clock.now());
    }
  }

  #noteGiven(plan: Plan): void {
    this.#given.note(plan, (profile) => this.#planning.isAside(profile));
    this.#planning.carriedOut(plan);
  }

  #show(plan: Plan): void {
    if (plan.fingerprint === this.#shown) return;
    this.#shown = plan.fingerprint;
    this.#emit({ type: 'watch.planned', plan });
  }

  /** Sets aside what failed. A Service that had just changed is planned for anew, a few times, before it counts as failed. */
  #setAside(failed: readonly FailedStep[], attempt: number): 'done' | 'again' {
    let again = false;
    for (const { step, diagnostic } of failed) {
      again = true;
      if (diagnostic.code === 'service-changed' && attempt < MAX_STALE) continue;
      this.#units.failed(unitOf(step), diagnostic.summary, this.#ports.clock.now());
    }
    return again ? 'again' : 'done';
  }

  /** Wakes the session when the next pause of something set aside is over, or a VM counts as stopped. */
  #setAlarm(): void {
    this.#alarm?.abort();
    this.#alarm = null;
    const now = this.#ports.clock.now();
    const due = [this.#units.nextRelease, this.#planning.nextStop(now)].filter((at) => at !== null);
    if (due.length === 0) return;
    const alarm = new AbortController();
    this.#alarm = alarm;
    const { clock } = this.#ports;
    void clock.wait(Math.min(...due) - now, alarm.signal).then(() => {
      if (!alarm.signal.aborted) this.#wake('timer');
    });
  }

  async stop(): Promise<void> {
    this.#alarm?.abort();
    if (this.#options.keep) await this.#keep();
    else await this.#takeAway();
    const enough = new AbortController();
    await this.#transactions.close(this.#ports.clock.wait(TELLING_MS, enough.signal));
    enough.abort();
  }

  async #takeAway(): Promise<void> {
    const profiles = [...this.#desired.profiles, ...this.#dropped.profiles];
    const desired: DesiredState = { ...this.#desired, mode: 'absent', profiles };
    this.outcome = await leave(this.#ports, {
      transactions: this.#transactions,
      given: this.#given,
      desired,
    });
  }

  async #keep(): Promise<void> {
    const { spec } = this.#desired;
    await makeLast(this.#ports.apply, { ...this.#options, spec }).catch((thrown: unknown) => {
      this.outcome = { left: [], diagnostics: diagnosticsOf(thrown) };
    });
  }
}

function refused(summary: string): Failure {
  return new Failure('conflict', [
    {
      code: 'plan-refused',
      severity: 'error',
      summary: 'the plan is refused, and nothing was changed',
      cause: summary,
      fix: 'resolve what the plan marks with `!`',
      command: 'mkplan plan',
    },
  ]);
}

/**
 * Keeps a tunnel true until the signal is aborted, then takes away what the session made unless it is to be kept.
 * Never throws for what happens meanwhile: that is told by events.
 */
export async function runWatch(
  ports: WatchPorts,
  options: WatchOptions,
  listener: EmitWatchEvent,
): Promise<WatchOutcome> {
  const emit = harmless(listener);
  const run = new WatchRun(ports, options, emit, (source) => hear(source));
  const actor = createActor(createWatchMachine(run));
  const hear = (source: TriggerSource) => {
    run.heard(source);
    actor.send({
      type: 'TRIGGER',
      urgent: source !== 'timer' && source !== 'cluster' && source !== 'kernel',
    });
  };
  let state: WatchState | null = null;
  actor.subscribe(({ value }) => {
    if (value === state) return;
    state = value;
    emit({ type: 'watch.state', state });
  });
  const stop = () => actor.send({ type: 'STOP' });
  options.signal.addEventListener('abort', stop, { once: true });
  const triggers = ports.triggers(hear);
  try {
    await triggers.ready;
    ports.distrust();
    const ended = toPromise(actor);
    actor.start();
    if (options.signal.aborted) stop();
    await ended;
    return run.outcome;
  } finally {
    options.signal.removeEventListener('abort', stop);
    await triggers.stop();
  }
}
