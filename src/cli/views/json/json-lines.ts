import type { Diagnostic } from '../../../model/diagnostic.ts';
import type { WatchEvent } from '../../../model/event.ts';
import type { Plan, Unproven } from '../../../model/plan.ts';
import { encodeRoute, type Route } from '../../../model/route.ts';
import { encodePlan } from '../../../planner/document.ts';
import { endpointKey, type StatusReport } from '../../../planner/status/report.ts';
import type { FileNames } from '../../arguments/paths.ts';
import type { SessionState } from '../../session/session-state.ts';
import { countsOf } from '../../session/session-view.ts';
import type { Finding, Kind, Table } from '../finding.ts';
import type { EventLine } from '../generated/events.ts';
import { countSteps } from '../text/render-plan.ts';

/** What is only read; the generated types are of a JSON document, and so leave that open. */
type Immutable<T> = T extends object ? { readonly [Key in keyof T]: Immutable<T[Key]> } : T;

/**
 * One line of `--json` output, before its number and its time. A new type of line begins in
 * schema/events.schema.json, of which this type and docs/json.md are made.
 */
export type JsonLine = Immutable<EventLine>;

const none = () => [];

/** The lines of each kind of finding; none where programs need none. */
const LINES: Table<readonly JsonLine[]> = {
  plan: ({ plan, names }) => planLines(plan, names),
  diagnostic: ({ diagnostic, names }) => [diagnosticLine(diagnostic, names)],
  event: ({ event }) => [eventLine(event)],
  session: ({ event, session }) => [sessionEventLine(event, session)],
  applied: ({ outcome }) => (outcome?.kind === 'residue' ? [{ type: 'left', left: outcome.left }] : []),
  confirmed: ({ end }) => (end === null ? [] : [{ type: 'confirmation', ...end }]),
  unconfirmed: ({ end }) => [{ type: 'confirmation', ...end }],
  'session.left': ({ left, isClean }) => (isClean ? [] : [{ type: 'left', left }]),
  'session.status': ({ session: { record, live, left } }) => [
    { type: 'session', live, ...record, ...(left === null ? {} : { left }) },
  ],
  status: ({ report, spec, answers }) => statusLines(report, spec, answers),
  nothing: ({ spec }) => [{ type: 'status', spec, fulfilled: null, applied: false, gone: 0, problems: [] }],
  unclaimed: ({ unclaimed }) => unclaimed.map(unprovenLine),
  observed: ({ type, observation }) => [{ type, observation }],
  recorded: ({ file }) => [{ type: 'observed', file }],
  written: ({ foreignContext: _, ...line }) => [line],
  remembered: ({ type, approvals, names }) =>
    approvals.map((one) => ({ type, ...one, spec: names.show(one.spec) })),
  approvals: ({ approvals }) => approvals.map((one) => ({ type: 'remembered', ...one })),
  importable: ({ type, found }) =>
    found.map(({ claim: _, fate: __, ...one }) => ({ type, ...withRoute(one) })),
  runtime: ({ version: _, ...line }) => [line],
  awaiting: (line) => [line],
  valid: (line) => [line],
  saved: (line) => [line],
  printed: (line) => [line],
  revoked: (line) => [line],
  summary: (line) => [line],
  'carried-out': none,
  'session.begun': none,
  'session.ended': none,
};

/** A finding as lines. */
export function linesOf<K extends Kind>(finding: Finding<K>): readonly JsonLine[] {
  return LINES[finding.type](finding);
}

/** A plan as lines: the plan itself, then one for each profile, profile set aside, step, Service, conflict, approval and diagnostic. */
function planLines(plan: Plan, names: FileNames): JsonLine[] {
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
function diagnosticLine(diagnostic: Diagnostic, names: FileNames): JsonLine {
  return { type: 'diagnostic', ...withNamedFile(diagnostic, names) };
}

/** An event as a line; a change names its step by the index that the step's own line has. */
function eventLine(event: Exclude<WatchEvent, { type: 'watch.planned' | 'watch.pass' }>): JsonLine {
  switch (event.type) {
    case 'change.done':
      return { type: event.type, txid: event.txid, ...event.change };
    case 'change.failed':
      return { type: event.type, txid: event.txid, ...event.change, diagnostic: event.diagnostic };
    default:
      return { ...event };
  }
}

/**
 * What a watched tunnel tells as a line: a plan by its counts, since its steps follow as they are made; a pass with what the
 * session is at after it.
 */
function sessionEventLine(event: WatchEvent, session: SessionState): JsonLine {
  if (event.type === 'watch.pass') return { ...event, ...countsOf(session) };
  if (event.type !== 'watch.planned') return eventLine(event);
  return { type: event.type, fingerprint: event.plan.fingerprint, ...countSteps(event.plan) };
}

function withNamedFile<T extends { readonly at?: Diagnostic['at'] }>(value: T, names: FileNames): T {
  return value.at === undefined ? value : { ...value, at: { ...value.at, file: names.show(value.at.file) } };
}

function unprovenLine(unproven: Unproven): JsonLine {
  return { type: 'unproven', ...unproven, route: encodeRoute(unproven.route) };
}

/** The same with its route as a document has it. */
function withRoute<T extends { readonly route: Route }>({ route, ...rest }: T) {
  return { ...rest, route: encodeRoute(route) };
}

/** A status report as lines of `--json`. */
function statusLines(report: StatusReport, spec: string, answers: ReadonlyMap<string, boolean>): JsonLine[] {
  return [
    {
      type: 'status',
      spec,
      fulfilled: report.fulfilled,
      applied: report.applied,
      gone: report.lost.length,
      ...(report.here.length === 0 ? {} : { onThisHost: report.here.map(({ profile }) => profile) }),
      problems: report.problems,
    },
    ...report.lost.map((one) => ({ type: 'lost' as const, ...withRoute(one) })),
    ...report.unproven.map(unprovenLine),
    ...report.routes.map((one) => ({ type: 'route' as const, ...withRoute(one) })),
    ...report.others.map((other) => ({ type: 'participant' as const, ...other })),
    ...report.services.map((service) => ({
      type: 'service' as const,
      ...service,
      answers: service.addresses.flatMap((address) =>
        service.ports.flatMap((port) => {
          const answered = answers.get(endpointKey({ address, port }));
          return answered === undefined ? [] : [{ address, port, answered }];
        }),
      ),
    })),
  ];
}
