import type { Diagnostic, SourcePosition } from '../../model/diagnostic.ts';
import type { FileNames } from '../arguments/paths.ts';
import { showPosition } from '../arguments/paths.ts';
import type { Palette } from './color.ts';
import { printable, printableLine } from './text.ts';

/** Characters of a source line that an excerpt shows; longer lines are cut round the caret. */
const EXCERPT_WIDTH = 100;

export interface RenderDiagnosticOptions {
  readonly colors: Palette;
  readonly names: FileNames;
  /** The text of a file, for the excerpt; null where it cannot be read. */
  readonly sourceOf?: (file: string) => string | null;
}

/** One diagnostic in full: what, where with an excerpt, why, what to do, and the command that does it. */
export function renderDiagnostic(diagnostic: Diagnostic, options: RenderDiagnosticOptions): string {
  const { colors, names } = options;
  const paint = diagnostic.severity === 'error' ? colors.alarm : colors.change;
  const summary = colors.bold(printableLine(names.showIn(diagnostic.summary)));
  const lines = [`${paint(`${diagnostic.severity}:`)} ${summary} ${colors.dim(`[${diagnostic.code}]`)}`];
  if (diagnostic.at !== undefined) {
    lines.push(colors.dim(`  at   ${printableLine(showPosition(diagnostic.at, names))}`));
    const source = options.sourceOf?.(diagnostic.at.file) ?? null;
    if (source !== null) lines.push(...excerpt(source, diagnostic.at, colors));
  }
  lines.push(labelled('why', diagnostic.cause), labelled('fix', diagnostic.fix));
  if (diagnostic.command !== undefined) lines.push(labelled('run', diagnostic.command));
  return `${lines.join('\n')}\n`;
}

function labelled(label: string, text: string): string {
  return `  ${label}  ${printable(text).split('\n').join('\n       ')}`;
}

/** The line that a position is on, with a caret below the column. Empty when the file has no such line. */
function excerpt(source: string, at: SourcePosition, colors: Palette): string[] {
  const line = source.split('\n', at.line)[at.line - 1];
  if (line === undefined || line.trim() === '') return [];
  const cut = Math.max(0, at.column - 1 - EXCERPT_WIDTH / 2);
  const shown = line.replace(/\r$/, '').slice(cut, cut + EXCERPT_WIDTH);
  const number = String(at.line);
  const gutter = ' '.repeat(number.length);
  // Control characters become wider escapes, so the caret is placed behind the text as it is printed.
  const before = printable(shown.slice(0, at.column - 1 - cut)).replace(/[^\t]/g, ' ');
  return [
    `     ${colors.dim(`${number} |`)} ${printable(shown)}`,
    `     ${colors.dim(`${gutter} |`)} ${before}${colors.alarm('^')}`,
  ];
}
