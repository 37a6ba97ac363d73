import type { Diagnostic } from '../../../model/diagnostic.ts';
import {
  type Approval,
  isEmpty,
  isRefused,
  type Plan,
  servesNothing,
  type Unproven,
} from '../../../model/plan.ts';
import { POLICY_PATH } from '../../../model/policy.ts';
import { formatRoute } from '../../../model/route.ts';
import { isOpen } from '../../../planner/approvals.ts';
import { type FileNames, showPosition } from '../../arguments/paths.ts';
import type { Palette } from '../color.ts';
import { alignColumns, type Cell } from '../table.ts';
import { count, inside, paragraph, printableDeep, printableLine, type Room } from '../text.ts';
import { renderConflict } from './render-conflict.ts';
import { explanation } from './render-diagnostic.ts';
import { renderProfile } from './render-profile.ts';

export interface RenderPlanOptions extends Room {
  readonly colors: Palette;
  readonly names: FileNames;
}

/** A plan for people. Equal plans give equal text in equal room, byte for byte. */
export function renderPlan(raw: Plan, options: RenderPlanOptions): string {
  // The lines of a cause stay lines: whoever lays them out makes each of them printable.
  const diagnosed = raw.diagnostics.map((one) => ({ ...printableDeep(one), cause: one.cause, fix: one.fix }));
  const plan = { ...printableDeep(raw), diagnostics: diagnosed };
  const blocks = [
    header(plan, options),
    ...profileNames(plan).map((profile) => renderProfile(plan, profile, options)),
    renderUnproven(plan.unproven, options),
    ...plan.conflicts.map((conflict) => renderConflict(conflict, options)),
    approvals(plan, options),
    ...diagnostics(plan, options),
    paragraph(colorClosing(plan, closingLine(plan), options.colors), options),
  ];
  return blocks.filter((block) => block !== '').join('\n');
}

/** The profiles in the plan's order, then those that only steps name. */
function profileNames(plan: Plan): string[] {
  return [
    ...new Set([
      ...plan.profiles.map((profile) => profile.name),
      ...plan.steps.map((step) => step.profile),
      ...plan.services.map((service) => service.profile),
      ...plan.reports.map((report) => report.profile),
    ]),
  ];
}

function header(plan: Plan, { colors, names, ...room }: RenderPlanOptions): string {
  // A cleanup is of no spec: it judges every claim by itself.
  if (plan.spec === '')
    return paragraph(`${colors.bold('Cleanup')} ${colors.dim('of everything that is recorded here')}`, room);
  const undone = plan.mode === 'absent' ? ', to be removed' : '';
  const tunnel = `${colors.bold(`Tunnel ${plan.name}`)} ${colors.dim(`(${printableLine(names.spec)}${undone})`)}`;
  const title = paragraph(tunnel, room, 2);
  if (plan.localOverrides.length === 0) return title;
  const overrides = `  from tunnel.local.yaml: ${plan.localOverrides.join(', ')}`;
  return title + paragraph(colors.dim(overrides), room, 4);
}

/** A cell whose mark alone is painted. */
function marked(mark: string, text: string, paint: (text: string) => string): Cell {
  return {
    text: `${mark} ${text}`,
    paint: (shown) => (shown.startsWith(`${mark} `) ? paint(mark) + shown.slice(mark.length) : shown),
  };
}

/** The routes that are shown as `?`; nothing where there are none. */
export function renderUnproven(
  unproven: readonly Unproven[],
  { colors, ...room }: Room & { readonly colors: Palette },
): string {
  if (unproven.length === 0) return '';
  const rows = alignColumns(
    unproven.map((item) => [
      marked('?', formatRoute(item.route), colors.doubt),
      { text: item.reason, paint: colors.dim },
    ]),
    { width: inside(room, 2), columns: [{ wraps: true }, { wraps: true }] },
  );
  const title = paragraph(colors.bold('Not proven to be ours, and never touched'), room);
  const adopt = paragraph(colors.dim('    `mkplan import` adopts what is yours of it'), room, 4);
  return `${title}${rows.map((row) => `  ${row}\n`).join('')}${adopt}`;
}

function approvals(plan: Plan, options: RenderPlanOptions): string {
  const { colors } = options;
  const open = plan.approvals.filter(isOpen);
  const before = plan.approvals.filter(({ approvedOn }) => approvedOn !== undefined);
  const given = plan.approvals.filter(({ byPolicy }) => byPolicy === true);
  const kinds = [...new Set(open.map((approval) => approval.kind))].join(',');
  return [
    approvalBlock(`${colors.bold('Needs approval')} at the prompt, or by --allow ${kinds}`, open, options),
    approvalBlock(`${colors.bold('Approved before')} (mkplan allow --list)`, before, options),
    approvalBlock(`${colors.bold("Allowed by the host's policy")} (${POLICY_PATH})`, given, options),
  ]
    .filter((block) => block !== '')
    .join('\n');
}

function approvalBlock(
  title: string,
  approvals: readonly Approval[],
  { colors, ...room }: RenderPlanOptions,
): string {
  if (approvals.length === 0) return '';
  const rows = alignColumns(
    approvals.map((approval) => [
      marked('!', approval.kind, colors.alarm),
      { text: approval.profile },
      { text: approval.subject },
      { text: approval.why + approvedText(approval), paint: colors.dim },
    ]),
    { width: inside(room, 2), columns: [{}, {}, { wraps: true }, { wraps: true }] },
  );
  return paragraph(title, room, 2) + rows.map((row) => `  ${row}\n`).join('');
}

