import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type {
  Argv,
  CommandOptions,
  CommandResult,
  CommandRunner,
  CommandStream,
  CommandStreamer,
  StreamExit,
  StreamOptions,
} from './command.ts';
import { limitFailure } from './system-limit.ts';

/** Bytes that a block of a file system has at most, as a rule. */
const BLOCK = 65_536;

/** How much of a long-lived program's standard error is kept: its last words, not its log. */
const STDERR_KEPT = 16_384;

/** The process seam over node:child_process. */
export class ProcessRunner implements CommandRunner, CommandStreamer {
  /** Taken once: each look at `process.env` asks the system for every variable again. */
  readonly #env: NodeJS.ProcessEnv;
  readonly #started = new WeakMap<CommandStream, ChildProcessWithoutNullStreams>();

  /** `env` is what programs are given, beside `LC_ALL=C`: all that this process has, unless said otherwise. */
  constructor(env: NodeJS.ProcessEnv = process.env) {
    this.#env = { ...env, LC_ALL: 'C' };
  }

  async run(argv: Argv, options: CommandOptions): Promise<CommandResult> {
    options.signal?.throwIfAborted();
    const [program, ...args] = argv;
    const file = options.large === true ? openUnnamed() : null;
    const child = spawn(program, args, {
      env: options.env === undefined ? this.#env : { ...this.#env, ...options.env },
      stdio: [
        options.input === undefined ? 'ignore' : 'pipe',
        file ?? 'pipe',
        'pipe',
        ...(options.descriptors ?? []),
      ],
      detached: options.detached ?? false,
      windowsHide: true,
    });
    if (!hasStreams(child)) {
      if (file !== null) closeSync(file);
      return await never(child, program);
    }
    const stdout = file === null ? collect(child.stdout) : () => readAll(file);
    const stderr = collect(child.stderr);
    if (child.stdin !== null) feed(child.stdin, options.input ?? '');
    return await new Promise((resolve, reject) => {
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        kill(child, options.detached ?? false);
      }, options.timeoutMs);
      const abort = () => kill(child, options.detached ?? false);
      options.signal?.addEventListener('abort', abort);
      let isSettled = false;
      const settle = (act: () => void) => {
        // A program that does not start may be told of as an error, and as closed.
        if (isSettled) return;
        isSettled = true;
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', abort);
        act();
        if (file !== null) closeSync(file);
      };
      child.once('error', (error) => settle(() => reject(startError(error, program))));
      child.once('close', (code) =>
        settle(() => {
          if (options.signal?.aborted) reject(options.signal.reason);
          // What was cut there tells half of it, or nothing: once more, through a pipe.
          else if (file !== null && !timedOut && !hasRoom(file))
            resolve(this.run(argv, { ...options, large: false }));
          else resolve({ code, stdout: stdout(), stderr: stderr(), timedOut });
        }),
      );
    });
  }

  stream(
    argv: Argv,
    onLine: (line: string) => void,
    { detached, onError, heirTo }: StreamOptions = { detached: false },
  ): CommandStream {
    const [program, ...args] = argv;
    const child = this.#spawn(program, args, detached, heirTo);
    if (!hasStreams(child)) return neverStarted(child, program);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr = (stderr + chunk).slice(-STDERR_KEPT);
      onError?.(chunk);
    });
    hearLines(child.stdout, onLine);
    const exit = new Promise<StreamExit>((resolve, reject) => {
      child.once('error', (error) => reject(startError(error, program)));
      child.once('close', (code) => resolve({ code, stderr }));
    });
    // Its reader learns of a program's end by `exit`; a write that came too late has nobody left to fail for.
    child.stdin.on('error', () => undefined);
    const stream: CommandStream = {
      pid: child.pid ?? null,
      write: (text) => {
        child.stdin.write(text);
      },
      end: () => {
        child.stdin.end();
      },
      kill: () => {
        child.kill();
      },
      leave: () => {
        for (const one of [child.stdin, child.stdout, child.stderr]) one.destroy();
        child.unref();
      },
      exit,
    };
    this.#started.set(stream, child);
    return stream;
  }

  #spawn(
    program: string,
    args: readonly string[],
    detached: boolean,
    heirTo: CommandStream | undefined,
  ): ChildProcessWithoutNullStreams {
    const options = { env: this.#env, detached, windowsHide: true };
    const inherited = heirTo === undefined ? undefined : this.#started.get(heirTo);
    if (inherited === undefined) return spawn(program, args, { ...options, stdio: 'pipe' });
    const { stdin, stdout } = inherited;
    const child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe', stdin, stdout] });
    // Node stops reading what it passes on; this process reads it until it leaves it.
    stdout.resume();
    return child as ChildProcessWithoutNullStreams;
  }

  /** A program that another process had started, by the descriptors that {@link StreamOptions.heirTo} passes on. */
  inherited(onLine: (line: string) => void): CommandStream {
    const input = new Socket({ fd: 3, readable: false, writable: true });
    const output = new Socket({ fd: 4, readable: true, writable: false });
    hearLines(output, onLine);
    input.on('error', () => undefined);
    const leave = () => {
      input.destroy();
      output.destroy();
    };
    return {
      pid: null,
      write: (text) => {
        input.write(text);
      },
      end: () => {
        input.end();
      },
      kill: leave,
      leave,
      exit: new Promise((resolve) => {
        // An error of reading ends it as well, and says no more than that.
        output.on('error', () => undefined).once('close', () => resolve({ code: null, stderr: '' }));
      }),
    };
  }
}

