import { formatPrefix } from '../../../model/prefix.ts';
import { doubtOf, type SessionState } from '../../session/session-state.ts';
import {
  type RouteView,
  routeViews,
  type ServiceStanding,
  type ServiceView,
  serviceViews,
} from '../../session/session-view.ts';
import type { Palette } from '../color.ts';
import { alignColumns, type Cell, type Column } from '../table.ts';
import { count, displayWidth, printableDeep, wrapLine } from '../text.ts';
import { allot, type Entry, firstThatFit, lastThatFit } from './fit.ts';
import { problemsOf } from './live-problems.ts';

/** Something that happened, for people. */
export interface Happening {
  /** `HH:MM:SS`. */
  readonly time: string;
  readonly text: string;
  readonly failed: boolean;
}

/** What one frame shows. */
export interface Frame {
  /** The tunnel's name and its spec, for people. */
  readonly title: string;
  readonly session: SessionState;
  /** The last events, the oldest first. */
  readonly events: readonly Happening[];
}

/** A terminal's size, in columns and rows, and its colours. */
export interface FrameSize {
  readonly columns: number;
  readonly rows: number;
  readonly colors: Palette;
}

/** From so many rows on, blocks have titles. */
const ROWS_FOR_TITLES = 20;

const STATE_WORDS: Readonly<Record<SessionState['state'], string>> = {
  settling: 'looking',
  reconciling: 'working',
  asking: 'asking a cluster',
  idle: 'watching',
  fighting: 'watching; something undoes what mkplan makes',
  suspended: 'waiting for a cluster',
  backingOff: 'trying again soon',
  stopping: 'leaving',
  stopped: 'left',
};

/**
 * The lines of one frame, none wider than the terminal and no more than it has rows but one. Problems come first; of
 * events the newest stay; a text that is too long for a line is wrapped.
 */
export function renderFrame({ title, session, events }: Frame, size: FrameSize): string[] {
  const { columns, rows } = size;
  const room = Math.max(rows - 1, 1) - 1;
  // What is being taken away is told by its events.
  const isEnding = session.state === 'stopping' || session.state === 'stopped';
  const blocks: readonly Block[] = [
    ...(isEnding ? [] : [problemBlock(session, size)]),
    eventBlock(events, size),
    ...(isEnding ? [] : tableBlocks(session, size)),
  ];
  const titled = rows >= ROWS_FOR_TITLES ? 1 : 0;
  const lines = allot(
    room,
    blocks.map(({ need, share, title: name }) => ({
      need: need === 0 ? 0 : need + (name === null ? 0 : titled),
      share,
    })),
  );
  const drawn = blocks.map(({ title: name, draw }, index) => {
    const given = lines[index] ?? 0;
    if (given === 0) return [];
    const isTitled = titled === 1 && name !== null && given > 1;
    return [...(isTitled ? [dimLine(name, size)] : []), ...draw(given - (isTitled ? 1 : 0))];
  });
  const [problems = [], happened = [], ...tables] = isEnding ? [[], ...drawn] : drawn;
  const all = [headLine(title, session, size), ...problems, ...tables.flat(), ...happened];
  // A terminal of one column has no room for a wide character.
  return all.slice(0, Math.max(rows - 1, 1)).map((line) => (displayWidth(line) > columns ? '' : line));
}

/** A part of a frame: how many lines it could fill, its share of the room, and its lines in the room that it is given. */
interface Block {
  readonly title: string | null;
  readonly need: number;
  readonly share: number;
  readonly draw: (room: number) => string[];
}

