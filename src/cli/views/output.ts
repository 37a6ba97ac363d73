import { readFileSync, statSync } from 'node:fs';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { RunEvent, WatchEvent } from '../../model/event.ts';
import type { Plan } from '../../model/plan.ts';
import type { FileNames } from '../arguments/paths.ts';
import type { SessionState } from '../session/session-state.ts';
import { columnsOf, type Terminal } from '../terminal.ts';
import { type Palette, paletteFor, wantsColor } from './color.ts';
import {
  diagnosticLine,
  eventLine,
  type JsonLine,
  planLines,
  STREAM_FORMAT,
  watchLine,
} from './json/json-lines.ts';
import { LineBuffer } from './line-buffer.ts';
import { Progress } from './text/progress.ts';
import { renderDiagnostic } from './text/render-diagnostic.ts';
import { renderPlan } from './text/render-plan.ts';
import { isWatchOnly, renderWatchEvent } from './text/render-watch.ts';
import { paragraph, printable, printableLine, type Room, wrapText } from './text.ts';

/** The global options of a command line. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly color: boolean;
  /** Whether every column of a table is shown. */
  readonly wide?: boolean;
}

/**
 * Where a command puts what it has to say. stdout has the result alone: text, or with `--json` one object a line,
 * a version line first and a summary with the exit code last. stderr has prompts, progress and diagnostics.
 */
export class Output {
  readonly json: boolean;
  /** Of stdout. */
  readonly colors: Palette;
  /** Of stderr. */
  readonly noteColors: Palette;
  readonly #wide: boolean;
  readonly #terminal: Terminal;
  readonly #progress: Progress;
  readonly #changes: LineBuffer;
  #sequence = 0;
  #hasBegun = false;

  constructor(terminal: Terminal, options: GlobalOptions) {
    this.json = options.json;
    this.#wide = options.wide ?? false;
    this.#terminal = terminal;
    this.colors = palette(terminal, options, terminal.stdout.isTTY === true, options.json);
    // stderr never holds JSON, so `--json` says nothing about its colour.
    this.noteColors = palette(terminal, options, terminal.stderr.isTTY === true, false);
    const isLive = terminal.stderr.isTTY === true && terminal.env['TERM'] !== 'dumb';
    this.#progress = new Progress(terminal.stderr, this.noteColors, isLive);
    this.#changes = new LineBuffer(terminal.stdout);
  }

  /** The room on stdout, as it is now. `wide` takes as much as it needs. */
  get room(): Room {
    return { width: this.#wide ? null : columnsOf(this.#terminal.stdout), wide: this.#wide };
  }

  /** One line for stdout, broken to fit a terminal; nothing with `--json`. */
  printLine(line: string, hang = 0): void {
    this.print(paragraph(line, this.room, hang));
  }

  /** Whether a transaction has begun. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Text for stdout; nothing with `--json`, whose lines come by {@link line}. */
  print(text: string): void {
    if (!this.json) this.document(printable(text));
  }

  /** Text for stdout even with `--json`: lines that are made already, or a document of a command that takes no `--json`. */
  document(text: string): void {
    this.#flush();
    this.#terminal.stdout.write(text);
  }

  /** Text for stderr, each line broken to fit a terminal. */
  note(text: string): void {
    this.#tell(wrapText(printable(text), columnsOf(this.#terminal.stderr)));
  }

  /** Text for stderr that is laid out already. */
  #tell(text: string): void {
    this.#flush();
    this.#progress.clear();
    this.#terminal.stderr.write(text);
  }

  /** One line of `--json`; nothing without. */
  line(line: JsonLine): void {
    if (this.json) this.document(this.#textOf(line));
  }

  plan(plan: Plan, names: FileNames): void {
    const text = this.json
      ? planLines(plan, names)
          .map((line) => this.#textOf(line))
          .join('')
      : renderPlan(plan, { colors: this.colors, names, ...this.room });
    this.document(text);
  }

  /** On a terminal: the profiles that have not answered yet, once that takes a while; none ends it. */
  waitFor(profiles: readonly string[]): void {
    this.#progress.waitFor(profiles);
  }

  /** What happens while a plan is applied: lines of `--json`, or progress on stderr. */
  event(event: RunEvent): void {
    if (event.type === 'transaction.started') this.#hasBegun = true;
    if (!this.json) this.#progress.show(event);
    else if (event.type === 'change.done') this.#changes.add(this.#textOf(eventLine(event)));
    else this.line(eventLine(event));
  }

  /** What happens while a tunnel is watched, and what the session is at by then. */
  watchEvent(event: WatchEvent, names: FileNames, session: SessionState): void {
    if (!isWatchOnly(event)) {
      this.event(event);
      return;
    }
    if (this.json) {
      this.line(watchLine(event, session));
      return;
    }
    const text = renderWatchEvent(event, this.noteColors);
    if (text !== null) this.note(`${text}\n`);
    if (event.type === 'watch.spec-invalid' || event.type === 'watch.failed') {
      for (const diagnostic of event.diagnostics) this.diagnostic(diagnostic, names);
    }
  }

  /** A diagnostic on stderr, and as a line with `--json`; `sourceOf` gives the text that it is about, for the excerpt. */
  diagnostic(diagnostic: Diagnostic, names: FileNames, sourceOf = readSource): void {
    const width = columnsOf(this.#terminal.stderr);
    const text = renderDiagnostic(diagnostic, { colors: this.noteColors, names, sourceOf, width });
    this.#tell(printable(text));
    this.line(diagnosticLine(diagnostic, names));
  }

  /** The last line of `--json`: also of a run that had nothing else to say. */
  finish(exitCode: number): void {
    this.#flush();
    this.#progress.clear();
    this.line({ type: 'summary', exitCode });
  }

  /** What was held back goes first, on whichever stream: both may be the same file. */
  #flush(): void {
    this.#changes.flush();
    this.#progress.flush();
  }

  /** The text of a line, which takes the next number; the version line stands before the first. */
  #textOf(line: JsonLine): string {
    const version =
      this.#sequence === 0
        ? this.#numbered({ type: 'version', format: STREAM_FORMAT, mkplan: packageJson.version })
        : '';
    return version + this.#numbered(line);
  }

  #numbered({ type, ...rest }: JsonLine): string {
    const line = { type, seq: this.#sequence++, time: this.#terminal.now().toISOString(), ...rest };
    // JSON leaves C1 and bidi controls as they are; the escapes that a terminal is safe from are JSON's own.
    return `${printableLine(JSON.stringify(line))}\n`;
  }
}

function palette(terminal: Terminal, options: GlobalOptions, isTerminal: boolean, json: boolean): Palette {
  return paletteFor(wantsColor({ json, color: options.color, env: terminal.env, isTerminal }));
}

/** Largest file that an excerpt is read from, in bytes: no spec is larger. */
const EXCERPT_LIMIT = 1024 * 1024;

function readSource(file: string): string | null {
  try {
    const stats = statSync(file);
    return !stats.isFile() || stats.size > EXCERPT_LIMIT ? null : readFileSync(file, 'utf8');
  } catch {
    // The excerpt is a courtesy: a diagnostic about a file that cannot be read says so itself.
    return null;
  }
}
