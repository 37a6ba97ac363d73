import { serviceName } from '../../../model/plan.ts';
import { formatPrefix } from '../../../model/prefix.ts';
import { encodeRoute, formatRoute } from '../../../model/route.ts';
import { shellWord } from '../../../model/shell-word.ts';
import type { SessionStatus } from '../../commands/status/session-status.ts';
import { endpointKey } from '../../wiring/probe.ts';
import type { Palette } from '../color.ts';
import type { JsonLine } from '../json/json-lines.ts';
import type {
  NodeStatus,
  OtherParticipant,
  RouteStatus,
  ServiceStatus,
  StatusReport,
} from '../status-report.ts';
import { alignColumns, type Cell, type Column } from '../table.ts';
import { count, inside, paragraph, printableDeep, type Room } from '../text.ts';
import { renderUnproven } from './render-plan.ts';
import { hasUnusualMetric, hasUnusualProtocol, protocolName } from './render-profile.ts';

/** What a report is rendered with. */
export interface RenderStatusOptions extends Room {
  readonly colors: Palette;
  /** The tunnel, or the spec where its name is not known. */
  readonly title: string;
  /** As the user would type it. */
  readonly spec: string;
  /** Whether the spec is still there. */
  readonly hasSpec: boolean;
  /** The session of the spec, whether it lives or not. */
  readonly session: SessionStatus | null;
  /** By `endpointKey`: whether a TCP connection was taken. */
  readonly answers: ReadonlyMap<string, boolean>;
}

/** A status report for people. */
export function renderStatus(raw: StatusReport, options: RenderStatusOptions): string {
  const report = printableDeep(raw);
  const { colors } = options;
  const title = paragraph(colors.bold(printableDeep(options.title)), options, 2);
  const lasting = lastingBlock(report, options);
  const blocks = [
    // What is gone comes before all; how long the rest lasts is a note.
    ...(report.lost.length > 0 ? [lasting, title] : [title, lasting]),
    ...(report.applied
      ? [
          table(routeRows(report, options), ROUTE_COLUMNS, options),
          table(serviceRows(report, options), SERVICE_COLUMNS, options),
          straysLine(report, options),
        ]
      : [paragraph(nothingText(options), options)]),
    report.here.map((one) => paragraph(hereLine(one), options, 2)).join(''),
    report.others.map((other) => paragraph(otherLine(other), options, 2)).join(''),
    renderUnproven(report.unproven, options),
    ...report.problems.map((problem) => paragraph(`${colors.change('warning:')} ${problem}`, options, 2)),
  ];
  return blocks.filter((block) => block !== '').join('\n');
}

/** A command for the spec, as the user would type it. */
function commandFor(verb: string, spec: string): string {
  return `\`mkplan ${verb}${spec === 'tunnel.yaml' ? '' : ` ${shellWord(spec)}`}\``;
}

function nothingText({ session, spec }: RenderStatusOptions): string {
  if (session?.live === true) return 'Nothing is applied yet.';
  return `Nothing is applied. ${commandFor('plan', spec)} shows what would be.`;
}

/** Addresses that this spec gave, and that lead nowhere: no command but `destroy` takes them away. */
function straysLine({ routes, services }: StatusReport, options: RenderStatusOptions): string {
  const strays = services.filter(({ routed }) => routed === false).length;
  // A session, or what it left, is told of by itself; and so are routes that are gone.
  if (strays === 0 || options.session !== null || routes.some(({ state }) => state === 'present')) return '';
  const text = `${strays === 1 ? '1 Service shows an address' : `${strays} Services show addresses`} without a route. ${commandFor('destroy', options.spec)} takes ${strays === 1 ? 'it' : 'them'} away; ${commandFor('apply', options.spec)} makes the routes again.`;
  return paragraph(`${options.colors.alarm('!')} ${text}`, options, 2);
}

/** As many lost routes as are named: a reboot takes all of them. */
const SHOWN_LOST = 10;

/** That routes do not last, and which have not. */
function lastingBlock({ lost, routes }: StatusReport, options: RenderStatusOptions): string {
  const { colors } = options;
  const lasting = 'routes last until reboot or loss of their link';
  const helper = whoPutsBack(options);
  if (lost.length === 0) {
    if (helper === null || !routes.some(({ state }) => state === 'present')) return '';
    return paragraph(colors.dim(`R${lasting.slice(1)}; ${helper} puts them back.`), options);
  }
  const verb = lost.length === 1 ? 'is' : 'are';
  const back = helper === null ? '' : ` ${capital(helper)} puts back what the spec asks for.`;
  const line = `${colors.alarm('!')} ${count(lost.length, 'route')} ${verb} gone: ${lasting}.${back}`;
  const rows = alignColumns(
    lost
      .slice(0, SHOWN_LOST)
      .map(({ route, why }) => [{ text: formatRoute(route) }, { text: why, paint: colors.dim }]),
    { width: inside(options, 4), columns: [{ wraps: true }, { wraps: true }] },
  ).map((row) => `    ${row}\n`);
  const more = lost.length > SHOWN_LOST ? `    … and ${lost.length - SHOWN_LOST} more\n` : '';
  return `${paragraph(line, options, 2)}${rows.join('')}${more}`;
}

