import type { RunEvent, WatchEvent } from '../../model/event.ts';
import { type Plan, type RouteStep, type ServiceState, serviceName } from '../../model/plan.ts';
import { formatPrefix } from '../../model/prefix.ts';
import type { SessionListener } from '../session/session-listener.ts';
import type { TextSink } from '../terminal.ts';
import type { Palette } from './color.ts';
import { renderEvent } from './render-events.ts';
import { isWatchOnly, renderWatchEvent } from './render-watch.ts';
import { alignColumns, type Cell } from './table.ts';
import { count, printableDeep, printableLine } from './text.ts';

/** What one frame shows. */
export interface Frame {
  /** The tunnel's name and its spec, for people. */
  readonly title: string;
  readonly state: string;
  /** `HH:MM:SS` of when the last pass ended; null before the first. */
  readonly lastPass: string | null;
  readonly plan: Plan | null;
  /** What is set aside, and why. */
  readonly held: ReadonlyMap<string, string>;
  /** The last events, the oldest first; each with its time. */
  readonly events: readonly string[];
}

/** Rows that the parts of a frame get at most where the terminal is too small for all of it. */
const LEAST_ROWS = 3;

const STATE_WORDS: Readonly<Record<string, string>> = {
  settling: 'looking',
  reconciling: 'working',
  idle: 'watching',
  fighting: 'watching; something undoes what mkplan makes',
  suspended: 'waiting for a cluster',
  backingOff: 'trying again soon',
  stopping: 'leaving',
  stopped: 'left',
};

/** As many of the lines as there is room for, and how many more there are. */
function fitted(lines: readonly string[], rows: number, colors: Palette): string[] {
  if (lines.length <= rows) return [...lines];
  const shown = Math.max(rows - 1, 0);
  return [...lines.slice(0, shown), colors.dim(`  … and ${lines.length - shown} more`)];
}

function routeRow(step: RouteStep, colors: Palette): readonly Cell[] {
  const route = step.after ?? step.before;
  if (route === null) return [];
  const isThere = step.action === 'none';
  const destination = `${route.type === 'unicast' ? '' : `${route.type} `}${formatPrefix(route.destination)}`;
  return [
    { text: isThere ? '  ✓' : '  …', paint: isThere ? colors.add : colors.change },
    { text: destination },
    { text: route.gateway ?? '' },
    { text: route.device ?? '' },
    { text: step.purpose, paint: colors.dim },
  ];
}

const SERVICE_MARKS: Readonly<Record<ServiceState, string>> = {
  served: '  ✓',
  pending: '  !',
  foreign: '  -',
  'other-class': '  -',
  unclassed: '  -',
};

function serviceRow(service: Plan['services'][number], colors: Palette): readonly Cell[] {
  const isServed = service.state === 'served';
  const isPending = service.state === 'pending';
  return [
    {
      text: SERVICE_MARKS[service.state],
      paint: isServed ? colors.add : isPending ? colors.alarm : colors.dim,
    },
    { text: serviceName(service) },
    { text: service.addresses.join(', ') },
    { text: service.state },
    { text: isPending ? service.reason : '', paint: colors.dim },
  ];
}

function profileLines(plan: Plan, colors: Palette): string[] {
  return plan.profiles.flatMap(({ name, gateways }) => {
    const routes = plan.steps.filter((step) => step.kind === 'route' && step.profile === name);
    const served = plan.services.filter((one) => one.profile === name && one.state === 'served');
    const by = gateways.map(({ address }) => address).join(', ') || 'no gateway';
    const numbers = `${count(routes.length, 'route')}, ${count(served.length, 'Service')} served`;
    return `${colors.bold(name)}  ${by}  ${colors.dim(numbers)}`;
  });
}

const ESCAPE = '\u001b';
/** What a palette writes around a text. */
const STYLE = new RegExp(`(${ESCAPE}\\[[0-9;]*m)`);

/** Cuts what a terminal would wrap; colours do not count as columns. */
function clipped(line: string, columns: number): string {
  let width = 0;
  let out = '';
  for (const part of line.split(STYLE)) {
    if (part.startsWith(ESCAPE)) {
      out += part;
      continue;
    }
    const room = Math.max(columns - width, 0);
    out += part.slice(0, room);
    width += part.length;
  }
  return out;
}

