import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSecureContext, TLSSocket } from 'node:tls';
import { messageOf } from '../model/diagnostic.ts';
import { type ApiErrors, createApiErrors } from './api-errors.ts';

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
  /** Milliseconds until one call, body included, is given up. */
  readonly deadlineMs: number;
}

/** HTTP methods of the verbs that RBAC names. */
const METHODS = { get: 'GET', list: 'GET', create: 'POST', update: 'PUT', patch: 'PATCH' } as const;

/** One call of the API. */
export interface ApiCall {
  /** The verb as RBAC names it. */
  readonly verb: keyof typeof METHODS;
  /** What is asked for, for messages: `services`, `configmaps kube-system/kubeadm-config`. */
  readonly resource: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly text: string };
  readonly signal?: AbortSignal | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  /** The parsed JSON. */
  readonly body: unknown;
}

/** A list to read to its end. */
export interface ListCall extends Omit<ApiCall, 'verb' | 'body'> {
  /** Statuses that mean that there is nothing to read: the answer is null then. */
  readonly absentOn?: readonly number[];
  /** Stop after this many pages. */
  readonly maxPages?: number;
}

const PAGE_SIZE = 500;
/** A connection costs more than most answers; a second one keeps short answers from waiting behind long ones. */
const MAX_AT_ONCE = 2;
const MAX_ATTEMPTS = 4;
const MAX_RETRY_AFTER_S = 10;
/** A page of 500 objects is some 2 MB; nothing honest comes near this. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

interface RawAnswer extends ApiAnswer {
  readonly retryAfterMs: number;
}

function retryAfterMs(response: IncomingMessage): number {
  const seconds = Number(response.headers['retry-after'] ?? '1');
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_S) * 1000 : 1000;
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new Error(`the answer is longer than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(status: number, text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch (error) {
    // Errors of proxies and of the API server's own mux are plain text; their status says enough.
    if (status >= 400) return { message: text.slice(0, 200).trim() };
    throw error;
  }
}

/** IPv4 peers of a dual-stack socket show as `::ffff:192.0.2.1` (RFC 4291, section 2.5.5.2). */
function peerOf(socket: TLSSocket): string | null {
  return socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '') ?? null;
}

/**
 * JSON over kept-alive HTTPS to one API server. Every call has a deadline, and waits out a bounded number of 429
 * answers. What fails is thrown as a Failure that names context, verb and resource.
 */
export class ApiClient {
  readonly #options: ApiOptions;
  readonly #agent: Agent;
  readonly #errors: ApiErrors;
  readonly #turns = new Turns(MAX_AT_ONCE);
  readonly #closed = new AbortController();
  #answeredAt: string | null = null;

  /** Throws when certificate or key are none. */
  constructor(options: ApiOptions) {
    this.#options = options;
    const { ca, cert, key, ...verification } = options.tls;
    // Made once: the agent would read certificates and key again for each connection.
    const secureContext = createSecureContext({ ca, cert, key });
    this.#agent = new Agent({ keepAlive: true, secureContext, ...verification });
    this.#errors = createApiErrors(options);
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
      for (let attempt = 1; ; attempt++) {
        const answer = await this.#turns.take(() => this.#attempt(call));
        if (answer.status !== 429 || attempt === MAX_ATTEMPTS) return answer;
        await sleep(answer.retryAfterMs, undefined, { signal: call.signal });
      }
    } catch (error) {
      call.signal?.throwIfAborted();
      throw this.#errors.unreachable(call, error);
    }
  }

  /** Reads one object; null when the status is one of `absentOn`. Throws a Failure on any other error. */
  async get<T>(call: Omit<ApiCall, 'verb' | 'body'>, absentOn: readonly number[] = []): Promise<T | null> {
    const asked: ApiCall = { ...call, verb: 'get' };
    const answer = await this.send(asked);
    if (absentOn.includes(answer.status)) return null;
    if (answer.status >= 300) throw this.#errors.refused(asked, answer);
    return answer.body as T;
  }

  /** Reads a list page by page; null when the first status is one of `absentOn`. Throws a Failure on any other error. */
  async list<T>(call: ListCall): Promise<T[] | null> {
    const asked: ApiCall = { ...call, verb: 'list' };
    const items: T[] = [];
    let next = '';
    for (let page = 0; page < (call.maxPages ?? Number.POSITIVE_INFINITY); page++) {
      const query = {
        ...call.query,
        limit: String(PAGE_SIZE),
        ...(next === '' ? {} : { continue: next }),
      };
      const answer = await this.send({ ...asked, query });
      if (page === 0 && call.absentOn?.includes(answer.status)) return null;
      if (answer.status >= 300) throw this.#errors.refused(asked, answer);
      const body = answer.body as { items?: readonly T[] | null; metadata?: { continue?: string } } | null;
      for (const item of body?.items ?? []) items.push(item);
      next = body?.metadata?.continue ?? '';
      if (next === '') break;
    }
    return items;
  }

  /** Calls that are still under way fail, and those that wait for their turn are not made. */
  close(): void {
    this.#closed.abort(new Error('the client was closed'));
    this.#agent.destroy();
  }

  async #attempt(call: ApiCall): Promise<RawAnswer> {
    try {
      return await this.#once(call);
    } catch (error) {
      // The server may close an idle connection just as we write to it; reading once more changes nothing.
      const stale = METHODS[call.verb] === 'GET' && error instanceof StaleConnection;
      if (!stale) throw error;
      return await this.#once(call);
    }
  }

  async #once(call: ApiCall): Promise<RawAnswer> {
    this.#closed.signal.throwIfAborted();
    call.signal?.throwIfAborted();
    const deadline = AbortSignal.timeout(this.#options.deadlineMs);
    const signal = call.signal === undefined ? deadline : AbortSignal.any([deadline, call.signal]);
    try {
      const response = await this.#open(call, signal);
      const { socket } = response;
      if (socket instanceof TLSSocket && socket.authorized) this.#answeredAt = peerOf(socket);
      const status = response.statusCode ?? 0;
      const body = parseBody(status, await readBody(response));
      return { status, body, retryAfterMs: retryAfterMs(response) };
    } catch (error) {
      // While a body is read, the abort shows as a reset connection.
      throw deadline.aborted ? deadline.reason : error;
    }
  }

  #open(call: ApiCall, signal: AbortSignal): Promise<IncomingMessage> {
    const url = new URL(this.#options.server);
    url.pathname = url.pathname.replace(/\/$/, '') + call.path;
    url.search = new URLSearchParams(call.query).toString();
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
      const sent: ClientRequest = request(url, { method, headers, signal, agent: this.#agent }, resolve);
      sent.on('error', (error: NodeJS.ErrnoException) => {
        const stale = sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
        reject(stale ? new StaleConnection(messageOf(error), { cause: error }) : error);
      });
      sent.end(call.body?.text);
    });
  }
}

/** Lets so many do their work at once; the others wait, the first come first. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** A kept-alive connection that turned out to be closed. */
class StaleConnection extends Error {}
