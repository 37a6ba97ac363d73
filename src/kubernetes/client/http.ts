import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../model/diagnostic.ts';
import { isOfApiServer, LostConnection, type RawAnswer, readAnswer } from './answer.ts';
import { type ApiErrors, createApiErrors } from './api-errors.ts';
import { type ApiCall, type ListCall, METHODS, type ReadCall, type WatchCall } from './calls.ts';
import { DeadlineExceeded } from './connection-faults.ts';
import { Unexpected } from './expected.ts';
import { type Listed, Listing } from './listing.ts';
import { Brake, backoffMs, Deadline } from './patience.ts';
import { Transport, type TransportOptions } from './transport.ts';
import { Turns } from './turns.ts';
import { readLines } from './watch-stream.ts';

/** How to reach one API server, and how long to wait for it. */
export interface ApiOptions extends TransportOptions {
  /** The kubeconfig context, for messages. */
  readonly context: string;
  /** Milliseconds until one call is given up: its repetitions, the waits between them, the body and all pages of a list. */
  readonly deadlineMs: number;
}

/** By which statuses an API server says that all of it was done (Kubernetes API reference, "Response" of each operation). */
const DONE: Readonly<Record<ApiCall['verb'], readonly number[]>> = {
  get: [200],
  list: [200],
  watch: [200],
  review: [200, 201, 202],
  create: [200, 201, 202],
  update: [200, 201],
  patch: [200, 201],
  delete: [200, 202],
};
const READS: ReadonlySet<ApiCall['verb']> = new Set(['get', 'list', 'review']);

