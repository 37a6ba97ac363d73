import { createActor, toPromise } from 'xstate';
import type { ServicePort } from '../executor/services.ts';
import type { Claim } from '../model/claim.ts';
import type { DesiredState } from '../model/desired.ts';
import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import type { EmitWatchEvent } from '../model/event.ts';
import type { ObservedHost, ObservedState } from '../model/observed.ts';
import { isEmpty, type Plan, type Step } from '../model/plan.ts';
import { formatPrefix } from '../model/prefix.ts';
import type { Route } from '../model/route.ts';
import { diagnosticsOf } from './endings.ts';
import { type ApplyOutcome, type ApplyPorts, harmless, runApply } from './run.ts';
import { type Unit, Units, unitOf } from './units.ts';
import { createWatchMachine, type WatchRest, type WatchWork } from './watch.ts';

/** What is set aside, by kind and name, with the reason. */
export interface SetAside {
  readonly profiles: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<string, string>;
  readonly destinations: ReadonlyMap<string, string>;
}

/** The pure part, injected: planning, and leaving out of a plan what is set aside. */
export interface WatchPlanner {
  plan(desired: DesiredState, observed: ObservedState): Plan;
  hold(plan: Plan, held: SetAside, host: ObservedHost): Plan;
  /** Why a plan is refused, by profile; the empty name for the plan as a whole. */
  refusals(plan: Plan): ReadonlyMap<string, string>;
  ofSession(plan: Plan, claims: readonly Claim[], host: ObservedHost): Plan;
}

/** Everything that a session touches. */
export interface WatchPorts {
  /** What a transaction touches. Its owner is the session; its helper outlives the transaction. */
  readonly apply: Omit<ApplyPorts, 'observe'>;
  readonly planner: WatchPlanner;
  /** The spec as it is now. Throws a Failure when it cannot be used. */
  desired(): Promise<DesiredState>;
  /** A snapshot, the same value as long as nothing has changed. Throws a Failure when the host cannot be read. */
  observe(desired: DesiredState, signal: AbortSignal): Promise<ObservedState>;
  /** What the cache of snapshots holds is no longer to be relied on. */
  distrust(): void;
  /** Calls back whenever something may have changed, until it is stopped. */
  triggers(onTrigger: (source: TriggerSource) => void): {
    /** Resolves once nothing that happens from then on is missed. */
    readonly ready: Promise<void>;
    stop(): Promise<void>;
  };
  readonly clock: Clock;
}

/** What may have changed. */
export type TriggerSource = 'spec' | 'profile' | 'kernel' | 'cluster' | 'timer' | 'asked';

export interface Clock {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Resolves after so many milliseconds, or at once when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** A number from 0 to 1. */
  random(): number;
}

export interface WatchOptions {
  /** The spec as it was when the user agreed to it. */
  readonly desired: DesiredState;
  /** Why a plan may not be carried out although nothing refuses it (approvals); null when it may. Of one profile's share. */
  unapproved(plan: Plan): ReadonlyMap<string, string>;
  readonly waitMs: number;
  readonly doing: string;
  /** Whether what the session made stays when it ends. */
  readonly keep: boolean;
  /** Aborted to end the session. */
  readonly signal: AbortSignal;
}

/** How a session ended. */
export interface WatchOutcome {
  /** What could not be taken away, and why. */
  readonly diagnostics: readonly Diagnostic[];
  readonly left: readonly string[];
}

/** So often in a row a pass may find that its facts had changed under it before it waits. */
const MAX_STALE = 5;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 60_000;
/** An editor or a git checkout writes several files, some of them twice. */
const SPEC_QUIET_MS = 50;
/** The longest that one pass makes the next one wait, so that a burst is served in few passes. */
const LONGEST_REST_MS = 50;
/** How long leaving may take before what cannot be reached is left: by then an API server had time to answer. */
const LEAVING_MS = 10_000;
/** Before facts that had changed are looked at again, so that news of them can arrive. */
const RETRY_MS = 20;