/** What makes routes again that the kernel dropped; null where a session left them, which says itself what to do, or the spec is gone. */
function whoPutsBack({ session, spec, hasSpec }: RenderStatusOptions): string | null {
  if (session !== null) return session.live ? 'the session' : null;
  return hasSpec ? commandFor('apply', spec) : null;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Why a profile has no routes. */
function hereLine({ profile, address }: StatusReport['here'][number]): string {
  return `${profile}: its cluster runs on this host (${address}), so nothing is routed`;
}

/** Another tunnel on one of the clusters, by the name of its Lease too: that is what is removed when it is gone for good. */
function otherLine({ profile, name, holder, live, leaving }: OtherParticipant): string {
  const state = live ? (leaving ? 'is leaving' : 'is here, too') : 'was here, and its Lease ran out';
  return `${profile}: ${holder} ${state} (${name})`;
}

/** Destination, next hop, device, metric, protocol, profile, purpose, state and node. */
const ROUTE_COLUMNS: readonly Column[] = [
  {},
  { drops: 6 },
  { drops: 1 },
  { drops: 5 },
  { drops: 4 },
  { drops: 3 },
  { drops: 2 },
  {},
  {},
];

/** Service, addresses, profile, route, node, endpoints, answers and what there is to say. */
const SERVICE_COLUMNS: readonly Column[] = [
  {},
  { wraps: true },
  { drops: 1 },
  {},
  { drops: 2 },
  { drops: 3 },
  { wraps: true, drops: 4 },
  { wraps: true },
];

function table(rows: readonly (readonly Cell[])[], columns: readonly Column[], room: Room): string {
  return alignColumns(rows, { width: inside(room, 0), columns })
    .map((row) => `${row}\n`)
    .join('');
}

function heading(titles: readonly string[], colors: Palette): Cell[] {
  return titles.map((text) => ({ text, paint: colors.dim }));
}

function routeRows({ routes, blind }: StatusReport, { colors, wide = false }: RenderStatusOptions): Cell[][] {
  if (routes.length === 0) return [];
  const shown = routes.map(({ route }) => route);
  const isMetric = wide || shown.some(hasUnusualMetric);
  const isProtocol = wide || shown.some(hasUnusualProtocol);
  const titles = [
    'DESTINATION',
    'VIA',
    'DEV',
    isMetric ? 'METRIC' : '',
    isProtocol ? 'PROTO' : '',
    'PROFILE',
    'FOR',
    'ROUTE',
    'NODE',
  ];
  return [
    heading(titles, colors),
    ...routes.map(({ route, profile, purpose, state, node }) => [
      { text: formatPrefix(route.destination) },
      { text: route.gateway ?? (route.type === 'unicast' ? '-' : route.type) },
      { text: route.device ?? '-' },
      { text: isMetric ? String(route.metric) : '' },
      { text: isProtocol ? protocolName(route) : '' },
      { text: profile },
      { text: purpose },
      { text: state, paint: stateColor(state, colors) },
      nodeCell(node, route.gateway !== null && blind.includes(profile), colors),
    ]),
  ];
}

function stateColor(state: RouteStatus['state'], colors: Palette): (text: string) => string {
  if (state === 'unknown') return colors.change;
  return state === 'present' ? colors.add : colors.alarm;
}

function nodeCell(node: NodeStatus | null, isUnknown: boolean, colors: Palette): Cell {
  if (node === null) return { text: isUnknown ? 'unknown' : '-' };
  return node.ready ? { text: `${node.name} Ready` } : { text: `${node.name} NotReady`, paint: colors.alarm };
}

function serviceRows({ services, blind }: StatusReport, options: RenderStatusOptions): Cell[][] {
  if (services.length === 0) return [];
  const { colors } = options;
  return [
    heading(['SERVICE', 'EXTERNAL-IP', 'PROFILE', 'ROUTE', 'NODE', 'ENDPOINTS', 'ANSWERS', ''], colors),
    ...services.map((service) => [
      { text: serviceName(service) },
      { text: service.addresses.join(', ') || 'pending' },
      { text: service.profile },
      routedCell(service, colors),
      nodeCell(service.node, service.routed === true && blind.includes(service.profile), colors),
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

function routedCell({ routed, onThisHost }: ServiceStatus, colors: Palette): Cell {
  if (routed === null) return { text: '-' };
  if (onThisHost === true) return { text: 'on this host', paint: colors.add };
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
    {
      type: 'status',
      spec,
      fulfilled: report.fulfilled,
      applied: report.applied,
      gone: report.lost.length,
      ...(report.here.length === 0 ? {} : { onThisHost: report.here.map(({ profile }) => profile) }),
      problems: report.problems,
    },
    ...report.lost.map(({ route, ...rest }) => ({
      type: 'lost' as const,
      ...rest,
      route: encodeRoute(route),
    })),
    ...report.unproven.map((item) => ({
      type: 'unproven' as const,
      ...item,
      route: encodeRoute(item.route),
    })),
    ...report.routes.map(({ route, ...rest }) => ({
      type: 'route' as const,
      ...rest,
      route: encodeRoute(route),
    })),
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
