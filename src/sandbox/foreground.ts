import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/** How a program ended. */
export interface ForegroundExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that has the terminal, and with it its Ctrl-C. */
export interface ForegroundProcess {
  /** Writes a line to its descriptor 3. */
  send(line: string): void;
  kill(signal: NodeJS.Signals): void;
  /** Rejects when the program cannot be started (`code: 'ENOENT'`). */
  readonly exit: Promise<ForegroundExit>;
}

/** Starts programs that share our standard streams; the seam beside `CommandRunner`, which captures them. */
export interface ForegroundRunner {
  /** With `onLine`, descriptor 3 is a socket on which lines go both ways; the other side sees its end when we die. */
  start(
    argv: readonly [string, ...string[]],
    options: { readonly env: NodeJS.ProcessEnv; readonly onLine?: (line: string) => void },
  ): ForegroundProcess;
}

/** Calls back on every full line of a stream. */
export function readLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}

/** The adapter over node:child_process. */
export class TerminalRunner implements ForegroundRunner {
  start(
    argv: readonly [string, ...string[]],
    options: { readonly env: NodeJS.ProcessEnv; readonly onLine?: (line: string) => void },
  ): ForegroundProcess {
    const { env, onLine } = options;
    const [program, ...args] = argv;
    const streams = ['inherit', 'inherit', 'inherit'] as const;
    const child = spawn(program, args, {
      env,
      stdio: onLine === undefined ? [...streams] : [...streams, 'pipe'],
    });
    const exit = new Promise<ForegroundExit>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    // Where descriptors have run out there are no streams, and `exit` tells why.
    const { stdio }: { readonly stdio?: typeof child.stdio } = child;
    const channel = stdio?.[3];
    if (channel instanceof Socket && onLine !== undefined) {
      readLines(channel, onLine);
      // The other side's end is learnt by `exit`; what was written too late has nobody left to read it.
      channel.on('error', () => undefined);
    }
    return {
      send: (line) => {
        if (channel instanceof Socket) channel.write(`${line}\n`);
      },
      kill: (signal) => {
        child.kill(signal);
      },
      exit,
    };
  }
}
