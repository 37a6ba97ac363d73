/** A cell of aligned output: what is shown, and how it is painted after its width was counted. */
export type Cell = string | { readonly text: string; readonly paint?: (text: string) => string };

/** Pads the columns of a table to their widest cell, two blanks between them; columns that are empty throughout go. */
export function alignColumns(rows: readonly (readonly Cell[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, widthOf(cell));
    });
  }
  return rows.map((row) => alignRow(row, widths));
}

function widthOf(cell: Cell): number {
  return typeof cell === 'string' ? cell.length : cell.text.length;
}

function painted(cell: Cell): string {
  if (typeof cell === 'string') return cell;
  return cell.paint === undefined ? cell.text : cell.paint(cell.text);
}

function alignRow(row: readonly Cell[], widths: readonly number[]): string {
  let line = '';
  let blanks = 0;
  row.forEach((cell, index) => {
    const columnWidth = widths[index] ?? 0;
    if (columnWidth === 0) return;
    const width = widthOf(cell);
    if (width > 0) {
      line += ' '.repeat(blanks) + painted(cell);
      blanks = 0;
    }
    blanks += columnWidth - width + 2;
  });
  return line;
}

/** `1 route`, `2 routes`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** C0 but tab and newline, DEL and C1, other line breaks, and the marks that reorder text: what could repaint or disguise a line. */
const UNPRINTABLE: readonly (readonly [number, number])[] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0x200e, 0x200f],
  [0x2028, 0x2029],
  [0x202a, 0x202e],
  [0x2066, 0x2069],
];

/** Nearly every text is: told fast, since a plan has some for every route and Service. */
const PLAIN_ASCII = /^[ -~\n\t]*$/;
const PLAIN_LINE = /^[ -~\t]*$/;

function isUnprintable(code: number): boolean {
  return UNPRINTABLE.some(([first, last]) => first <= code && code <= last);
}

/** Makes text from a file, a cluster or the kernel safe to print: control characters become visible escapes. */
export function printable(text: string): string {
  return PLAIN_ASCII.test(text) ? text : escaped(text, isUnprintable);
}

/** The same for what is one line, or a part of one: a line break could forge the next. */
export function printableLine(text: string): string {
  return PLAIN_LINE.test(text) ? text : escaped(text, (code) => isUnprintable(code) || code === 0x0a);
}

function escaped(text: string, isUnsafe: (code: number) => boolean): string {
  let safe = '';
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    safe += isUnsafe(code) ? `\\u${code.toString(16).padStart(4, '0')}` : text.charAt(at);
  }
  return safe;
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
