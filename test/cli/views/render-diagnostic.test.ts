import { describe, expect, it } from 'vitest';
import { fileNames } from '../../../src/cli/arguments/paths.ts';
import { PLAIN } from '../../../src/cli/views/color.ts';
import { renderDiagnostic } from '../../../src/cli/views/text/render-diagnostic.ts';
import { displayWidth } from '../../../src/cli/views/text.ts';
import type { Diagnostic } from '../../../src/model/diagnostic.ts';

const FILE = '/home/me/team/tunnel.yaml';
const SPEC = 'spec:\n\tprofiles:\n    - nam: minikube\n';

const UNKNOWN_KEY: Diagnostic = {
  code: 'spec-unknown-key',
  severity: 'error',
  summary: `unknown key "nam" in ${FILE}`,
  cause: 'a profile has no such key',
  fix: 'write "name"',
  at: { file: FILE, line: 3, column: 7 },
};

function render(diagnostic: Diagnostic, source: string | null = SPEC): string {
  return renderDiagnostic(diagnostic, {
    colors: PLAIN,
    names: fileNames('tunnel.yaml', FILE),
    sourceOf: () => source,
  });
}

/** The column of the caret, counted from 1 after the gutter of a one-digit line number. */
function caretColumn(text: string): number {
  const line = text.split('\n').find((candidate) => candidate.trimEnd().endsWith('^')) ?? '';
  return line.indexOf('^') - line.indexOf('| ') - 1;
}

describe('renderDiagnostic', () => {
  it('shows what, where with an excerpt, why, and what to do', () => {
    expect(`\n${render({ ...UNKNOWN_KEY, command: 'mkplan schema' })}`).toMatchInlineSnapshot(`
      "
      error: unknown key "nam" in tunnel.yaml [spec-unknown-key]
        at   tunnel.yaml:3:7
           3 |     - nam: minikube
             |       ^
        why  a profile has no such key
        fix  write "name"
        run  mkplan schema
      "
    `);
  });

  it('puts the caret below the column', () => {
    expect(caretColumn(render(UNKNOWN_KEY))).toBe(7);
  });

  it('keeps the caret in place behind a tab', () => {
    const text = render({ ...UNKNOWN_KEY, at: { file: FILE, line: 2, column: 2 } });
    expect(text).toContain('| \tprofiles:\n');
    expect(text).toContain('| \t^');
  });

  it('cuts a long line round the column', () => {
    const source = `${'a'.repeat(5000)}X${'b'.repeat(5000)}`;
    const text = render({ ...UNKNOWN_KEY, at: { file: FILE, line: 1, column: 5001 } }, source);
    const lines = text.split('\n');
    const shown = lines.find((line) => line.includes('X')) ?? '';
    const caret = lines.find((line) => line.trimEnd().endsWith('^')) ?? '';
    expect(shown.length).toBeLessThan(120);
    expect(caret.indexOf('^')).toBe(shown.indexOf('X'));
  });

  it.each([
    ['the file cannot be read', null],
    ['the file has no such line', 'one line'],
  ])('leaves the excerpt out when %s', (_name, source) => {
    expect(render(UNKNOWN_KEY, source)).not.toContain('|');
  });

  it('shows control characters as escapes', () => {
    const bell = String.fromCharCode(7);
    expect(render({ ...UNKNOWN_KEY, summary: `ring ${bell}` })).toContain('ring \\u0007');
    expect(render(UNKNOWN_KEY, `\n\n      nam${bell}`)).toContain('nam\\u0007');
  });

  const LONG: Diagnostic = {
    ...UNKNOWN_KEY,
    cause: 'a profile has no such key, and the ones that it has are listed in the reference of the spec',
    fix: 'write "name", or remove the line if it is not meant to be there',
    command: "mkplan plan 'a team/tunnel.yaml' --allow context,covers --observed observed.yaml",
  };

  it.each([40, 60, 80])('wraps with a hanging indent on a terminal of %d columns', (width) => {
    const text = renderDiagnostic(LONG, { colors: PLAIN, names: fileNames('tunnel.yaml', FILE), width });
    expect(text.split('\n').filter((line) => displayWidth(line) > width)).toEqual([]);
    const [, why = ''] = /\n {2}why {2}([\s\S]*?)\n {2}fix/.exec(text) ?? [];
    expect(why.replaceAll(/\n {7}(?=\S)/g, ' ')).toBe(LONG.cause);
    const [, run = ''] = /\n {2}run {2}([\s\S]*)\n$/.exec(text) ?? [];
    expect(run.replaceAll(/ \\\n {7}/g, ' ')).toBe(LONG.command);
  });

  it('does not wrap where there is no terminal', () => {
    expect(render(LONG)).toContain(`  why  ${LONG.cause}\n  fix  ${LONG.fix}\n  run  ${LONG.command}\n`);
  });
});
