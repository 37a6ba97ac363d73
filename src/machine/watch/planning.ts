import { type DesiredProfile, type DesiredState, needsCluster } from '../../model/desired.ts';
import type { EmitWatchEvent } from '../../model/event.ts';
import type { ObservedHost, ObservedState } from '../../model/observed.ts';
import type { Conflict, Plan, Step } from '../../model/plan.ts';
import type { Route } from '../../model/route.ts';
import { obstacleTo } from './made.ts';
import type { SetAside, WatchOptions, WatchPorts } from './ports.ts';
import { Standing } from './standing.ts';
import type { Unit, Units } from './units.ts';

/** So long may a cluster be out of reach before its VM counts as stopped, in milliseconds: an API server restarts faster. */
const STOPPED_AFTER_MS = 15_000;
/** So long may a cluster take for its first answer before that is told, in milliseconds. */
const SILENT_AFTER_MS = 1000;

const SILENT = 'its cluster has not answered yet';

/** A pass plans once more where something of the first plan may not be made. */
const PLANS_A_PASS = 2;

/** What the passes of a session plan from, and what they leave out. */
export class WatchPlanning {
  readonly #ports: WatchPorts;
  readonly #options: WatchOptions;
  readonly #units: Units;
  readonly #emit: EmitWatchEvent;
  /** By profile: since when its cluster has been out of reach. */
  readonly #absent = new Map<string, number>();
  /** By profile: since when nothing has been known of it. */
  readonly #unknown = new Map<string, number>();
  #suspensions = 0;
  readonly #standing = new Standing();
  #made: readonly { readonly key: readonly unknown[]; readonly plan: Plan }[] = [];
  /** The last one before anything was left out of it. */
  #whole: Plan | null = null;
  #told: ReadonlyMap<string, string> = new Map();
  #host: ObservedHost | null = null;

  constructor(ports: WatchPorts, options: WatchOptions, units: Units, emit: EmitWatchEvent) {
    this.#ports = ports;
    this.#options = options;
    this.#units = units;
    this.#emit = emit;
  }

