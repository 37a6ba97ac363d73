import { Failure } from '../../model/diagnostic.ts';
import { type Plan, servesNothing } from '../../model/plan.ts';
import { EXIT } from '../exit-code.ts';
import { printableLine } from '../views/text.ts';

/** `second (silent), third (stopped)`: the profiles that a plan sets aside. */
function namesOf({ aside }: Plan): string {
  return aside.map(({ profile, state }) => `${profile} (${state})`).join(', ');
}

/** Why what a plan sets aside keeps it from being applied; null where it does not. `strict`: nothing may be set aside. */
export function asideRefusal(plan: Plan, strict: boolean): Failure | null {
  if (plan.aside.length > 0 && strict) {
    return new Failure('conflict', [
      {
        code: 'set-aside',
        severity: 'error',
        summary: `the plan sets profiles aside, and nothing was changed: ${namesOf(plan)}`,
        cause: plan.aside.map(({ why }) => why).join('\n'),
        fix: 'Make every profile reachable, choose profiles with --profile, or leave --strict out.',
      },
    ]);
  }
  if (!servesNothing(plan)) return null;
  // A way that leads nowhere is a refusal; a cluster that is silent may answer next time.
  const isRefused = plan.aside.some(({ state }) => state === 'out-of-reach');
  return new Failure(isRefused ? 'conflict' : 'error', [
    {
      code: 'nothing-served',
      severity: 'error',
      summary: `no profile can be served, and nothing was changed: ${namesOf(plan)}`,
      cause: 'Every profile of the plan is set aside, for the reasons above.',
      fix: 'Do what one of the warnings above says, then run this again.',
    },
  ]);
}

/** The exit code of a plan that was carried out, or has nothing to do. A stopped profile is no fault of anybody's. */
export function asideExit({ aside }: Plan): number {
  return aside.some(({ state }) => state !== 'stopped') ? EXIT.setAside : EXIT.ok;
}

/** What is told once a plan is carried out that sets something aside; empty where it sets nothing aside. */
export function asideNote(plan: Plan): string {
  if (plan.aside.length === 0) return '';
  const what = plan.mode === 'present' ? 'left as it is' : 'its Services may still show addresses';
  return `${printableLine(`Set aside, ${what}: ${namesOf(plan)}. Run this again once it is reachable.`)}\n`;
}
