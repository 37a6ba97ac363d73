import { closeSync, constants, openSync } from 'node:fs';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { Argv, CommandStream } from '../platform/command.ts';
import type { Elevation } from '../platform/elevation.ts';
import type { FileLocks } from '../platform/file-locks.ts';
import type { ChangeFailure, RouteChange, RouteChanger } from '../platform/route-table.ts';
import { helperBusy, helperExposed, helperGone, helperUnable } from './failures.ts';
import { encodeRequest, MAX_CHANGES, PROTOCOL_VERSION, type Response } from './protocol.ts';
import { Session, SessionEnded } from './session.ts';

/** How long the last child of a helper that was killed is waited for, which is longer than any child lives. Milliseconds. */
const LAST_CHILD_MS = 30_000;

/** Requests that are under way at a time: the helper reads one while `ip` still works on the one before. */
const REQUESTS_AT_A_TIME = 2;

export interface HelperOptions {
  /** The helper's command; `--lock PATH` is added. */
  readonly command: Argv;
  /** The lock that the helper holds; made when missing. */
  readonly lockPath: string;
  readonly elevation: Elevation;
  readonly locks: FileLocks;
}

/**
 * mkplan's side of the elevated helper, which is started once and lives until `close`. One that dies meanwhile is
 * started anew by the next `change`, behind the lock that its last child still holds; one that could not be
 * started is not tried again, so that a refused password is not asked for twice.
 */
export class HelperClient implements RouteChanger {
  readonly #options: HelperOptions;
  #session: Promise<Session> | null = null;
  #seq = 0;
  /** How a helper ended that was still needed; a child of it may live on. */
  #died: Failure | null = null;

  constructor(options: HelperOptions) {
    this.#options = options;
  }

  /**
   * Starts the helper, so that this overlaps with other work: its process runs once this returns. Optional; where it
   * fails, `change` fails likewise. Throws a Failure: the refusal of its elevation, `helper-gone`, `helper-exposed`,
   * `helper-unable`, `lock-held`.
   */
  start(): Promise<void> {
    const started = this.#started().then(() => undefined);
    // A caller that starts early need not wait for it: the next `change` tells of the same failure.
    started.catch(() => undefined);
    return started;
  }

  async change(changes: readonly RouteChange[]): Promise<readonly ChangeFailure[]> {
    // One for all requests: a helper that died over one of them must not be replaced for the next.
    const session = this.#started();
    const answers: Promise<readonly ChangeFailure[]>[] = [];
    for (let from = 0; from < changes.length; from += MAX_CHANGES) {
      await answers.at(-REQUESTS_AT_A_TIME);
      const answer = this.#request(session, changes.slice(from, from + MAX_CHANGES));
      // Two may fail at once, and the first of them is told.
      answer.catch(() => undefined);
      answers.push(answer);
    }
    const refused = await Promise.all(answers);
    return refused.flatMap((some, request) =>
      some.map(({ index, message }) => ({ index: request * MAX_CHANGES + index, message })),
    );
  }

  async take(): Promise<boolean> {
    const session = await this.#living();
    if (session === null) return false;
    const seq = this.#seq++;
    try {
      const { type } = await session.ask(seq, encodeRequest({ type: 'take', seq }));
      return type === 'answer';
    } catch (error) {
      this.#lost(error);
      return false;
    }
  }

  async release(): Promise<void> {
    const seq = this.#seq++;
    const session = await this.#living();
    try {
      await session?.ask(seq, encodeRequest({ type: 'release', seq }));
    } catch (error) {
      this.#lost(error);
    }
    if (this.#died !== null) await this.#awaitLastChild();
  }

  async close(): Promise<void> {
    const session = await this.#living();
    this.#session = null;
    await session?.end();
    if (this.#died !== null) await this.#awaitLastChild();
  }

  /**
   * The helper that was started, to be passed on to a process that may go on with it; null where none was. Throws the
   * Failure of `start`.
   */
  async stream(): Promise<CommandStream | null> {
    return (await this.#session)?.stream ?? null;
  }

  /** Lets go of the helper without ending it: the process that it was passed on to goes on with it. */
  async leave(): Promise<void> {
    const session = await this.#living();
    this.#session = null;
    session?.leave();
  }

  /** A helper that did not start has nothing to let go of or to end; its callers were told why. */
  async #living(): Promise<Session | null> {
    return (await this.#session?.catch(() => null)) ?? null;
  }

  #lost(error: unknown): Failure {
    this.#session = null;
    this.#died = helperGone(messageOf(error));
    return this.#died;
  }

  async #request(
    starting: Promise<Session>,
    changes: readonly RouteChange[],
  ): Promise<readonly ChangeFailure[]> {
    const seq = this.#seq++;
    // The helper may still be starting.
    const line = encodeRequest({ type: 'change', seq, changes });
    const session = await starting;
    const response = await session.ask(seq, line).catch((error: unknown) => {
      throw this.#lost(error);
    });
    if (response.type === 'answer') return response.refused;
    throw this.#unable(response);
  }

  #started(): Promise<Session> {
    this.#session ??= this.#open();
    return this.#session;
  }

  async #open(): Promise<Session> {
    const { command, lockPath, elevation } = this.#options;
    closeSync(this.#openLock());
    const session = new Session((onLine) => elevation.stream([...command, '--lock', lockPath], onLine));
    const response = await session
      .ask(null, encodeRequest({ type: 'hello', version: PROTOCOL_VERSION }))
      .catch((error: unknown) => {
        if (!(error instanceof SessionEnded)) throw error;
        if (error.cause instanceof Failure) throw error.cause;
        throw elevation.refusal(error) ?? helperGone(error.message);
      });
    if (response.type === 'hello') return session;
    await session.end();
    throw this.#unable(response);
  }

  #unable(response: Response): Failure {
    if (response.type !== 'error') return helperUnable('it answered what was not asked');
    if (response.code === 'lock-held') return helperBusy(this.#options.lockPath);
    return response.code === 'exposed' ? helperExposed(response.message) : helperUnable(response.message);
  }

  #openLock(): number {
    const { lockPath } = this.#options;
    // Neither through a link, nor waiting for a writer to a pipe of that name.
    const careful = constants.O_NOFOLLOW | constants.O_NONBLOCK;
    try {
      return openSync(lockPath, constants.O_RDONLY | constants.O_CREAT | careful, 0o600);
    } catch (error) {
      throw helperUnable(`cannot open ${lockPath}: ${messageOf(error)}`);
    }
  }

  /** The helper's children hold its lock: when it can be had, none is left. */
  async #awaitLastChild(): Promise<void> {
    const lock = this.#openLock();
    try {
      if (!(await this.#options.locks.tryLock(lock, { waitMs: LAST_CHILD_MS }))) {
        throw helperBusy(this.#options.lockPath);
      }
      this.#died = null;
    } finally {
      closeSync(lock);
    }
  }
}
