/** The process seam: everything that mkplan runs goes through here, as an argv array, never through a shell. */

/** A program (looked up in PATH unless absolute) and its arguments. */
export type Argv = readonly [string, ...string[]];

export interface CommandOptions {
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  /**
   * Its output may be megabytes. A program that writes line by line is held up at a pipe (a socket, with Node) by each
   * line that is not read yet, and its reader by each that is; such output goes through a file without a name.
   */
  readonly large?: boolean;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds until the process is killed and the result says `timedOut`. */
  readonly timeoutMs: number;
  /** Aborted: the process is killed and the promise rejects with the signal's reason. */
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
  run(argv: Argv, options: CommandOptions): Promise<CommandResult>;
}

export interface StreamExit {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  /** The last of what it wrote to standard error. */
  readonly stderr: string;
}

/** A program that lives on and is talked to line by line. */
export interface CommandStream {
  /** Null when it could not be started. */
  readonly pid: number | null;
  /** Writes to standard input; what a program that has ended did not read is dropped. */
  write(text: string): void;
  /** Closes standard input. */
  end(): void;
  /** Ends it at once (SIGTERM); one that has ended already is left. */
  kill(): void;
  /**
   * Lets go of it: closes this process's side of its streams, which others may hold too, and no longer waits for its
   * end before this process ends.
   */
  leave(): void;
  /** Settles when the program and all its output have ended; rejects when it could not be started. */
  readonly exit: Promise<StreamExit>;
}

export interface StreamOptions {
  /**
   * Detached, it has a session of its own, and no signal from the terminal reaches it; else it stays in the
   * terminal's foreground, where sudo(8) asks for a password.
   */
  readonly detached: boolean;
  /**
   * A program that the same streamer has started: this one gets what leads to its standard input as descriptor 3, and
   * what comes from its standard output as 4, and can talk to it when this process has left it or is gone.
   */
  readonly heirTo?: CommandStream;
  /** Hears what it writes to standard error, as it comes. */
  readonly onError?: (text: string) => void;
}

/** Starts one program that lives on. */
export interface CommandStreamer {
  stream(argv: Argv, onLine: (line: string) => void, options?: StreamOptions): CommandStream;
}
