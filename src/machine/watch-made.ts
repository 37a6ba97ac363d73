import { type Conflict, type Plan, type Step, serviceName } from '../model/plan.ts';
import { formatPrefix, samePrefix } from '../model/prefix.ts';
import type { Route } from '../model/route.ts';
import { type Units, unitOf } from './units.ts';

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

/** Past so many that the plan no longer speaks of, what is remembered is gone through. */
const KEPT_BEYOND_PLAN = 1000;

/** What a session has made, so that having to make it again is noticed: somebody undid it then. */
export class Made {
  #made = new Set<string>();
  /** Foreign routes that were seen in the very place of one that a spec asks for, by destination. */
  readonly #taken = new Map<string, Conflict>();
  /** Who is behind it, and how to resolve it, for people. */
  readonly #rival: (step: Step, taken: Conflict | null) => string;

  constructor(rival: (step: Step, taken: Conflict | null) => string) {
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
      if (after !== null && this.#made.has(after)) {
        // Asked for only where it is told: it goes through all routes of the host.
        units.undone(unit, () => this.#rival(step, this.#taken.get(unit.name) ?? null), now);
      }
      if (before !== null) this.#made.delete(before);
      if (after !== null) this.#made.add(after);
    }
  }

  #forget(plan: Plan): void {
    const spoken = new Set(plan.steps.map((step) => madeBy(step)[1]));
    this.#made = new Set([...this.#made].filter((one) => spoken.has(one)));
  }
}
