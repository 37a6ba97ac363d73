import { setImmediate } from 'node:timers/promises';
import { vi } from 'vitest';
import type { TriggerSource, WatchOptions, WatchOutcome, WatchPorts } from '../../src/machine/watch-ports.ts';
import { runWatch } from '../../src/machine/watch-run.ts';
import type { Owner } from '../../src/model/claim.ts';
import { type DesiredState, needsCluster } from '../../src/model/desired.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type { WatchEvent } from '../../src/model/event.ts';
import type {
  CriticalAddress,
  MinikubeTunnel,
  ObservedService,
  ObservedState,
} from '../../src/model/observed.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import type { Route } from '../../src/model/route.ts';
import { rivalOf } from '../../src/planner/conflicts/rival.ts';
import {
  hold,
  ofSession,
  refusalsByProfile,
  refusedDestinations,
  servicesAlone,
} from '../../src/planner/hold.ts';
import { plan as makePlan } from '../../src/planner/plan.ts';
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
const RESTING: ReadonlySet<string> = new Set(['idle', 'fighting', 'suspended', 'backingOff', 'stopped']);

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
        if (!RESTING.has(state)) throw new Error(`it is ${state}: ${JSON.stringify(this.events.slice(-4))}`);
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

  /** Resolves once the session rests: at once where it does. */
  async settled(): Promise<void> {
    do {
      if (!RESTING.has(this.#state)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      // It waits for the clock only once it has told its state.
      await setImmediate();
    } while (!RESTING.has(this.#state));
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
        const seen = this.clusterOf(profile.name).observed(profile.name);
        const isAsked = needsCluster(profile) && !this.unreached.has(profile.name);
        return isAsked ? seen : { ...seen, cluster: null };
      }),
    });
  }

  clusterOf(profile: string): WatchedCluster {
    return this.clusters.get(profile) ?? this.cluster;
  }

  /** As `observe`; the same value as long as nothing has changed. */
  async #observeLive(desired: DesiredState, patience?: AbortSignal): Promise<ObservedState> {
    this.faults.step('observe');
    this.onObserve();
    if (this.unreadable !== null) throw this.unreadable;
    await this.#outwait(desired, patience);
    const state = await this.observe(desired);
    const text = JSON.stringify(state, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    if (this.#last?.text !== text) this.#last = { text, state };
    return this.#last.state;
  }

  /** Waits for clusters that hang until patience is at its end. */
  async #outwait({ profiles }: DesiredState, patience: AbortSignal | undefined): Promise<void> {
    const hanging = profiles.map(({ name }) => this.clusterOf(name)).filter(({ reach }) => reach === 'hangs');
    for (const cluster of hanging) cluster.unanswered++;
    if (hanging.length === 0 || patience?.aborted === true) return;
    await new Promise((resolve) => patience?.addEventListener('abort', resolve, { once: true }));
  }

  #ports(): WatchPorts {
    const { observe: _, ...apply } = this.world.ports(planOf([]), this.faults);
    const { faults } = this;
    const session = this;
    return {
      apply: {
        ...apply,
        services: {
          applyStatus: async (profile, target, status) => {
            faults.step('applyStatus');
            return await this.clusterOf(profile).applyStatus(target, status);
          },
          createEvent: async (_profile, { name }, { reason }) => void this.told.push(`${name} ${reason}`),
          writeAllocations: async ({ profile, before, after }) => {
            faults.step('writeAllocations');
            await this.clusterOf(profile).writeAllocations(before, after);
          },
          list: async (profile) => {
            faults.step('list');
            return [...this.clusterOf(profile).services.values()];
          },
          join: async (profile, serves) => {
            faults.step('join');
            await this.clusterOf(profile).say('join', serves);
          },
          announceLeaving: async (profile) => {
            faults.step('announceLeaving');
            await this.clusterOf(profile).say('announce');
          },
          leave: async (profile) => {
            faults.step('leave');
            await this.clusterOf(profile).say('leave');
          },
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
        servicesAlone,
        rival: rivalOf,
        refusals: refusalsByProfile,
        refusedDestinations,
      },
      desired: async () => {
        if (this.spec instanceof Failure) throw this.spec;
        return this.spec;
      },
      observe: (desired, _, patience) => this.#observeLive(desired, patience),
      distrust: () => {
        this.#last = null;
      },
      triggers: (onTrigger) => {
        this.#hear = onTrigger;
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
