import { expect } from 'vitest';
import type { DesiredProfile, DesiredState } from '../../src/model/desired.ts';
import { needsCluster } from '../../src/model/desired.ts';
import { isEmpty, type Plan } from '../../src/model/plan.ts';
import { type Route, routeKey } from '../../src/model/route.ts';
import { type Held, hold, refusalsByProfile } from '../../src/planner/hold.ts';
import { plan as makePlan } from '../../src/planner/plan.ts';
import { Session } from '../fakes/session.ts';
import { failure, WatchedCluster } from '../fakes/watched-cluster.ts';
import * as build from '../planner/build.ts';
import type { History, HistoryEvent, SpecEdit } from './history-events.ts';

const at = build.AT;
const auto = { value: 'auto', at } as const;

/** The pauses that are sat out at most before things have to be quiet. */
const MOST_PAUSES = 60;

function specOf({ one, two, three, policy }: SpecEdit): DesiredState {
  const conflictPolicy = { value: policy, at };
  const cidrs = (texts: readonly string[]) => ({ value: texts.map((text) => build.cidr(text, policy)), at });
  const pooled = (pool: readonly string[]) => build.loadBalancer(pool, { unclassed: true });
  const profiles: DesiredProfile[] = [];
  if (one !== null) {
    const loadBalancer = pooled(one.pool);
    const gateway = one.pool.length > 0 ? auto : build.profile().gateway;
    profiles.push(
      build.profile({ name: 'one', conflictPolicy, gateway, services: cidrs(one.cidrs), loadBalancer }),
    );
  }
  if (two !== null) profiles.push(build.profile({ name: 'two', conflictPolicy, services: cidrs(two) }));
  if (three !== null) {
    const loadBalancer = pooled(three.pool);
    profiles.push(
      build.profile({
        name: 'three',
        conflictPolicy,
        gateway: auto,
        services: cidrs(three.cidrs),
        loadBalancer,
      }),
    );
  }
  return build.desired(profiles);
}

/** One life of a session among everything that may happen to it, and what has to hold at every step and in the end. */
export class HistoryRun {
  readonly #session: Session;
  /** The last spec that could be used. */
  #spec: DesiredState;
  /** Routes of others, by key. */
  readonly #foreign = new Map<string, Route>();
  #services = 0;
  /** Profiles that the spec had dropped when the session was killed: nobody is left that knew of them. */
  readonly #forgotten = new Set<string>();

  private constructor(session: Session, spec: DesiredState) {
    this.#session = session;
    this.#spec = spec;
    for (const route of build.host().routes) this.#foreign.set(routeKey(route), route);
    session.clusters.set('one', new WatchedCluster()).set('three', new WatchedCluster());
  }

  static async of({ first, moments }: History, directory: string): Promise<void> {
    const spec = specOf(first);
    const run = new HistoryRun(await Session.create(spec, [], directory), spec);
    run.#session.start();
    await run.#session.settled();
    for (const { event, pace } of moments) {
      await run.#happen(event);
      if (pace === 'at once') continue;
      await run.#session.settled();
      await run.#holds();
    }
    await run.#ends();
  }

