import type { FailureKind } from '../model/diagnostic.ts';

/** What the process tells its caller. */
export const EXIT = {
  ok: 0,
  /** Failed, and nothing was changed. */
  error: 1,
  /** `plan --detailed-exitcode`: there are changes. */
  changes: 2,
  /** A saved plan whose facts have changed, or that was applied before. */
  stale: 3,
  /** Refused: a conflict, or something that nobody approved. */
  conflict: 4,
  rolledBack: 5,
  residue: 6,
  lockHeld: 7,
  /** Done but for what was set aside: a profile that is out of reach. */
  setAside: 8,
  /** sysexits.h, EX_USAGE. */
  usage: 64,
  /** 128 + SIGINT, after a clean rollback. */
  interrupted: 130,
  /** 128 + SIGTERM, after a clean rollback; SIGHUP ends the same way. */
  terminated: 143,
} as const;

const BY_KIND: Readonly<Record<Exclude<FailureKind, 'interrupted'>, number>> = {
  error: EXIT.error,
  stale: EXIT.stale,
  conflict: EXIT.conflict,
  'rolled-back': EXIT.rolledBack,
  residue: EXIT.residue,
  'lock-held': EXIT.lockHeld,
  usage: EXIT.usage,
};

/** The exit code of a failure; for an interrupted command the first signal that came decides. */
export function exitCodeOf(kind: FailureKind, signal: NodeJS.Signals | null): number {
  if (kind !== 'interrupted') return BY_KIND[kind];
  return signalExitCode(signal ?? 'SIGINT');
}

/** The exit code of a command that a signal ended. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
}
