import type { Plan, Step } from '../../model/plan.ts';
import { routeKey } from '../../model/route.ts';

/** What a session has told of its plans: one is carried out in several passes, and told once. */
export class Shown {
  #asked: ReadonlySet<string> = new Set();

  /** Whether a plan asks for anything which the one before did not. */
  isNews({ steps }: Plan): boolean {
    const before = this.#asked;
    this.#asked = new Set(steps.filter(({ action }) => action !== 'none').map(askedBy));
    return [...this.#asked].some((one) => !before.has(one));
  }
}

/** What a step makes, told apart from all others. */
function askedBy(step: Step): string {
  if (step.kind === 'service') return `${step.profile} ${step.uid} ${step.after.join(' ')}`;
  return `${step.action} ${step.after === null ? '' : routeKey(step.after)} ${step.before === null ? '' : routeKey(step.before)}`;
}
