import { createHash } from 'node:crypto';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { ObservedHost } from '../model/observed.ts';
import type { Conflict, Plan, RouteStep, ServiceStep, Step, Unproven } from '../model/plan.ts';
import { formatPrefix, type Prefix, parsePrefix } from '../model/prefix.ts';
import { decodeRoute, encodeRoute, type Route, type RouteDocument } from '../model/route.ts';

/** Version of the saved form. A reader ignores unknown fields of its own major and refuses another major. */
const PLAN_FORMAT = '1.0';

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
export interface PlanDocument extends Omit<Plan, 'steps' | 'conflicts' | 'unproven'> {
  readonly steps: readonly StepDocument[];
  readonly conflicts: readonly ConflictDocument[];
  readonly unproven: readonly UnprovenDocument[];
}

/** The host that a plan was made for: another boot or network namespace is another routing table. */
export type PlanHost = Pick<ObservedHost, 'platform' | 'bootId' | 'networkNamespace'>;

/** A plan as a file holds it (schema/plan.schema.json). */
interface SavedPlanDocument {
  readonly formatVersion: string;
  readonly kind: 'Plan';
  /** `sha256:` and the hash of everything else in the file, in canonical form. */
  readonly hash: string;
  readonly host: PlanHost;
  readonly plan: PlanDocument;
}

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
    steps: document.steps.map(decodeStep),
    conflicts: document.conflicts.map((conflict) => ({
      ...conflict,
      destination: decodeDestination(conflict.destination),
      foreign: decodeRouteOrNull(conflict.foreign),
    })),
    unproven: document.unproven.map((item) => ({ ...item, route: decodeRoute(item.route) })),
  };
}

/** The text of a plan file. */
export function encodeSavedPlan(plan: Plan, host: PlanHost): string {
  const { platform, bootId, networkNamespace } = host;
  const content = {
    formatVersion: PLAN_FORMAT,
    kind: 'Plan' as const,
    host: { platform, bootId, networkNamespace },
    plan: encodePlan(plan),
  };
  const { formatVersion, kind, ...rest } = content;
  const document: SavedPlanDocument = { formatVersion, kind, hash: hashOf(content), ...rest };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/**
 * Reads a plan file. Throws a Failure for text that is no plan, a plan of another major version, and one whose
 * hash is not that of its content. The hash vouches for the rest of the form: only a changed file has another.
 */
export function decodeSavedPlan(text: string, file: string): SavedPlan {
  const document = parseDocument(text, file);
  const [major] = document.formatVersion.split('.');
  if (major !== PLAN_FORMAT.split('.')[0]) {
    throw unreadable(
      'plan-format-unsupported',
      `${file} is a plan of format ${document.formatVersion}`,
      `this mkplan reads format ${PLAN_FORMAT} and later minor versions of it`,
      'use the mkplan that wrote it, or make the plan again',
    );
  }
  const { hash, ...content } = document;
  if (hash !== hashOf(content)) throw damaged(file, 'its hash is not that of its content');
  try {
    return { hash, host: document.host, plan: decodePlan(document.plan) };
  } catch (thrown) {
    throw damaged(file, messageOf(thrown), thrown);
  }
}

function parseDocument(text: string, file: string): SavedPlanDocument {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (thrown) {
    throw unreadable(
      'plan-file-malformed',
      `${file} is not a plan file`,
      messageOf(thrown),
      'name a file that `mkplan plan --out` wrote',
      thrown,
    );
  }
  if (!isSavedPlan(document)) {
    throw unreadable(
      'plan-file-malformed',
      `${file} is not a plan file`,
      'it lacks formatVersion, kind: Plan, hash or plan',
      'name a file that `mkplan plan --out` wrote',
    );
  }
  return document;
}

function isSavedPlan(document: unknown): document is SavedPlanDocument {
  if (typeof document !== 'object' || document === null) return false;
  const fields: Partial<Record<keyof SavedPlanDocument, unknown>> = document;
  return (
    fields.kind === 'Plan' &&
    typeof fields.formatVersion === 'string' &&
    typeof fields.hash === 'string' &&
    typeof fields.plan === 'object' &&
    fields.plan !== null
  );
}

function damaged(file: string, cause: string, thrown?: unknown): Failure {
  return unreadable(
    'plan-file-damaged',
    `${file} is damaged or was edited`,
    cause,
    'make the plan again: `mkplan plan --out FILE`',
    thrown,
  );
}

function unreadable(code: string, summary: string, cause: string, fix: string, thrown?: unknown): Failure {
  return new Failure('error', [{ code, severity: 'error', summary, cause, fix }], { cause: thrown });
}

function hashOf(content: unknown): string {
  return `sha256:${createHash('sha256').update(canonical(content)).digest('hex')}`;
}

/** JSON with the keys of every object sorted, so that a reformatted file keeps its hash (compare RFC 8785). */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`);
  return `{${entries.join(',')}}`;
}
