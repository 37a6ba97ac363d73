import {
  type Action,
  type Aside,
  type Plan,
  type ProfileSummary,
  type RouteStep,
  type ServiceStep,
  type ServiceSummary,
  serviceName,
} from '../../../model/plan.ts';
import { formatPrefix } from '../../../model/prefix.ts';
import { DEFAULT_PROTOCOL, METRICS, PROTOCOL_NAMES, type Route } from '../../../model/route.ts';
import type { Palette } from '../color.ts';
import { alignColumns, type Cell, type Column } from '../table.ts';
import { count, inside, paragraph, type Room } from '../text.ts';

const MARKS: Readonly<Record<Action, string>> = {
  create: '+',
  replace: '~',
  delete: '-',
  adopt: '~',
  forget: '~',
  none: ' ',
};

type Options = Room & { readonly colors: Palette };

/** The part of a plan that belongs to one profile: what it was resolved to, its route steps, its Services. */
export function renderProfile(plan: Plan, profile: string, options: Options): string {
  const summary = plan.profiles.find((candidate) => candidate.name === profile);
  const routes = plan.steps.filter(
    (step): step is RouteStep => step.kind === 'route' && step.profile === profile,
  );
  const aside = plan.aside.find((one) => one.profile === profile);
  const blocks = [
    aside === undefined ? '' : asideLine(aside, plan.mode, options),
    summary === undefined || aside !== undefined ? '' : facts(summary, options),
    routeLines(routes, options),
    serviceLines(plan, profile, options),
  ];
  return `${paragraph(options.colors.bold(profile), options)}${blocks.filter((block) => block !== '').join('\n')}`;
}

/** That nothing is made for a profile; the warning behind the plan says why. */
function asideLine({ state }: Aside, mode: Plan['mode'], { colors, ...room }: Options): string {
  const left = mode === 'present' ? 'what stands is left as it is' : 'what its Services show is left';
  return paragraph(`  ${colors.doubt('!')} ${colors.dim(`set aside (${state}): ${left}`)}`, room, 4);
}

function facts(summary: ProfileSummary, { colors, ...room }: Options): string {
  const rows: Cell[][] = [
    ...summary.gateways.map(({ address, source }) =>
      summary.onThisHost === true
        ? factRow('on this host', address, `${source}; nothing is routed`, colors)
        : factRow('gateway', address, source, colors),
    ),
    ...summary.services.map(({ cidr, source }) => factRow('services', cidr, source, colors)),
    ...summary.pods.map(({ cidr, source }) => factRow('pods', cidr, source, colors)),
  ];
  return alignColumns(rows, { width: inside(room, 4), columns: [{}, {}, { wraps: true }] })
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

/** Destination, next hop, device, metric, protocol, purpose and reason. */
const ROUTE_COLUMNS: readonly Column[] = [
  {},
  {},
  { drops: 1 },
  { drops: 4 },
  { drops: 3 },
  { drops: 2 },
  { wraps: true },
];

function routeLines(steps: readonly RouteStep[], { colors, wide = false, ...room }: Options): string {
  const changing = steps.filter((step) => step.action !== 'none');
  const shown = changing.flatMap(({ before, after }) => [before, after]).filter((route) => route !== null);
  const numbers = {
    metric: wide || shown.some(hasUnusualMetric),
    protocol: shown.some(({ protocol }) => protocol !== 0) && (wide || shown.some(hasUnusualProtocol)),
  };
  const rows = changing.flatMap((step) => routeRows(step, numbers, colors));
  const unchanged = steps.length - changing.length;
  const shape = { width: inside(room, 2), columns: ROUTE_COLUMNS };
  const lines = alignColumns(rows, shape).map((row) => `  ${row}\n`);
  if (unchanged > 0) lines.push(colors.dim(`    ${count(unchanged, 'route')} unchanged\n`));
  return lines.join('');
}

/** Whether a route has another metric than most of ours: such as one that moved (`METRICS`), or that was adopted. */
export function hasUnusualMetric({ metric }: Route): boolean {
  return metric !== METRICS[0];
}

/** Whether a route has another protocol than most of ours. */
export function hasUnusualProtocol({ protocol }: Route): boolean {
  return protocol !== DEFAULT_PROTOCOL;
}

/** The protocol by the name that people know it by, if it has one (/etc/iproute2/rt_protos). */
export function protocolName({ protocol }: Route): string {
  return PROTOCOL_NAMES[protocol] ?? String(protocol);
}

/** Which of the numbers of a route are shown. */
interface ShownNumbers {
  readonly metric: boolean;
  /** The names are those of Linux; elsewhere the number is no identity of ours. */
  readonly protocol: boolean;
}

function routeRows(step: RouteStep, numbers: ShownNumbers, colors: Palette): Cell[][] {
  const shown = step.after ?? step.before;
  if (shown === null) return [];
  const [destination = '', ...attributes] = routeCells(shown, numbers);
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
    const [, ...earlier] = routeCells(step.before, numbers);
    rows.push(['    was', ...earlier].map((text) => ({ text, paint: colors.dim })));
  }
  return rows;
}

function routeCells(route: Route, numbers: ShownNumbers): string[] {
  const nextHop = route.gateway === null ? '' : `via ${route.gateway}`;
  return [
    formatPrefix(route.destination),
    route.type === 'unicast' ? nextHop : route.type,
    route.device === null ? '' : `dev ${route.device}`,
    numbers.metric ? `metric ${route.metric}` : '',
    numbers.protocol ? `proto ${protocolName(route)}` : '',
  ];
}

/** Service, addresses, state and reason. */
const SERVICE_COLUMNS: readonly Column[] = [{}, { wraps: true }, {}, { wraps: true }];

function serviceLines(plan: Plan, profile: string, { colors, ...room }: Options): string {
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
  const shape = { width: inside(room, 2), columns: SERVICE_COLUMNS };
  const lines = alignColumns(rows, shape).map((row) => `  ${row}\n`);
  const settled = summaries.filter(isSettled).length;
  if (settled > 0) lines.push(colors.dim(`    ${count(settled, 'Service')} served as before\n`));
  lines.push(...reportLines(plan, profile).map((line) => paragraph(`  ${colors.change(line)}`, room, 4)));
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
