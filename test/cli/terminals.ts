import { PassThrough } from 'node:stream';
import type { SignalSource, Terminal } from '../../src/cli/terminal.ts';

/** Signals that a test sends itself; what they would have ended the process with is kept. */
export class FakeSignals implements SignalSource {
  readonly exits: number[] = [];
  readonly #listeners = new Map<NodeJS.Signals, Set<(signal: NodeJS.Signals) => void>>();

  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): void {
    const listeners = this.#listeners.get(signal) ?? new Set();
    this.#listeners.set(signal, listeners.add(listener));
  }

  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): void {
    this.#listeners.get(signal)?.delete(listener);
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  /** Sends a signal; returns whether anybody heard it. */
  send(signal: NodeJS.Signals): boolean {
    const listeners = [...(this.#listeners.get(signal) ?? [])];
    for (const listener of listeners) listener(signal);
    return listeners.length > 0;
  }
}

export interface FakeTerminal {
  readonly terminal: Terminal;
  readonly signals: FakeSignals;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

/** A terminal that keeps what is written to it. Nothing of it is a TTY unless the test says so. */
export function fakeTerminal(
  options: {
    isTTY?: boolean;
    /** Of stdout and stderr. */
    columns?: number;
    stdin?: PassThrough;
    cwd?: string;
    env?: Record<string, string>;
    /** Hears what is written to stderr. */
    onNote?: (text: string) => void;
  } = {},
): FakeTerminal {
  const written = { stdout: '', stderr: '' };
  const signals = new FakeSignals();
  const sink = (name: 'stdout' | 'stderr') => ({
    isTTY: options.isTTY ?? false,
    ...(options.columns === undefined ? {} : { columns: options.columns }),
    write: (text: string) => {
      written[name] += text;
      if (name === 'stderr') options.onNote?.(text);
    },
  });
  const stdin = options.stdin ?? new PassThrough();
  const terminal: Terminal = {
    env: options.env ?? {},
    cwd: options.cwd ?? '/nowhere',
    platform: 'linux',
    stdin: Object.assign(stdin, { isTTY: options.isTTY ?? false }),
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    signals,
    now: () => new Date('2026-01-02T03:04:05.678Z'),
  };
  return { terminal, signals, stdout: () => written.stdout, stderr: () => written.stderr };
}