/** On which day (UTC) it was approved. */
function approvedText({ approvedOn }: Approval): string {
  return approvedOn === undefined ? '' : `; approved on ${approvedOn.slice(0, 10)}`;
}

/** As many diagnostics of one code as are shown in full: a full pool gives one for every Service that waits. */
const SHOWN_OF_A_CODE = 3;

/** The diagnostics of a plan, those of one code together; of each code only the first few, and how many more there are. */
function diagnostics(plan: Plan, options: RenderPlanOptions): string[] {
  const byCode = new Map<string, Diagnostic[]>();
  for (const diagnostic of plan.diagnostics) {
    const same = byCode.get(diagnostic.code);
    if (same === undefined) byCode.set(diagnostic.code, [diagnostic]);
    else same.push(diagnostic);
  }
  return [...byCode].flatMap(([code, all]) => {
    const shown = all.slice(0, SHOWN_OF_A_CODE).map((diagnostic) => shortDiagnostic(diagnostic, options));
    const more = all.length - shown.length;
    return more > 0 ? [...shown, options.colors.dim(`… and ${more} more of ${code}\n`)] : shown;
  });
}

/** The form of a diagnostic beside a plan: no excerpt, since the plan is about more than one file. */
function shortDiagnostic(diagnostic: Diagnostic, { colors, names, ...room }: RenderPlanOptions): string {
  const isError = diagnostic.severity === 'error';
  const label = isError ? colors.alarm('! error:') : colors.change('warning:');
  const at = diagnostic.at === undefined ? '' : colors.dim(` (${showPosition(diagnostic.at, names)})`);
  const title = paragraph(`${label} ${diagnostic.summary}${at}`, room, 2);
  return `${title}${explanation(diagnostic, room.width ?? null).join('\n')}\n`;
}

function colorClosing(plan: Plan, line: string, colors: Palette): string {
  return isRefused(plan) ? colors.alarm(line) : colors.bold(line);
}

/** What applying the plan would do, in one line. */
export function closingLine(plan: Plan): string {
  if (isRefused(plan)) return refusal(plan);
  if (isEmpty(plan)) return `No changes. ${unchangedText(plan)}${asideText(plan)}`;
  const { routes, services } = countSteps(plan);
  const parts = [`${routes.create} to add, ${routes.replace} to replace, ${routes.delete} to delete`];
  if (routes.adopt > 0) parts.push(`${count(routes.adopt, 'claim')} to adopt`);
  if (routes.forget > 0) parts.push(`${count(routes.forget, 'claim')} to forget`);
  const serve = services.create + services.replace;
  const cleared = services.delete > 0 ? `, ${services.delete} to clear` : '';
  // With Services to serve it goes without saying that their addresses are recorded.
  const recorded = serve === 0 && plan.allocations.length > 0 ? '; allocations to record' : '';
  const told = plan.reports.length > 0 ? `, ${plan.reports.length} to tell` : '';
  return `Plan: ${parts.join(', ')}; ${count(serve, 'Service')} to serve${cleared}${told}${recorded}${leaseText(plan)}${clusterText(plan)}.${asideText(plan)}`;
}

/** The profiles for which nothing is made. */
function asideText({ aside }: Plan): string {
  if (aside.length === 0) return '';
  return ` Set aside: ${aside.map(({ profile, state }) => `${profile} (${state})`).join(', ')}.`;
}

/** What becomes of our Leases, where nothing else is done: with anything else it goes without saying. */
function leaseText({ steps, leases }: Plan): string {
  if (leases.length === 0 || steps.some((step) => step.action !== 'none')) return '';
  const verb = leases.some(({ action }) => action === 'join') ? 'write' : 'remove';
  return `; ${count(leases.length, 'Lease')} to ${verb}`;
}

/** That the claims are of another cluster from then on, where nothing else is done. */
function clusterText({ steps, clusters }: Plan): string {
  const changed = clusters.filter(({ former }) => former !== null).length;
  if (changed === 0 || steps.some((step) => step.action !== 'none')) return '';
  return `; ${count(changed, 'other cluster')} to record`;
}

function unchangedText(plan: Plan): string {
  if (plan.spec === '') {
    return plan.unproven.length > 0 ? 'What is marked `?` is left alone.' : 'Nothing to clean up.';
  }
  if (servesNothing(plan)) return 'No profile can be served.';
  if (plan.aside.length > 0 && plan.mode === 'present') return 'The rest is as the spec asks.';
  return plan.mode === 'present'
    ? 'Routes and Services are as the spec asks.'
    : 'Nothing of this tunnel is left to remove.';
}

function refusal(plan: Plan): string {
  const conflicts = plan.conflicts.filter((conflict) => conflict.outcome === 'refused').length;
  const errors = plan.diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length;
  const reasons = [
    ...(conflicts > 0 ? [count(conflicts, 'conflict')] : []),
    ...(errors > 0 ? [count(errors, 'error')] : []),
  ];
  return `Plan: refused by ${reasons.join(' and ')}; nothing is applied until that is resolved.`;
}

/** How many steps of each kind a plan has, by action. */
export function countSteps(plan: Plan): {
  readonly routes: Record<Plan['steps'][number]['action'], number>;
  readonly services: Record<Plan['steps'][number]['action'], number>;
} {
  const zero = () => ({ create: 0, replace: 0, delete: 0, adopt: 0, forget: 0, none: 0 });
  const counts = { routes: zero(), services: zero() };
  for (const step of plan.steps) counts[step.kind === 'route' ? 'routes' : 'services'][step.action]++;
  return counts;
}