  /**
   * The plan without what is set aside, and without the profiles that are `waiting` for something else; made anew only where
   * something has changed. Throws a Failure when the host cannot be read.
   */
  async plan(desired: DesiredState, waiting: ReadonlySet<string>): Promise<Plan> {
    const { planner } = this.#ports;
    const { observed, unknown } = await this.#ports.observe(desired, this.#options.signal);
    this.#host = observed.host;
    noteSince(this.#unknown, unknown, this.#ports.clock.now());
    const stopped = this.#stoppedProfiles(desired, observed, unknown);
    const quiet = new Map([...unknown, ...waiting].map((name) => [name, SILENT]));
    const held = {
      profiles: new Map([...quiet, ...this.#units.held('profile')]),
      services: new Map(this.#units.held('service')),
      destinations: new Map(this.#units.held('destination')),
    };
    // What is not made for long, or for want of an approval, nobody is told of.
    const lost = new Map(this.#units.lost);
    for (;;) {
      const key = [desired, observed, [...stopped.keys()].join(' '), JSON.stringify([...lost])];
      const whole = this.#memoized(key, () =>
        planner.plan(withoutProfiles(desired, stopped), observed, lost),
      );
      const isWhole = held.profiles.size + held.services.size + held.destinations.size === 0;
      const plan = isWhole ? whole : planner.hold(whole, held, observed.host);
      const alone = this.#refusedAlone(plan, held.destinations);
      const foreign = this.#options.untaken(plan);
      const blamed = alone.size + foreign.size > 0 ? new Map<string, string>() : this.#refusedProfiles(plan);
      const news = [...blamed].filter(([profile]) => profile !== '' && !held.profiles.has(profile));
      if (news.length + alone.size + foreign.size === 0) {
        const aside = plan.aside.map(({ profile, why }) => [profile, why] as const);
        const told = this.#withoutQuiet(new Map([...aside, ...held.profiles]), quiet);
        this.#tell({ ...held, profiles: new Map([...told, ...stopped]) });
        return plan;
      }
      for (const [destination, why] of alone) {
        held.destinations.set(destination, why);
        lost.set(destination, why);
      }
      for (const [service, why] of foreign) held.services.set(service, why);
      for (const [profile, why] of news) held.profiles.set(profile, why);
    }
  }

  /** Notes a plan that was carried out: what stands by it needs no approval again. */
  carriedOut(plan: Plan): void {
    this.#standing.note(plan);
  }

  /** Destinations that may not be made for what appeared on the host, and are not held yet. */
  #refusedAlone(plan: Plan, held: ReadonlyMap<string, string>): Map<string, string> {
    const unapproved = this.#standing.without(this.#options.uncovered(plan));
    const refused = [...unapproved, ...this.#ports.planner.refusedDestinations(plan)];
    return new Map(refused.filter(([destination]) => !held.has(destination)));
  }

  #refusedProfiles(plan: Plan): ReadonlyMap<string, string> {
    const refusals = this.#ports.planner.refusals(plan);
    return refusals.size > 0 ? refusals : this.#options.unapproved(plan);
  }

  /** The host's routes that the last plan rests on. */
  get routes(): readonly Route[] {
    return this.#observedHost().routes;
  }

  /** Whether this profile is set aside, or its VM has stopped. */
  isAside(profile: string): boolean {
    return this.#told.has(`profile ${profile}`);
  }

  /** Who likely keeps undoing a step of the last plan, and how to resolve it. */
  rival(step: Step, taken: Conflict | null): string {
    return this.#ports.planner.rival(step, this.#observedHost(), taken);
  }

  /** What is seen to stand in the way of a unit, as text to compare; null where nothing is. */
  obstacleTo(unit: Unit): string | null {
    return this.#whole === null ? null : obstacleTo(unit, this.#whole, this.#observedHost());
  }

  #observedHost(): ObservedHost {
    if (this.#host === null) throw new TypeError('nothing was planned yet');
    return this.#host;
  }

  /** When the next silent cluster is told of, or one that is out of reach counts as stopped; null where there is none. */
  nextStop(now: number): number | null {
    const ends = [
      ...[...this.#absent.values()].map((since) => since + STOPPED_AFTER_MS),
      ...[...this.#unknown.values()].map((since) => since + SILENT_AFTER_MS),
    ].filter((at) => at > now);
    return ends.length === 0 ? null : Math.min(...ends);
  }

  /** What is held, but for what is left alone without a word: what waits, or has not been silent for long. */
  #withoutQuiet(held: ReadonlyMap<string, string>, quiet: ReadonlyMap<string, string>): Map<string, string> {
    const now = this.#ports.clock.now();
    const isTold = ([name, why]: readonly [string, string]) => {
      const since = this.#unknown.get(name);
      return why !== quiet.get(name) || (since !== undefined && now - since >= SILENT_AFTER_MS);
    };
    return new Map([...held].filter(isTold));
  }

  /** Profiles whose VM counts as stopped: what leads to it goes, until it is back. */
  #stoppedProfiles(
    desired: DesiredState,
    observed: ObservedState,
    unknown: ReadonlySet<string>,
  ): ReadonlyMap<string, string> {
    const now = this.#ports.clock.now();
    const reached = new Set(
      observed.profiles.filter(({ cluster }) => cluster !== null).map(({ name }) => name),
    );
    const isAbsent = (profile: DesiredProfile) =>
      needsCluster(profile) && !reached.has(profile.name) && !unknown.has(profile.name);
    // Nobody knows since when a cluster has been out of reach that nobody asked meanwhile.
    const suspensions = this.#ports.suspensions.count();
    if (suspensions !== this.#suspensions) this.#absent.clear();
    this.#suspensions = suspensions;
    noteSince(this.#absent, new Set(desired.profiles.filter(isAbsent).map(({ name }) => name)), now);
    const stopped = [...this.#absent].filter(([, since]) => now - since >= STOPPED_AFTER_MS);
    return new Map(
      stopped.map(([name]) => [name, 'its cluster is out of reach; its routes are gone until it is back']),
    );
  }

  #memoized(key: readonly unknown[], make: () => Plan): Plan {
    const known = this.#made.find((one) => one.key.every((part, index) => part === key[index]));
    const { plan } = known ?? { plan: make() };
    if (known === undefined) this.#made = [...this.#made.slice(1 - PLANS_A_PASS), { key, plan }];
    this.#whole = plan;
    return plan;
  }

  /** Tells what is set aside now and was not, and what no longer is. */
  #tell({ profiles, services, destinations }: SetAside): void {
    const now = new Map<string, string>();
    const note = (what: string, why: string) => now.set(what, withoutName(why, what));
    for (const [name, why] of profiles) note(`profile ${name}`, why);
    for (const [name, why] of services) note(`Service ${name}`, why);
    for (const [name, why] of destinations) note(`route ${name}`, why);
    for (const [what, why] of now) {
      if (this.#told.get(what) !== why) this.#emit({ type: 'watch.held', what, why });
    }
    for (const what of this.#told.keys()) if (!now.has(what)) this.#emit({ type: 'watch.released', what });
    this.#told = now;
  }
}

/** Keeps since when each of these names is one of them. */
function noteSince(since: Map<string, number>, names: ReadonlySet<string>, now: number): void {
  for (const name of since.keys()) if (!names.has(name)) since.delete(name);
  for (const name of names) if (!since.has(name)) since.set(name, now);
}

/** A reason without the name of what it is told of: many a summary begins with it. */
function withoutName(why: string, what: string): string {
  return why.startsWith(`${what}: `) ? why.slice(what.length + 2) : why;
}

function withoutProfiles(desired: DesiredState, gone: ReadonlyMap<string, string>): DesiredState {
  if (gone.size === 0) return desired;
  return { ...desired, profiles: desired.profiles.filter(({ name }) => !gone.has(name)) };
}
