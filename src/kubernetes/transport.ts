import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, type AgentOptions, request } from 'node:https';
import { createSecureContext, TLSSocket } from 'node:tls';
import { messageOf } from '../model/diagnostic.ts';
import { isReset, LostConnection } from './answer.ts';

/** How to reach and prove one API server, and who we are to it. */
export interface TransportOptions {
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
}

/** One HTTP request. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly type: string; readonly text: string };
}

/** Milliseconds of silence after which the kernel asks whether a stream's other side is still there. */
const PROBE_AFTER_MS = 15_000;

/** IPv4 peers of a dual-stack socket show as `::ffff:192.0.2.1` (RFC 4291, section 2.5.5.2). */
function peerOf(socket: TLSSocket): string | null {
  return socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '') ?? null;
}

/** Connections to one API server: kept ones for calls, and one of its own for each stream. */
export class Transport {
  readonly #headers: Readonly<Record<string, string>>;
  /** With the properties of a URL read out: they are computed anew each time that they are asked for. */
  readonly #server: { readonly hostname: string; readonly port: string; readonly pathname: string };
  readonly #calls: Agent;
  readonly #streams: Agent;
  #answeredAt: string | null = null;

  /** Throws when certificate or key are none. */
  constructor({ server, tls, headers }: TransportOptions) {
    const { hostname, port, pathname } = server;
    // Brackets belong to the URL, not to the address.
    this.#server = { hostname: hostname.replace(/^\[(.*)\]$/, '$1'), port: port || '443', pathname };
    this.#headers = headers;
    const { ca, cert, key, ...verification } = tls;
    // Made once: the agent would read certificates and key again for each connection.
    const options: AgentOptions = { secureContext: createSecureContext({ ca, cert, key }), ...verification };
    this.#calls = new Agent({ ...options, keepAlive: true });
    this.#streams = new Agent(options);
  }

  /** The address that last answered with a certificate that the CA vouches for; null before any did. */
  get answeredAt(): string | null {
    return this.#answeredAt;
  }

  /** Sends a call; resolves with the head of its answer. Throws LostConnection when the other side ends the connection. */
  call(asked: TransportRequest, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#send(asked, signal, this.#calls);
  }

  /** The same over a connection of its own, which ends with the answer, and whose other side is asked for when silent. */
  async stream(asked: TransportRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const response = await this.#send(asked, signal, this.#streams);
    response.socket.setKeepAlive(true, PROBE_AFTER_MS);
    return response;
  }

  /** A server that went away without a word left its idle connections half-open, too. */
  dropIdle(): void {
    for (const sockets of Object.values(this.#calls.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  close(): void {
    this.#calls.destroy();
    this.#streams.destroy();
  }

  async #send(asked: TransportRequest, signal: AbortSignal, agent: Agent): Promise<IncomingMessage> {
    const response = await this.#open(asked, signal, agent);
    const { socket } = response;
    if (socket instanceof TLSSocket && socket.authorized) this.#answeredAt = peerOf(socket);
    return response;
  }

  #open(asked: TransportRequest, signal: AbortSignal, agent: Agent): Promise<IncomingMessage> {
    const { method, body } = asked;
    const { hostname, port, pathname } = this.#server;
    const query = asked.query === undefined ? '' : `?${new URLSearchParams(asked.query)}`;
    const path = `${pathname.replace(/\/$/, '')}${asked.path}${query}`;
    const headers = {
      ...this.#headers,
      Accept: 'application/json',
      'User-Agent': 'mkplan',
      ...(body === undefined
        ? {}
        : { 'Content-Type': body.type, 'Content-Length': Buffer.byteLength(body.text) }),
    };
    return new Promise((resolve, reject) => {
      const sent: ClientRequest = request({ hostname, port, path, method, headers, signal, agent }, resolve);
      sent.on('error', (error) => {
        reject(
          isReset(error) ? new LostConnection(messageOf(error), { cause: error }, sent.reusedSocket) : error,
        );
      });
      sent.end(body?.text);
    });
  }
}
