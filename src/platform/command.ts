/** The process seam: everything that mkplan runs goes through here, as an argv array, never through a shell. */

export interface CommandOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  /** Milliseconds until the process is killed and the result says `timedOut`. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** File descriptors to pass on, as 3, 4, …; a lock held through one lasts as long as the process. */
  readonly descriptors?: readonly number[];
  /** Runs in a session of its own, so that a Ctrl-C at the terminal does not reach it. */
  readonly detached?: boolean;
}

export interface CommandResult {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/**
 * Runs one program to its end, with the inherited environment plus `LC_ALL=C`.
 * A non-zero exit is a result, not an error; a program that does not exist throws (`code: 'ENOENT'`).
 */
export interface CommandRunner {
  run(argv: readonly [string, ...string[]], options: CommandOptions): Promise<CommandResult>;
}
