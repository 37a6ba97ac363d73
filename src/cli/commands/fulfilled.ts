import type { DesiredState } from '../../model/desired.ts';
import type { ObservedState } from '../../model/observed.ts';
import type { Plan } from '../../model/plan.ts';
import type { Doubts } from './doubts.ts';
import type { StatusReport } from './path-status.ts';

/** Errors of a plan that come of what could not be seen. */
const BLINDNESS: ReadonlySet<string> = new Set(['cluster-unobserved', 'rights-missing']);

/**
 * Whether all is as the spec asks; null where that cannot be told: an open transaction changes what was seen, or something was not seen and
 * all that was is as it should be.
 */
export function isFulfilled(
  desired: DesiredState,
  plan: Plan,
  { registry: { open } }: ObservedState,
  { doubts, routes, services }: Pick<StatusReport, 'routes' | 'services'> & { readonly doubts: Doubts },
): boolean | null {
  if (open !== null && !open.awaiting) return null;
  const isUnmet =
    routes.some(
      ({ state, profile, purpose }) => state !== 'present' && !doubts.areRoutesUnknown(profile, purpose),
    ) ||
    services.some(({ state, routed }) => state === 'pending' || routed === false) ||
    plan.steps.some((step) => step.kind === 'service' && step.action !== 'none') ||
    plan.conflicts.some(({ outcome }) => outcome === 'refused') ||
    plan.diagnostics.some(
      ({ code, severity, profile = '' }) =>
        severity === 'error' && !BLINDNESS.has(code) && !doubts.isSilent(profile),
    );
  if (isUnmet) return false;
  const isUnknown =
    plan.steps.some(
      (step) =>
        step.kind === 'route' &&
        step.action !== 'none' &&
        step.action !== 'adopt' &&
        doubts.areRoutesUnknown(step.profile, step.purpose),
    ) || desired.profiles.some(({ name }) => doubts.isSilent(name) || doubts.areServicesUnknown(name));
  return isUnknown ? null : true;
}
