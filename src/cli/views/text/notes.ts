import { asideNote } from '../../transaction/aside.ts';
import type { Finding, Kind, Table } from '../finding.ts';
import { count, printableLine } from '../text.ts';

/** What people are told on stderr, whatever the form of stdout. */
const NOTES: Partial<Table<string>> = {
  applied: ({ outcome }) => {
    switch (outcome?.kind) {
      case undefined:
        return 'Nothing was applied.\n';
      case 'rolled-back':
      case 'interrupted':
        return 'Rolled back: routes and Services are as they were before.\n';
      case 'residue':
        return leftNote('Not everything could be put right', outcome.left);
      default:
        return '';
    }
  },
  'carried-out': ({ plan }) => asideNote(plan),
  confirmed: ({ end }) => {
    if (end === null) return 'Whether it was confirmed is not known here: `mkplan status` tells.\n';
    if (end.outcome === 'committed') return '';
    return end.left.length === 0
      ? 'Not confirmed, so it was undone: routes and Services are as they were before.\n'
      : leftNote('Not confirmed, and not everything could be undone', end.left);
  },
  'session.left': ({ left, isClean }) =>
    isClean
      ? 'Stopped: what this session made was removed.\n'
      : leftNote('Not everything could be removed', left),
  saved: ({ file }) =>
    `${printableLine(`Saved to ${file}: \`mkplan apply ${file}\` applies exactly this.`)}\n`,
  recorded: ({ file }) =>
    `${printableLine(`Recorded in ${file}: \`mkplan plan --observed ${file}\` plans from it.`)}\n`,
  remembered: ({ approvals }) => `Remembered: ${count(approvals.length, 'approval')}. Nothing was applied.\n`,
};

function leftNote(title: string, left: readonly string[]): string {
  const lines = left.map((line) => `  ${printableLine(line)}\n`);
  return `${title}; ${count(left.length, 'thing')} left:\n${lines.join('')}`;
}

/** What people are told of a finding on stderr; empty where that is nothing. */
export function noteOf<K extends Kind>(finding: Finding<K>): string {
  return NOTES[finding.type]?.(finding) ?? '';
}
