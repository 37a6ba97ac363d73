import { setImmediate } from 'node:timers/promises';
import { vi } from 'vitest';
import type {
  Sighting,
  TriggerSource,
  WatchOptions,
  WatchOutcome,
  WatchPorts,
} from '../../src/machine/watch/ports.ts';
import { runWatch } from '../../src/machine/watch/run.ts';
import type { Owner } from '../../src/model/claim.ts';
import { type DesiredState, needsCluster } from '../../src/model/desired.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type { WatchEvent } from '../../src/model/event.ts';
import type {
  CriticalAddress,
  MinikubeTunnel,
  ObservedProfile,
  ObservedService,
  ObservedState,
} from '../../src/model/observed.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import type { Route } from '../../src/model/route.ts';
import { rivalOf } from '../../src/planner/conflicts/rival.ts';
import { hold, ofSession, refusalsByProfile, refusedDestinations } from '../../src/planner/hold.ts';
import { plan as makePlan } from '../../src/planner/plan.ts';
import { routesAlone, shareOf } from '../../src/planner/share.ts';
import { createRegistry } from '../../src/registry/claims-file.ts';
import { checkingEvents } from '../cli/json-lines.ts';
import * as build from '../planner/build.ts';
import { Faults } from './faults.ts';
import { planOf } from './plans.ts';
import { temporaryDirectory } from './temporary.ts';
import { failure, WatchedCluster } from './watched-cluster.ts';
import { World } from './world.ts';

/** Pauses up to this are over at once; longer ones when the test says so. Milliseconds. */
const SHORT_MS = 100;

/** States that last until something happens. */
const RESTING: ReadonlySet<string> = new Set([
  'asking',
  'idle',
  'fighting',
  'suspended',
  'backingOff',
  'stopped',
]);

/** As long as an API client waits for an answer. Milliseconds. */
const DEADLINE_MS = 10_000;

/** So many turns of the event loop without anything to do are rest. */
const TURNS = 6;

/** A clock that a test moves. */
class HandClock {
  nowMs = 0;
  readonly #waiting = new Set<{ readonly at: number; readonly end: () => void }>();

  now(): number {
    return this.nowMs;
  }

  random(): number {
    return 1;
  }

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (ms <= SHORT_MS) {
      this.nowMs += ms;
      await setImmediate();
      return;
    }
    await new Promise<void>((resolve) => {
      const end = () => {
        this.#waiting.delete(waiter);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const waiter = { at: this.nowMs + ms, end };
      this.#waiting.add(waiter);
      signal.addEventListener('abort', end);
    });
  }

  /** Milliseconds until the next pause is over; null where nobody waits. */
  get next(): number | null {
    const ends = [...this.#waiting].map(({ at }) => at);
    return ends.length === 0 ? null : Math.min(...ends) - this.nowMs;
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const waiter of [...this.#waiting]) {
      if (waiter.at <= this.nowMs) waiter.end();
    }
  }
}

/** A host and a cluster with a session on them: everything real but the kernel, the API and the clock. */
export class Session {
  readonly world: World;
  readonly clock = new HandClock();
  readonly events: WatchEvent[] = [];
  /** The cluster of every profile that has none of its own. */
  readonly cluster = new WatchedCluster();
  /** Clusters by profile. */
  readonly clusters = new Map<string, WatchedCluster>();
  readonly services = this.cluster.services;
  readonly refusing = this.cluster.refusing;
  /** Profiles whose cluster does not answer. */
  readonly unreached = new Set<string>();
  /** minikube's own record of its tunnels. */
  tunnels: readonly MinikubeTunnel[] = [];
  /** Kills the session at one of its operations. */
  faults = new Faults();
  /** Whether the kernel takes routes without a word, as it does with a link that goes down; else somebody removes them. */
  isSilent = false;
  /** How often the host was suspended, and how often connections were made anew. */
  suspensions = 0;
  renewals = 0;
  /** How often a link came up. */
  returns = 0;
  /** Addresses that must not change their way. */
  critical: readonly CriticalAddress[] = [];
  /** Runs before each snapshot. */
  onObserve: () => void = () => undefined;
  /** The spec as a file would have it; a Failure for one that cannot be used. */
  spec: DesiredState | Failure;
  /** Thrown at whoever observes; null while the host can be read. */
  unreadable: Failure | null = null;
  #end = new AbortController();
  #state = '';
  readonly #waiting: (() => void)[] = [];
  #outcome: Promise<WatchOutcome> | null = null;
  #hear: (source: TriggerSource) => void = () => undefined;
  /** By profile: calls to its cluster that have not ended. */
  readonly #calls = new Map<string, number>();
  /** Profiles as they were seen last. */
  readonly #seen = new Map<string, ObservedProfile>();
  #last: { readonly text: string; readonly state: ObservedState } | null = null;

