import type { Platform } from '../platform/platform.ts';

/** What the program needs of the process that it runs in; tests bring their own. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. Throws the system's error where the directory was removed. */
  readonly cwd: string;
  readonly platform: NodeJS.Platform;
  /** What this system offers; unless given, it is chosen by its name once a command needs it. */
  readonly openPlatform?: () => Platform;
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly signals: SignalSource;
  /** The time that lines of `--json` carry. */
  readonly now: () => Date;
}

/** A stream that text is written to. */
export interface TextSink {
  readonly isTTY?: boolean;
  /** Of a terminal; 0 or nothing where it does not tell. */
  readonly columns?: number;
  /** Throws nothing, and waits for nobody. */
  write(text: string): unknown;
  /** Why some of the text reached nobody, although its reader did not leave; null, or missing, where all of it did. */
  loss?(): string | null;
  /** Whether everything that waits for the reader is written, or has failed, within so many milliseconds. */
  settled?(patienceMs: number): Promise<boolean>;
}

/** What a terminal has that does not tell. */
const DEFAULT_COLUMNS = 80;
/** Narrower terminals break lines themselves. */
const LEAST_COLUMNS = 40;

/** The columns that text for a stream has to fit into; null where it is not a terminal, and text is for files and programs. */
export function columnsOf({ isTTY, columns }: TextSink): number | null {
  return isTTY === true ? Math.max(columns || DEFAULT_COLUMNS, LEAST_COLUMNS) : null;
}

/** Where signals come from: `process`. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  /** Ends the process at once. */
  exit(code: number): void;
}
