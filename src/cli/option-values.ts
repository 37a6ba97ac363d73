import { InvalidArgumentError } from 'commander';
import { APPROVAL_KINDS, type ApprovalKind, isApprovalKind } from '../model/policy.ts';

/** Reads `--allow a,b`; given more than once it adds up. Throws commander's InvalidArgumentError. */
export function parseAllow(text: string, previous: readonly ApprovalKind[] = []): ApprovalKind[] {
  const kinds = text.split(',').map((part) => part.trim());
  return [...previous, ...kinds.map(parseApprovalKind)];
}

function parseApprovalKind(text: string): ApprovalKind {
  if (isApprovalKind(text)) return text;
  throw new InvalidArgumentError(`"${text}" is none of ${APPROVAL_KINDS.join(', ')}.`);
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** Longest wait that a timer can count (2^31 - 1 ms). */
const LONGEST_MS = 2_147_483_647;

/** Reads `500ms`, `30s`, `2m` or a bare `0` as milliseconds. Throws commander's InvalidArgumentError. */
export function parseDuration(text: string): number {
  const [, number, unit = 'ms'] = /^(\d{1,10})(ms|s|m)?$/.exec(text) ?? [];
  const value = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (Number.isNaN(value) || value > LONGEST_MS || (unit === 'ms' && !text.endsWith('ms') && value !== 0)) {
    throw new InvalidArgumentError('It is a number with a unit: 500ms, 30s, 2m.');
  }
  return value;
}
