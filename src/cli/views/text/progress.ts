import type { RunEvent } from '../../../model/event.ts';
import { columnsOf, type TextSink } from '../../terminal.ts';
import type { Palette } from '../color.ts';
import { LineBuffer } from '../line-buffer.ts';
import { count, printableLine, shorten, wrapText } from '../text.ts';
import { renderEvent } from './render-events.ts';

/** Milliseconds between two drawings of the live line: more often than that nobody can read. */
const REDRAW_MS = 80;

/** Milliseconds that profiles are waited for without a word. */
const WAIT_UNTOLD_MS = 1000;

/**
 * Progress on stderr: one line an event; on a terminal the changes, which may be thousands, share one live line,
 * and only those that fail have one of their own.
 */
export class Progress {
  readonly #sink: TextSink;
  readonly #colors: Palette;
  readonly #isLive: boolean;
  readonly #changes: LineBuffer;
  #total = 0;
  #done = 0;
  #drawnAt = 0;
  /** What the live line shows; empty when there is none. */
  #live = '';
  #waitingFor: readonly string[] = [];
  #telling: NodeJS.Timeout | null = null;

  /** `isLive`: whether the sink is a terminal that can rewrite a line. */
  constructor(sink: TextSink, colors: Palette, isLive: boolean) {
    this.#sink = sink;
    this.#colors = colors;
    this.#isLive = isLive;
    this.#changes = new LineBuffer(sink);
  }

  show(event: RunEvent): void {
    if (event.type === 'transaction.started' || event.type === 'rollback.started') {
      this.#total = event.changes;
      this.#done = 0;
    }
    if (event.type === 'change.done' && this.#isLive) {
      this.#done++;
      this.#draw();
      return;
    }
    const text = renderEvent(event, this.#colors);
    if (text === null) return;
    const line = wrapText(text, columnsOf(this.#sink));
    if (event.type === 'change.done') {
      this.#changes.add(`${line}\n`);
      return;
    }
    this.flush();
    this.clear();
    this.#sink.write(`${line}\n`);
  }

  /** Shows on a terminal which profiles have not answered yet, once that takes longer than a moment; none ends it. */
  waitFor(profiles: readonly string[]): void {
    if (!this.#isLive) return;
    this.#waitingFor = profiles;
    if (profiles.length === 0) {
      if (this.#telling !== null) clearTimeout(this.#telling);
      this.#telling = null;
      this.clear();
      return;
    }
    if (this.#live !== '') this.#drawWait();
    this.#telling ??= setTimeout(() => this.#drawWait(), WAIT_UNTOLD_MS).unref();
  }

  #drawWait(): void {
    // A line that fills the last column may wrap, and would then not be taken away.
    const room = (columnsOf(this.#sink) ?? Number.POSITIVE_INFINITY) - 1;
    this.#live = shorten(printableLine(`  waiting for ${this.#waitingFor.join(', ')}`), room);
    this.#sink.write(`\r\u001b[2K${this.#live}`);
  }

  /** Writes the changes that were held back, so that other text can follow. */
  flush(): void {
    this.#changes.flush();
  }

  /** Takes the live line away, so that other text can follow. */
  clear(): void {
    if (this.#live === '') return;
    this.#live = '';
    this.#sink.write('\r\u001b[2K');
  }

  #draw(): void {
    const now = Date.now();
    if (now - this.#drawnAt < REDRAW_MS && this.#done < this.#total) return;
    this.#drawnAt = now;
    this.#live = `  ${this.#done} of ${count(this.#total, 'change')}`;
    this.#sink.write(`\r\u001b[2K${this.#live}`);
  }
}
