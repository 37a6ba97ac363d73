import { eastAsianWidth } from 'get-east-asian-width';
import { escapeInvisible, INVISIBLE, printableLine } from '../../model/text/printable.ts';

export { printableLine };

const ESCAPE = '\u001b';
const STYLE = `${ESCAPE}\\[[0-9;]*m`;
/** A colour of a palette. */
const STYLES = new RegExp(STYLE, 'g');
/** A colour of a palette, or the text up to the next. */
const STYLED = new RegExp(`${STYLE}|[^${ESCAPE}]+`, 'g');

/** Told fast, since nearly every text is; the marks are those of our own texts. */
const NARROW = /^[ -~‘’“”–…→✓·]*$/;
/** Takes no column, or is shown with what it follows. */
const ZERO_WIDTH = /^[\p{Mark}\p{Control}\p{Default_Ignorable_Code_Point}]+$/u;
/** Shown as a picture, which takes two columns (Unicode TS 51). */
const PICTURE = /\p{Emoji_Presentation}|\ufe0f/u;

/**
 * The columns that a text takes on a terminal (Unicode TR 11): wide characters take two, combining ones and the colours of a palette
 * none.
 */
export function displayWidth(text: string): number {
  const bare = text.includes(ESCAPE) ? text.replaceAll(STYLES, '') : text;
  if (NARROW.test(bare)) return bare.length;
  return characters(bare).reduce((sum, character) => sum + characterWidth(character), 0);
}

function characterWidth(character: string): number {
  if (ZERO_WIDTH.test(character)) return 0;
  return PICTURE.test(character) ? 2 : eastAsianWidth(character.codePointAt(0) ?? 0);
}

/** Made when it is first needed: that takes longer than a whole plan of plain text. */
let segmenter: Intl.Segmenter | null = null;

/** What a reader sees as one character, and colours, each as a whole. */
function characters(text: string): string[] {
  if (NARROW.test(text)) return [...text];
  segmenter ??= new Intl.Segmenter();
  const graphemes = segmenter;
  return [...text.matchAll(STYLED)].flatMap(([part]) =>
    part.startsWith(ESCAPE) ? [part] : Array.from(graphemes.segment(part), ({ segment }) => segment),
  );
}

/** As many characters as fit, in their order. */
function fitting(parts: readonly string[], columns: number): string[] {
  let width = 0;
  const end = parts.findIndex((part) => {
    width += displayWidth(part);
    return width > columns;
  });
  return end === -1 ? [...parts] : parts.slice(0, end);
}

/** Cuts a text to a number of columns, at least one, with an ellipsis in its middle: names differ at both ends. */
export function shorten(text: string, columns: number): string {
  if (displayWidth(text) <= columns) return text;
  const parts = characters(text);
  const start = fitting(parts, Math.ceil((columns - 1) / 2));
  const end = fitting(parts.slice(start.length).reverse(), Math.floor((columns - 1) / 2)).reverse();
  return `${start.join('')}…${end.join('')}`;
}

/**
 * Breaks a line at blanks into lines of at most so many columns; null is no bound. All but the first are indented by `hang`. Nothing is left out: a
 * word that is longer than a line is broken.
 */
export function wrapLine(line: string, columns: number | null, hang = 0): string[] {
  if (columns === null || displayWidth(line) <= columns) return [line];
  const indent = ' '.repeat(Math.min(hang, Math.floor(columns / 2)));
  const lines: string[] = [];
  let current = '';
  for (const [, blanks = '', word = ''] of line.matchAll(/( *)([^ ]+)/g)) {
    if (displayWidth(current + blanks + word) <= columns) {
      current += blanks + word;
      continue;
    }
    if (current.trim() === '') current += blanks.slice(0, Math.floor(columns / 2));
    else {
      lines.push(current);
      current = indent;
    }
    let rest = characters(word);
    while (displayWidth(current) + displayWidth(rest.join('')) > columns) {
      const start = fitting(rest, columns - displayWidth(current));
      const taken = Math.max(start.length, 1);
      lines.push(current + rest.slice(0, taken).join(''));
      rest = rest.slice(taken);
      current = indent;
    }
    current += rest.join('');
  }
  return [...lines, current];
}

const SHELL_WORD = /(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+/g;

/** Breaks a command between its words, so that it can be pasted as it is shown: sh(1) goes on after a backslash at the end of a line. */
export function wrapCommand(line: string, columns: number | null): string[] {
  if (columns === null || displayWidth(line) <= columns) return [line];
  // A quote that is never closed leaves a rest: such a line is not broken.
  if (line.replaceAll(SHELL_WORD, '').trim() !== '') return [line];
  const lines: string[] = [];
  let current = '';
  for (const [word] of line.matchAll(SHELL_WORD)) {
    if (current === '') current = word;
    else if (displayWidth(`${current} ${word} \\`) <= columns) current += ` ${word}`;
    else {
      lines.push(`${current} \\`);
      current = word;
    }
  }
  return [...lines, current];
}

/** How much room there is for text. */
export interface Room {
  /** Columns of the terminal; null, or nothing, where there is no terminal: then no line is broken and nothing is left out. */
  readonly width?: number | null;
  /** Whether columns are shown that are usually left out. */
  readonly wide?: boolean;
}

/** A line with its newline, broken where it is too long; what follows its first line is indented by `hang`. */
export function paragraph(line: string, { width = null }: Room, hang = 0): string {
  return `${wrapLine(line, width, hang).join('\n')}\n`;
}

/** Breaks each line of a text where it is too long, as {@link wrapLine} does; an indented one goes on two columns deeper. */
export function wrapText(text: string, columns: number | null): string {
  const broken = text.split('\n').map((line) => {
    const indent = line.length - line.trimStart().length;
    return wrapLine(line, columns, indent === 0 ? 0 : indent + 2).join('\n');
  });
  return broken.join('\n');
}

/** The room that is left beside an indent. */
export function inside({ width = null }: Room, indent: number): number | null {
  return width === null ? null : width - indent;
}

/** `1 route`, `2 routes`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** mkplan's own line breaks and colours (SGR, ECMA-48 8.3.117), or a character that does not show. */
const LAID_OUT = new RegExp(`\n|\u001b\\[\\d*m|${INVISIBLE.source}`, 'gu');

/** Text that is laid out already: its line breaks and colours stay, whatever else does not show becomes an escape. */
export function printable(text: string): string {
  return text.replace(LAID_OUT, (found) =>
    found === '\n' || (found.startsWith('\u001b') && found.length > 1) ? found : escapeInvisible(found),
  );
}

/**
 * The same for every string inside a value, each of which is a part of a line; everything else is kept as it is. What needs no change is returned itself:
 * a plan for ten thousand routes is not copied for the one string in it that does.
 */
export function printableDeep<T>(value: T): T;
export function printableDeep(value: unknown): unknown {
  if (typeof value === 'string') return printableLine(value);
  if (typeof value !== 'object' || value === null) return value;
  let copy: Record<string, unknown> | unknown[] | null = null;
  // Not Object.entries, which makes an array for each key.
  for (const key of Object.keys(value)) {
    const item: unknown = Reflect.get(value, key);
    const safe = printableDeep(item);
    if (safe === item) continue;
    copy ??= Array.isArray(value) ? [...value] : { ...value };
    Reflect.set(copy, key, safe);
  }
  return copy ?? value;
}
