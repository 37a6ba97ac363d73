import { createActor, toPromise } from 'xstate';
import { leftLines } from '../../executor/residue.ts';
import type { DesiredState } from '../../model/desired.ts';
import { type Diagnostic, Failure } from '../../model/diagnostic.ts';
import type { EmitWatchEvent, PassResult, WatchState } from '../../model/event.ts';
import { isEmpty, type Plan } from '../../model/plan.ts';
import { diagnosticsOf, refused } from '../endings.ts';
import { harmless } from '../run.ts';
import { Alarm } from './alarm.ts';
import { ClusterWork } from './clusters.ts';
import { Dropped } from './dropped.ts';
import { EventQueue } from './event-queue.ts';
import { Given } from './given.ts';
import { leave, makeLast } from './leaving.ts';
import { createWatchMachine, type WatchRest, type WatchWork } from './machine.ts';
import { Made } from './made.ts';
import { Patience } from './patience.ts';
import { WatchPlanning } from './planning.ts';
import type { TriggerSource, WatchOptions, WatchOutcome, WatchPorts } from './ports.ts';
import { Shown } from './shown.ts';
import { lostHelper, MAX_STALE, mayPass, type SessionOutcome, SessionTransactions } from './transactions.ts';
import { Units, unitOf } from './units.ts';
import { Waking } from './waking.ts';

const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 60_000;
/** An editor or a git checkout writes several files, some of them twice. */
const SPEC_QUIET_MS = 50;
/** The longest that a pass in vain makes the next one wait, so that many triggers about nothing cost no more than half of a core. */
const LONGEST_REST_MS = 50;
/** How long a session that begins waits for its clusters. */
const FIRST_LOOK_MS = 1000;
/** How long a session that ends goes on writing Events, which nothing depends on. */
const TELLING_MS = 2000;
/** Before facts that had changed are looked at again, so that news of them can arrive. */
const RETRY_MS = 20;

