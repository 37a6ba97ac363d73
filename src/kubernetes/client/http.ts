import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../model/diagnostic.ts';
import { LostConnection, type RawAnswer, readAnswer } from './answer.ts';
import { type ApiErrors, createApiErrors } from './api-errors.ts';
import { Brake, backoffMs } from './patience.ts';
import { Transport, type TransportOptions, type TransportRequest } from './transport.ts';
import { Turns } from './turns.ts';
import { readLines } from './watch-stream.ts';

/** How to reach one API server, and how long to wait for it. */
export interface ApiOptions extends TransportOptions {
  /** The kubeconfig context, for messages. */
  readonly context: string;
  /** Milliseconds until one call is given up: its repetitions, the waits between them and the body included. */
  readonly deadlineMs: number;
}

/** HTTP methods of the verbs that RBAC names; a `review` is a question that is posted. */
const METHODS = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  review: 'POST',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const;

const READS: ReadonlySet<keyof typeof METHODS> = new Set(['get', 'list', 'review']);

const OK = 200;
const FORBIDDEN = 403;
/** The state that a list continues from is compacted away. */
const GONE = 410;

/** One call of the API. */
export interface ApiCall extends Omit<TransportRequest, 'method'> {
  /** The verb as RBAC names it, or `review`. */
  readonly verb: keyof typeof METHODS;
  /** What is asked for, for messages: `services`, `configmaps kube-system/kubeadm-config`. */
  readonly resource: string;
  readonly signal?: AbortSignal | undefined;
}

/** Something to read. */
export interface ReadCall extends Omit<ApiCall, 'verb' | 'body'> {
  /** Statuses that mean that there is nothing to read: the answer is null then. */
  readonly absentOn?: readonly number[];
  /** Called instead of failing where it may not be read: the answer is null then. */
  readonly onForbidden?: () => void;
}

/** A list to read to its end. */
export interface ListCall extends ReadCall {
  /** Stop after this many pages. */
  readonly maxPages?: number;
}

/** What a list was read into. */
export interface Listed<V> {
  readonly values: readonly V[];
  /** Of the state that it shows: where a watch of it begins. */
  readonly resourceVersion: string;
}

/** Something to watch, from the resourceVersion that its query names. */
export interface WatchCall extends Omit<ApiCall, 'verb' | 'body'> {
  readonly signal: AbortSignal;
  /** Milliseconds without a byte after which the connection counts as dead. */
  readonly idleMs: number;
  /** The server began to answer. */
  readonly onOpen: () => void;
  /** What it throws ends the watch. */
  readonly onLine: (line: string) => void;
}

const PAGE_SIZE = 500;
const MAX_ATTEMPTS = 4;
/** Shares of the deadline: the first wait before a call is repeated, the first pause and the longest. */
const BACKOFF_SHARE = 1 / 50;
const PAUSE_SHARE = 1 / 10;
const LONGEST_PAUSE_SHARE = 1 / 2;

/** The server says that it did not do it, and may later; 503 without Retry-After is some proxy's or a broken webhook's. */
function wasPutOff({ status, retryAfterMs }: RawAnswer): boolean {
  return status === 429 || (status === 503 && retryAfterMs !== null);
}

/**
 * JSON over kept-alive HTTPS to one API server. Every call has a deadline, which covers its repetitions and the waits
 * between them. Repeated is what the server put off (429, or 503 with Retry-After), and once what was read when the
 * connection got lost; never a write of which it is not known whether it was made. What fails is thrown as a Failure
 * that names context, verb and resource.
 */
export class ApiClient {
  readonly #options: ApiOptions;
  readonly #transport: Transport;
  readonly #errors: ApiErrors;
  readonly #turns = new Turns();
  readonly #brake: Brake;
  readonly #closed = new AbortController();

  /** Throws when certificate or key are none. */
  constructor(options: ApiOptions) {
    this.#options = options;
    this.#transport = new Transport(options);
    this.#errors = createApiErrors(options);
    const { deadlineMs } = options;
    this.#brake = new Brake(deadlineMs * PAUSE_SHARE, deadlineMs * LONGEST_PAUSE_SHARE);
  }

