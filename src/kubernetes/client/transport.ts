import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { type Agent, request } from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { messageOf } from '../../model/diagnostic.ts';
import { isReset, LostConnection } from './answer.ts';
import { Unexpected } from './expected.ts';
import { type CredentialSource, type Credentials, Link } from './link.ts';
import type { ApiProxy } from './tunnel.ts';
import { canonicalAddress } from './wire.ts';

/** How to reach and prove one API server, and who we are to it. */
export interface TransportOptions extends Credentials {
  /** https only; a path is kept as a prefix. */
  readonly server: URL;
  /** Where others come from when these end; without it they stay the same. */
  readonly source?: CredentialSource | undefined;
  /** What every connection is made through; without it they are made directly. It fails with a Failure of its own. */
  readonly proxy?: ApiProxy | null;
}

/** One HTTP request. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly text: string };
}

const UNAUTHORIZED = 401;

/** Milliseconds of silence after which the kernel asks whether a stream's other side is still there. */
const PROBE_AFTER_MS = 15_000;

/** IPv4 peers of a dual-stack socket show as `::ffff:192.0.2.1` (RFC 4291, section 2.5.5.2). */
function peerOf(socket: Socket): string | null {
  return socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '') ?? null;
}

/** Whether what answers speaks another language than HTTP, or more than anybody listens to (`HPE_…`: Node's parser). */
function isUnparsable(error: NodeJS.ErrnoException): boolean {
  return error.code?.startsWith('HPE_') === true;
}

/** Node sets a list as one header for each value, and may want to change it. */
function sendable(headers: Credentials['headers']): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}

/**
 * Connections to one API server. Where credentials end, a request that is refused for them is sent once more with
 * others: nothing was done for whom the server does not know.
 */
export class Transport {
  readonly #source: CredentialSource | undefined;
  readonly #proxy: ApiProxy | null;
  /** With the properties of a URL read out: they are computed anew each time that they are asked for. */
  readonly #server: { readonly hostname: string; readonly port: string; readonly pathname: string };
  #link: Link;
  /** Those of credentials that ended: requests may still be under way there. */
  readonly #retired: Link[] = [];
  #answeredAt: string | null = null;
  #isConnected = false;
  #hasAnswered = false;
  #proxyAt: string | null;

  /** Throws when certificate or key are none. */
  constructor(options: TransportOptions) {
    const { hostname, port, pathname } = options.server;
    // Brackets belong to the URL, not to the address.
    this.#server = { hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port: port || '443', pathname };
    this.#source = options.source;
    this.#proxy = options.proxy ?? null;
    this.#proxyAt = canonicalAddress(this.#proxy?.url.hostname.replace(/^\[(.*)\]$/, '$1'));
    this.#link = new Link(options, this.#proxy);
  }

  /** Sees to it that there are credentials, which may take longer than any request. Throws a Failure where there are none. */
  async authenticate(): Promise<void> {
    if (this.#source !== undefined) this.#use(await this.#source.current());
  }

  /**
   * The address that last answered with a certificate that the CA vouches for; null before any did, and behind a proxy:
   * what is seen there is the proxy's.
   */
  get answeredAt(): string | null {
    return this.#answeredAt;
  }

  /** Whether the server, or the proxy before it, took the connection that was used last. */
  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** Whether any answer ever came. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** The address of the proxy; null without one, and where only its name is known. */
  get proxyAt(): string | null {
    return this.#proxyAt;
  }

  /** Sends a call; resolves with the head of its answer. Throws LostConnection when the other side ends the connection. */
  call(asked: TransportRequest, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#send(asked, signal, 'calls');
  }

  /** The same over a connection of its own, which ends with the answer, and whose other side is asked for when silent. */
  async stream(asked: TransportRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await this.#send(asked, signal, 'streams');
    response.socket.setKeepAlive(true, PROBE_AFTER_MS);
    return response;
  }

  /** A server that went away without a word left its idle connections half-open, too. */
  dropIdle(): void {
    this.#link.dropIdle();
  }

  close(): void {
    this.#source?.close();
    for (const link of [...this.#retired, this.#link]) link.close();
  }

  #use(credentials: Credentials): void {
    if (this.#link.credentials === credentials) return;
    this.#link.dropIdle();
    this.#retired.push(this.#link);
    this.#link = new Link(credentials, this.#proxy);
  }

  async #send(
    asked: TransportRequest,
    signal: AbortSignal,
    kind: 'calls' | 'streams',
  ): Promise<IncomingMessage> {
    const { credentials, [kind]: agent } = this.#link;
    const response = await this.#open(asked, signal, agent, credentials);
    const { socket } = response;
    this.#hasAnswered = true;
    if (this.#proxy !== null) this.#proxyAt = peerOf(socket) ?? this.#proxyAt;
    else if (socket instanceof TLSSocket && socket.authorized) this.#answeredAt = peerOf(socket);
    if (response.statusCode !== UNAUTHORIZED || this.#source === undefined) return response;
    response.resume();
    this.#use(await this.#source.renew(credentials));
    const renewed = this.#link;
    return await this.#open(asked, signal, renewed[kind], renewed.credentials);
  }

  #open(
    asked: TransportRequest,
    signal: AbortSignal,
    agent: Agent,
    credentials: Credentials,
  ): Promise<IncomingMessage> {
    const { method, body } = asked;
    const { hostname, port, pathname } = this.#server;
    const query = asked.query === undefined ? '' : `?${new URLSearchParams(asked.query)}`;
    const path = `${pathname.replace(/\/$/, '')}${asked.path}${query}`;
    const headers = {
      ...sendable(credentials.headers),
      Accept: 'application/json',
      'User-Agent': 'mkplan',
      ...(body === undefined
        ? {}
        : { 'Content-Type': body.type, 'Content-Length': Buffer.byteLength(body.text) }),
    };
    return new Promise((resolve, reject) => {
      const sent: ClientRequest = request({ hostname, port, path, method, headers, signal, agent }, resolve);
      sent.on('socket', (socket) => {
        this.#isConnected = !socket.connecting;
        if (socket.connecting) socket.once('connect', () => (this.#isConnected = true));
      });
      sent.on('error', (error) => {
        if (isReset(error)) reject(new LostConnection(messageOf(error), { cause: error }, sent.reusedSocket));
        else
          reject(isUnparsable(error) ? new Unexpected(`the answer is not HTTP: ${messageOf(error)}`) : error);
      });
      // Node tells of a switch of protocols, which nobody asked for, by nothing else; and the deadline comes to nothing then.
      sent.on('close', () => {
        reject(new LostConnection('the connection ended without an answer', { cause: null }));
      });
      sent.end(body?.text);
    });
  }
}
