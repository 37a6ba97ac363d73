import { Failure } from '../model/diagnostic.ts';
import { EXIT, signalExitCode } from './exit-code.ts';
import type { SignalSource } from './terminal.ts';

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Hears the signals for as long as it is not released. */
export interface InterruptionHandle {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** The first signal that came. */
  received(): NodeJS.Signals | null;
  release(): void;
}

/**
 * Turns signals into a cancellation: the first aborts, so that the wave under way ends and is rolled back; the second
 * leaves at once, and the journal recovers. `note` gets what the user is told, `doing` included. With `onHangup`,
 * SIGHUP is no cancellation and goes there, each time.
 */
export function catchSignals(
  source: SignalSource,
  note: (text: string) => void,
  doing: () => string,
  onHangup: (() => void) | null = null,
): InterruptionHandle {
  const controller = new AbortController();
  let first: NodeJS.Signals | null = null;
  const listener = (signal: NodeJS.Signals) => {
    if (signal === 'SIGHUP' && onHangup !== null) {
      onHangup();
      return;
    }
    if (first !== null) {
      note(
        'Left at once. What was under way is in the journal: the next apply, destroy or cleanup recovers it.\n',
      );
      source.exit(EXIT.residue);
      return;
    }
    first = signal;
    note(`\nGot ${signal}: ${doing()}. A second signal leaves at once.\n`);
    controller.abort(interrupted(signal));
  };
  return { signal: controller.signal, received: () => first, release: hear(source, listener) };
}

/**
 * The same for a command that only reads and has something to close: the second signal leaves at once here too, and both
 * exit alike, since nothing is left behind.
 */
export function abortOnSignal(source: SignalSource): InterruptionHandle {
  const controller = new AbortController();
  let first: NodeJS.Signals | null = null;
  const listener = (signal: NodeJS.Signals) => {
    if (first !== null) {
      source.exit(signalExitCode(first));
      return;
    }
    first = signal;
    controller.abort(interrupted(signal));
  };
  return { signal: controller.signal, received: () => first, release: hear(source, listener) };
}

/**
 * Has the first signal end a command that only reads, by `source.exit`: for one that has something to say first.
 * Nothing is cancelled, since nothing has to be undone.
 */
export function leaveOnSignal(source: SignalSource): InterruptionHandle {
  const listener = (signal: NodeJS.Signals) => source.exit(signalExitCode(signal));
  return { signal: new AbortController().signal, received: () => null, release: hear(source, listener) };
}

/** Returns what stops it. */
function hear(source: SignalSource, listener: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of SIGNALS) source.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) source.off(signal, listener);
  };
}

function interrupted(signal: NodeJS.Signals): Failure {
  return new Failure('interrupted', [
    {
      code: 'interrupted',
      severity: 'error',
      summary: `interrupted by ${signal}`,
      cause: 'the command was told to stop before it was done',
      fix: 'run it again when you like',
    },
  ]);
}
