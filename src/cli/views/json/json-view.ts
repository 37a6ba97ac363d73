import packageJson from '../../../../package.json' with { type: 'json' };
import type { Finding, View } from '../finding.ts';
import type { Streams } from '../streams.ts';
import { printableLine } from '../text.ts';
import { type JsonLine, linesOf } from './json-lines.ts';

/** Version of the line format. Readers ignore unknown fields and types of their major, and refuse another major. */
export const STREAM_FORMAT = '1.1';

/** One object a line, for programs: a version line first and a summary with the exit code last. */
export class JsonView implements View {
  readonly #streams: Streams;
  #sequence = 0;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  tell(finding: Finding): void {
    const lines = linesOf(finding);
    if (lines.length === 0) return;
    const text = lines.map((line) => this.#textOf(line)).join('');
    if (lines.every(({ type }) => type === 'change.done')) this.#streams.outSoon(text);
    else this.#streams.out(text);
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
    const time = this.#streams.terminal.now().toISOString();
    const line = { type, seq: this.#sequence++, time, ...rest };
    // JSON leaves C1 and bidi controls as they are; the escapes that a terminal is safe from are JSON's own.
    return `${printableLine(JSON.stringify(line))}\n`;
  }
}
