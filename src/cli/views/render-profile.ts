import {
  type Action,
  type Plan,
  type ProfileSummary,
  type RouteStep,
  type ServiceStep,
  type ServiceSummary,
  serviceName,
} from '../../model/plan.ts';
import { formatPrefix } from '../../model/prefix.ts';
import { PROTOCOL_NAMES, type Route } from '../../model/route.ts';
import type { Palette } from './color.ts';
import { alignColumns, type Cell, count } from './text.ts';

const MARKS: Readonly<Record<Action, string>> = {
  create: '+',
  replace: '~',
  delete: '-',
  adopt: '~',
  forget: '~',
  none: ' ',
};

/** The part of a plan that belongs to one profile: what it was resolved to, its route steps, its Services. */
export function renderProfile(plan: Plan, profile: string, colors: Palette): string {
  const summary = plan.profiles.find((candidate) => candidate.name === profile);
  const routes = plan.steps.filter(
    (step): step is RouteStep => step.kind === 'route' && step.profile === profile,
  );
  const blocks = [
    summary === undefined ? '' : facts(summary, colors),
    routeLines(routes, plan.platform, colors),
    serviceLines(plan, profile, colors),
  ];
  return `${colors.bold(profile)}\n${blocks.filter((block) => block !== '').join('\n')}`;
}

function facts(summary: ProfileSummary, colors: Palette): string {
  const rows: Cell[][] = [
    ...summary.gateways.map(({ address, source }) => factRow('gateway', address, source, colors)),
    ...summary.services.map(({ cidr, source }) => factRow('services', cidr, source, colors)),
    ...summary.pods.map(({ cidr, source }) => factRow('pods', cidr, source, colors)),
  ];
  return alignColumns(rows)
    .map((row) => `    ${row}\n`)
    .join('');
}

function factRow(label: string, value: string, source: string, colors: Palette): Cell[] {
  return [{ text: label, paint: colors.dim }, value, { text: source, paint: colors.dim }];
}

/** The colour of a mark and what it stands before. */
function painter(action: Action, colors: Palette): (text: string) => string {
  switch (action) {
    case 'create':
      return colors.add;
    case 'delete':
      return colors.remove;
    case 'replace':
    case 'adopt':
    case 'forget':
      return colors.change;
    case 'none':
      return colors.dim;
  }
}

type Platform = Plan['platform'];

function routeLines(steps: readonly RouteStep[], platform: Platform, colors: Palette): string {
  const changing = steps.filter((step) => step.action !== 'none');
  const rows = changing.flatMap((step) => routeRows(step, platform, colors));
  const unchanged = steps.length - changing.length;
  const lines = alignColumns(rows).map((row) => `  ${row}\n`);
  if (unchanged > 0) lines.push(colors.dim(`    ${count(unchanged, 'route')} unchanged\n`));
  return lines.join('');
}

function routeRows(step: RouteStep, platform: Platform, colors: Palette): Cell[][] {
  const shown = step.after ?? step.before;
  if (shown === null) return [];
  const [destination = '', ...attributes] = routeCells(shown, platform);
  const claimOnly = step.action === 'adopt' || step.action === 'forget' ? ` (${step.action} the claim)` : '';
  const rows: Cell[][] = [
    [
      { text: `${MARKS[step.action]} ${destination}`, paint: painter(step.action, colors) },
      ...attributes,
      `${step.purpose}${claimOnly}`,
      { text: step.reason, paint: colors.dim },
    ],
  ];
  if (step.action === 'replace' && step.before !== null) {
    const [, ...earlier] = routeCells(step.before, platform);
    rows.push(['    was', ...earlier].map((text) => ({ text, paint: colors.dim })));
  }
  return rows;
}

function routeCells(route: Route, platform: Platform): string[] {
  const destination = formatPrefix(route.destination);
  return [
    route.type === 'unicast' ? destination : `${route.type} ${destination}`,
    route.gateway === null ? '' : `via ${route.gateway}`,
    route.device === null ? '' : `dev ${route.device}`,
    `metric ${route.metric}`,
    // The names are those of Linux; elsewhere the number is no identity of ours.
    platform === 'linux' ? `proto ${PROTOCOL_NAMES[route.protocol] ?? route.protocol}` : '',
  ];
}

function serviceLines(plan: Plan, profile: string, colors: Palette): string {
  const steps = new Map<string, ServiceStep>();
  for (const step of plan.steps) {
    if (step.kind === 'service' && step.profile === profile) steps.set(serviceName(step), step);
  }
  const summaries = plan.services.filter((service) => service.profile === profile);
  const named = new Set(summaries.map(serviceName));
  const isSettled = (service: ServiceSummary) =>
    service.state === 'served' && (steps.get(serviceName(service))?.action ?? 'none') === 'none';
  const rows = [
    ...summaries
      .filter((service) => !isSettled(service))
      .map((service) => summaryRow(service, steps.get(serviceName(service)), colors)),
    ...[...steps.values()]
      .filter((step) => !named.has(serviceName(step)))
      .map((step) => [...stepCells(step, colors), '', { text: step.reason, paint: colors.dim }]),
  ];
  const lines = alignColumns(rows).map((row) => `  ${row}\n`);
  const settled = summaries.filter(isSettled).length;
  if (settled > 0) lines.push(colors.dim(`    ${count(settled, 'Service')} served as before\n`));
  lines.push(...reportLines(plan, profile).map((line) => `  ${colors.change(line)}\n`));
  return lines.length === 0 ? '' : `  ${colors.dim('LoadBalancer Services')}\n${lines.join('')}`;
}

/** How many Services are told what, where that is all that is done to them. */
function reportLines(plan: Plan, profile: string): string[] {
  const counts = { pending: 0, served: 0, neither: 0 };
  for (const { condition } of plan.reports.filter((report) => report.profile === profile)) {
    counts[condition.after === null ? 'neither' : condition.after.status === 'True' ? 'served' : 'pending']++;
  }
  const line = (services: number, one: string, several: string) =>
    services === 0 ? [] : [`~ ${count(services, 'Service')} ${services === 1 ? one : several}`];
  return [
    ...line(counts.pending, 'is told why it is pending', 'are told why they are pending'),
    ...line(counts.served, 'is told that it is served', 'are told that they are served'),
    ...line(counts.neither, 'is no longer told anything', 'are no longer told anything'),
  ];
}

function summaryRow(service: ServiceSummary, step: ServiceStep | undefined, colors: Palette): Cell[] {
  const cells: Cell[] =
    step === undefined
      ? [`${MARKS.none} ${serviceName(service)}`, service.addresses.join(', ')]
      : stepCells(step, colors);
  const state = service.state === 'other-class' ? 'other class' : service.state;
  return [...cells, state, { text: service.reason, paint: colors.dim }];
}

function stepCells(step: ServiceStep, colors: Palette): Cell[] {
  const before = step.before.join(', ');
  const after = step.after.join(', ');
  const addresses = step.action === 'replace' ? `${before} -> ${after}` : after || before;
  return [
    { text: `${MARKS[step.action]} ${serviceName(step)}`, paint: painter(step.action, colors) },
    addresses,
  ];
}
