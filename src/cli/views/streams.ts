import type { Diagnostic } from '../../model/diagnostic.ts';
import type { RunEvent } from '../../model/event.ts';
import type { FileNames } from '../arguments/paths.ts';
import { columnsOf, type Terminal } from '../terminal.ts';
import { type Palette, paletteFor, wantsColor } from './color.ts';
import { LineBuffer } from './line-buffer.ts';
import { sourceTextOf } from './source-text.ts';
import { Progress } from './text/progress.ts';
import { renderDiagnostic } from './text/render-diagnostic.ts';
import { printable, wrapText } from './text.ts';

/** Standard output and error of a command, in one order: what is held back goes first, since both may be the same file. */
export class Streams {
  readonly terminal: Terminal;
  /** Of stdout. */
  readonly colors: Palette;
  /** Of stderr. */
  readonly noteColors: Palette;
  readonly #progress: Progress;
  readonly #soon: LineBuffer;

  /** `color`: false after `--no-color`; `isForPrograms`: whether a program reads stdout. stderr is for people always. */
  constructor(terminal: Terminal, color: boolean, isForPrograms: boolean) {
    const { env, stdout, stderr } = terminal;
    const palette = (isTTY: boolean | undefined, forPrograms: boolean) =>
      paletteFor(wantsColor({ forPrograms, color, env, isTerminal: isTTY === true }));
    this.terminal = terminal;
    this.colors = palette(stdout.isTTY, isForPrograms);
    this.noteColors = palette(stderr.isTTY, false);
    const isLive = stderr.isTTY === true && env['TERM'] !== 'dumb';
    this.#progress = new Progress(stderr, this.noteColors, isLive);
    this.#soon = new LineBuffer(stdout);
  }

  /** Text for stdout, which is printed as it is. */
  out(text: string): void {
    if (text === '') return;
    this.#flush();
    this.terminal.stdout.write(text);
  }

  /** The same, but with whatever else is printed before anything waits for the system. */
  outSoon(text: string): void {
    this.#soon.add(text);
  }

  /** Text for stderr, each line broken to fit a terminal. */
  note(text: string): void {
    this.#noteAsLaidOut(wrapText(printable(text), columnsOf(this.terminal.stderr)));
  }

  #noteAsLaidOut(text: string): void {
    if (text === '') return;
    this.settle();
    this.terminal.stderr.write(text);
  }

  /** A diagnostic in full, on stderr; `sourceOf` gives the text that it is about, for the excerpt. */
  explain(
    diagnostic: Diagnostic,
    names: FileNames,
    sourceOf: (file: string) => string | null = sourceTextOf,
  ): void {
    const width = columnsOf(this.terminal.stderr);
    const text = renderDiagnostic(diagnostic, { colors: this.noteColors, names, sourceOf, width });
    this.#noteAsLaidOut(printable(text));
  }

  /** Progress on stderr, which may share one live line. */
  progress(event: RunEvent): void {
    this.#progress.show(event);
  }

  /** On a terminal: the profiles that have not answered yet, once that takes a while; none ends it. */
  waitFor(profiles: readonly string[]): void {
    this.#progress.waitFor(profiles);
  }

  /** Writes what was held back, and takes the live line away. */
  settle(): void {
    this.#flush();
    this.#progress.clear();
  }

  #flush(): void {
    this.#soon.flush();
    this.#progress.flush();
  }
}
