import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext, TLSSocket } from 'node:tls';
import { messageOf } from '../model/diagnostic.ts';
import { type ApiAnswer, isReset, LostConnection, type RawAnswer, readAnswer } from './answer.ts';
import { type ApiErrors, createApiErrors } from './api-errors.ts';
import { Brake, backoffMs } from './patience.ts';
import { Turns } from './turns.ts';

/** How to reach and prove one API server, and who we are to it. */
export interface ApiOptions {
  /** The kubeconfig context, for messages. */
  readonly context: string;
  /** https only; a path is kept as a prefix. */
  readonly server: URL;
  readonly tls: {
    readonly ca?: string | Buffer;
    readonly cert?: string | Buffer;
    readonly key?: string | Buffer;
    readonly servername?: string;
    readonly rejectUnauthorized: boolean;
  };
  /** Credentials, as headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds until one call is given up: its repetitions, the waits between them and the body included. */
  readonly deadlineMs: number;
}

/** HTTP methods of the verbs that RBAC names; a `review` is a question that is posted. */
const METHODS = {
  get: 'GET',
  list: 'GET',
  review: 'POST',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
} as const;

const READS: ReadonlySet<keyof typeof METHODS> = new Set(['get', 'list', 'review']);

const FORBIDDEN = 403;
/** The state that a list continues from is compacted away. */
const GONE = 410;

/** One call of the API. */
export interface ApiCall {
  /** The verb as RBAC names it, or `review`. */
  readonly verb: keyof typeof METHODS;
  /** What is asked for, for messages: `services`, `configmaps kube-system/kubeadm-config`. */
  readonly resource: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly text: string };
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

/** IPv4 peers of a dual-stack socket show as `::ffff:192.0.2.1` (RFC 4291, section 2.5.5.2). */
function peerOf(socket: TLSSocket): string | null {
  return socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '') ?? null;
}

/**
 * JSON over kept-alive HTTPS to one API server. Every call has a deadline, which covers its repetitions and the waits
 * between them. Repeated is what the server put off (429, or 503 with Retry-After), and once what was read when the
 * connection got lost; never a write of which it is not known whether it was made. What fails is thrown as a Failure
 * that names context, verb and resource.
 */
export class ApiClient {
  readonly #options: ApiOptions;
  /** With the properties of a URL read out: they are computed anew each time that they are asked for. */
  readonly #server: { readonly hostname: string; readonly port: string; readonly pathname: string };
  readonly #agent: Agent;
  readonly #errors: ApiErrors;
  readonly #turns = new Turns();
  readonly #brake: Brake;
  readonly #closed = new AbortController();
  #answeredAt: string | null = null;

  /** Throws when certificate or key are none. */
  constructor(options: ApiOptions) {
    this.#options = options;
    const { hostname, port, pathname } = options.server;
    // Brackets belong to the URL, not to the address.
    this.#server = { hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port: port || '443', pathname };
    const { ca, cert, key, ...verification } = options.tls;
    // Made once: the agent would read certificates and key again for each connection.
    const secureContext = createSecureContext({ ca, cert, key });
    this.#agent = new Agent({ keepAlive: true, secureContext, ...verification });
    this.#errors = createApiErrors(options);
    const { deadlineMs } = options;
    this.#brake = new Brake(deadlineMs * PAUSE_SHARE, deadlineMs * LONGEST_PAUSE_SHARE);
  }

  /** The address that last answered with a certificate that the CA vouches for; null before any did. */
  get answeredAt(): string | null {
    return this.#answeredAt;
  }

  get errors(): ApiErrors {
    return this.#errors;
  }

  /** Makes a call, whatever the status of its answer. Throws a Failure when none came. */
  async send(call: ApiCall): Promise<ApiAnswer> {
    try {
      // The turn is kept while waiting, so that a server that puts off is asked by no more than have a turn.
      return await this.#turns.take(() => this.#withinDeadline(call));
    } catch (error) {
      call.signal?.throwIfAborted();
      throw this.#errors.unreachable(call, error);
    }
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
  async list<T>(call: ListCall): Promise<T[] | null> {
    const asked: ApiCall = { ...call, verb: 'list' };
    let items: T[] = [];
    let page: Readonly<Record<string, string>> = { limit: String(PAGE_SIZE) };
    for (let pages = 0; pages < (call.maxPages ?? Number.POSITIVE_INFINITY); pages++) {
      const answer = await this.send({ ...asked, query: { ...call.query, ...page } });
      if (pages === 0 && isAbsent(call, answer)) return null;
      if (answer.status === GONE && 'continue' in page) {
        // The state that the pages were of is forgotten by now: all in one piece, which cannot happen to that.
        [items, page] = [[], {}];
        continue;
      }
      if (answer.status >= 300) throw this.#errors.refused(asked, answer);
      const body = answer.body as { items?: readonly T[] | null; metadata?: { continue?: string } } | null;
      for (const item of body?.items ?? []) items.push(item);
      const next = body?.metadata?.continue ?? '';
      if (next === '') break;
      page = { limit: String(PAGE_SIZE), continue: next };
    }
    return items;
  }

  /** Calls that are still under way fail, and those that wait for their turn are not made. */
  close(): void {
    this.#closed.abort(new Error('the client was closed'));
    this.#agent.destroy();
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
      this.#dropIdle();
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

  /** A server that went away without a word left its idle connections half-open, too. */
  #dropIdle(): void {
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  async #once(call: ApiCall, signal: AbortSignal): Promise<RawAnswer> {
    this.#closed.signal.throwIfAborted();
    const response = await this.#open(call, signal);
    const { socket } = response;
    if (socket instanceof TLSSocket && socket.authorized) this.#answeredAt = peerOf(socket);
    return await readAnswer(response);
  }

  #open(call: ApiCall, signal: AbortSignal): Promise<IncomingMessage> {
    const query = call.query === undefined ? '' : `?${new URLSearchParams(call.query)}`;
    const path = `${this.#server.pathname.replace(/\/$/, '')}${call.path}${query}`;
    const headers = {
      ...this.#options.headers,
      Accept: 'application/json',
      'User-Agent': 'mkplan',
      ...(call.body === undefined
        ? {}
        : { 'Content-Type': call.body.type, 'Content-Length': Buffer.byteLength(call.body.text) }),
    };
    const method = METHODS[call.verb];
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#server;
      const options = { hostname, port, path, method, headers, signal, agent: this.#agent };
      const sent: ClientRequest = request(options, resolve);
      sent.on('error', (error) => {
        reject(
          isReset(error) ? new LostConnection(messageOf(error), { cause: error }, sent.reusedSocket) : error,
        );
      });
      sent.end(call.body?.text);
    });
  }
}

function isAbsent({ absentOn, onForbidden }: ReadCall, { status }: ApiAnswer): boolean {
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
