import type { ObservedHost } from '../model/observed.ts';
import type { Conflict, Plan, RouteStep, ServiceStep, Step, Unproven } from '../model/plan.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../model/prefix.ts';
import { decodeRoute, encodeRoute, type Route, type RouteDocument } from '../model/route.ts';

type RouteOrNull = RouteDocument | null;

interface RouteStepDocument extends Omit<RouteStep, 'before' | 'after' | 'inverse'> {
  readonly before: RouteOrNull;
  readonly after: RouteOrNull;
  readonly inverse: {
    readonly action: RouteStep['action'];
    readonly before: RouteOrNull;
    readonly after: RouteOrNull;
  };
}

type StepDocument = RouteStepDocument | ServiceStep;

interface ConflictDocument extends Omit<Conflict, 'destination' | 'foreign'> {
  readonly destination: string;
  readonly foreign: RouteOrNull;
}

interface UnprovenDocument extends Omit<Unproven, 'route'> {
  readonly route: RouteDocument;
}

/** A plan as JSON holds it: prefixes are CIDR text. */
export interface PlanDocument
  extends Omit<Plan, 'clusters' | 'steps' | 'conflicts' | 'unproven' | 'only' | 'aside'> {
  /** Missing in plans of earlier versions. */
  readonly clusters?: Plan['clusters'];
  /** Plans of format 1.0 lack these two. */
  readonly only?: Plan['only'];
  readonly aside?: Plan['aside'];
  readonly steps: readonly StepDocument[];
  readonly conflicts: readonly ConflictDocument[];
  readonly unproven: readonly UnprovenDocument[];
}

/** The host that a plan was made for: another boot or network namespace is another routing table. */
export type PlanHost = Pick<ObservedHost, 'platform' | 'bootId' | 'networkNamespace'>;

/** A plan that was read back. */
export interface SavedPlan {
  readonly hash: string;
  readonly host: PlanHost;
  readonly plan: Plan;
}

function encodeRouteOrNull(route: Route | null): RouteOrNull {
  return route === null ? null : encodeRoute(route);
}

function decodeRouteOrNull(document: RouteOrNull): Route | null {
  return document === null ? null : decodeRoute(document);
}

/** A step as JSON holds it. */
function encodeStep(step: Step): StepDocument {
  if (step.kind === 'service') return step;
  return {
    ...step,
    before: encodeRouteOrNull(step.before),
    after: encodeRouteOrNull(step.after),
    inverse: {
      action: step.inverse.action,
      before: encodeRouteOrNull(step.inverse.before),
      after: encodeRouteOrNull(step.inverse.after),
    },
  };
}

function decodeStep(document: StepDocument): Step {
  if (document.kind === 'service') return document;
  return {
    ...document,
    before: decodeRouteOrNull(document.before),
    after: decodeRouteOrNull(document.after),
    inverse: {
      action: document.inverse.action,
      before: decodeRouteOrNull(document.inverse.before),
      after: decodeRouteOrNull(document.inverse.after),
    },
  };
}

/** A conflict as JSON holds it. */
function encodeConflict(conflict: Conflict): ConflictDocument {
  return {
    ...conflict,
    destination: formatPrefix(conflict.destination),
    foreign: encodeRouteOrNull(conflict.foreign),
  };
}

function decodeDestination(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new RangeError(`not a canonical CIDR: ${text}`);
  return prefix;
}

/** An unproven route as JSON holds it. */
function encodeUnproven(unproven: Unproven): UnprovenDocument {
  return { ...unproven, route: encodeRoute(unproven.route) };
}

/** A plan as JSON holds it. */
export function encodePlan(plan: Plan): PlanDocument {
  return {
    ...plan,
    steps: plan.steps.map(encodeStep),
    conflicts: plan.conflicts.map(encodeConflict),
    unproven: plan.unproven.map(encodeUnproven),
  };
}

/** The inverse of {@link encodePlan}. Throws a RangeError on a malformed CIDR. */
export function decodePlan(document: PlanDocument): Plan {
  return {
    ...document,
    clusters: document.clusters ?? [],
    only: document.only ?? null,
    aside: document.aside ?? [],
    steps: document.steps.map(decodeStep),
    conflicts: document.conflicts.map((conflict) => ({
      ...conflict,
      destination: decodeDestination(conflict.destination),
      foreign: decodeRouteOrNull(conflict.foreign),
    })),
    unproven: document.unproven.map((item) => ({ ...item, route: decodeRoute(item.route) })),
  };
}
