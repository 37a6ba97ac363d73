import type { Failure } from '../model/diagnostic.ts';
import type { Argv, CommandStream } from './command.ts';

/** How a helper that was started has ended. */
export interface HelperEnd {
  /** Its last words, or the system's. */
  readonly message: string;
  /** What kept it from starting at all; absent where it did start. */
  readonly cause?: unknown;
}

/** Starts the helper with the rights that changing routes takes. */
export interface Elevation {
  /**
   * Starts it; a person may be asked for a password on the terminal, unless this process has those rights itself. Throws
   * a Failure where the system does not tell whether it has.
   */
  stream(helper: Argv, onLine: (line: string) => void): CommandStream;
  /** Why the rights were not given to a helper that ended before its first answer; null where none were asked for. */
  refusal(end: HelperEnd): Failure | null;
}
