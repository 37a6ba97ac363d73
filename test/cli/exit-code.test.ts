import { describe, expect, it } from 'vitest';
import { exitCodeOf, signalExitCode } from '../../src/cli/exit-code.ts';

describe('exitCodeOf', () => {
  it.each([
    ['error', 1],
    ['stale', 3],
    ['conflict', 4],
    ['rolled-back', 5],
    ['residue', 6],
    ['lock-held', 7],
    ['usage', 64],
    ['interrupted', 130],
  ] as const)('is for %s %i', (kind, code) => {
    expect(exitCodeOf(kind, null)).toBe(code);
  });

  it('tells by which signal a command was interrupted', () => {
    expect(exitCodeOf('interrupted', 'SIGINT')).toBe(130);
    expect(exitCodeOf('interrupted', 'SIGTERM')).toBe(143);
    expect(signalExitCode('SIGHUP')).toBe(143);
  });

  it('does not hide residue behind the signal that led to it', () => {
    expect(exitCodeOf('residue', 'SIGINT')).toBe(6);
  });
});
