import type { ObservedService } from '../model/observed.ts';
import {
  type Action,
  PURPOSES,
  type Purpose,
  type RouteStep,
  type ServiceStep,
  serviceName,
} from '../model/plan.ts';
import { comparePrefixes } from '../model/prefix.ts';
import { compareRoutes, type Route, routeKey } from '../model/route.ts';

/** What undoes an action: the same change backwards. */
const INVERSE: Readonly<Record<Action, Action>> = {
  create: 'delete',
  delete: 'create',
  replace: 'replace',
  adopt: 'forget',
  forget: 'adopt',
  none: 'none',
};

/** Makes a route step with the inverse and the precondition that follow from it. */
export function routeStep(
  action: Action,
  profile: string,
  purpose: Purpose,
  change: { readonly before: Route | null; readonly after: Route | null },
  reason: string,
): RouteStep {
  const { before, after } = change;
  const changes = action === 'create' || action === 'replace' || action === 'delete';
  return {
    kind: 'route',
    action,
    profile,
    purpose,
    reason,
    before,
    after,
    inverse: { action: INVERSE[action], before: after, after: before },
    precondition: {
      present: changes && before !== null ? [routeKey(before)] : [],
      absent: changes && after !== null ? [routeKey(after)] : [],
    },
  };
}

/** Makes a service step; the action follows from the addresses. `told` is what goes with it. */
export function serviceStep(
  profile: string,
  service: ObservedService,
  before: readonly string[],
  after: readonly string[],
  reason: string,
  told: Pick<ServiceStep, 'condition' | 'events'>,
): ServiceStep {
  const action = actionOf(before, after);
  return {
    kind: 'service',
    action,
    profile,
    namespace: service.namespace,
    name: service.name,
    uid: service.uid,
    resourceVersion: service.resourceVersion,
    reason,
    before,
    after,
    inverse: { action: actionOf(after, before), before: after, after: before },
    ...told,
  };
}

/** The same step where the ingress is another field manager's: it is replaced, also where it is to show the same. */
export function takingStep(step: ServiceStep, takenFrom: string): ServiceStep {
  return { ...step, action: 'replace', inverse: { ...step.inverse, action: 'replace' }, takenFrom };
}

function actionOf(before: readonly string[], after: readonly string[]): ServiceStep['action'] {
  if (before.length === after.length && before.every((address, index) => address === after[index]))
    return 'none';
  if (before.length === 0) return 'create';
  return after.length === 0 ? 'delete' : 'replace';
}

/**
 * Order for output: profiles as the spec has them, others behind by name, then routes by purpose and destination,
 * then Services by name.
 */
export function stepOrder(
  profiles: readonly string[],
): (a: RouteStep | ServiceStep, b: RouteStep | ServiceStep) => number {
  const rank = new Map(profiles.map((name, index) => [name, index]));
  return (a, b) => {
    const byProfile = (rank.get(a.profile) ?? rank.size) - (rank.get(b.profile) ?? rank.size);
    if (byProfile !== 0) return byProfile;
    if (a.profile !== b.profile) return a.profile < b.profile ? -1 : 1;
    if (a.kind === 'route' && b.kind === 'route') return compareRouteSteps(a, b);
    if (a.kind === 'service' && b.kind === 'service') return serviceName(a) < serviceName(b) ? -1 : 1;
    return a.kind === 'route' ? -1 : 1;
  };
}

function compareRouteSteps(a: RouteStep, b: RouteStep): number {
  const byPurpose = PURPOSES.indexOf(a.purpose) - PURPOSES.indexOf(b.purpose);
  if (byPurpose !== 0) return byPurpose;
  const [routeA, routeB] = [a.after ?? a.before, b.after ?? b.before];
  if (routeA === null || routeB === null) return 0;
  return comparePrefixes(routeA.destination, routeB.destination) || compareRoutes(routeA, routeB);
}
