import { createHash } from 'node:crypto';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { Plan } from '../model/plan.ts';
import { decodePlan, encodePlan, type PlanDocument, type PlanHost, type SavedPlan } from './document.ts';
import { type PlanSchemaError, validatePlan } from './generated/validate-plan.js';

/** Version of the saved form. A reader ignores unknown fields of its own major and refuses another major. */
const PLAN_FORMAT = '1.1';

/** A plan as a file holds it (schema/plan.schema.json). */
export interface SavedPlanDocument {
  readonly formatVersion: string;
  readonly kind: 'Plan';
  /** `sha256:` and the hash of everything else in the file, in canonical form. */
  readonly hash: string;
  readonly host: PlanHost;
  readonly plan: PlanDocument;
}

/** What tells a plan from any other file; the rest is still to be looked at. */
type SavedPlanHead = Pick<SavedPlanDocument, 'formatVersion' | 'kind' | 'hash'> & { readonly plan: object };

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
 * Reads a plan file. Throws a Failure for text that is no plan, a plan of another major version, one whose hash is not
 * that of its content, and one that its schema does not allow: anybody can compute a hash.
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
  try {
    if (hash !== hashOf(content)) throw new RangeError('its hash is not that of its content');
    if (!validatePlan(document)) throw new RangeError(violation(validatePlan.errors?.[0]));
    const { host, plan } = document;
    return { hash, host, plan: decodePlan(plan) };
  } catch (thrown) {
    throw damaged(file, messageOf(thrown), thrown);
  }
}

function violation(error: PlanSchemaError | undefined): string {
  return error === undefined ? 'it is no plan' : `${error.instancePath || 'the document'} ${error.message}`;
}

function parseDocument(text: string, file: string): SavedPlanHead {
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

function isSavedPlan(document: unknown): document is SavedPlanHead {
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
