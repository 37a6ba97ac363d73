import type { Plan } from '../model/plan.ts';
import { encodePlan } from './document.ts';
import { NEWS } from './fingerprint.ts';

/**
 * What is not compared: texts that explain, places in the spec, and what the fingerprint leaves out as well, since it may
 * change between a plan and its use. Nothing that is done to a route or an address is among them.
 */
const EXPLAINING = new Set([
  'reason',
  'why',
  'cause',
  'fix',
  'command',
  'winner',
  'resolution',
  'at',
  'resourceVersion',
  'condition',
  'events',
]);

/** Where two plans differ, as a path into a plan file, and what stands there in each, as JSON. */
export interface PlanDifference {
  readonly path: string;
  readonly shown: string;
  readonly made: string;
}

/**
 * The first difference between a plan that somebody was shown and the one that would be applied; null where what
 * would be done is what was shown.
 */
export function differenceFromShown(shown: Plan, made: Plan): PlanDifference | null {
  return firstDifference(effectsOf(shown), effectsOf(made), 'plan');
}

function effectsOf(plan: Plan): unknown {
  const { allocations, approvals, diagnostics, leases: _ours, reports: _news, ...rest } = encodePlan(plan);
  return {
    ...rest,
    diagnostics: diagnostics.filter(({ code }) => !NEWS.has(code)),
    allocations: allocations.map(({ profile, after }) => ({ profile, after })),
    approvals: approvals.map(({ byPolicy, approvedOn: _given, ...approval }) => ({
      ...approval,
      byPolicy: byPolicy === true,
    })),
  };
}

function firstDifference(shown: unknown, made: unknown, path: string): PlanDifference | null {
  if (shown === made) return null;
  if (!isHolder(shown) || !isHolder(made) || Array.isArray(shown) !== Array.isArray(made)) {
    return { path, shown: excerpt(shown), made: excerpt(made) };
  }
  // Keys that a later minor version added are not known here, and steer nothing; items are never too many.
  const keys = Array.isArray(shown) && Array.isArray(made) && shown.length > made.length ? shown : made;
  for (const key of Object.keys(keys)) {
    if (EXPLAINING.has(key)) continue;
    const below = Array.isArray(made) ? `${path}[${key}]` : `${path}.${key}`;
    const found = firstDifference(valueAt(shown, key), valueAt(made, key), below);
    if (found !== null) return found;
  }
  return null;
}

type Holder = Readonly<Record<string, unknown>>;

function isHolder(value: unknown): value is Holder {
  return typeof value === 'object' && value !== null;
}

function valueAt(holder: Holder, key: string): unknown {
  return Object.hasOwn(holder, key) ? holder[key] : undefined;
}

/** Enough of a value to tell it by. */
const EXCERPT_LENGTH = 80;

function excerpt(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > EXCERPT_LENGTH ? `${text.slice(0, EXCERPT_LENGTH)}…` : text;
}