const OK = 200;
const FORBIDDEN = 403;
const NOT_FOUND = 404;
/** The state that a list continues from is compacted away. */
const GONE = 410;

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

  /** The address of the proxy; null without one, and where only its name is known. */
  get proxyAt(): string | null {
    return this.#transport.proxyAt;
  }

  get errors(): ApiErrors {
    return this.#errors;
  }

  /** Obtains credentials: a program that makes them has a deadline of its own. Throws a Failure when it cannot. */
  async authenticate(): Promise<void> {
    await this.#transport.authenticate();
  }

  /** Why a server that never answered was silent for so many milliseconds; null where it has answered before. */
  silence(call: ReadCall, waitedMs: number): Failure | null {
    if (this.#transport.hasAnswered) return null;
    return this.#errors.unreachable({ ...call, verb: 'get' }, this.#silence(waitedMs));
  }

  #silence(waitedMs: number): DeadlineExceeded {
    return new DeadlineExceeded(waitedMs, this.#transport.isConnected);
  }

  /** Makes a call, whatever the status of its answer. Throws a Failure when none came. */
  async send(call: ApiCall): Promise<RawAnswer> {
    return await this.#inTurn(call, (ask) => ask(call));
  }

  /** What stood in the way: no credentials, no answer, or another one than was asked for. */
  #failure(call: ApiCall, error: unknown): Failure {
    if (error instanceof Unexpected) return this.#errors.unexpected(call, error);
    return error instanceof Failure ? error : this.#errors.unreachable(call, error);
  }

  /** What `take` makes of an answer. Throws a Failure for an error, and for what it finds not to be what was asked for. */
  shown<V>(call: ApiCall, answer: RawAnswer, take: (body: unknown) => V): V {
    if (answer.status >= 300) throw this.#errors.refused(call, answer);
    try {
      if (!DONE[call.verb].includes(answer.status)) {
        throw new Unexpected(
          `the answer has HTTP status ${answer.status}, which no API server gives to this request`,
        );
      }
      return take(answer.body);
    } catch (error) {
      throw error instanceof Unexpected ? this.#errors.unexpected(call, error) : error;
    }
  }

  /** Reads one object; null when it is absent or forbidden, as the call says. Throws a Failure on any other error. */
  async get<V>(call: ReadCall, take: (body: unknown) => V): Promise<V | null> {
    const asked: ApiCall = { ...call, verb: 'get' };
    const answer = await this.send(asked);
    return isAbsent(call, answer) ? null : this.shown(asked, answer, take);
  }

  /**
   * Reads a list page by page, to its end, keeping of each object only what `take` makes of it; null when it is absent or
   * forbidden, as the call says. Throws a Failure on any other error, and nothing of it is believed then.
   */
  async collect<T, V>(call: ListCall, take: (item: T) => V): Promise<Listed<V> | null> {
    const { onNotFound: _, onForbidden: __, rest, ...plain } = call;
    return await this.#inTurn({ ...plain, verb: 'list' }, async (ask, aside) => {
      const listing = new Listing<T, V>(call, take);
      for (let { query } = listing; query !== null; query = listing.query) {
        if (rest !== undefined && listing.pages > 0) await aside(() => rest(listing.pages));
        const resource = listing.pages === 0 ? call.resource : `${call.resource}, page ${listing.pages + 1}`;
        const asked: ApiCall = { ...plain, verb: 'list', resource, query: { ...call.query, ...query } };
        const answer = await ask(asked);
        if (listing.pages === 0 && isAbsent(call, answer)) return null;
        if (answer.status === GONE && listing.restart()) continue;
        this.shown(asked, answer, () => listing.add(answer));
      }
      return listing.listed;
    });
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
    const late = setTimeout(() => opening.abort(this.#silence(deadlineMs)), deadlineMs);
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
      const encoding = response.headers['content-encoding'] ?? 'identity';
      if (encoding !== 'identity') throw new Unexpected(`the watch is packed as "${encoding}"`);
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

  /** Lets `work` ask as often as it needs to, within one turn and one deadline; it may step aside from both. */
  async #inTurn<R>(call: ApiCall, work: (ask: Ask, aside: Aside) => Promise<R>): Promise<R> {
    try {
      await this.#transport.authenticate();
    } catch (error) {
      call.signal?.throwIfAborted();
      throw this.#failure(call, error);
    }
    // The turn is kept while waiting, so that a server that puts off is asked by no more than have a turn.
    return await this.#turns.take(async () => {
      const { deadlineMs } = this.#options;
      const deadline = new Deadline(deadlineMs, () => this.#silence(deadlineMs));
      try {
        return await work(
          (asked) => this.#ask(asked, deadline),
          (wait) => deadline.suspend(() => this.#turns.stepAside(wait)),
        );
      } finally {
        deadline.end();
      }
    });
  }

  /** One call with its repetitions. */
  async #ask(call: ApiCall, deadline: Deadline): Promise<RawAnswer> {
    const signal =
      call.signal === undefined ? deadline.signal : AbortSignal.any([deadline.signal, call.signal]);
    try {
      this.#closed.signal.throwIfAborted();
      signal.throwIfAborted();
      await this.#heedBrake(call, signal);
      const answer = await this.#untilAnswered(call, signal, deadline.endsAt);
      if (answer.status === 429 || answer.status >= 500) this.#brake.failed(performance.now());
      else this.#brake.succeeded();
      return answer;
    } catch (error) {
      // What was called off says nothing about the server.
      if (call.signal?.aborted !== true && !(error instanceof HeldBack))
        this.#brake.failed(performance.now());
      if (deadline.signal.aborted) this.#transport.dropIdle();
      call.signal?.throwIfAborted();
      // While a body is read, the abort shows as a reset connection.
      throw this.#failure(call, deadline.signal.aborted ? deadline.signal.reason : error);
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
        if (!wasPutOff(answer)) return answer;
        this.#turns.putOff();
        if (attempt === MAX_ATTEMPTS || tooLate) return answer;
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

/** Asks once, with the repetitions that are needed; whatever the status of the answer. Throws a Failure when none came. */
type Ask = (call: ApiCall) => Promise<RawAnswer>;

/** Waits for something without the turn, and with the deadline standing still. */
type Aside = (wait: () => Promise<void>) => Promise<void>;

/** A proxy's word on what there is, or may be read, is no answer. */
function isAbsent({ onNotFound, onForbidden }: ReadCall, answer: RawAnswer): boolean {
  const on = { [NOT_FOUND]: onNotFound, [FORBIDDEN]: onForbidden }[answer.status];
  if (on === undefined || !isOfApiServer(answer)) return false;
  on();
  return true;
}

function isRead(call: ApiCall): boolean {
  return READS.has(call.verb);
}

/** A call that was not made, for the sake of the server. */
class HeldBack extends Error {}
