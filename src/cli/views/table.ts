import { displayWidth, shorten, wrapLine } from './text.ts';

/** A cell of aligned output: what is shown, and how it is painted after its width was counted. */
export type Cell = string | { readonly text: string; readonly paint?: (text: string) => string };

/** What becomes of a column where a table is wider than the terminal; one without a rule is shortened last. */
export interface Column {
  /** Its turn among the columns that are left out: the lowest goes first. */
  readonly drops?: number;
  /** Free text: it wraps under its own column, and the last column under its row where that would be too narrow. */
  readonly wraps?: true;
}

/** How a table may be laid out. */
export interface TableShape {
  /** Columns of the terminal; null for no bound: then nothing is left out, wrapped or shortened. */
  readonly width: number | null;
  readonly columns: readonly Column[];
}

const UNBOUNDED: TableShape = { width: null, columns: [] };

/** Between two columns. */
const GAP = 2;
/** Fewer columns make a wrapped text hard to read. */
const LEAST_TEXT = 20;
/** Fewer columns do not tell two names apart. */
const LEAST_NAME = 12;
const LEAST = 3;
/** Of free text under its row. */
const INDENT = 4;

/**
 * Pads the columns of a table to their widest cell, two blanks between them; columns that are empty throughout go. A table
 * that is too wide shrinks by rule: optional columns go, then free text wraps, then names are shortened.
 */
export function alignColumns(rows: readonly (readonly Cell[])[], shape: TableShape = UNBOUNDED): string[] {
  const natural: number[] = [];
  for (const row of rows) {
    row.forEach((cell, index) => {
      natural[index] = Math.max(natural[index] ?? 0, displayWidth(textOf(cell)));
    });
  }
  const { width } = shape;
  if (width === null || total(natural) <= width) return rows.map((row) => alignRow(row, natural));
  const { widths, below } = fitted(natural, width, shape.columns);
  return rows.flatMap((row) => shrunkRow(row, widths, below ? width : null, shape.columns));
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.text;
}

function painted(cell: Cell, text: string): string {
  return typeof cell === 'string' || cell.paint === undefined ? text : cell.paint(text);
}

function total(widths: readonly number[]): number {
  const shown = widths.filter((width) => width > 0);
  return shown.reduce((sum, width) => sum + width + GAP, -GAP);
}

/** The widths of the columns, 0 for those that are left out, and whether the last one is under its row. */
function fitted(
  natural: readonly number[],
  width: number,
  columns: readonly Column[],
): { readonly widths: number[]; readonly below: boolean } {
  const order = natural
    .map((_, index) => index)
    .filter((index) => columns[index]?.drops !== undefined)
    .sort((a, b) => (columns[a]?.drops ?? 0) - (columns[b]?.drops ?? 0));
  const last = natural.length - 1;
  const isText = (index: number) => columns[index]?.wraps === true;
  for (const below of isText(last) ? [false, true] : [false]) {
    for (let dropped = 0; dropped <= order.length; dropped++) {
      const gone = new Set(order.slice(0, dropped));
      const widths = natural.map((one, index) => (gone.has(index) || (below && index === last) ? 0 : one));
      shrink(widths, width, LEAST_TEXT, isText);
      if (total(widths) <= width) return { widths, below };
    }
  }
  const gone = new Set(order);
  const below = isText(last);
  const widths = natural.map((one, index) => (gone.has(index) || (below && index === last) ? 0 : one));
  shrink(widths, width, LEAST_TEXT, isText);
  shrink(widths, width, LEAST_NAME, () => true);
  shrink(widths, width, LEAST, () => true);
  return { widths, below };
}

/** Takes from the widest of some columns until the table fits, or each has the least that it may have. */
function shrink(widths: number[], width: number, least: number, isMeant: (index: number) => boolean): void {
  let excess = total(widths) - width;
  while (excess > 0) {
    let widest = -1;
    widths.forEach((one, index) => {
      if (isMeant(index) && one > least && one > (widths[widest] ?? 0)) widest = index;
    });
    if (widest === -1) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess--;
  }
}

/** A row as lines; with `below`, the columns of the terminal, the last cell follows under it. */
function shrunkRow(
  row: readonly Cell[],
  widths: readonly number[],
  below: number | null,
  columns: readonly Column[],
): string[] {
  const pieces = row.map((cell, index) => {
    const width = widths[index] ?? 0;
    if (width === 0) return [];
    return columns[index]?.wraps === true ? wrapLine(textOf(cell), width) : [shorten(textOf(cell), width)];
  });
  const height = Math.max(1, ...pieces.map((one) => one.length));
  const lines = Array.from({ length: height }, (_, line) =>
    alignRow(
      row.map((cell, index) => {
        const text = pieces[index]?.[line] ?? '';
        return { text, paint: (shown: string) => painted(cell, shown) };
      }),
      widths,
    ),
  );
  const last = row[widths.length - 1];
  if (below === null || last === undefined || textOf(last) === '') return lines;
  const indent = ' '.repeat(INDENT);
  const text = wrapLine(textOf(last), below - INDENT);
  return [...lines, ...text.map((line) => indent + painted(last, line))];
}

function alignRow(row: readonly Cell[], widths: readonly number[]): string {
  let line = '';
  let blanks = 0;
  row.forEach((cell, index) => {
    const columnWidth = widths[index] ?? 0;
    if (columnWidth === 0) return;
    const text = textOf(cell);
    if (text !== '') {
      line += ' '.repeat(blanks) + painted(cell, text);
      blanks = 0;
    }
    blanks += columnWidth - displayWidth(text) + GAP;
  });
  return line;
}
