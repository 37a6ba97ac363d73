import { setImmediate } from 'node:timers/promises';
import { vi } from 'vitest';
import type { TriggerSource, WatchOptions, WatchOutcome, WatchPorts } from '../../src/machine/watch-ports.ts';
import { runWatch } from '../../src/machine/watch-run.ts';
import type { AllocationRecord } from '../../src/model/allocation.ts';
import type { Owner } from '../../src/model/claim.ts';
import type { ServiceStatus } from '../../src/model/condition.ts';
import type { DesiredState } from '../../src/model/desired.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type { WatchEvent } from '../../src/model/event.ts';
import type { ObservedService, ObservedState } from '../../src/model/observed.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import type { Route } from '../../src/model/route.ts';
import { hold, ofSession, refusalsByProfile } from '../../src/planner/hold.ts';
import { plan as makePlan } from '../../src/planner/plan.ts';
import { createRegistry } from '../../src/registry/claims-file.ts';
import * as build from '../planner/build.ts';
import { shownCondition } from '../planner/simulate.ts';
import { planOf } from './plans.ts';
import { temporaryDirectory } from './temporary.ts';
import { World } from './world.ts';

/** Pauses up to this are over at once; longer ones when the test says so. Milliseconds. */
const SHORT_MS = 100;

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
      const waiter = { at: this.nowMs + ms, end: resolve };
      this.#waiting.add(waiter);
      signal.addEventListener('abort', () => {
        this.#waiting.delete(waiter);
        resolve();
      });
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
      if (waiter.at > this.nowMs) continue;
      this.#waiting.delete(waiter);
      waiter.end();
    }
  }
}

const failure = (code: string, summary: string, kind: 'error' | 'stale' = 'error') =>
  new Failure(kind, [{ code, severity: 'error', summary, cause: summary, fix: 'Try again.' }]);

/** A host and a cluster with a session on them: everything real but the kernel, the API and the clock. */
export class Session {
  readonly world: World;
  readonly clock = new HandClock();
  readonly events: WatchEvent[] = [];
  readonly services = new Map<string, ObservedService>();
  record: AllocationRecord = { resourceVersion: null, allocations: [] };
  /** Names of Services whose every write fails. */
  readonly refusing = new Set<string>();
  /** How often the record of allocations is refused, as changed by somebody else or else. */
  recordRefusals: { left: number; stale: boolean } = { left: 0, stale: false };
  /** Profiles whose cluster does not answer. */
  readonly unreached = new Set<string>();
  /** Runs before each snapshot. */
  onObserve: () => void = () => undefined;
  /** The spec as a file would have it; a Failure for one that cannot be used. */
  spec: DesiredState | Failure;
  /** Thrown at whoever observes; null while the host can be read. */
  unreadable: Failure | null = null;
  readonly #end = new AbortController();
  #outcome: Promise<WatchOutcome> | null = null;
  #hear: (source: TriggerSource) => void = () => undefined;
  #last: { readonly text: string; readonly state: ObservedState } | null = null;

  private constructor(world: World, spec: DesiredState) {
    this.world = world;
    this.spec = spec;
  }

  static async create(spec: DesiredState, routes: readonly Route[] = []): Promise<Session> {
    return new Session(new World(await temporaryDirectory(), [...build.host().routes, ...routes]), spec);
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
    const base: WatchOptions = {
      desired: this.spec,
      unapproved: () => new Map(),
      waitMs: 0,
      doing: 'watch',
      keep: false,
      signal: this.#end.signal,
    };
    this.#outcome = runWatch(this.#ports(), { ...base, ...options }, (event) => {
      this.events.push(event);
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

  interrupt(): void {
    this.#end.abort(failure('interrupted', 'interrupted'));
  }

  /** Waits until the session has come to rest and what is expected holds. */
  async rests(expectation: () => void = () => undefined): Promise<void> {
    await vi.waitFor(
      () => {
        const state = this.state();
        if (state !== 'idle' && state !== 'fighting' && state !== 'suspended' && state !== 'backingOff')
          throw new Error(`it is ${state}: ${JSON.stringify(this.events.slice(-4))}`);
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

  state(): string {
    const states = this.events.flatMap((event) => (event.type === 'watch.state' ? [event.state] : []));
    return states.at(-1) ?? '';
  }

  /** Events of one type, in order. */
  of<T extends WatchEvent['type']>(type: T): Extract<WatchEvent, { type: T }>[] {
    return this.events.filter((event): event is Extract<WatchEvent, { type: T }> => event.type === type);
  }

  async observe(): Promise<ObservedState> {
    this.onObserve();
    if (this.unreadable !== null) throw this.unreadable;
    const { routes } = await this.world.kernel.snapshot();
    const claims = await createRegistry(this.world.dir).read();
    const cluster = build.cluster({ services: [...this.services.values()], allocations: this.record });
    const profiles = this.spec instanceof Failure ? [] : this.spec.profiles;
    const state = build.observed({
      host: { ...build.host(), routes },
      registry: { claims, open: null },
      profiles: profiles.map(({ name }) =>
        build.observedProfile({ name, cluster: this.unreached.has(name) ? null : cluster }),
      ),
    });
    const text = JSON.stringify(state, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    if (this.#last?.text !== text) this.#last = { text, state };
    return this.#last.state;
  }

  #ports(): WatchPorts {
    const { observe: _, ...apply } = this.world.ports(planOf([]));
    return {
      apply: {
        ...apply,
        services: {
          applyStatus: async (_profile, target, status) => this.#applyStatus(target, status),
          createEvent: async (_profile, { name }, { reason }) => void this.told.push(`${name} ${reason}`),
          writeAllocations: async ({ after }) => {
            if (this.recordRefusals.left-- > 0) {
              const { stale } = this.recordRefusals;
              throw failure('allocations-changed', 'the record was refused', stale ? 'stale' : 'error');
            }
            this.record = { resourceVersion: `${this.record.resourceVersion ?? ''}1`, allocations: after };
          },
          list: async () => [...this.services.values()],
        },
        owner: async (): Promise<Owner> => ({
          spec: build.desired([]).spec,
          mode: 'session',
          pid: 4711,
          startTime: '12345',
          ...build.HOST_ID,
        }),
      },
      planner: { plan: makePlan, hold, ofSession, refusals: refusalsByProfile },
      desired: async () => {
        if (this.spec instanceof Failure) throw this.spec;
        return this.spec;
      },
      observe: () => this.observe(),
      distrust: () => {
        this.#last = null;
      },
      triggers: (onTrigger) => {
        this.#hear = onTrigger;
        return { ready: Promise.resolve(), stop: async () => undefined };
      },
      clock: this.clock,
    };
  }

  /** The Events that were written: Service and reason. */
  readonly told: string[] = [];

  #applyStatus(
    target: { readonly name: string; readonly resourceVersion: string },
    { addresses, condition }: ServiceStatus,
  ): string {
    const found = this.services.get(target.name);
    if (this.refusing.has(target.name)) throw failure('cluster-error', 'HTTP status 500');
    if (found?.resourceVersion !== target.resourceVersion)
      throw failure('service-changed', 'HTTP status 409', 'stale');
    const resourceVersion = `${found.resourceVersion}1`;
    this.services.set(target.name, {
      ...found,
      resourceVersion,
      ingress: addresses,
      ingressManager: addresses.length === 0 ? null : 'mkplan',
      condition: shownCondition(condition),
    });
    return resourceVersion;
  }
}
