import { asideNote } from '../../transaction/aside.ts';
import type { Applied, Finding } from '../finding.ts';
import { count, printableLine } from '../text.ts';

/** What people are told of a finding on stderr, whatever the form of stdout; empty where that is nothing. */
export function noteOf(finding: Finding): string {
  switch (finding.type) {
    case 'applied':
      return appliedNote(finding.outcome);
    case 'carried-out': {
      const note = asideNote(finding.plan);
      return note === '' ? '' : `${note}\n`;
    }
    case 'confirmed':
      return confirmedNote(finding.end);
    case 'session.left': {
      const { left, isClean } = finding;
      if (isClean) return 'Stopped: what this session made was removed.\n';
      return listed(`Not everything could be removed; ${count(left.length, 'thing')} left:`, left);
    }
    case 'saved': {
      const file = printableLine(finding.file);
      return `Saved to ${file}: \`mkplan apply ${file}\` applies exactly this.\n`;
    }
    case 'recorded': {
      const file = printableLine(finding.file);
      return `Recorded in ${file}: \`mkplan plan --observed ${file}\` plans from it.\n`;
    }
    case 'remembered':
      return `Remembered: ${count(finding.approvals.length, 'approval')}. Nothing was applied.\n`;
    default:
      return '';
  }
}

function appliedNote(outcome: Applied | null): string {
  switch (outcome?.kind) {
    case undefined:
      return 'Nothing was applied.\n';
    case 'rolled-back':
    case 'interrupted':
      return 'Rolled back: routes and Services are as they were before.\n';
    case 'residue': {
      const { left } = outcome;
      return listed(`Not everything could be put right; ${count(left.length, 'thing')} left:`, left);
    }
    default:
      return '';
  }
}

function confirmedNote(end: (Finding & { type: 'confirmed' })['end']): string {
  if (end === null) return 'Whether it was confirmed is not known here: `mkplan status` tells.\n';
  const { outcome, left } = end;
  if (outcome === 'committed') return '';
  if (left.length === 0)
    return 'Not confirmed, so it was undone: routes and Services are as they were before.\n';
  const title = `Not confirmed, and not everything could be undone; ${count(left.length, 'thing')} left:`;
  return listed(title, left);
}

function listed(title: string, lines: readonly string[]): string {
  return [title, ...lines.map((line) => `  ${printableLine(line)}`), ''].join('\n');
}
