import type { Conflict } from '../../../model/plan.ts';
import { formatPrefix } from '../../../model/prefix.ts';
import { formatRoute } from '../../../model/route.ts';
import { type FileNames, showPosition } from '../../arguments/paths.ts';
import type { Palette } from '../color.ts';
import { alignColumns } from '../table.ts';
import { inside, paragraph, type Room } from '../text.ts';

/** One conflict: which route meets what, whose it likely is, who wins, and the line of the spec that resolves it. */
export function renderConflict(
  conflict: Conflict,
  { colors, names, ...room }: Room & { readonly colors: Palette; readonly names: FileNames },
): string {
  const paint = conflict.outcome === 'refused' ? colors.alarm : colors.change;
  const where = conflict.at === undefined ? '' : ` (${showPosition(conflict.at, names)})`;
  const facts = alignColumns(
    [
      ['relation', conflict.relation],
      ['foreign', conflict.foreign === null ? '' : formatRoute(conflict.foreign)],
      ['owner', conflict.owner],
      ['in dispute', conflict.disputed],
      ['who wins', conflict.winner],
      ['resolve', `${conflict.resolution}${where}`],
    ]
      .filter(([, value]) => value !== '')
      .map(([label = '', value = '']) => [{ text: label, paint: colors.dim }, { text: value }]),
    { width: inside(room, 4), columns: [{}, { wraps: true }] },
  );
  const title = `${conflict.purpose} ${formatPrefix(conflict.destination)} of ${conflict.profile}`;
  return [
    paragraph(`${paint(`! ${conflict.outcome}:`)} ${colors.bold(title)}`, room, 2),
    paragraph(`  ${conflict.summary}`, room, 2),
    ...facts.map((fact) => `    ${fact}\n`),
  ].join('');
}
