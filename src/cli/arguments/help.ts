import { type AddHelpTextContext, Help, type HelpConfiguration } from 'commander';
import { alignColumns, type Column } from '../views/table.ts';
import { wrapLine } from '../views/text.ts';

/** Columns of a help page where it is not written to a terminal. */
export const PAGE_WIDTH = 80;

/** A term, or a command line, and what it is: both wrap. */
const COLUMNS: readonly Column[] = [{ wraps: true }, { wraps: true }];

function twoColumns(rows: readonly (readonly [string, string])[], helpWidth: number): string[] {
  const lines = alignColumns(rows, { width: helpWidth - 2, columns: COLUMNS });
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
    const rows = twoColumns(
      lines.map(([line, text]) => [`$ ${line}`, text] as const),
      pageWidth(context),
    );
    return `\nExamples:\n${rows.join('\n')}\n`;
  };
}

/** A paragraph at the end of a help page. */
export function remark(text: string) {
  return (context: AddHelpTextContext): string => `\n${wrapLine(text, pageWidth(context)).join('\n')}\n`;
}
