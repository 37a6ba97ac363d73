import { Failure, messageOf } from '../model/diagnostic.ts';
import { limitFailure } from '../platform/system-limit.ts';
import { type FileNames, specNames } from './arguments/paths.ts';
import { EXIT, exitCodeOf } from './exit-code.ts';
import { catchSignals, type InterruptionHandle, leaveOnSignal } from './interruption.ts';
import { outputLost } from './output-lost.ts';
import type { SignalSource, Terminal } from './terminal.ts';
import { Output } from './views/output.ts';
import { goneDirectory } from './working-directory.ts';

/** What every command is given beside its own options. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly output: Output;
  /** The spec of this command line: as typed, and absolute. */
  readonly names: FileNames;
  /** Aborted by the first signal; never, for commands that only read: a signal ends those by itself. */
  readonly signal: AbortSignal;
  /** The first signal that came. */
  readonly receivedSignal: () => NodeJS.Signals | null;
  /** Hears each SIGHUP, where that asks to look again and does not end the command. */
  readonly onHangup: (hear: () => void) => void;
}

export interface RunCommandOptions {
  readonly json: boolean;
  readonly color: boolean;
  /** Whether every column of a table is shown. */
  readonly wide: boolean;
  /** As typed. */
  readonly spec: string;
  /** What the command does once it got a signal, for one that can change something; null for one that only reads. */
  readonly onSignal: string | null;
  /** The same as long as nothing was begun, where that differs. */
  readonly beforeChanges?: string | undefined;
  /** Whether SIGHUP asks a command to look again where it has no terminal, as it does a daemon. */
  readonly rereads: boolean;
}

/** Runs a command, tells the user what failed, and returns the exit code. */
export async function runCommand(
  terminal: Terminal,
  options: RunCommandOptions,
  work: (context: CommandContext) => Promise<number>,
): Promise<number> {
  const output = new Output(terminal, options);
  const { onSignal } = options;
  // Of a command that cannot even tell where it is, no path is shown.
  let names = specNames(options.spec, '/');
  let hangUp: () => void = () => undefined;
  const signals = hearSignals(terminal, options, output, () => hangUp());
  let exitCode: number;
  try {
    names = specNames(options.spec, terminal.cwd);
    if (onSignal !== null) await refuseRoot(terminal);
    const signal = signals?.signal ?? new AbortController().signal;
    const receivedSignal = () => signals?.received() ?? null;
    const onHangup = (hear: () => void) => {
      hangUp = hear;
    };
    exitCode = await work({ terminal, output, names, signal, receivedSignal, onHangup });
  } catch (thrown) {
    exitCode = report(thrown, output, names, signals);
  }
  exitCode = tellLoss(terminal, onSignal !== null, output, names, exitCode);
  // Before its signals are released: one between the two would keep the last line from being written.
  output.finish(exitCode);
  if (signals?.received() != null && !(await areSettled(terminal))) terminal.signals.exit(exitCode);
  signals?.release();
  return exitCode;
}

/** Hears what may end a command before it is done. Null where a signal ends it by itself, and it has no last line. */
function hearSignals(
  terminal: Terminal,
  { onSignal, beforeChanges, rereads }: RunCommandOptions,
  output: Output,
  onHangup: () => void,
): InterruptionHandle | null {
  const source: SignalSource = {
    on: (signal, listener) => terminal.signals.on(signal, listener),
    off: (signal, listener) => terminal.signals.off(signal, listener),
    exit: (code) => {
      output.finish(code);
      terminal.signals.exit(code);
    },
  };
  if (onSignal === null) return output.json ? leaveOnSignal(source) : null;
  const note = (text: string) => output.note(text);
  const doing = () => (output.hasBegun ? onSignal : (beforeChanges ?? onSignal));
  return catchSignals(source, note, doing, rereads && terminal.stdout.isTTY !== true ? onHangup : null);
}

/** How long a command that was told to leave waits for whoever reads its output: milliseconds. */
const READER_PATIENCE_MS = 1000;

/** Whether everything that was written has reached its readers, or is waited for no longer than they deserve. */
async function areSettled({ stdout, stderr }: Terminal): Promise<boolean> {
  const settled = await Promise.all(
    [stdout, stderr].map((sink) => sink.settled?.(READER_PATIENCE_MS) ?? true),
  );
  return settled.every(Boolean);
}

/**
 * Tells that output was lost, and returns the exit code: of a command that only reads, its output is what it was run
 * for; of any other, what it did to the host decides alone.
 */
export function tellLoss(
  terminal: Terminal,
  changes: boolean,
  output: Output,
  names: FileNames,
  exitCode: number,
): number {
  const loss = terminal.stdout.loss?.() ?? null;
  if (loss === null) return exitCode;
  output.diagnostic(outputLost(loss, changes), names);
  return !changes && (exitCode === EXIT.ok || exitCode === EXIT.changes) ? EXIT.error : exitCode;
}

async function refuseRoot(terminal: Terminal): Promise<void> {
  const { refuseElevated } = await import('../platform/started-as-root.ts');
  refuseElevated(terminal.env, process.geteuid?.());
}

function report(
  thrown: unknown,
  output: Output,
  names: FileNames,
  signals: InterruptionHandle | null,
): number {
  const failure = asFailure(thrown, signals);
  for (const diagnostic of failure.diagnostics) output.diagnostic(diagnostic, names);
  return exitCodeOf(failure.kind, signals?.received() ?? null);
}

function asFailure(thrown: unknown, signals: InterruptionHandle | null): Failure {
  if (thrown instanceof Failure) return thrown;
  // Node's own calls throw an AbortError of theirs, with the reason that was given as its cause or not at all.
  const reason: unknown = signals?.signal.reason;
  if (reason instanceof Failure && thrown instanceof Error && thrown.name === 'AbortError') return reason;
  const known = goneDirectory(thrown) ?? limitFailure(thrown);
  if (known !== null) return known;
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return new Failure('error', [
    {
      code: 'internal-error',
      severity: 'error',
      summary: `unexpected: ${messageOf(thrown)}`,
      cause: stack,
      fix: 'this is a mistake in mkplan; please report it with the text above',
    },
  ]);
}
