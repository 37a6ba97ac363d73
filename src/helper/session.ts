import { messageOf } from '../model/diagnostic.ts';
import type { CommandStream } from '../platform/command.ts';
import { decodeResponse, type Response } from './protocol.ts';

interface Waiter {
  resolve(response: Response): void;
  reject(error: Error): void;
}

/** The helper ended, or said what nobody understands, before it had answered; or could not be started, by its cause. */
export class SessionEnded extends Error {}

/** One running helper: requests out, answers back, matched by their number. */
export class Session {
  readonly stream: CommandStream;
  /** By sequence number; null is the greeting, and whatever the helper could not put a number to. */
  readonly #waiters = new Map<number | null, Waiter>();
  #ended: SessionEnded | null = null;

  /** `open` starts the helper, or goes on with one that runs. */
  constructor(open: (onLine: (line: string) => void) => CommandStream) {
    this.stream = open((line) => this.#hear(line));
    this.stream.exit.then(
      ({ code, stderr }) => this.#fail(stderr.trim() || `it ended with ${code ?? 'a signal'}`),
      (error: unknown) => this.#fail(messageOf(error), error),
    );
  }

  /**
   * Sends the line of a request, whose number is null for the greeting, and waits for its answer. Throws SessionEnded,
   * with its last words, when none can come.
   */
  async ask(seq: number | null, line: string): Promise<Response> {
    if (this.#ended !== null) throw this.#ended;
    return await new Promise((resolve, reject) => {
      this.#waiters.set(seq, { resolve, reject });
      this.stream.write(line);
    });
  }

  /** Closes its input, at which it ends once it has answered, and waits for that. */
  async end(): Promise<void> {
    this.stream.end();
    // How it ended is told to those who wait for answers; nobody is waiting for anything any more.
    await this.stream.exit.catch(() => undefined);
  }

  /** Lets go of it without ending it. */
  leave(): void {
    this.stream.leave();
  }

  #hear(line: string): void {
    let response: Response;
    try {
      response = decodeResponse(line);
    } catch (error) {
      this.#fail(`its answer is not understood: ${messageOf(error)}`);
      return;
    }
    const seq = response.type === 'hello' ? null : response.seq;
    const waiter = this.#waiters.get(seq);
    this.#waiters.delete(seq);
    if (waiter === undefined) {
      this.#fail(response.type === 'error' ? response.message : 'it answered what was not asked');
    } else waiter.resolve(response);
  }

  #fail(why: string, cause?: unknown): void {
    this.#ended ??= new SessionEnded(why, { cause });
    for (const waiter of this.#waiters.values()) waiter.reject(this.#ended);
    this.#waiters.clear();
    this.stream.end();
  }
}
