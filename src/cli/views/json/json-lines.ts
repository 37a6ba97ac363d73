import type { Diagnostic } from '../../../model/diagnostic.ts';
import type { RunEvent, WatchEvent } from '../../../model/event.ts';
import type { Plan, Unproven } from '../../../model/plan.ts';
import { encodeRoute, type Route } from '../../../model/route.ts';
import { encodePlan } from '../../../planner/document.ts';
import type { FileNames } from '../../arguments/paths.ts';
import type { SessionState } from '../../session/session-state.ts';
import { countsOf } from '../../session/session-view.ts';
import { endpointKey } from '../../wiring/probe.ts';
import type { Finding } from '../finding.ts';
import type { EventLine } from '../generated/events.ts';
import type { StatusReport } from '../status-report.ts';
import { countSteps } from '../text/render-plan.ts';
import { isWatchOnly } from '../text/render-watch.ts';

/** What is only read; the generated types are of a JSON document, and so leave that open. */
type Immutable<T> = T extends object ? { readonly [Key in keyof T]: Immutable<T[Key]> } : T;

/**
 * One line of `--json` output, before its number and its time. A new type of line begins in
 * schema/events.schema.json, of which this type and docs/events.md are made.
 */
export type JsonLine = Immutable<EventLine>;

/** A finding as lines; none where programs need none. */
export function linesOf(finding: Finding): JsonLine[] {
  switch (finding.type) {
    case 'plan':
      return planLines(finding.plan, finding.names);
    case 'diagnostic':
      return [diagnosticLine(finding.diagnostic, finding.names)];
    case 'event':
      return [eventLine(finding.event)];
    case 'session':
      return [sessionEventLine(finding.event, finding.session)];
    case 'applied':
      return finding.outcome?.kind === 'residue' ? [{ type: 'left', left: finding.outcome.left }] : [];
    case 'confirmed':
      return finding.end === null ? [] : [{ type: 'confirmation', ...finding.end }];
    case 'unconfirmed':
      return [{ type: 'confirmation', ...finding.end }];
    case 'session.left':
      return finding.isClean ? [] : [{ type: 'left', left: finding.left }];
    case 'session.status': {
      const { record, live, left } = finding.session;
      return [{ type: 'session', live, ...record, ...(left === null ? {} : { left }) }];
    }
    case 'status':
      return statusLines(finding.report, finding.spec, finding.answers);
    case 'nothing': {
      const { spec } = finding;
      return [{ type: 'status', spec, fulfilled: null, applied: false, gone: 0, problems: [] }];
    }
    case 'unclaimed':
      return finding.unclaimed.map(unprovenLine);
    case 'observed':
      return [{ type: 'observed', observation: finding.observation }];
    case 'recorded':
      return [{ type: 'observed', file: finding.file }];
    case 'written': {
      const { type, spec, profile, pool } = finding;
      return [{ type, spec, profile, pool }];
    }
    case 'remembered': {
      const { approvals, names } = finding;
      return approvals.map((one) => ({ type: 'remembered', ...one, spec: names.show(one.spec) }));
    }
    case 'approvals':
      return finding.approvals.map((one) => ({ type: 'remembered', ...one }));
    case 'importable':
      return finding.found.map(({ claim: _, fate: __, ...one }) => ({
        type: 'importable',
        ...withRoute(one),
      }));
    case 'runtime':
      return [{ type: 'runtime', node: finding.node, platform: finding.platform }];
    case 'awaiting':
    case 'valid':
    case 'saved':
    case 'printed':
    case 'revoked':
    case 'summary':
      return [finding];
    case 'carried-out':
    case 'session.begun':
    case 'session.ended':
      return [];
  }
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
function eventLine(event: RunEvent): JsonLine {
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
 * What a watched tunnel tells as a line: a plan by its counts, since its steps follow as they are made; a pass with what the
 * session is at after it.
 */
function sessionEventLine(event: WatchEvent, session: SessionState): JsonLine {
  switch (event.type) {
    case 'watch.pass':
      return { ...event, ...countsOf(session) };
    case 'watch.planned':
      return { type: event.type, fingerprint: event.plan.fingerprint, ...countSteps(event.plan) };
    default:
      return isWatchOnly(event) ? { ...event } : eventLine(event);
  }
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
