/** Where in a file something stands; lines and columns count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type Severity = 'error' | 'warning';

/**
 * Something a person has to know: what, why, and what to do. Display only: nothing steers by its texts,
 * `code` alone is stable.
 */
export interface Diagnostic {
  /** Kebab-case, documented in docs/diagnostics.md. */
  readonly code: string;
  readonly severity: Severity;
  /** One line: what is wrong, with the offending value. */
  readonly summary: string;
  /** Why it is wrong. */
  readonly cause: string;
  /** What to do about it. */
  readonly fix: string;
  /** A command to copy that does it, where one command does. */
  readonly command?: string;
  readonly at?: SourcePosition;
  /** The profile that it is about, where it is about one. */
  readonly profile?: string;
}

/** Codes of a call that no API server answered: what was asked for may have been done all the same. */
export const UNANSWERED = [
  'cluster-silent',
  'cluster-slow',
  'cluster-unreachable',
  'cluster-refused',
  'cluster-unresolved',
  'cluster-cut',
  'cluster-not-tls',
  'certificate-authority',
  'certificate-expired',
  'certificate-name',
  'client-certificate',
] as const;

export type Unanswered = (typeof UNANSWERED)[number];

/** Why a cluster could not be observed: the first thing that stood in the way, and nothing that follows from it. */
export type Obstacle = Pick<Diagnostic, 'code' | 'summary' | 'cause' | 'fix' | 'command'>;

/** Why a command ended other than well; each kind has one exit code (`cli/exit-code.ts`). */
export type FailureKind =
  | 'error'
  | 'stale'
  | 'conflict'
  | 'rolled-back'
  | 'residue'
  | 'lock-held'
  | 'usage'
  | 'interrupted';

/** The only error that mkplan throws on purpose: its diagnostics are what the user reads. */
export class Failure extends Error {
  readonly kind: FailureKind;
  readonly diagnostics: readonly Diagnostic[];

  constructor(kind: FailureKind, diagnostics: readonly Diagnostic[], options?: { cause?: unknown }) {
    super(diagnostics.map((diagnostic) => diagnostic.summary).join('\n'), options);
    this.name = 'Failure';
    this.kind = kind;
    this.diagnostics = diagnostics;
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
