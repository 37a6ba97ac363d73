import type { Diagnostic, SourcePosition } from '../../../model/diagnostic.ts';
import type { FileNames } from '../../arguments/paths.ts';
import { showPosition } from '../../arguments/paths.ts';
import type { Palette } from '../color.ts';
import { printableLine, type Room, wrapCommand, wrapLine } from '../text.ts';

/** Columns that what follows the first line of a text is indented by: the width of `  why  `. */
const HANG = 7;
const INDENT = ' '.repeat(HANG);

/** Characters of a source line that an excerpt shows; longer lines are cut round the caret. */
const EXCERPT_WIDTH = 100;

export interface RenderDiagnosticOptions extends Pick<Room, 'width'> {
  readonly colors: Palette;
  readonly names: FileNames;
  /** The text of a file, for the excerpt; null where it cannot be read. */
  readonly sourceOf?: (file: string) => string | null;
}

/** One diagnostic in full: what, where with an excerpt, why, what to do, and the command that does it. */
export function renderDiagnostic(diagnostic: Diagnostic, options: RenderDiagnosticOptions): string {
  const { colors, names, width = null } = options;
  const paint = diagnostic.severity === 'error' ? colors.alarm : colors.change;
  const summary = colors.bold(printableLine(names.showIn(diagnostic.summary)));
  const title = `${paint(`${diagnostic.severity}:`)} ${summary} ${colors.dim(`[${diagnostic.code}]`)}`;
  const lines = wrapLine(title, width, HANG);
  if (diagnostic.at !== undefined) {
    const at = wrapLine(`  at   ${showPosition(diagnostic.at, names)}`, width, HANG);
    lines.push(...at.map(colors.dim));
    const source = options.sourceOf?.(diagnostic.at.file) ?? null;
    if (source !== null) lines.push(...excerpt(source, diagnostic.at, options));
  }
  lines.push(...explanation(diagnostic, width));
  return `${lines.join('\n')}\n`;
}

/** Why, what to do, and the command that does it, in lines of at most so many columns; null is no bound. */
export function explanation({ cause, fix, command }: Diagnostic, width: number | null): string[] {
  return [
    ...labelled('why', cause, width),
    ...labelled('fix', fix, width),
    ...(command === undefined
      ? []
      : wrapCommand(printableLine(command), width === null ? null : width - HANG).map(
          (line, index) => `${index === 0 ? '  run  ' : INDENT}${line}`,
        )),
  ];
}

/** The lines that a text brings along, such as what a program said, cannot be taken for the renderer's own. */
function labelled(label: string, text: string, width: number | null): string[] {
  return text
    .split('\n')
    .map(printableLine)
    .flatMap((line, index) =>
      wrapLine(`${index === 0 ? `  ${label}  ` : `${INDENT}| `}${line}`, width, HANG),
    );
}

/** The line that a position is on, with a caret below the column. Empty when the file has no such line. */
function excerpt(
  source: string,
  at: SourcePosition,
  { colors, width = null }: Pick<RenderDiagnosticOptions, 'colors' | 'width'>,
): string[] {
  const line = source.split('\n', at.line)[at.line - 1];
  if (line === undefined || line.trim() === '') return [];
  const number = String(at.line);
  const room = width === null ? EXCERPT_WIDTH : Math.min(EXCERPT_WIDTH, width - HANG - number.length - 1);
  const cut = Math.max(0, at.column - 1 - Math.floor(room / 2));
  const shown = line.replace(/\r$/, '').slice(cut, cut + room);
  const gutter = ' '.repeat(number.length);
  // Control characters become wider escapes, so the caret is placed behind the text as it is printed.
  const before = tabbed(shown.slice(0, at.column - 1 - cut)).replace(/[^\t]/g, ' ');
  return [
    `     ${colors.dim(`${number} |`)} ${tabbed(shown)}`,
    `     ${colors.dim(`${gutter} |`)} ${before}${colors.alarm('^')}`,
  ];
}

/** A source line with its tabs, which put the caret in place. */
function tabbed(line: string): string {
  return line.split('\t').map(printableLine).join('\t');
}
