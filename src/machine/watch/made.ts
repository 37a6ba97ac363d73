import type { ObservedHost } from '../../model/observed.ts';
import { type Conflict, type Plan, type Step, serviceName } from '../../model/plan.ts';
import { formatPrefix, overlaps, type Prefix, parsePrefix, samePrefix } from '../../model/prefix.ts';
import { type Route, routeKey } from '../../model/route.ts';
import type { WatchPorts } from './ports.ts';
import { type Unit, type Units, unitOf } from './units.ts';

/** What a step leaves behind it and what was there before; null for nothing. */
function madeBy(step: Step): readonly [before: string | null, after: string | null] {
  if (step.kind === 'service') {
    const text = (addresses: readonly string[]) =>
      addresses.length === 0
        ? null
        : `${step.profile} ${serviceName(step)} ${step.uid} ${addresses.join(' ')}`;
    return [text(step.before), text(step.after)];
  }
  const text = (route: Route | null) =>
    route === null ? null : `${formatPrefix(route.destination)} ${route.type} ${route.gateway}`;
  return [text(step.before), text(step.after)];
}

function thenAgain(pauseMs: number): string {
  const minutes = Math.round(pauseMs / 60_000);
  return `mkplan tries again in ${minutes === 1 ? 'a minute' : `${minutes} minutes`}, or at once after SIGHUP or an edit of tunnel.yaml`;
}

/** Past so many that the plan no longer speaks of, what is remembered is gone through. */
const KEPT_BEYOND_PLAN = 1000;

/** What a session has made, so that having to make it again is noticed: somebody undid it, or a link took it along. */
export class Made {
  #made = new Set<string>();
  readonly #losses: WatchPorts['losses'];
  /** Foreign routes that were seen in the very place of one that a spec asks for, by destination. */
  readonly #taken = new Map<string, Conflict>();
  /** Who is behind it, and how to resolve it, for people. */
  readonly #rival: (step: Step, taken: Conflict | null) => string;

  constructor(losses: WatchPorts['losses'], rival: (step: Step, taken: Conflict | null) => string) {
    this.#losses = losses;
    this.#rival = rival;
  }

  /** Notes who takes the place of what is asked for: by the time that it is made again, nothing shows it. */
  saw(plan: Plan): void {
    // Services that are deleted leave no step behind.
    if (this.#made.size > plan.steps.length + KEPT_BEYOND_PLAN) this.#forget(plan);
    const { conflicts } = plan;
    for (const conflict of conflicts) {
      const { destination, foreign } = conflict;
      if (foreign === null || !samePrefix(foreign.destination, destination)) continue;
      if (this.#taken.size >= KEPT_BEYOND_PLAN) this.#taken.clear();
      this.#taken.set(formatPrefix(destination), conflict);
    }
  }

  /** Notes what was made. `now` is in milliseconds of the units' clock. */
  note(steps: readonly Step[], units: Units, now: number): void {
    for (const step of steps) {
      if (step.action === 'none') continue;
      const unit = unitOf(step);
      units.succeeded(unit);
      const [before, after] = madeBy(step);
      const isGivenUp = after !== null && this.#made.has(after) && this.#fights(step, units, now);
      if (before !== null) this.#made.delete(before);
      // Once it is left alone for a while, making it again is a new beginning, and not a further round.
      if (after !== null && isGivenUp) this.#made.delete(after);
      else if (after !== null) this.#made.add(after);
    }
    this.forgetLosses({ steps });
  }

  /** What became of the routes of a plan that was carried out, or undone again, was our own doing. */
  forgetLosses({ steps }: Pick<Plan, 'steps'>): void {
    this.#losses.forget(
      steps.flatMap((step) => {
        const route = step.kind === 'route' && step.action !== 'none' ? (step.after ?? step.before) : null;
        return route === null ? [] : [route.destination];
      }),
    );
  }

  /** Whether a step that had to be done again is given up. */
  #fights(step: Step, units: Units, now: number): boolean {
    // Nobody but somebody changes the status of a Service, while links take routes along.
    const isUndone = step.kind === 'service' || (step.after !== null && this.#losses.isSomebodys(step.after));
    if (!isUndone) return false;
    const unit = unitOf(step);
    // Asked for only where it is told: it goes through all routes of the host.
    const why = () => this.#rival(step, this.#taken.get(unit.name) ?? null);
    return units.undone(unit, (pauseMs) => `${why()}; ${thenAgain(pauseMs)}`, now);
  }

  #forget(plan: Plan): void {
    const spoken = new Set(plan.steps.map((step) => madeBy(step)[1]));
    this.#made = new Set([...this.#made].filter((one) => spoken.has(one)));
  }
}

/**
 * What is seen to stand in the way of a unit, as text to compare: a foreign route in its very place, a live `minikube
 * tunnel`, the status that somebody else gave a Service. Null where nothing is seen.
 */
export function obstacleTo({ kind, name }: Unit, whole: Plan, host: ObservedHost): string | null {
  if (kind === 'service') return inCluster(name, whole);
  const routes = whole.conflicts.flatMap(({ destination, foreign }) =>
    foreign !== null && samePrefix(foreign.destination, destination) && formatPrefix(destination) === name
      ? [routeKey(foreign)]
      : [],
  );
  const tunnels = host.minikubeTunnels.flatMap((one) =>
    one.alive && overlapsCidr(one.destination, name) ? [`pid ${one.pid}`] : [],
  );
  const seen = [...routes, ...tunnels];
  return seen.length === 0 ? null : seen.join(', ');
}

function inCluster(name: string, { steps, services }: Plan): string | null {
  const isIt = (one: { readonly profile: string; readonly namespace: string; readonly name: string }) =>
    `${one.profile} ${serviceName(one)}` === name;
  const step = steps.find((one) => one.kind === 'service' && one.action !== 'none' && isIt(one));
  if (step?.kind === 'service') return `shows ${step.before.join(' ')}`;
  return services.some((one) => one.state === 'foreign' && isIt(one)) ? 'of another manager' : null;
}

function overlapsCidr(destination: Prefix, cidr: string): boolean {
  const prefix = parsePrefix(cidr);
  return prefix !== null && overlaps(destination, prefix);
}
