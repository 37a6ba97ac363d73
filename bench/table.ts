import { type Figure, ratioOf, spreadOf } from './harness.ts';

const HEADER = ['work', 'floor', 'ratio', 'min–max', 'budget', 'within', 'pairs', 'work ms', 'floor ms'];

/** Whether a figure keeps its budget. */
export function isWithin({ pairs, budget }: Figure): boolean {
  return ratioOf(pairs).median <= budget;
}

function rowOf(figure: Figure): string[] {
  const { work, floor, budget, pairs } = figure;
  const { median, min, max } = ratioOf(pairs);
  return [
    work,
    floor,
    `${median.toFixed(2)}×`,
    `${min.toFixed(2)}–${max.toFixed(2)}`,
    `${budget}×`,
    isWithin(figure) ? 'yes' : 'no',
    String(pairs.length),
    spreadOf(pairs.map((pair) => pair.work)).median.toFixed(1),
    spreadOf(pairs.map((pair) => pair.floor)).median.toFixed(1),
  ];
}

/** The figures as a table, in Markdown so that it can stand in a document as it is. */
export function renderTable(figures: readonly Figure[]): string {
  const rows = [HEADER, ...figures.map(rowOf)];
  const widths = HEADER.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`;
  return [lines[0], rule, ...lines.slice(1), ''].join('\n');
}
