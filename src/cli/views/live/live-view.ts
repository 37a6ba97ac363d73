import type { RunEvent, WatchEvent } from '../../../model/event.ts';
import type { SessionListener } from '../../session/session-feed.ts';
import { NEW_SESSION, type SessionState } from '../../session/session-state.ts';
import type { TextSink } from '../../terminal.ts';
import { type Palette, PLAIN } from '../color.ts';
import { renderEvent } from '../text/render-events.ts';
import { isWatchOnly, renderWatchEvent } from '../text/render-watch.ts';
import { clock, type Happening, renderFrame } from './live-frame.ts';

/** Milliseconds between two frames: more often than that nobody can read. A pass is shorter as a rule, so its hints are not seen. */
const REDRAW_MS = 100;
/** As many events as the tallest terminal has room for. */
const KEPT_EVENTS = 60;
/** Of a terminal that does not tell its size. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

const ESCAPE = '\u001b';
/** Control functions of a terminal (ECMA-48; DECAWM, private mode 7, is whether a line that is too long is wrapped). */
const CLEAR_BELOW = `${ESCAPE}[J`;
const CLEAR_ALL = `${ESCAPE}[H${ESCAPE}[2J`;
const NO_WRAP = `${ESCAPE}[?7l`;
const WRAP = `${ESCAPE}[?7h`;

function up(lines: number): string {
  return lines === 0 ? '' : `${ESCAPE}[${lines}A`;
}

/** A terminal, as far as a frame has to fit it. */
export interface Screen extends TextSink {
  readonly columns?: number;
  readonly rows?: number;
  on?(event: 'resize', listener: () => void): unknown;
  off?(event: 'resize', listener: () => void): unknown;
}

/** The live view of a session: one frame, drawn over the one before. */
export class LiveView implements SessionListener {
  readonly #screen: Screen;
  readonly #colors: Palette;
  readonly #events: Happening[] = [];
  readonly #title: string;
  readonly #onResize = () => this.#resized();
  #session: SessionState = NEW_SESSION;
  /** The frame on the screen, empty where there is none; null where nobody knows how it stands there. */
  #drawn: readonly string[] | null = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(title: string, screen: Screen, colors: Palette) {
    this.#title = title;
    this.#screen = screen;
    this.#colors = colors;
    screen.on?.('resize', this.#onResize);
  }

  heard(_: WatchEvent, session: SessionState): void {
    // What told the user that the signal was heard stands below the frame by now.
    if (session.state === 'stopping' && this.#session.state !== 'stopping') this.#drawn = [];
    this.#session = session;
    for (const news of session.news) this.#tell(news);
    this.#redrawSoon();
  }

  #tell(event: WatchEvent): void {
    const text = textOf(event);
    if (text === null) return;
    const failed = event.type === 'change.failed' || event.type === 'watch.failed';
    this.#events.push({ time: clock(new Date()), text: text.trim(), failed });
    if (this.#events.length > KEPT_EVENTS) this.#events.shift();
  }

  /** Draws a frame now. */
  draw(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const { columns = 0, rows = 0 } = this.#screen;
    const lines = renderFrame(
      { title: this.#title, session: this.#session, events: this.#events },
      {
        columns: columns > 0 ? columns : DEFAULT_COLUMNS,
        rows: rows > 0 ? rows : DEFAULT_ROWS,
        colors: this.#colors,
      },
    );
    const drawn = this.#drawn;
    if (drawn !== null && drawn.length > 0 && lines.join('\n') === drawn.join('\n')) return;
    const clear = drawn === null ? CLEAR_ALL : `${up(drawn.length)}${CLEAR_BELOW}`;
    this.#screen.write(`${NO_WRAP}${clear}${lines.join('\n')}\n${WRAP}`);
    this.#drawn = lines;
  }

  /** What is written next stands below the last frame. */
  close(): void {
    this.#screen.off?.('resize', this.#onResize);
    this.draw();
    this.#drawn = [];
  }

  /** How the terminal has broken the lines of the last frame anew, nobody can tell: all of it goes. */
  #resized(): void {
    this.#drawn = null;
    this.#redrawSoon();
  }

  #redrawSoon(): void {
    this.#timer ??= setTimeout(() => this.draw(), REDRAW_MS);
  }
}

const TOLD: readonly RunEvent['type'][] = [
  'change.done',
  'change.failed',
  'recovered',
  'rollback.started',
  'lock.waiting',
];

/** What people need a line for: what was changed, what failed, what is set aside. */
function textOf(event: WatchEvent): string | null {
  if (!isWatchOnly(event)) return TOLD.includes(event.type) ? renderEvent(event, PLAIN) : null;
  if (event.type === 'watch.state' || event.type === 'watch.planned') return null;
  const line = renderWatchEvent(event, PLAIN);
  const why = 'diagnostics' in event ? (event.diagnostics[0]?.summary ?? '') : '';
  return line === null || why === '' ? line : `${line} ${why}`;
}
