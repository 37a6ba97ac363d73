import { serviceName } from '../model/plan.ts';
import { formatPrefix } from '../model/prefix.ts';
import { encodeRoute } from '../model/route.ts';
import type { Palette } from './color.ts';
import { endpointKey } from './probe.ts';
import type { JsonLine } from './render-json.ts';
import type { NodeStatus, RouteStatus, ServiceStatus, StatusReport } from './status.ts';
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
    goneLine(report, colors),
    `${colors.bold(options.title)}\n`,
    table(routeRows(report.routes, colors)),
    table(serviceRows(report.services, options)),
    ...report.problems.map((problem) => `${colors.change('warning:')} ${problem}\n`),
  ];
  const nothing = report.routes.length === 0 && report.services.length === 0;
  return [...blocks, nothing ? 'Nothing is applied.\n' : ''].filter((block) => block !== '').join('\n');
}

function goneLine({ gone }: StatusReport, colors: Palette): string {
  if (gone === 0) return '';
  const verb = gone === 1 ? 'is' : 'are';
  const line = `${count(gone, 'route')} ${verb} gone: routes last until reboot or loss of their link. \`mkplan apply\` puts back what the spec asks for.`;
  return `${colors.alarm('!')} ${line}\n`;
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
    { type: 'status', spec, gone: report.gone, problems: report.problems },
    ...report.routes.map(({ route, ...rest }) => ({ type: 'route', ...rest, route: encodeRoute(route) })),
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