  /** The address that last answered with a certificate that the CA vouches for; null before any did. */
  get answeredAt(): string | null {
    return this.#transport.answeredAt;
  }

  get errors(): ApiErrors {
    return this.#errors;
  }

  /** Makes a call, whatever the status of its answer. Throws a Failure when none came. */
  async send(call: ApiCall): Promise<RawAnswer> {
    try {
      await this.#transport.authenticate();
      // The turn is kept while waiting, so that a server that puts off is asked by no more than have a turn.
      return await this.#turns.take(() => this.#withinDeadline(call));
    } catch (error) {
      call.signal?.throwIfAborted();
      throw this.#failure(call, error);
    }
  }

  /** What stood in the way: no credentials, or no answer. */
  #failure(call: ApiCall, error: unknown): Failure {
    return error instanceof Failure ? error : this.#errors.unreachable(call, error);
  }

  /** Reads one object; null when it is absent or forbidden, as the call says. Throws a Failure on any other error. */
  async get<T>(call: ReadCall): Promise<T | null> {
    const asked: ApiCall = { ...call, verb: 'get' };
    const answer = await this.send(asked);
    if (isAbsent(call, answer)) return null;
    if (answer.status >= 300) throw this.#errors.refused(asked, answer);
    return answer.body as T;
  }

  /** Reads a list page by page; null when it is absent or forbidden, as the call says. Throws a Failure on any other error. */
  async list<T>(call: ListCall): Promise<readonly T[] | null> {
    return (await this.collect<T, T>(call, (item) => item))?.values ?? null;
  }

  /** The same, keeping of each object only what `take` makes of it. */
  async collect<T, V>(call: ListCall, take: (item: T) => V): Promise<Listed<V> | null> {
    const asked: ApiCall = { ...call, verb: 'list' };
    let values: V[] = [];
    let resourceVersion = '';
    let page: Readonly<Record<string, string>> = { limit: String(PAGE_SIZE) };
    for (let pages = 0; pages < (call.maxPages ?? Number.POSITIVE_INFINITY); pages++) {
      const answer = await this.send({ ...asked, query: { ...call.query, ...page } });
      if (pages === 0 && isAbsent(call, answer)) return null;
      if (answer.status === GONE && 'continue' in page) {
        // The state that the pages were of is forgotten by now: all in one piece, which cannot happen to that.
        [values, page] = [[], {}];
        continue;
      }
      if (answer.status >= 300) throw this.#errors.refused(asked, answer);
      const body = answer.body as ListBody<T> | null;
      for (const item of body?.items ?? []) values.push(take(item));
      resourceVersion = body?.metadata?.resourceVersion ?? '';
      const next = body?.metadata?.continue ?? '';
      if (next === '') break;
      page = { limit: String(PAGE_SIZE), continue: next };
    }
    return { values, resourceVersion };
  }

  /**
   * Reads a watch line by line until the server ends it. It takes no turn and has a connection of its own. Throws a
   * Failure when the server refuses, does not begin to answer in time, or gets lost, and whatever `onLine` throws.
   */
  async watch(call: WatchCall): Promise<void> {
    const asked: ApiCall = { ...call, verb: 'watch' };
    await this.#transport.authenticate();
    const { deadlineMs } = this.#options;
    const opening = new AbortController();
    const late = setTimeout(() => opening.abort(new DeadlineExceeded(deadlineMs)), deadlineMs);
    const signal = AbortSignal.any([opening.signal, this.#closed.signal, call.signal]);
    const lost = (error: unknown): never => {
      signal.throwIfAborted();
      throw this.#failure(asked, error);
    };
    try {
      const response = await this.#transport.stream({ ...call, method: METHODS.watch }, signal).catch(lost);
      if (response.statusCode !== OK) {
        throw this.#errors.refused(asked, await readAnswer(response).catch(lost));
      }
      clearTimeout(late);
      call.onOpen();
      await readLines(response, call.idleMs, call.onLine).catch((error: unknown) => {
        if (error instanceof LostConnection) lost(error);
        throw error;
      });
    } catch (error) {
      if (opening.signal.aborted && !call.signal.aborted) {
        throw this.#errors.unreachable(asked, opening.signal.reason);
      }
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  /** Calls that are still under way fail, and those that wait for their turn are not made. */
  close(): void {
    this.#closed.abort(new Error('the client was closed'));
    this.#transport.close();
  }

  /** One call with its repetitions. */
  async #withinDeadline(call: ApiCall): Promise<RawAnswer> {
    this.#closed.signal.throwIfAborted();
    call.signal?.throwIfAborted();
    const { deadlineMs } = this.#options;
    const deadline = new AbortController();
    const end = setTimeout(() => deadline.abort(new DeadlineExceeded(deadlineMs)), deadlineMs);
    const signal =
      call.signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, call.signal]);
    try {
      await this.#heedBrake(call, signal);
      const answer = await this.#untilAnswered(call, signal, performance.now() + deadlineMs);
      if (answer.status === 429 || answer.status >= 500) this.#brake.failed(performance.now());
      else this.#brake.succeeded();
      return answer;
    } catch (error) {
      // What was called off says nothing about the server.
      if (call.signal?.aborted !== true && !(error instanceof HeldBack))
        this.#brake.failed(performance.now());
      if (!deadline.signal.aborted) throw error;
      this.#transport.dropIdle();
      // While a body is read, the abort shows as a reset connection.
      throw deadline.signal.reason;
    } finally {
      clearTimeout(end);
    }
  }

  /** A write that is not sent leaves nothing unclear; reading can wait, and tells when the server is back. */
  async #heedBrake(call: ApiCall, signal: AbortSignal): Promise<void> {
    const pauseMs = this.#brake.pauseMs(performance.now());
    if (pauseMs === 0) return;
    if (!isRead(call)) throw new HeldBack(`not sent, since ${this.#brake.failures} calls in a row failed`);
    await this.#wait(pauseMs, signal);
  }

  async #untilAnswered(call: ApiCall, signal: AbortSignal, endsAt: number): Promise<RawAnswer> {
    const baseMs = this.#options.deadlineMs * BACKOFF_SHARE;
    let lost = 0;
    for (let attempt = 1; ; attempt++) {
      let waitMs: number;
      try {
        const answer = await this.#once(call, signal);
        waitMs = backoffMs(baseMs, attempt, answer.retryAfterMs);
        const tooLate = performance.now() + waitMs >= endsAt;
        if (!wasPutOff(answer) || attempt === MAX_ATTEMPTS || tooLate) return answer;
      } catch (error) {
        if (!isRead(call) || !(error instanceof LostConnection) || ++lost > 1) throw error;
        // The server may close an idle connection just as we write to it.
        waitMs = error.wasIdle ? 0 : backoffMs(baseMs, attempt, null);
      }
      if (waitMs > 0) await this.#wait(waitMs, signal);
    }
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    await sleep(ms, undefined, { signal: AbortSignal.any([signal, this.#closed.signal]) });
  }

  async #once(call: ApiCall, signal: AbortSignal): Promise<RawAnswer> {
    this.#closed.signal.throwIfAborted();
    return await readAnswer(await this.#transport.call({ ...call, method: METHODS[call.verb] }, signal));
  }
}

interface ListBody<T> {
  readonly items?: readonly T[] | null;
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
}

function isAbsent({ absentOn, onForbidden }: ReadCall, { status }: RawAnswer): boolean {
  if (absentOn?.includes(status)) return true;
  if (status !== FORBIDDEN || onForbidden === undefined) return false;
  onForbidden();
  return true;
}

function isRead(call: ApiCall): boolean {
  return READS.has(call.verb);
}

class DeadlineExceeded extends Error {
  constructor(deadlineMs: number) {
    super(`no answer within ${deadlineMs} ms`);
  }
}

/** A call that was not made, for the sake of the server. */
class HeldBack extends Error {}
