import type { RememberedApproval } from '../../../model/plan.ts';
import { formatRoute } from '../../../model/route.ts';
import { shellWord } from '../../../model/shell-word.ts';
import type { Look } from '../color.ts';
import type { Finding } from '../finding.ts';
import { alignColumns } from '../table.ts';
import { inside, paragraph, printableDeep, printableLine, wrapCommand } from '../text.ts';

/** What is remembered as approved, spec by spec. */
export function renderApprovals(known: readonly RememberedApproval[], look: Look): string {
  if (known.length === 0) return 'No approval is remembered.\n';
  const shown = printableDeep(known);
  const specs = [...new Set(shown.map(({ spec }) => spec))];
  return specs.map((spec) => `${look.colors.bold(spec)}\n${approvalsOf(shown, spec, look)}`).join('\n');
}

function approvalsOf(known: readonly RememberedApproval[], spec: string, look: Look): string {
  const rows = known
    .filter((one) => one.spec === spec)
    .map(({ kind, profile, subject, why, approvedOn }) => [
      kind,
      profile,
      subject,
      approvedOn.slice(0, 10),
      why,
    ]);
  const columns = [{}, {}, { wraps: true }, {}, { wraps: true }] as const;
  const lines = alignColumns(rows, { width: inside(look, 2), columns });
  return lines.map((line) => `  ${line}\n`).join('');
}

/** The routes that a spec can adopt, and the command that adopts them. */
export function renderImportable(
  { found, spec: typed }: Finding<'importable'>,
  { colors, ...room }: Look,
): string {
  const spec = printableLine(typed);
  if (found.length === 0) return `Nothing here can be adopted for ${spec}.\n`;
  const rows = alignColumns(
    printableDeep(found).map(({ route, profile, purpose, fate }) => [
      { text: `? ${formatRoute(route)}`, paint: colors.doubt },
      `${purpose} of ${profile}`,
      { text: fate, paint: colors.dim },
    ]),
    { width: inside(room, 2), columns: [{ wraps: true }, {}, { wraps: true }] },
  );
  const words = ['mkplan import', ...found.map((one) => shellWord(one.argument)), shellWord(spec)];
  return [
    paragraph(colors.bold(`Can be adopted for ${spec}`), room),
    ...rows.map((row) => `  ${row}\n`),
    paragraph('\nNothing was changed. Name those that are yours:', room),
    ...wrapCommand(printableLine(words.join(' ')), inside(room, 2)).map((line) => `  ${line}\n`),
  ].join('');
}
