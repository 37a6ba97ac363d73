import type { SessionRecord } from '../../registry/registry.ts';
import type { Palette } from './color.ts';
import type { JsonLine } from './render-json.ts';
import { printableDeep } from './text.ts';

/** What a session has recorded of itself, for people; `live` is whether it is still there. */
export function renderSession(raw: SessionRecord, live: boolean, colors: Palette): string {
  const { pid, since, state, lastPass, held, pending } = printableDeep(raw);
  if (!live) {
    const line = `a session (pid ${pid}, since ${since}) ended without taking away what it made: \`mkplan cleanup\` does`;
    return `${colors.alarm('!')} ${line}\n`;
  }
  const pass = lastPass === null ? 'no pass has ended yet' : `last pass ${lastPass.at}: ${lastPass.result}`;
  return [
    `${colors.bold(`Watched by pid ${pid} since ${since}`)}: ${state}; ${pass}\n`,
    ...held.map(({ what, why }) => `  ${colors.change('left as it is:')} ${what}: ${why}\n`),
    ...pending.map(({ what, why }) => `  pending: ${what}: ${why}\n`),
  ].join('');
}

/** The same as a line of `--json`. */
export function sessionLine(record: SessionRecord, live: boolean): JsonLine {
  return { type: 'session', live, ...record };
}
