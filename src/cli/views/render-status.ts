import { serviceName } from '../../model/plan.ts';
import { formatPrefix } from '../../model/prefix.ts';
import { encodeRoute, formatRoute } from '../../model/route.ts';
import type {
  NodeStatus,
  OtherParticipant,
  RouteStatus,
  ServiceStatus,
  StatusReport,
} from '../commands/path-status.ts';
import { endpointKey } from '../wiring/probe.ts';
import type { Palette } from './color.ts';
import type { JsonLine } from './render-json.ts';
import { renderUnproven } from './render-plan.ts';
import { alignColumns, type Cell, count, printableDeep } from './text.ts';

/** What a report is rendered with. */
export interface RenderStatusOptions {
  readonly colors: Palette;
  /** The tunnel, or the spec where its name is not known. */
  readonly title: string;
  /** By `endpointKey`: whether a TCP connection was taken. */
  readonly answers: ReadonlyMap<string, boolean>;
}

/** A status report for people. */
export function renderStatus(raw: StatusReport, options: RenderStatusOptions): string {
  const report = printableDeep(raw);
  const { colors } = options;
  const blocks = [
    lastingBlock(report, colors),
    `${colors.bold(options.title)}\n`,
    table(routeRows(report.routes, colors)),
    table(serviceRows(report.services, options)),
    report.others.map((other) => otherLine(other)).join(''),
    renderUnproven(report.unproven, colors),
    ...report.problems.map((problem) => `${colors.change('warning:')} ${problem}\n`),
  ];
  const nothing = report.routes.length === 0 && report.services.length === 0;
  return [...blocks, nothing ? 'Nothing is applied.\n' : ''].filter((block) => block !== '').join('\n');
}

/** As many lost routes as are named: a reboot takes all of them. */
const SHOWN_LOST = 10;

/** What a reader has to know first: that routes do not last, and which have not. */
function lastingBlock({ lost, routes }: StatusReport, colors: Palette): string {
  const lasting = 'routes last until reboot or loss of their link';
  if (lost.length === 0) {
    const capital = `R${lasting.slice(1)}; \`mkplan apply\` puts them back.\n`;
    return routes.some(({ state }) => state === 'present') ? colors.dim(capital) : '';
  }
  const verb = lost.length === 1 ? 'is' : 'are';
  const line = `${count(lost.length, 'route')} ${verb} gone: ${lasting}. \`mkplan apply\` puts back what the spec asks for.`;
  const rows = alignColumns(
    lost
      .slice(0, SHOWN_LOST)
      .map(({ route, why }) => [{ text: formatRoute(route) }, { text: why, paint: colors.dim }]),
  ).map((row) => `    ${row}\n`);
  const more = lost.length > SHOWN_LOST ? `    … and ${lost.length - SHOWN_LOST} more\n` : '';
  return `${colors.alarm('!')} ${line}\n${rows.join('')}${more}`;
}

/** Another tunnel on one of the clusters, by the name of its Lease too: that is what is removed when it is gone for good. */
function otherLine({ profile, name, holder, live, leaving }: OtherParticipant): string {
  const state = live ? (leaving ? 'is leaving' : 'is here, too') : 'was here, and its Lease ran out';
  return `${profile}: ${holder} ${state} (${name})\n`;
}

function table(rows: readonly (readonly Cell[])[]): string {
  return alignColumns(rows)
    .map((row) => `${row}\n`)
    .join('');
}

function heading(titles: readonly string[], colors: Palette): Cell[] {
  return titles.map((text) => ({ text, paint: colors.dim }));
}

function routeRows(routes: readonly RouteStatus[], colors: Palette): Cell[][] {
  if (routes.length === 0) return [];
  return [
    heading(['DESTINATION', 'VIA', 'DEV', 'PROFILE', 'FOR', 'ROUTE', 'NODE'], colors),
    ...routes.map(({ route, profile, purpose, state, node }) => [
      { text: formatPrefix(route.destination) },
      { text: route.gateway ?? (route.type === 'unicast' ? '-' : route.type) },
      { text: route.device ?? '-' },
      { text: profile },
      { text: purpose },
      { text: state, paint: state === 'present' ? colors.add : colors.alarm },
      nodeCell(node, colors),
    ]),
  ];
}

function nodeCell(node: NodeStatus | null, colors: Palette): Cell {
  if (node === null) return { text: '-' };
  return node.ready ? { text: `${node.name} Ready` } : { text: `${node.name} NotReady`, paint: colors.alarm };
}

function serviceRows(services: readonly ServiceStatus[], options: RenderStatusOptions): Cell[][] {
  if (services.length === 0) return [];
  const { colors } = options;
  return [
    heading(['SERVICE', 'EXTERNAL-IP', 'PROFILE', 'ROUTE', 'NODE', 'ENDPOINTS', 'ANSWERS', ''], colors),
    ...services.map((service) => [
      { text: serviceName(service) },
      { text: service.addresses.join(',') || 'pending' },
      { text: service.profile },
      routedCell(service, colors),
      nodeCell(service.node, colors),
      endpointsCell(service, colors),
      { text: answerText(service, options.answers) },
      { text: noteOf(service), paint: colors.dim },
    ]),
  ];
}

function endpointsCell({ endpoints }: ServiceStatus, colors: Palette): Cell {
  if (endpoints === null) return { text: 'unknown' };
  return { text: `${endpoints} ready`, ...(endpoints === 0 ? { paint: colors.change } : {}) };
}

function routedCell({ routed }: ServiceStatus, colors: Palette): Cell {
  if (routed === null) return { text: '-' };
  return routed ? { text: 'present', paint: colors.add } : { text: 'missing', paint: colors.alarm };
}

/** What a reader has to know beside the columns. */
function noteOf({ routed, state, reason }: ServiceStatus): string {
  if (routed === false) return 'the address outlives its route';
  if (state === 'served') return '';
  return reason === '' ? state : `${state}: ${reason}`;
}

function answerText({ addresses, ports }: ServiceStatus, answers: ReadonlyMap<string, boolean>): string {
  const words = addresses.flatMap((address) =>
    ports.flatMap((port) => {
      const answer = answers.get(endpointKey({ address, port }));
      if (answer === undefined) return [];
      // One address is the rule; only with several does each answer name its own.
      const where = addresses.length > 1 ? `${address} ${port}` : String(port);
      return [`${where} ${answer ? 'yes' : 'no'}`];
    }),
  );
  return words.join(', ') || '-';
}

/** A status report as lines of `--json`. */
export function statusLines(
  report: StatusReport,
  spec: string,
  answers: ReadonlyMap<string, boolean>,
): JsonLine[] {
  return [
    { type: 'status', spec, gone: report.lost.length, problems: report.problems },
    ...report.lost.map(({ route, ...rest }) => ({ type: 'lost', ...rest, route: encodeRoute(route) })),
    ...report.unproven.map((item) => ({ type: 'unproven', ...item, route: encodeRoute(item.route) })),
    ...report.routes.map(({ route, ...rest }) => ({ type: 'route', ...rest, route: encodeRoute(route) })),
    ...report.others.map((other) => ({ type: 'participant', ...other })),
    ...report.services.map((service) => ({
      type: 'service',
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