/** As much of the head as fits into one line: the state before all. */
function headLine(title: string, session: SessionState, { columns, colors }: FrameSize): string {
  const doubt = doubtOf(session);
  const isLooking = session.state === 'reconciling' && (doubt.routes || doubt.services);
  const words = isLooking ? STATE_WORDS.settling : STATE_WORDS[session.state];
  const { lastPass } = session;
  const failed = lastPass?.result === 'failure';
  const when =
    lastPass === null ? '' : `  last pass${failed ? ' failed' : ''} ${clock(new Date(lastPass.at.epochMs))}`;
  const safe = printableDeep(title);
  const fits = (text: string) => displayWidth(text) <= columns;
  if (fits(`${safe}  ${words}${when}`)) {
    return `${colors.bold(safe)}  ${words}${failed ? colors.alarm(when) : colors.dim(when)}`;
  }
  if (fits(`${safe}  ${words}`)) return `${colors.bold(safe)}  ${words}`;
  return wrapLine(words, columns)[0] ?? '';
}

function problemBlock(session: SessionState, size: FrameSize): Block {
  const { columns, colors } = size;
  const entries = problemsOf(session).map(({ text, severity }): Entry => {
    const [mark, paint] = severity === 'error' ? ['!', colors.alarm] : ['warning:', colors.change];
    return wrapLine(`  ${mark} ${text}`, columns, 4).map((line, index) =>
      index === 0 ? line.replace(mark, paint) : line,
    );
  });
  return {
    title: 'Problems',
    need: entries.flat().length,
    share: 1 / 2,
    draw: (room) => firstThatFit(entries, room, (left) => moreLine(count(left, 'more problem'), size)),
  };
}

function eventBlock(events: readonly Happening[], { columns, colors }: FrameSize): Block {
  const entries = events.map(({ time, text, failed }): Entry => {
    const [first = '', ...rest] = wrapLine(`  ${time} ${printableDeep(text)}`, columns, 11);
    const paint = failed ? colors.alarm : (line: string) => line;
    return [first.replace(time, colors.dim), ...rest].map(paint);
  });
  return {
    title: 'Events',
    need: entries.flat().length,
    share: 1 / 4,
    draw: (room) => lastThatFit(entries, room),
  };
}

function tableBlocks(session: SessionState, size: FrameSize): Block[] {
  const { colors } = size;
  const routes = routeViews(session);
  const services = serviceViews(session, routes);
  const several = session.plan !== null && session.plan.profiles.length > 1;
  const profiles = profileEntries(session, routes, services, size);
  const profileBlock: Block = {
    title: null,
    need: profiles.flat().length,
    share: 1 / 4,
    draw: (room) => firstThatFit(profiles, room, (left) => moreLine(count(left, 'more profile'), size)),
  };
  const table = (title: string, rows: readonly Row[], shape: readonly Column[], share: number): Block => {
    const sorted = [...rows].sort((a, b) => RANKS.indexOf(a.standing) - RANKS.indexOf(b.standing));
    return {
      title,
      need: rows.length,
      share,
      draw: (room) => {
        const entries = rowEntries(sorted.slice(0, room), shape, size);
        // Of what is too far down for even one line each, the count is all that is wanted.
        const all = [...entries, ...sorted.slice(room).map((): Entry => [''])];
        return firstThatFit(all, room, (left) => moreRows(sorted.slice(-left), size));
      },
    };
  };
  return [
    profileBlock,
    table(
      'LoadBalancer Services',
      services.map((service) => serviceRow(service, several, colors)),
      SERVICE_COLUMNS,
      1 / 2,
    ),
    table(
      'Routes',
      routes.map((route) => routeRow(route, several, colors)),
      ROUTE_COLUMNS,
      1,
    ),
  ];
}

function profileEntries(
  session: SessionState,
  routes: readonly RouteView[],
  services: readonly ServiceView[],
  { columns, colors }: FrameSize,
): Entry[] {
  return (session.plan?.profiles ?? []).map(({ name, gateways, onThisHost }) => {
    const isSilent = session.profiles.some((profile) => profile.name === name && profile.answers === false);
    const own = services.filter(({ profile }) => profile === name);
    const served = own.filter(({ standing }) => standing === 'served').length;
    const numbers = [
      count(routes.filter(({ profile }) => profile === name).length, 'route'),
      ...(own.length === 0 ? [] : [`${served} of ${count(own.length, 'Service')} served`]),
      ...(isSilent ? ['its cluster does not answer'] : []),
    ];
    const addresses = gateways.map(({ address }) => address).join(', ') || 'no gateway';
    const by = onThisHost === true ? `on this host (${addresses})` : addresses;
    const safe = printableDeep(name);
    return wrapLine(`${safe}  ${printableDeep(by)}  ${numbers.join(', ')}`, columns, 2).map((line, index) =>
      index === 0 ? line.replace(safe, colors.bold) : line,
    );
  });
}