  async #happen(event: HistoryEvent): Promise<void> {
    const session = this.#session;
    const source = event.kind.split('.')[0];
    switch (event.kind) {
      case 'session.killed':
        await this.#isKilled(event.after);
        return;
      case 'session.restarted':
        await session.stop();
        this.#start();
        return;
      case 'time.passed':
        session.clock.advance(event.ms);
        return;
      case 'asked':
        session.trigger('asked');
        return;
      default:
    }
    if (source === 'spec') await this.#edit(event);
    else if (source === 'kernel' || source === 'host') await this.#changeHost(event);
    else this.#changeCluster(event);
  }

  async #isKilled(after: number): Promise<void> {
    const { faults } = this.#session;
    faults.killAt(faults.operations.length + after);
    this.#session.trigger('timer');
    await this.#session.settled();
    await this.#session.kill();
    for (const [name] of this.#session.clusters) if (!this.#isPooled(name)) this.#forgotten.add(name);
    await this.#holds();
    this.#start();
  }

  #isPooled(profile: string): boolean {
    return this.#spec.profiles.some(
      ({ name, loadBalancer }) => name === profile && loadBalancer.assign !== 'none',
    );
  }

  #start(): void {
    this.#session.events.length = 0;
    this.#session.spec = this.#spec;
    this.#session.start();
  }

  async #edit(event: HistoryEvent): Promise<void> {
    const session = this.#session;
    const invalid = failure('yaml-syntax', 'half a file');
    if (event.kind === 'spec.edit') session.spec = this.#spec = specOf(event.edit);
    else session.spec = invalid;
    session.trigger('spec');
    if (event.kind !== 'spec.half-written') return;
    await session.settled();
    session.spec = this.#spec = specOf(event.edit);
    session.trigger('spec');
  }

  async #changeHost(event: HistoryEvent): Promise<void> {
    const { kernel } = this.#session.world;
    const ours = await this.#ours();
    const chosen = 'pick' in event ? ours[event.pick % Math.max(ours.length, 1)] : undefined;
    switch (event.kind) {
      case 'kernel.ours-deleted':
        if (chosen !== undefined) kernel.remove(chosen);
        break;
      case 'kernel.ours-replaced':
        if (chosen === undefined) break;
        kernel.remove(chosen);
        this.#add({ ...chosen, type: 'unicast', gateway: '10.8.0.1', device: 'tun0', protocol: 3 });
        break;
      case 'kernel.foreign-added':
        this.#add(build.route({ destination: event.destination, metric: event.metric, ...event.maker }));
        break;
      case 'kernel.foreign-removed':
        this.#removeForeign(event.pick);
        break;
      case 'kernel.flushed':
        for (const route of ours) kernel.remove(route);
        if (event.whose === 'all') while (this.#removeForeign(0));
        break;
      case 'kernel.gateway-refused':
        if (event.isRefused) kernel.unreachable.add(build.VM);
        else kernel.unreachable.clear();
        break;
      case 'host.unreadable':
        this.#session.unreadable = event.isUnreadable ? failure('x', 'ip hangs') : null;
        break;
      default:
        throw new TypeError(event.kind);
    }
    this.#session.trigger('kernel');
  }

  /** As the kernel does it for others: not where a route with this destination and metric stands. */
  #add(route: Route): void {
    const { kernel } = this.#session.world;
    if (!kernel.insertNew(route)) return;
    this.#foreign.set(routeKey(route), route);
  }

  /** Takes one of the routes away that others added later; false where there is none. */
  #removeForeign(index: number): boolean {
    const added = [...this.#foreign].slice(build.host().routes.length);
    const one = added[index % Math.max(added.length, 1)];
    if (one === undefined) return false;
    this.#foreign.delete(one[0]);
    this.#session.world.kernel.remove(one[1]);
    return true;
  }

  #changeCluster(event: HistoryEvent): void {
    if (!('profile' in event)) throw new TypeError(event.kind);
    const cluster = this.#session.clusterOf(event.profile);
    switch (event.kind) {
      case 'api.reach':
        cluster.reach = event.reach;
        break;
      case 'api.overtaken':
        cluster.overtaken = event.times;
        break;
      case 'api.refusing':
        if (event.isRefused) cluster.refusing.add(event.name);
        else cluster.refusing.delete(event.name);
        break;
      case 'api.record-refused':
        cluster.recordRefusals = { left: event.left, stale: event.stale };
        break;
      case 'api.slow':
        cluster.slowness = event.slowness;
        break;
      case 'vm.moved':
        cluster.vm = event.address;
        break;
      case 'service.put': {
        const { name, type, requestedIp, loadBalancerClass } = event;
        const known = cluster.services.get(name) ?? build.service(name, { uid: `uid-${++this.#services}` });
        const change = { type, requestedIp, loadBalancerClass, resourceVersion: cluster.next() };
        cluster.services.set(name, { ...known, ...change });
        break;
      }
      case 'service.deleted':
        cluster.services.delete(event.name);
        break;
      default:
        event satisfies never;
    }
    this.#session.trigger(event.kind === 'vm.moved' ? 'profile' : 'cluster');
  }

  async #ours(): Promise<readonly Route[]> {
    const { routes } = await this.#session.world.kernel.snapshot();
    return routes.filter((route) => route.protocol === 109 && !this.#foreign.has(routeKey(route)));
  }

  /** What is true at every step. */
  async #holds(): Promise<void> {
    const { kernel } = this.#session.world;
    const keys = new Set(kernel.keys());
    expect([...this.#foreign.keys()].filter((key) => !keys.has(key))).toEqual([]);
    const deleted = kernel.tried.flatMap(({ op, route }) => (op === 'delete' ? [routeKey(route)] : []));
    expect(deleted.filter((key) => this.#foreign.has(key))).toEqual([]);
    kernel.tried.length = 0;
    for (const [, { services }] of this.#session.clusters) {
      const addresses = [...services.values()].flatMap(({ ingress }) => ingress);
      expect(addresses).toHaveLength(new Set(addresses).size);
    }
  }

  async #ends(): Promise<void> {
    const session = this.#session;
    for (const [, cluster] of session.clusters) {
      cluster.overtaken = cluster.slowness = 0;
      cluster.recordRefusals.left = 0;
      cluster.refusing.clear();
    }
    session.world.kernel.unreachable.clear();
    session.unreadable = null;
    await session.settled();
    // An edit that was spoilt before anybody read it is read now.
    session.trigger(session.spec === this.#spec ? 'timer' : 'spec');
    session.spec = this.#spec;
    await this.#quiet();
    // What a silent cluster cannot be told waits for it, and nothing else does.
    await this.#agrees(this.#silent());
    for (const [, cluster] of session.clusters) if (cluster.reach !== 'down') cluster.reach = 'up';
    session.trigger('cluster');
    await this.#quiet();
    await this.#agrees(new Set());
    session.trigger('asked');
    await this.#quiet();
    const left = this.#told();
    expect([...left.services.keys(), ...left.destinations.keys()]).toEqual([]);
    await this.#agrees(new Set());
    await this.#leaves();
  }

  /** Profiles whose cluster gives no answer. */
  #silent(): ReadonlySet<string> {
    const silent = [...this.#session.clusters].filter(
      ([, { reach }]) => reach === 'mute' || reach === 'hangs',
    );
    return new Set(silent.map(([name]) => name));
  }

  /** All is as a single plan from scratch has it, but for what somebody keeps undoing, and for these profiles. */
  async #agrees(silent: ReadonlySet<string>): Promise<void> {
    const held = this.#told();
    for (const why of [...held.services.values(), ...held.destinations.values()])
      expect(why).toContain('again and again');
    const profiles = new Map([...silent].map((name) => [name, 'silent']));
    const all = { ...held, profiles: new Map([...held.profiles, ...profiles]) };
    expect(actionsOf(await this.#scratch(all, silent))).toEqual([]);
  }

  /** Moves the clock until nothing is left that waits for it, or only silent clusters are asked again and again. */
  async #quiet(): Promise<void> {
    const { clock } = this.#session;
    await this.#session.settled();
    for (let pause = 0; clock.next !== null; pause++) {
      if (pause === MOST_PAUSES) {
        if (this.#silent().size > 0) break;
        throw new Error(`never quiet: ${this.#session.state()}`);
      }
      clock.advance(clock.next);
      await this.#session.settled();
      await this.#holds();
    }
    // One that never answers is still being asked.
    const asking = this.#silent().size > 0 ? ['asking'] : [];
    expect(['idle', 'fighting', 'suspended', ...asking]).toContain(this.#session.state());
  }

  /** What a single plan from scratch has to do, but for what the session told that it holds. */
  async #scratch(held: Held, silent: ReadonlySet<string>): Promise<Plan> {
    const stopped = this.#spec.profiles.filter(
      (profile) => needsCluster(profile) && this.#session.clusterOf(profile.name).reach === 'down',
    );
    const profiles = this.#spec.profiles.filter((profile) => !stopped.includes(profile));
    const desired = { ...this.#spec, profiles };
    const observed = await this.#session.observe(desired);
    const plan = makePlan(desired, observed);
    const refused = [...refusalsByProfile(plan).keys(), ...stopped.map(({ name }) => name)];
    const answering = (names: Iterable<string>) => [...names].filter((name) => !silent.has(name)).sort();
    expect(answering(held.profiles.keys())).toEqual(answering(refused));
    return hold(plan, held, observed.host);
  }

  /** What the session has told that it leaves as it is. */
  #told(): Held {
    const told = new Map<string, string>();
    for (const event of this.#session.events) {
      if (event.type === 'watch.held') told.set(event.what, event.why);
      if (event.type === 'watch.released') told.delete(event.what);
    }
    const of = (kind: string) =>
      new Map(
        [...told].flatMap(([what, why]) =>
          what.startsWith(`${kind} `) ? [[what.slice(kind.length + 1), why] as const] : [],
        ),
      );
    return { profiles: of('profile'), services: of('Service'), destinations: of('route') };
  }

  async #leaves(): Promise<void> {
    const session = this.#session;
    for (const [, cluster] of session.clusters) cluster.reach = 'up';
    expect(await session.stop()).toEqual({ diagnostics: [], left: [] });
    await this.#holds();
    expect(session.world.kernel.keys()).toEqual([...this.#foreign.keys()].sort((a, b) => (a < b ? -1 : 1)));
    expect(await session.world.claims()).toEqual([]);
    expect(await session.world.open()).toBeNull();
    for (const [name, { services }] of session.clusters) {
      if (this.#forgotten.has(name) && !this.#isPooled(name)) continue;
      expect([...services.values()].flatMap(({ ingress }) => ingress)).toEqual([]);
    }
  }
}

function actionsOf(plan: Plan): string[] {
  if (isEmpty(plan)) return [];
  const steps = plan.steps.filter(({ action }) => action !== 'none');
  return [
    ...steps.map((step) => `${step.action} ${step.kind} of ${step.profile}: ${step.reason}`),
    `${plan.allocations.length} records, ${plan.reports.length} reports`,
  ];
}