class WatchRun implements WatchWork {
  readonly #ports: WatchPorts;
  readonly #options: WatchOptions;
  readonly #emit: EmitWatchEvent;
  readonly #units = new Units();
  readonly #made: Made;
  readonly #dropped = new Dropped();
  readonly #given = new Given();
  readonly #planning: WatchPlanning;
  readonly #transactions: SessionTransactions;
  readonly #events: EventQueue;
  readonly #work: ClusterWork;
  readonly #waking: Waking;
  readonly #alarm: Alarm;
  readonly #shown = new Shown();
  #desired: DesiredState;
  /** How often the spec may have changed since it was read: once before anybody listened. */
  #specNews = 1;
  /** Until when the pass before makes the next one wait, by the clock. */
  #restUntil = 0;
  /** How often something was changed, or a cluster asked for something. */
  #changes = 0;
  #failure: readonly Diagnostic[] = [];
  /** What the former clusters of profiles show for good. */
  readonly #left: Diagnostic[] = [];
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
    this.#waking = new Waking(ports, this.#units);
    this.#alarm = new Alarm(ports.clock, () => wake('timer'));
    this.#planning = new WatchPlanning(ports, options, this.#units, emit);
    this.#made = new Made(ports.losses, (step, taken) => this.#planning.rival(step, taken));
    this.#transactions = new SessionTransactions(ports.apply, options, emit);
    this.#events = new EventQueue(ports.apply.services, (diagnostic) =>
      emit({ type: 'watch.warning', diagnostic }),
    );
    this.#work = new ClusterWork(ports, {
      units: this.#units,
      made: this.#made,
      given: this.#given,
      events: this.#events,
      emit,
      wake: () => wake('cluster'),
    });
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
      await this.#waking.heed(this.#options.signal);
      this.#units.release(began);
      await this.#readSpec();
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
      this.#alarm.set([
        this.#units.nextRelease,
        this.#planning.nextStop(ended),
        this.#work.nextTelling(ended),
      ]);
    }
    const profiles = this.#desired.profiles;
    const isSuspended = profiles.length > 0 && profiles.every(({ name }) => this.#planning.isAside(name));
    this.#passed(isSuspended ? 'suspended' : 'success');
    if (isSuspended) return 'suspended';
    if (this.#units.isFighting) return 'fighting';
    return this.#work.busy.size > 0 ? 'asking' : 'idle';
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
      for (const profile of this.#dropped.edited(this.#desired, desired)) {
        const left = this.#given.moved(profile);
        if (left !== null) this.#leaveBehind(left);
      }
      this.#desired = desired;
      this.#units.reset();
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      this.#emit({ type: 'watch.spec-invalid', diagnostics: thrown.diagnostics });
    }
  }

  /** Tells what a profile's former cluster goes on to show, now and at the end. */
  #leaveBehind(left: Diagnostic): void {
    this.#left.push(left);
    this.#emit({ type: 'watch.warning', diagnostic: left });
  }

  /** Plans, begins what clusters can be asked for, and changes the routes that can be changed. `again`: its facts had changed under it. */
  async #pass(attempt: number): Promise<'done' | 'again'> {
    const { planner } = this.#ports;
    const back = await this.#dropped.takeBack(this.#ports, {
      desired: this.#desired,
      held: this.#units.all,
      busy: this.#work.busy,
      signal: this.#options.signal,
    });
    for (const share of back.shares) this.#work.begin(share);
    const plan = await this.#planning.plan(this.#desired, back.waiting);
    const whole = planner.refusals(plan).get('');
    if (whole !== undefined) throw refused(whole);
    this.#made.saw(plan);
    const left = this.#given.saw(plan, (profile) => this.#planning.isAside(profile));
    for (const one of left) this.#leaveBehind(one);
    this.#units.look((unit) => this.#planning.obstacleTo(unit), this.#ports.clock.now());
    if (this.#shown.isNews(plan)) this.#emit({ type: 'watch.planned', plan });
    if (isEmpty(plan)) {
      this.#planning.carriedOut(plan);
      return 'done';
    }
    for (const share of planner.share(plan, this.#work.busy).clusters) {
      if (this.#work.begin(share)) this.#changes++;
    }
    // What is being asked for by now may keep a route from going.
    const routes = (whole: Plan) => planner.share(whole, this.#work.busy).host;
    if (isEmpty(routes(plan))) return 'done';
    try {
      return await this.#change(
        async () => routes(await this.#planning.plan(this.#desired, back.waiting)),
        attempt,
      );
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      if (thrown.kind === 'interrupted') return 'done';
      if (!mayPass(thrown) || attempt >= MAX_STALE) throw thrown;
      this.#ports.distrust();
      return 'again';
    }
  }

  /** One transaction. Throws a Failure where it came to nothing, and not for something that can be set aside. */
  async #change(observe: () => Promise<Plan>, attempt: number): Promise<'done' | 'again'> {
    const outcome = await this.#transactions.apply(
      { observe, seen: () => this.#planning.routes },
      this.#options.signal,
    );
    const { kind, failed } = outcome;
    if (kind === 'interrupted' || kind === 'nothing') return 'done';
    if (kind === 'rolled-back' && lostHelper(outcome) && attempt < MAX_STALE) return 'again';
    this.#conclude(outcome);
    for (const { step, diagnostic } of failed) {
      this.#units.failed(unitOf(step), diagnostic.summary, this.#ports.clock.now());
    }
    return failed.length > 0 ? 'again' : 'done';
  }

  /** Takes note of how a transaction ended. Throws a Failure where it came to nothing. */
  #conclude({ kind, plan, failed, diagnostics }: SessionOutcome): void {
    if (kind === 'residue') this.#emit({ type: 'watch.failed', diagnostics, retryMs: RETRY_MS });
    if (kind === 'done') {
      this.#changes++;
      this.#made.note(plan.steps, this.#units, this.#ports.clock.now());
      this.#planning.carriedOut(plan);
    } else {
      this.#made.forgetLosses(plan);
      if (failed.length === 0) throw new Failure('error', diagnostics);
    }
  }

  async stop(): Promise<void> {
    this.#alarm.stop();
    if (this.#options.keep) await this.#keep();
    else await this.#takeAway();
    const enough = new AbortController();
    await this.#events.close(this.#ports.clock.wait(TELLING_MS, enough.signal));
    enough.abort();
    this.#work.close();
  }

  async #takeAway(): Promise<void> {
    const dropped = this.#dropped.profiles;
    const profiles = [...this.#desired.profiles, ...dropped];
    const desired: DesiredState = { ...this.#desired, mode: 'absent', profiles };
    const { diagnostics, left } = await leave(this.#ports, {
      transactions: this.#transactions,
      work: this.#work,
      given: this.#given,
      desired,
      dropped: new Set(dropped.map(({ name }) => name)),
    });
    this.outcome = {
      diagnostics: [...diagnostics, ...this.#left],
      left: [...left, ...leftLines(this.#left)],
    };
  }

  async #keep(): Promise<void> {
    const { spec } = this.#desired;
    await new Patience(this.#ports.clock).until(this.#work.idle());
    await makeLast(this.#ports.apply, { ...this.#options, spec }).catch((thrown: unknown) => {
      this.outcome = { left: [], diagnostics: diagnosticsOf(thrown) };
    });
  }
}

/** Waits a moment for the clusters, so that what a session says first is about all of them that answer. */
async function firstLook(ports: WatchPorts, { desired, signal }: WatchOptions): Promise<void> {
  const seen = new AbortController();
  const patience = ports.clock.wait(FIRST_LOOK_MS, AbortSignal.any([signal, seen.signal]));
  await Promise.race([ports.look(desired), patience]);
  seen.abort();
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
    await firstLook(ports, options);
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