/** A row of a table, and how what it shows stands. */
interface Row {
  readonly standing: Standing;
  readonly cells: readonly Cell[];
}

type Standing = RouteView['standing'] | ServiceStanding;

/** What needs looking at first. */
const RANKS: readonly Standing[] = [
  'pending',
  'held',
  'unknown',
  'removing',
  'adding',
  'present',
  'served',
  'foreign',
  'other-class',
  'unclassed',
];

const MARKS: Readonly<Record<Standing, string>> = {
  present: '✓',
  served: '✓',
  adding: '…',
  removing: '-',
  held: '!',
  pending: '!',
  unknown: '?',
  foreign: '·',
  'other-class': '·',
  unclassed: '·',
};

function markCell(standing: Standing, colors: Palette): Cell {
  const paints: Partial<Record<string, Palette[keyof Palette]>> = {
    '✓': colors.add,
    '…': colors.change,
    '-': colors.remove,
    '!': colors.alarm,
    '?': colors.doubt,
  };
  const text = MARKS[standing];
  return { text: `  ${text}`, paint: paints[text] ?? colors.dim };
}

/** Mark, destination, gateway, device, purpose, profile, standing. */
const ROUTE_COLUMNS: readonly Column[] = [{}, {}, { drops: 2 }, { drops: 1 }, { drops: 3 }, { drops: 4 }, {}];

function routeRow({ profile, purpose, route, standing }: RouteView, several: boolean, colors: Palette): Row {
  const type = route.type === 'unicast' ? '' : `${route.type} `;
  const cells = [
    markCell(standing, colors),
    { text: `${type}${formatPrefix(route.destination)}` },
    { text: route.gateway ?? '' },
    { text: route.device ?? '' },
    { text: purpose, paint: colors.dim },
    { text: several ? profile : '', paint: colors.dim },
    { text: standing === 'present' ? '' : standing },
  ];
  return { standing, cells };
}

/** Mark, name, addresses, standing, profile. */
const SERVICE_COLUMNS: readonly Column[] = [{}, {}, {}, {}, { drops: 1 }];

function serviceRow(service: ServiceView, several: boolean, colors: Palette): Row {
  const { profile, name, addresses, standing } = service;
  const cells = [
    markCell(standing, colors),
    { text: name },
    { text: addresses.join(', ') },
    { text: standing },
    { text: several ? profile : '', paint: colors.dim },
  ];
  return { standing, cells };
}

/** A line a row, of columns that all rows share: where these are too wide, they shrink by rule. */
function rowEntries(rows: readonly Row[], shape: readonly Column[], { columns }: FrameSize): Entry[] {
  const cells = rows.map((row) => printableDeep(row.cells));
  return alignColumns(cells, { width: columns, columns: shape }).map((line) => [line]);
}

function moreRows(left: readonly Row[], size: FrameSize): string {
  const [first] = left;
  const isUniform = first !== undefined && left.every(({ standing }) => standing === first.standing);
  return moreLine(`${left.length} more${isUniform ? ` ${first.standing}` : ''}`, size);
}

function moreLine(what: string, size: FrameSize): string {
  return dimLine(`  … and ${what}`, size);
}

function dimLine(text: string, { columns, colors }: FrameSize): string {
  return colors.dim(wrapLine(text, columns)[0] ?? '');
}

/** `HH:MM:SS`, of the time zone that the user is in. */
export function clock(when: Date): string {
  return when.toTimeString().slice(0, 8);
}