  private constructor(world: World, spec: DesiredState) {
    this.world = world;
    this.spec = spec;
  }

  static async create(
    spec: DesiredState,
    routes: readonly Route[] = [],
    directory?: string,
  ): Promise<Session> {
    const dir = directory ?? (await temporaryDirectory());
    return new Session(new World(dir, [...build.host().routes, ...routes]), spec);
  }

  addService(name: string, rest: Partial<ObservedService> = {}): void {
    this.services.set(name, build.service(name, rest));
  }

  ingress(name: string): readonly string[] {
    return this.services.get(name)?.ingress ?? [];
  }

  /** Destinations of the routes with our protocol. */
  ours(): string[] {
    const routes = this.world.kernel.keys().filter((key) => key.includes('proto 109'));
    return routes.map((key) => key.split(' ')[1] ?? '').sort();
  }

  /** The route of ours to a destination. */
  async routeTo(destination: string): Promise<Route> {
    const { routes } = await this.world.kernel.snapshot();
    const found = routes.find((one) => one.protocol === 109 && formatPrefix(one.destination) === destination);
    if (found === undefined) throw new RangeError(destination);
    return found;
  }

  start(options: Partial<WatchOptions> = {}, listener: (event: WatchEvent) => void = () => undefined): void {
    if (this.spec instanceof Failure) throw this.spec;
    this.#end = new AbortController();
    this.#state = '';
    this.faults = new Faults();
    const base: WatchOptions = {
      desired: this.spec,
      unapproved: () => new Map(),
      uncovered: () => new Map(),
      untaken: () => new Map(),
      waitMs: 0,
      doing: 'watch',
      keep: false,
      signal: this.#end.signal,
    };
    const checkEvent = checkingEvents();
    this.#outcome = runWatch(this.#ports(), { ...base, ...options }, (event) => {
      if (event.type === 'watch.state') this.#enter(event.state);
      this.events.push(event);
      checkEvent(event);
      listener(event);
    });
  }

  trigger(source: TriggerSource = 'kernel'): void {
    this.#hear(source);
  }

  /** Ends the session and waits for it. */
  async stop(): Promise<WatchOutcome> {
    this.interrupt();
    if (this.#outcome === null) throw new TypeError('it has not started');
    return await this.#outcome;
  }

  /** Ends the session as SIGKILL does: nothing that it still tries has any effect. */
  async kill(): Promise<void> {
    this.faults.killAt(0);
    await this.stop();
  }

  interrupt(): void {
    this.#end.abort(failure('interrupted', 'interrupted'));
  }

  /** Waits until the session has come to rest and what is expected holds. */
  async rests(expectation: () => void = () => undefined): Promise<void> {
    await vi.waitFor(
      () => {
        const state = this.state();
        if (!this.#isResting()) throw new Error(`it is ${state}: ${JSON.stringify(this.events.slice(-4))}`);
        expectation();
      },
      { timeout: 30_000, interval: 5 },
    );
  }

  /** Triggers a pass and waits for its end. */
  async pass(source: TriggerSource = 'kernel', expectation: () => void = () => undefined): Promise<void> {
    const before = this.events.length;
    this.trigger(source);
    await this.rests(() => {
      const since = this.events.slice(before);
      if (!since.some((event) => event.type === 'watch.state' && event.state === 'reconciling'))
        throw new Error('not yet');
      expectation();
    });
  }

  #enter(state: string): void {
    this.#state = state;
    if (!RESTING.has(state)) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Resolves once the session rests, and every cluster that answers has answered. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) {
      if (!RESTING.has(this.#state)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      // It waits for the clock only once it has told its state.
      await setImmediate();
      if (!this.#isResting()) turn = -1;
    }
  }

  #isResting(): boolean {
    const isAnswering = ([profile, calls]: [string, number]) =>
      calls > 0 && !['mute', 'hangs'].includes(this.clusterOf(profile).reach);
    return RESTING.has(this.#state) && ![...this.#calls].some(isAnswering);
  }

  /** Asks a cluster; one that does not answer is given up when its deadline is over. */
  async #ask<T>(
    profile: string,
    operation: string,
    call: (cluster: WatchedCluster) => Promise<T>,
  ): Promise<T> {
    this.faults.step(operation);
    const answered = new AbortController();
    const deadline = this.clock.wait(DEADLINE_MS, answered.signal).then(() => {
      throw failure('cluster-slow', 'no answer in time');
    });
    this.#calls.set(profile, (this.#calls.get(profile) ?? 0) + 1);
    try {
      return await Promise.race([call(this.clusterOf(profile)), deadline]);
    } finally {
      answered.abort();
      deadline.catch(() => undefined);
      this.#calls.set(profile, (this.#calls.get(profile) ?? 0) - 1);
    }
  }

  state(): string {
    return this.#state;
  }

  /** Events of one type, in order. */
  of<T extends WatchEvent['type']>(type: T): Extract<WatchEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<WatchEvent, { type: T }> => event.type === type);
  }

  /** A snapshot for these profiles. */
  async observe({ profiles }: Pick<DesiredState, 'profiles'>): Promise<ObservedState> {
    const { routes } = await this.world.kernel.snapshot();
    const claims = await createRegistry(this.world.dir).read();
    return build.observed({
      host: { ...build.host(), routes, minikubeTunnels: this.tunnels, critical: this.critical },
      registry: { claims, open: null },
      profiles: profiles.map((profile) => {
        const cluster = this.clusterOf(profile.name);
        const last = this.#seen.get(profile.name);
        // One that hangs is known as it was seen last.
        const seen = cluster.reach === 'hangs' && last !== undefined ? last : cluster.observed(profile.name);
        this.#seen.set(profile.name, seen);
        const isAsked = needsCluster(profile) && !this.unreached.has(profile.name);
        return isAsked ? seen : { ...seen, cluster: null };
      }),
    });
  }

  clusterOf(profile: string): WatchedCluster {
    return this.clusters.get(profile) ?? this.cluster;
  }

  /** As `observe`; the same value as long as nothing has changed. */
  async #observeLive(desired: DesiredState): Promise<Sighting> {
    this.faults.step('observe');
    this.onObserve();
    if (this.unreadable !== null) throw this.unreadable;
    const state = await this.observe(desired);
    const text = JSON.stringify(state, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    if (this.#last?.text !== text) this.#last = { text, state };
    const unknown = desired.profiles.filter(
      (profile) =>
        needsCluster(profile) &&
        this.clusterOf(profile.name).reach === 'hangs' &&
        this.#seen.get(profile.name)?.cluster === null,
    );
    return { observed: this.#last.state, unknown: new Set(unknown.map(({ name }) => name)) };
  }

  #ports(): WatchPorts {
    const { observe: _, ...apply } = this.world.ports(planOf([]), this.faults);
    const session = this;
    return {
      apply: {
        ...apply,
        services: {
          applyStatus: (profile, target, status) =>
            this.#ask(profile, 'applyStatus', (cluster) => cluster.applyStatus(target, status)),
          createEvent: async (_profile, { name }, { reason }) => void this.told.push(`${name} ${reason}`),
          writeAllocations: ({ profile, before, after }) =>
            this.#ask(profile, 'writeAllocations', (cluster) => cluster.writeAllocations(before, after)),
          list: (profile) => this.#ask(profile, 'list', async ({ services }) => [...services.values()]),
          giveUp: () => undefined,
          join: (profile, serves) => this.#ask(profile, 'join', (cluster) => cluster.say('join', serves)),
          announceLeaving: (profile) =>
            this.#ask(profile, 'announceLeaving', (cluster) => cluster.say('announce')),
          leave: (profile) => this.#ask(profile, 'leave', (cluster) => cluster.say('leave')),
        },
        owner: async (): Promise<Owner> => ({
          spec: build.desired([]).spec,
          mode: 'session',
          pid: 4711,
          startTime: '12345',
          ...build.HOST_ID,
        }),
      },
      planner: {
        plan: makePlan,
        hold,
        ofSession,
        share: shareOf,
        routesAlone,
        rival: rivalOf,
        refusals: refusalsByProfile,
        refusedDestinations,
      },
      desired: async () => {
        if (this.spec instanceof Failure) throw this.spec;
        return this.spec;
      },
      observe: (desired) => this.#observeLive(desired),
      look: async () => undefined,
      refresh: async () => undefined,
      distrust: () => {
        this.#last = null;
      },
      triggers: (onTrigger) => {
        this.#hear = onTrigger;
        this.world.kernel.onChange = () => onTrigger('kernel');
        return { ready: Promise.resolve(), stop: async () => undefined };
      },
      losses: {
        isSomebodys: () => !this.isSilent,
        forget: () => undefined,
        get returns() {
          return session.returns;
        },
      },
      suspensions: {
        count: () => this.suspensions,
        renew: async () => {
          this.renewals++;
        },
      },
      clock: this.clock,
    };
  }

  /** The Events that were written: Service and reason. */
  readonly told: string[] = [];
}
