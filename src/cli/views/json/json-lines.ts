import type { Diagnostic } from '../../../model/diagnostic.ts';
import type { RunEvent, WatchEvent } from '../../../model/event.ts';
import type { Plan } from '../../../model/plan.ts';
import { encodePlan } from '../../../planner/document.ts';
import type { FileNames } from '../../arguments/paths.ts';
import type { SessionState } from '../../session/session-state.ts';
import { countsOf } from '../../session/session-view.ts';
import type { EventLine } from '../generated/events.ts';
import { countSteps } from '../text/render-plan.ts';

/** Version of the line format. Readers ignore unknown fields and types of their major, and refuse another major. */
export const STREAM_FORMAT = '1.1';

/** What is only read; the generated types are of a JSON document, and so leave that open. */
type Immutable<T> = T extends object ? { readonly [Key in keyof T]: Immutable<T[Key]> } : T;

/**
 * One line of `--json` output, before its number and its time. A new type of line begins in
 * schema/events.schema.json, of which this type and docs/json.md are made.
 */
export type JsonLine = Immutable<EventLine>;

/** A plan as lines: the plan itself, then one for each profile, profile set aside, step, Service, conflict, approval and diagnostic. */
export function planLines(plan: Plan, names: FileNames): JsonLine[] {
  const document = encodePlan(plan);
  const { name, mode, platform, fingerprint, localOverrides } = document;
  return [
    { type: 'plan', name, spec: names.show(document.spec), mode, platform, fingerprint, localOverrides },
    ...document.profiles.map((profile) => ({ type: 'profile' as const, ...profile })),
    ...plan.aside.map((aside) => ({ type: 'aside' as const, ...aside })),
    ...document.steps.map((step, index) => ({ type: 'step' as const, step: index, ...step })),
    ...document.services.map((service) => ({ type: 'service' as const, ...service })),
    ...document.conflicts.map((conflict) => ({
      type: 'conflict' as const,
      ...withNamedFile(conflict, names),
    })),
    ...document.approvals.map((approval) => ({ type: 'approval' as const, ...approval })),
    ...document.unproven.map((unproven) => ({ type: 'unproven' as const, ...unproven })),
    ...document.diagnostics.map((diagnostic) => diagnosticLine(diagnostic, names)),
    { type: 'changes', ...countSteps(plan) },
  ];
}

/** A diagnostic as a line. */
export function diagnosticLine(diagnostic: Diagnostic, names: FileNames): JsonLine {
  return { type: 'diagnostic', ...withNamedFile(diagnostic, names) };
}

/** An event as a line; a change names its step by the index that the step's own line has. */
export function eventLine(event: RunEvent): JsonLine {
  if (event.type === 'change.done') {
    const { type, txid, change } = event;
    return { type, txid, ...change };
  }
  if (event.type === 'change.failed') {
    const { type, txid, change, diagnostic } = event;
    return { type, txid, ...change, diagnostic };
  }
  return { ...event };
}

/**
 * What only a watched tunnel tells, as a line: a plan by its counts, since its steps follow as they are made; a pass with
 * what the session is at after it.
 */
export function watchLine(event: Exclude<WatchEvent, RunEvent>, session: SessionState): JsonLine {
  if (event.type === 'watch.pass') return { ...event, ...countsOf(session) };
  if (event.type !== 'watch.planned') return { ...event };
  return { type: event.type, fingerprint: event.plan.fingerprint, ...countSteps(event.plan) };
}

function withNamedFile<T extends { readonly at?: Diagnostic['at'] }>(value: T, names: FileNames): T {
  return value.at === undefined ? value : { ...value, at: { ...value.at, file: names.show(value.at.file) } };
}