/** The lines of one frame, none wider than the terminal and no more than it has rows. */
export function renderFrame(
  raw: Frame,
  { columns, rows, colors }: { readonly columns: number; readonly rows: number; readonly colors: Palette },
): string[] {
  const { title, state, lastPass, held, events } = raw;
  const shown = printableDeep(raw.plan);
  const when = lastPass === null ? '' : colors.dim(`  last pass ${lastPass}`);
  const head = [`${colors.bold(title)}  ${STATE_WORDS[state] ?? state}${when}`];
  // What is being taken away is told by its events.
  const plan = state === 'stopping' || state === 'stopped' ? null : shown;
  const profiles = plan === null ? [] : profileLines(plan, colors);
  const routes =
    plan === null
      ? []
      : alignColumns(plan.steps.flatMap((step) => (step.kind === 'route' ? [routeRow(step, colors)] : [])));
  const services = plan === null ? [] : alignColumns(plan.services.map((one) => serviceRow(one, colors)));
  const aside = [...held].map(([what, why]) => `  ${colors.change('left as it is:')} ${what}: ${why}`);
  const fixed = head.length + profiles.length + 4;
  const share = Math.max(Math.floor((rows - fixed - events.length - aside.length) / 2), LEAST_ROWS);
  const block = (name: string, lines: readonly string[]) =>
    lines.length === 0 ? [] : [colors.dim(name), ...lines];
  return [
    ...head,
    ...profiles,
    ...block('Routes', fitted(routes, share, colors)),
    ...block('LoadBalancer Services', fitted(services, share, colors)),
    ...aside,
    ...block(
      'Events',
      events.map((line) => `  ${line}`),
    ),
  ]
    .slice(0, Math.max(rows - 1, 1))
    .map((line) => clipped(line, columns));
}

/** Milliseconds between two frames: more often than that nobody can read. */
const REDRAW_MS = 100;
const KEPT_EVENTS = 6;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** A terminal, as far as a frame has to fit it. */
export interface Screen extends TextSink {
  readonly columns?: number;
  readonly rows?: number;
}

/** The live view of a session: one frame, drawn over the one before. */
export class LiveView implements SessionListener {
  readonly #screen: Screen;
  readonly #colors: Palette;
  readonly #events: string[] = [];
  readonly #held = new Map<string, string>();
  readonly #title: string;
  #state = 'settling';
  #lastPass: string | null = null;
  #plan: Plan | null = null;
  /** How many lines the frame on the screen has. */
  #drawn = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(title: string, screen: Screen, colors: Palette) {
    this.#title = title;
    this.#screen = screen;
    this.#colors = colors;
  }

  heard(event: WatchEvent): void {
    if (event.type === 'watch.state') this.#enter(event.state);
    else if (event.type === 'watch.held') this.#held.set(event.what, event.why);
    else if (event.type === 'watch.released') this.#held.delete(event.what);
    const text = textOf(event, this.#colors);
    if (text !== null) {
      this.#events.push(`${this.#colors.dim(clock())} ${text.trim()}`);
      if (this.#events.length > KEPT_EVENTS) this.#events.shift();
    }
    this.#timer ??= setTimeout(() => this.draw(), REDRAW_MS);
  }

  planned(plan: Plan): void {
    if (plan.mode === 'present') this.#plan = plan;
  }

  /** Draws a frame now. */
  draw(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { columns = DEFAULT_COLUMNS, rows = DEFAULT_ROWS } = this.#screen;
    const frame: Frame = {
      title: this.#title,
      state: this.#state,
      lastPass: this.#lastPass,
      plan: this.#plan,
      held: this.#held,
      events: this.#events,
    };
    const lines = renderFrame(frame, { columns, rows, colors: this.#colors });
    const up = this.#drawn === 0 ? '' : `${ESCAPE}[${this.#drawn}A`;
    this.#screen.write(`${up}${ESCAPE}[J${lines.join('\n')}\n`);
    this.#drawn = lines.length;
  }

  /** What is written next stands below the last frame. */
  close(): void {
    this.draw();
    this.#drawn = 0;
  }

  #enter(state: string): void {
    if (this.#state === 'reconciling' && state !== 'backingOff') this.#lastPass = clock();
    // What told the user that the signal was heard stands below the frame by now.
    if (state === 'stopping') this.#drawn = 0;
    this.#state = state;
  }
}

/** `HH:MM:SS`, of the time zone that the user is in. */
function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}

/** What people need a line for: what was changed, what failed, what is set aside. */
function textOf(event: WatchEvent, colors: Palette): string | null {
  if (isWatchOnly(event)) {
    if (event.type === 'watch.state' || event.type === 'watch.planned') return null;
    const line = renderWatchEvent(event, colors);
    const why = 'diagnostics' in event ? (event.diagnostics[0]?.summary ?? '') : '';
    return line === null || why === '' ? line : `${line} ${printableLine(why)}`;
  }
  const told: RunEvent['type'][] = [
    'change.done',
    'change.failed',
    'recovered',
    'rollback.started',
    'lock.waiting',
  ];
  return told.includes(event.type) ? renderEvent(event, colors) : null;
}