/** Whether Node made the streams of a child. Where descriptors have run out (EMFILE, ENFILE) it makes none, whatever its types say. */
function hasStreams(child: ChildProcess): boolean {
  const { stderr }: { readonly stderr?: unknown } = child;
  return stderr !== undefined;
}

/** Rejects with why a program did not start that has no streams to end. */
function never(child: ChildProcess, program: string): Promise<never> {
  return new Promise((_, reject) => {
    child.once('error', (error) => reject(startError(error, program)));
  });
}

function neverStarted(child: ChildProcess, program: string): CommandStream {
  const nothing = () => undefined;
  return {
    pid: null,
    write: nothing,
    end: nothing,
    kill: nothing,
    leave: nothing,
    exit: never(child, program),
  };
}

/** Hears the lines of a stream, without their ends; what follows the last newline is not a line. */
function hearLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
}

/**
 * Why a program could not be started. execvp(3) says EACCES for one that does not exist when it was not allowed to
 * look into some directory of PATH, as happens to a user who was given root's.
 */
function startError(error: NodeJS.ErrnoException, program: string): Error {
  const limit = limitFailure(error);
  if (limit !== null) return limit;
  if (error.code !== 'EACCES' || program.includes('/')) return error;
  const path = (process.env['PATH'] ?? '').split(delimiter);
  if (path.some((directory) => existsSync(join(directory, program)))) return error;
  return Object.assign(new Error(`spawn ${program} ENOENT`, { cause: error }), { code: 'ENOENT' });
}

/** Bytes that a file system has to have free before output goes there: more than the largest routing table takes. */
const LEAST_ROOM = 256 * 1024 * 1024;

/** A file that no name leads to, gone when it is closed; null where none can be made, and a pipe has to do. */
function openUnnamed(): number | null {
  const path = join(tmpdir(), `mkplan-${randomUUID()}`);
  try {
    const { bavail, bsize } = statfsSync(tmpdir());
    if (bavail * bsize < LEAST_ROOM) return null;
    const file = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return file;
  } catch {
    return null;
  }
}

/** Whether more could have been written to a file: a program that meets a full disk may end as if nothing were wrong. */
function hasRoom(file: number): boolean {
  const { size } = fstatSync(file);
  try {
    // A whole block more, which the last one that was written cannot hold.
    const written = writeSync(file, Buffer.alloc(BLOCK), 0, BLOCK, size);
    ftruncateSync(file, size);
    return written === BLOCK;
  } catch {
    return false;
  }
}

/** The whole of an open file, from its start: its offset is where the program that wrote it stopped. */
function readAll(file: number): string {
  const data = Buffer.allocUnsafe(fstatSync(file).size);
  let read = 0;
  while (read < data.length) {
    const bytes = readSync(file, data, read, data.length - read, read);
    if (bytes === 0) break;
    read += bytes;
  }
  return data.toString('utf8', 0, read);
}

/** Gathers a stream's bytes; they are joined and decoded once, since a large routing table is tens of megabytes. */
function collect(stream: NodeJS.ReadableStream | null): () => string {
  const chunks: Buffer[] = [];
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}

function feed(stdin: Writable, input: string): void {
  // A program may end before it has read everything (EPIPE); how it ended is what counts.
  stdin.on('error', () => undefined);
  stdin.end(input);
}

/** Kills a process, with its whole group when it leads one, and stops waiting for those that inherited its output. */
function kill(child: ChildProcess, group: boolean): void {
  if (child.pid === undefined) return;
  try {
    if (group) process.kill(-child.pid, 'SIGKILL');
    else child.kill('SIGKILL');
  } catch (error) {
    // ESRCH: it ended by itself in the meantime, which is what was wanted.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
  child.stdout?.destroy();
  child.stderr?.destroy();
}