class WatchRun implements WatchWork {
  readonly #ports: WatchPorts;
  readonly #options: WatchOptions;
  readonly #emit: EmitWatchEvent;
  readonly #wake: (source: TriggerSource) => void;
  readonly #units = new Units();
  /** What this session has made, so that having to make it again is noticed. */
  readonly #made = new Set<string>();
  readonly #planned: { readonly key: readonly unknown[]; readonly plan: Plan }[] = [];
  #desired: DesiredState;
  /** How often the spec may have changed since it was read: once before anybody listened. */
  #specNews = 1;
  #restMs = 0;
  #shown = '';
  #told: ReadonlyMap<string, string> = new Map();
  #failure: readonly Diagnostic[] = [];
  #alarm: AbortController | null = null;
  /** The profile whose record of allocations the pass under way could not write; null where it could. */
  #unrecorded: string | null = null;
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
    const ms = this.#specNews > 0 ? SPEC_QUIET_MS : this.#restMs;
    this.#restMs = 0;
    if (ms > 0) await this.#ports.clock.wait(ms, this.#options.signal);
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
      for (let attempt = 1; (await this.#pass(attempt)) === 'again'; attempt++) {
        await clock.wait(RETRY_MS, this.#options.signal);
      }
    } catch (thrown) {
      this.#ports.distrust();
      this.#failure = diagnosticsOf(thrown);
      throw thrown;
    } finally {
      this.#restMs = Math.min(clock.now() - began, LONGEST_REST_MS);
      this.#setAlarm();
    }
    const profiles = this.#desired.profiles;
    if (profiles.length > 0 && profiles.every(({ name }) => this.#told.has(`profile ${name}`))) {
      return 'suspended';
    }
    return this.#units.isFighting ? 'fighting' : 'idle';
  }

  /** Keeps the last spec that could be used. */
  async #readSpec(): Promise<void> {
    if (this.#specNews === 0) return;
    this.#specNews = 0;
    try {
      this.#desired = await this.#ports.desired();
      this.#units.reset();
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      this.#emit({ type: 'watch.spec-invalid', diagnostics: thrown.diagnostics });
    }
  }

  /** Plans, and applies what there is to apply. `again`: its facts had changed under it. */
  async #pass(attempt: number): Promise<'done' | 'again'> {
    const plan = await this.#plan();
    const whole = this.#ports.planner.refusals(plan).get('');
    if (whole !== undefined) throw refused(whole);
    if (isEmpty(plan)) return 'done';
    this.#show(plan);
    const failed: { step: Step; diagnostic: Diagnostic }[] = [];
    this.#unrecorded = null;
    try {
      const outcome = await this.#apply(() => this.#plan(), this.#options.signal, failed);
      if (outcome.kind === 'interrupted') return 'done';
      if (outcome.kind === 'done') this.#remember(outcome.plan, failed);
      else if (outcome.kind !== 'nothing' && failed.length === 0)
        throw new Failure('error', outcome.diagnostics);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      if (thrown.kind === 'interrupted') return 'done';
      if (thrown.kind !== 'stale' || attempt >= MAX_STALE) {
        if (this.#unrecorded === null) throw thrown;
        const unit: Unit = { kind: 'profile', name: this.#unrecorded };
        this.#units.failed(unit, thrown.message, this.#ports.clock.now());
      }
      this.#ports.distrust();
      return 'again';
    }
    return this.#setAside(failed, attempt);
  }

  async #apply(
    observe: () => Promise<Plan>,
    signal: AbortSignal,
    failed: { step: Step; diagnostic: Diagnostic }[],
  ): Promise<ApplyOutcome> {
    const { waitMs, doing } = this.#options;
    return await runApply(
      { ...this.#ports.apply, services: this.#services(), observe },
      {
        fingerprint: null,
        approve: () => null,
        waitMs,
        doing,
        signal,
        lenient: true,
      },
      (event) => {
        if (event.type === 'change.failed') failed.push(event);
        this.#emit(event);
      },
    );
  }

  /** Notes whose record of allocations could not be written: that holds no other profile up. */
  #services(): ServicePort {
    const { services } = this.#ports.apply;
    return {
      setIngress: (profile, target, addresses) => services.setIngress(profile, target, addresses),
      list: (profile) => services.list(profile),
      writeAllocations: async (change) => {
        this.#unrecorded = change.profile;
        await services.writeAllocations(change);
        this.#unrecorded = null;
      },
    };
  }

  /** The plan without what is set aside; the same one as long as nothing has changed. */
  async #plan(): Promise<Plan> {
    const { planner } = this.#ports;
    const desired = this.#desired;
    const observed = await this.#ports.observe(desired, this.#options.signal);
    const whole = this.#memoized([desired, observed], () => planner.plan(desired, observed));
    const held = {
      profiles: new Map(this.#units.held('profile')),
      services: this.#units.held('service'),
      destinations: this.#units.held('destination'),
    };
    for (;;) {
      const isWhole = held.profiles.size + held.services.size + held.destinations.size === 0;
      const plan = isWhole ? whole : planner.hold(whole, held, observed.host);
      const refusals = planner.refusals(plan);
      const blamed = refusals.size > 0 ? refusals : this.#options.unapproved(plan);
      const news = [...blamed].filter(([profile]) => profile !== '' && !held.profiles.has(profile));
      if (news.length === 0) {
        this.#tell(held);
        return plan;
      }
      for (const [profile, why] of news) held.profiles.set(profile, why);
    }
  }

  #memoized(key: readonly unknown[], make: () => Plan): Plan {
    const [last] = this.#planned;
    if (last?.key.every((part, index) => part === key[index])) return last.plan;
    const plan = make();
    this.#planned[0] = { key, plan };
    return plan;
  }

