import { shellWord } from '../../../model/shell-word.ts';
import type { SessionLeft, SessionStatus } from '../../commands/status/session-status.ts';
import type { Palette } from '../color.ts';
import type { JsonLine } from '../json/json-lines.ts';
import { count, paragraph, printableDeep, type Room } from '../text.ts';

/** What a session is rendered with. */
export interface RenderSessionOptions extends Room {
  readonly colors: Palette;
  /** Its spec, as the user would type it. */
  readonly spec: string;
}

/** What a session has recorded of itself, or what is left of one that has ended, for people. */
export function renderSession(raw: SessionStatus, { colors, spec, ...room }: RenderSessionOptions): string {
  const { record, elsewhere, left } = printableDeep(raw);
  const { pid, since, state, lastPass, held, pending } = record;
  if (left !== null) {
    const text = `a session (pid ${pid}, since ${since}) ended without taking away what it made: ${leftText(left)}.`;
    return paragraph(`${colors.alarm('!')} ${text} ${remedy(left, spec)}`, room, 2);
  }
  const pass = lastPass === null ? 'no pass has ended yet' : `last pass ${lastPass.at}: ${lastPass.result}`;
  const where = elsewhere ? ', in another network namespace' : '';
  const title = `${colors.bold(`Watched by pid ${pid} since ${since}`)}${where}: ${state}; ${pass}`;
  return [
    paragraph(title, room, 2),
    ...held.map(({ what, why }) =>
      paragraph(`  ${colors.change('left as it is:')} ${what}: ${why}`, room, 4),
    ),
    ...pending.map(({ what, why }) => paragraph(`  pending: ${what}: ${why}`, room, 4)),
  ].join('');
}

function leftText({ routes, services }: SessionLeft): string {
  const parts = [
    ...(routes > 0 ? [count(routes, 'route')] : []),
    ...(services === null
      ? ['whatever addresses its Services still show']
      : services > 0
        ? [services === 1 ? 'the address of 1 Service' : `the addresses of ${services} Services`]
        : []),
  ];
  return parts.join(' and ');
}

/** What takes it all away. */
function remedy({ routes, services, lasting, hasSpec }: SessionLeft, spec: string): string {
  const destroy = `\`mkplan destroy${spec === 'tunnel.yaml' ? '' : ` ${shellWord(spec)}`}\``;
  if (!hasSpec) {
    const cleanup = routes > 0 ? '`mkplan cleanup` takes the routes away. ' : '';
    if (services === 0) return cleanup;
    return `${cleanup}The addresses stay until ${spec} is back and ${destroy} is run.`;
  }
  const isBoth = routes > 0 && services !== 0;
  if (lasting) {
    return `${destroy} takes ${isBoth ? 'both' : 'that'} away, and what \`mkplan apply\` made with it; \`mkplan cleanup\` takes away the session's routes alone.`;
  }
  const once = services === null ? ' once its clusters answer' : '';
  return `${destroy} takes ${isBoth ? 'both' : 'that'} away${once}.`;
}

/** The same as a line of `--json`. */
export function sessionLine({ record, live, left }: SessionStatus): JsonLine {
  return { type: 'session', live, ...record, ...(left === null ? {} : { left }) };
}
