import { createActor, toPromise } from 'xstate';
import { leftLines } from '../executor/residue.ts';
import type { ServicePort } from '../executor/services.ts';
import type { DesiredProfile, DesiredState } from '../model/desired.ts';
import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import type { EmitWatchEvent } from '../model/event.ts';
import type { ObservedState } from '../model/observed.ts';
import { isEmpty, type Plan, type Step } from '../model/plan.ts';
import type { ApplyOutcome, ApplyPorts } from './apply-ports.ts';
import { diagnosticsOf, sessionLeft } from './endings.ts';
import { EventQueue } from './event-queue.ts';
import { harmless, runApply } from './run.ts';
import { type Unit, Units, unitOf } from './units.ts';
import { createWatchMachine, type WatchRest, type WatchWork } from './watch.ts';
import { Dropped } from './watch-dropped.ts';
import { Given } from './watch-given.ts';
import { makeLast } from './watch-keeping.ts';
import { Made } from './watch-made.ts';
import { WatchPlanning } from './watch-planning.ts';
import type { TriggerSource, WatchOptions, WatchOutcome, WatchPorts } from './watch-ports.ts';

/** So often in a row a pass may find that its facts had changed under it before it waits. */
const MAX_STALE = 5;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 60_000;
/** An editor or a git checkout writes several files, some of them twice. */
const SPEC_QUIET_MS = 50;
/** The longest that one pass makes the next one wait, so that a burst is served in few passes. */
const LONGEST_REST_MS = 50;
/** How long leaving waits for a cluster before that counts as out of reach: by then an API server had time to answer. */
const LEAVING_MS = 10_000;
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
  readonly #made = new Made((step, taken) => this.#planning.rival(step, taken));
  readonly #dropped = new Dropped();
  readonly #given = new Given();
  readonly #planning: WatchPlanning;
  readonly #events: EventQueue;
  #desired: DesiredState;
  /** How often the spec may have changed since it was read: once before anybody listened. */
  #specNews = 1;
  /** Until when the pass before makes the next one wait, by the clock. */
  #restUntil = 0;
  #shown = '';
  #failure: readonly Diagnostic[] = [];
  #alarm: AbortController | null = null;
  /** The profile whose record of allocations, or our Lease there, the pass under way could not write; null where it could. */
  #unwritten: string | null = null;
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
    this.#planning = new WatchPlanning(ports, options, this.#units, emit);
    this.#events = new EventQueue(ports.apply.services, (diagnostic) =>
      emit({ type: 'watch.warning', diagnostic }),
    );
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
    try {
      for (const { name } of this.#units.release(began)) this.#emit({ type: 'watch.released', what: name });
      await this.#readSpec();
      for (const profile of this.#dropped.profiles) await this.#takeBack(profile);
      for (let attempt = 1; (await this.#pass(attempt)) === 'again'; attempt++) {
        await clock.wait(RETRY_MS, this.#options.signal);
      }
    } catch (thrown) {
      this.#ports.distrust();
      this.#failure = diagnosticsOf(thrown);
      throw thrown;
    } finally {
      const ended = clock.now();
      this.#restUntil = ended + Math.min(ended - began, LONGEST_REST_MS);
      this.#setAlarm();
    }
    const profiles = this.#desired.profiles;
    if (profiles.length > 0 && profiles.every(({ name }) => this.#planning.isAside(name))) {
      return 'suspended';
    }
    return this.#units.isFighting ? 'fighting' : 'idle';
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
    const failed: { step: Step; diagnostic: Diagnostic }[] = [];
    try {
      const { kind } = await this.#apply({ observe: plan }, signal, failed);
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
    if (isEmpty(plan)) {
      this.#noteGiven(plan);
      return 'done';
    }
    this.#show(plan);
    const failed: { step: Step; diagnostic: Diagnostic }[] = [];
    this.#unwritten = null;
    try {
      const outcome = await this.#apply(
        { observe: () => this.#planning.plan(this.#desired), seen: () => this.#planning.routes },
        this.#options.signal,
        failed,
      );
      if (outcome.kind === 'interrupted') return 'done';
      if (outcome.kind === 'rolled-back' && lostHelper(outcome) && attempt < MAX_STALE) return 'again';
      if (outcome.kind === 'residue') {
        this.#emit({ type: 'watch.failed', diagnostics: outcome.diagnostics, retryMs: RETRY_MS });
      }
      if (outcome.kind === 'done') {
        const missed = new Set(failed.map(({ step }) => step));
        this.#made.note(outcome.plan, missed, this.#units, this.#ports.clock.now());
        this.#noteGiven(outcome.plan);
      } else if (outcome.kind !== 'nothing' && failed.length === 0)
        throw new Failure('error', outcome.diagnostics);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      if (thrown.kind === 'interrupted') return 'done';
      if (!mayPass(thrown) || attempt >= MAX_STALE) {
        if (this.#unwritten === null) throw thrown;
        const unit: Unit = { kind: 'profile', name: this.#unwritten };
        this.#units.failed(unit, thrown.message, this.#ports.clock.now());
      }
      this.#ports.distrust();
      return 'again';
    }
    return this.#setAside(failed, attempt);
  }

  async #apply(
    planned: Pick<ApplyPorts, 'observe' | 'seen'>,
    signal: AbortSignal,
    failed: { step: Step; diagnostic: Diagnostic }[],
  ): Promise<ApplyOutcome> {
    const { waitMs, doing } = this.#options;
    return await runApply(
      { ...this.#ports.apply, services: this.#services(), ...planned },
      {
        fingerprint: null,
        approve: () => null,
        waitMs,
        doing,
        signal,
        lenient: true,
        confirmation: null,
      },
      (event) => {
        if (event.type === 'change.failed') failed.push(event);
        this.#emit(event);
      },
    );
  }

  /** Notes whose record of allocations, or our Lease there, could not be written: that holds no other profile up. */
  #services(): ServicePort {
    const { services } = this.#ports.apply;
    const noting = async (profile: string, write: Promise<void>) => {
      this.#unwritten = profile;
      await write;
      this.#unwritten = null;
    };
    return {
      applyStatus: (profile, target, status) => services.applyStatus(profile, target, status),
      createEvent: async (profile, target, event) => this.#events.add({ profile, target, event }),
      list: (profile) => services.list(profile),
      writeAllocations: (change) => noting(change.profile, services.writeAllocations(change)),
      join: (profile) => noting(profile, services.join(profile)),
      announceLeaving: (profile) => noting(profile, services.announceLeaving(profile)),
      // When all else is done: what fails then is told.
      leave: (profile) => services.leave(profile),
    };
  }

  #noteGiven(plan: Plan): void {
    this.#given.note(plan, (profile) => this.#planning.isAside(profile));
  }

  #show(plan: Plan): void {
    if (plan.fingerprint === this.#shown) return;
    this.#shown = plan.fingerprint;
    this.#emit({ type: 'watch.planned', plan });
  }

  /** Sets aside what failed. A Service that had just changed is planned for anew, a few times, before it counts as failed. */
  #setAside(failed: readonly { step: Step; diagnostic: Diagnostic }[], attempt: number): 'done' | 'again' {
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
    await this.#events.close(this.#ports.clock.wait(TELLING_MS, enough.signal));
    enough.abort();
  }

  async #keep(): Promise<void> {
    const { spec } = this.#desired;
    await makeLast(this.#ports.apply, { ...this.#options, spec }).catch((thrown: unknown) => {
      this.outcome = { left: [], diagnostics: diagnosticsOf(thrown) };
    });
  }

  async #takeAway(): Promise<void> {
    const { planner } = this.#ports;
    const profiles = [...this.#desired.profiles, ...this.#dropped.profiles];
    const desired: DesiredState = { ...this.#desired, mode: 'absent', profiles };
    let remaining: readonly Diagnostic[] = [];
    try {
      this.outcome = await this.#leave(async () => {
        const observed = await this.#observeLeaving(desired);
        remaining = this.#given.left(observed);
        return planner.ofSession(planner.plan(desired, observed), observed.registry.claims, observed.host);
      });
    } catch (thrown) {
      this.outcome = { left: leftLines([sessionLeft()]), diagnostics: diagnosticsOf(thrown) };
    }
    const { left, diagnostics } = this.outcome;
    this.outcome = {
      left: [...left, ...leftLines(remaining)],
      diagnostics: [...diagnostics, ...remaining],
    };
  }

  /** With a cluster that has not answered in time as one that cannot be reached: its routes go all the same. */
  async #observeLeaving(desired: DesiredState): Promise<ObservedState> {
    const { observe, clock } = this.#ports;
    const patience = new AbortController();
    const end = new AbortController();
    void clock.wait(LEAVING_MS, end.signal).then(() => patience.abort(tooSlow()));
    try {
      return await observe(desired, new AbortController().signal, patience.signal);
    } finally {
      end.abort();
    }
  }

  /**
   * Applies what takes everything away, anew where its facts had changed under it. Where a cluster cannot be told that we
   * leave our routes go all the same, and our Lease runs out.
   */
  async #leave(observe: () => Promise<Plan>): Promise<WatchOutcome> {
    const untold = new Set<string>();
    const planned = async (): Promise<Plan> => {
      const plan = await observe();
      return { ...plan, leases: plan.leases.filter(({ profile }) => !untold.has(profile)) };
    };
    for (let attempt = 1; ; attempt++) {
      this.#unwritten = null;
      const failed: { step: Step; diagnostic: Diagnostic }[] = [];
      try {
        const outcome = await this.#apply({ observe: planned }, new AbortController().signal, failed);
        if (outcome.kind === 'rolled-back' && lostHelper(outcome) && attempt < MAX_STALE) continue;
        const { kind, left, diagnostics } = outcome;
        const isUndone = kind === 'rolled-back' || kind === 'interrupted';
        return {
          left: isUndone ? [...left, ...leftLines([sessionLeft()])] : left,
          diagnostics: [...failed.map(({ diagnostic }) => diagnostic), ...diagnostics],
        };
      } catch (thrown) {
        const isOver = thrown instanceof Failure && mayPass(thrown);
        const profile = this.#unwritten;
        if (!isOver && profile !== null && !untold.has(profile)) untold.add(profile);
        else if (!isOver || attempt >= MAX_STALE) throw thrown;
        this.#ports.distrust();
      }
    }
  }
}

/** Whether the helper ended over it: the next transaction starts another one. */
function lostHelper({ diagnostics }: { readonly diagnostics: readonly Diagnostic[] }): boolean {
  return diagnostics.some(({ code }) => code === 'helper-gone');
}

/** Whether what a transaction failed for, with nothing changed, is over by the next one. */
function mayPass(failure: Failure): boolean {
  return failure.kind === 'stale' || lostHelper(failure);
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

function tooSlow(): Failure {
  return new Failure('error', [
    {
      code: 'cluster-slow',
      severity: 'error',
      summary: 'the cluster did not answer while the session was leaving',
      cause: `nothing came within ${LEAVING_MS / 1000} s`,
      fix: '',
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
  let state = '';
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