  #show(plan: Plan): void {
    if (plan.fingerprint === this.#shown) return;
    this.#shown = plan.fingerprint;
    this.#emit({ type: 'watch.planned', plan });
  }

  /** Tells what is set aside now and was not, and what no longer is. */
  #tell({ profiles, services, destinations }: SetAside): void {
    const now = new Map<string, string>();
    for (const [name, why] of profiles) now.set(`profile ${name}`, why);
    for (const [name, why] of services) now.set(`Service ${name}`, why);
    for (const [name, why] of destinations) now.set(`route ${name}`, why);
    for (const [what, why] of now) {
      if (this.#told.get(what) !== why) this.#emit({ type: 'watch.held', what, why });
    }
    for (const what of this.#told.keys()) if (!now.has(what)) this.#emit({ type: 'watch.released', what });
    this.#told = now;
  }

  /** Notes what was made; what had been made before was undone by somebody. */
  #remember(plan: Plan, failed: readonly { step: Step }[]): void {
    const missed = new Set(failed.map(({ step }) => step));
    for (const step of plan.steps) {
      if (step.action === 'none' || missed.has(step)) continue;
      const unit = unitOf(step);
      this.#units.succeeded(unit);
      const [before, after] = madeKeys(step);
      if (after !== null && this.#made.has(after)) {
        const why = `${suspects(plan, unit)} undoes it again and again`;
        this.#units.undone(unit, why, this.#ports.clock.now());
      }
      if (before !== null) this.#made.delete(before);
      if (after !== null) this.#made.add(after);
    }
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

  /** Wakes the session when the next pause of something set aside is over. */
  #setAlarm(): void {
    this.#alarm?.abort();
    this.#alarm = null;
    const at = this.#units.nextRelease;
    if (at === null) return;
    const alarm = new AbortController();
    this.#alarm = alarm;
    const { clock } = this.#ports;
    void clock.wait(at - clock.now(), alarm.signal).then(() => {
      if (!alarm.signal.aborted) this.#wake('timer');
    });
  }

  async stop(): Promise<void> {
    this.#alarm?.abort();
    if (this.#options.keep) return;
    const { observe, planner, clock } = this.#ports;
    const desired: DesiredState = { ...this.#desired, mode: 'absent' };
    const bound = new AbortController();
    const end = new AbortController();
    // A cluster that has not answered by then counts as one that cannot be reached: its routes go all the same.
    void clock.wait(LEAVING_MS, end.signal).then(() => bound.abort(tooSlow()));
    const failed: { step: Step; diagnostic: Diagnostic }[] = [];
    try {
      const leave = async () => {
        const observed = await observe(desired, bound.signal);
        return planner.ofSession(planner.plan(desired, observed), observed.registry.claims, observed.host);
      };
      const { left, diagnostics } = await this.#apply(leave, new AbortController().signal, failed);
      this.outcome = { left, diagnostics: [...failed.map(({ diagnostic }) => diagnostic), ...diagnostics] };
    } catch (thrown) {
      this.outcome = { left: [], diagnostics: diagnosticsOf(thrown) };
    } finally {
      end.abort();
    }
  }
}

/** What a step leaves behind it and what was there before, as this session remembers it; null for nothing. */
function madeKeys(step: Step): readonly [before: string | null, after: string | null] {
  if (step.kind === 'service') {
    const key = (addresses: readonly string[]) =>
      addresses.length === 0 ? null : `${step.uid} ${addresses.join(' ')}`;
    return [key(step.before), key(step.after)];
  }
  const key = (route: Route | null) =>
    route === null ? null : `${formatPrefix(route.destination)} ${route.type} ${route.gateway}`;
  return [key(step.before), key(step.after)];
}

/** Who may be at it, as far as the plan knows. */
function suspects(plan: Plan, unit: Unit): string {
  const owners = plan.conflicts
    .filter(({ destination }) => formatPrefix(destination) === unit.name)
    .map(({ owner }) => owner);
  return owners.length === 0 ? 'somebody on this host' : [...new Set(owners)].join(' or ');
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
      summary: 'a cluster did not answer while the session was leaving',
      cause: `nothing came within ${LEAVING_MS / 1000} s`,
      fix: 'addresses that its Services show stay; clear them when it answers again',
      command: 'mkplan destroy',
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
