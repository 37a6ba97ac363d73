import { type AddHelpTextContext, Help, type HelpConfiguration } from 'commander';
import { alignColumns, type Column } from '../views/table.ts';
import { displayWidth, wrapCommand, wrapLine } from '../views/text.ts';

/** Columns of a help page where it is not written to a terminal. */
export const PAGE_WIDTH = 80;

/** A term, or a command line, and what it is: both wrap. */
const COLUMNS: readonly Column[] = [{ wraps: true }, { wraps: true }];

/** Of examples: a command stays whole, and what it does stands below it where there is no room beside it. */
const EXAMPLE_COLUMNS: readonly Column[] = [{}, { wraps: true }];

function twoColumns(
  rows: readonly (readonly [string, string])[],
  helpWidth: number,
  columns: readonly Column[] = COLUMNS,
): string[] {
  const lines = alignColumns(rows, { width: helpWidth - 2, columns });
  return lines.map((line) => `  ${line.trimEnd()}`);
}

/** How help is laid out: as every other table. */
export const HELP: HelpConfiguration = {
  showGlobalOptions: true,
  formatItem: (term, termWidth, description, { helpWidth = PAGE_WIDTH }) =>
    twoColumns([[term.padEnd(termWidth), description]], helpWidth).join('\n'),
  commandUsage(command) {
    const { helpWidth = PAGE_WIDTH } = this as Help;
    const title = 'Usage: ';
    const usage = Help.prototype.commandUsage.call(this, command);
    return wrapLine(title + usage, helpWidth, title.length)
      .join('\n')
      .slice(title.length);
  },
};

function pageWidth({ command, error }: AddHelpTextContext): number {
  const { getOutHelpWidth, getErrHelpWidth } = command.configureOutput();
  return (error ? getErrHelpWidth : getOutHelpWidth)?.() ?? PAGE_WIDTH;
}

/** The examples at the end of a help page: command lines and what they do, aligned. */
export function examples(...lines: readonly (readonly [string, string])[]) {
  return (context: AddHelpTextContext): string => {
    const width = pageWidth(context);
    const rows = lines.map(([line, text]) => [`$ ${line}`, text] as const);
    const isNarrow = rows.some(([line]) => displayWidth(line) > width - 2);
    const shown = isNarrow
      ? rows.flatMap((row) => exampleBelow(row, width))
      : twoColumns(rows, width, EXAMPLE_COLUMNS);
    return `\nExamples:\n${shown.join('\n')}\n`;
  };
}

/** An example on a page that is narrower than a command: it is broken so that it can be pasted. */
function exampleBelow([line, text]: readonly [string, string], width: number): string[] {
  const [first = '', ...rest] = wrapCommand(line, width - 4);
  const below = [...rest, ...wrapLine(text, width - 6).map((one) => `  ${one}`)];
  return [`  ${first}`, ...below.map((one) => `    ${one}`)];
}

/** A paragraph at the end of a help page. */
export function remark(text: string) {
  return (context: AddHelpTextContext): string => `\n${wrapLine(text, pageWidth(context)).join('\n')}\n`;
}
