import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Access } from '../embedded-api/client.ts';
import { type Certificates, makeCertificates } from '../kubernetes/api-server.ts';

/** What becomes of one request. */
export type Fault =
  | { readonly kind: 'pass' }
  /** The connection ends before the request gets through. */
  | { readonly kind: 'drop' }
  /** The request never gets through, and is never answered. */
  | { readonly kind: 'hang' }
  /** The request gets through, and the connection ends instead of an answer. */
  | { readonly kind: 'lose' }
  /** The request gets through, and is never answered. */
  | { readonly kind: 'hang-after' }
  /** The request gets through, and the connection ends after this share of the answer's body. */
  | { readonly kind: 'cut'; readonly share: number }
  /** The request gets through, and the answer comes byte by byte, so far apart. */
  | { readonly kind: 'drip'; readonly everyMs: number }
  /** Passes this much later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Waits before it gets through, or its answer does. */
  | { readonly kind: 'hold'; readonly stage: 'request' | 'answer'; wait(): Promise<void> }
  /** Answered by an error, without getting through. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: string }
  /** Answered by what is made of the request, which does not get through. */
  | { readonly kind: 'invent'; invent(passing: Passing): Rewritten }
  /** Answered by this, without getting through. */
  | { readonly kind: 'answer'; readonly status: number; readonly body: unknown }
  /** The request gets through, and the answer is made into another one on its way back. */
  | { readonly kind: 'rewrite'; rewrite(reply: Reply): Rewritten }
  /** A watch that is answered by these bytes, without getting through, and then ended, or left open. */
  | { readonly kind: 'stream'; readonly bytes: string; readonly isEnded: boolean };

/** A whole answer of the API. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

/** What comes of an answer; JSON unless its headers say otherwise. */
export interface Rewritten {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A body without end is sent for as long as somebody reads it. */
  readonly body: Buffer | string | Iterable<Buffer> | AsyncIterable<Buffer>;
  /** Sent before all of it, as it stands. */
  readonly before?: Iterable<string> | AsyncIterable<string>;
}

export interface Passing {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly isWatch: boolean;
  readonly body: string;
}

export type Upset = 'cut' | 'cut in a line' | 'end' | 'mute';

export interface FaultProxy {
  readonly port: number;
  readonly url: string;
  /** PEM, of the CA of the proxy's own certificate. */
  readonly ca: string;
  /** Requests so far, with the time of each in milliseconds. */
  readonly seen: readonly (Passing & { readonly at: number; readonly fault: Fault['kind'] })[];
  /** TLS connections so far. */
  connections(): number;
  /** Decides from now on what becomes of each request. */
  decide(next: (passing: Passing) => Fault): void;
  /** What becomes of the watches that are open: cut, ended within a line, ended by the server, or mute from now on. */
  upset(how: Upset): void;
  /** Refuses connections, and ends those that are open. */
  down(): Promise<void>;
  /** Listens again, at the same port. */
  up(): Promise<void>;
  close(): Promise<void>;
}

export const PASS: Fault = { kind: 'pass' };

async function bytesOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Speaks to the API as its administrator, over kept connections. */
class Upstream {
  readonly #api: Access;
  readonly #agent: Agent;

  constructor(api: Access) {
    this.#api = api;
    this.#agent = new Agent({ keepAlive: true, ca: api.ca, cert: api.clientCert, key: api.clientKey });
  }

  async forward(incoming: IncomingMessage, body: Buffer): Promise<Reply> {
    const response = await this.open(incoming, body);
    return {
      status: response.statusCode ?? 0,
      type: response.headers['content-type'] ?? '',
      body: await bytesOf(response),
    };
  }

  async open(incoming: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
    const { host: _, ...headers } = incoming.headers;
    const sent = request(new URL(incoming.url ?? '/', this.#api.url), {
      method: incoming.method,
      headers,
      agent: this.#agent,
    });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  }

  close(): void {
    this.#agent.destroy();
  }
}

function isWatch(incoming: IncomingMessage): boolean {
  return new URL(incoming.url ?? '/', 'https://server').searchParams.get('watch') === 'true';
}

function statusBody(code: number): string {
  return JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    message: `injected ${code}`,
  });
}

function answerWith(response: ServerResponse, { status, type, body }: Reply, share = 1): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': body.length });
  if (share >= 1) response.end(body);
  else response.write(body.subarray(0, Math.floor(body.length * share)), () => response.destroy());
}

/** Answers byte by byte, for as long as there is a listener. */
function dripWith(response: ServerResponse, { status, type, body }: Reply, everyMs: number): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': body.length }).flushHeaders();
  let sent = 0;
  const timer = setInterval(() => {
    response.write(body.subarray(sent, ++sent));
    if (sent === body.length) response.end();
  }, everyMs);
  response.on('close', () => clearInterval(timer));
}

/** Sends an answer of any kind, until it ends or nobody reads it any more. */
async function answerOddly(
  response: ServerResponse,
  { status = 200, headers = {}, body, before = [] }: Rewritten,
): Promise<void> {
  for await (const text of before) {
    if (response.destroyed) return;
    response.socket?.write(text);
  }
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  if (typeof body === 'string' || body instanceof Buffer) response.end(body);
  else await pipeline(Readable.from(body), response);
}

/** The watches that are open. */
class Streams {
  readonly #open = new Map<ServerResponse, IncomingMessage>();

  pass(from: IncomingMessage, to: ServerResponse): void {
    to.writeHead(from.statusCode ?? 0, { 'Content-Type': from.headers['content-type'] ?? '' }).flushHeaders();
    this.#open.set(to, from);
    from.pipe(to);
    from.on('error', () => to.destroy());
    to.on('close', () => {
      this.#open.delete(to);
      from.destroy();
    });
  }

  upset(how: Upset): void {
    for (const [to, from] of this.#open) {
      from.unpipe(to);
      from.resume();
      if (how === 'cut') to.destroy();
      else if (how === 'end') to.end();
      else if (how === 'cut in a line') to.end('{"type":"MODI');
    }
  }
}

async function suffer(
  fault: Fault,
  passing: Passing,
  body: Buffer,
  incoming: IncomingMessage,
  response: ServerResponse,
  upstream: Upstream,
  streams: Streams,
): Promise<void> {
  switch (fault.kind) {
    case 'drop':
      response.destroy();
      return;
    case 'hang':
      return;
    case 'status': {
      const retry = fault.retryAfter === undefined ? {} : { 'Retry-After': fault.retryAfter };
      response.writeHead(fault.status, { 'Content-Type': 'application/json', ...retry });
      response.end(statusBody(fault.status));
      return;
    }
    case 'invent':
      await answerOddly(response, fault.invent(passing));
      return;
    case 'answer':
      response.writeHead(fault.status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(fault.body));
      return;
    case 'stream':
      response.writeHead(200, { 'Content-Type': 'application/json' }).write(fault.bytes);
      if (fault.isEnded) response.end();
      return;
    case 'delay':
      await sleep(fault.ms);
      break;
    case 'hold':
      if (fault.stage === 'request') await fault.wait();
      break;
  }
  const isKept = fault.kind === 'pass' || fault.kind === 'delay';
  if (isKept && isWatch(incoming)) {
    streams.pass(await upstream.open(incoming, body), response);
    return;
  }
  if (isWatch(incoming)) {
    response.destroy();
    return;
  }
  const reply = await upstream.forward(incoming, body);
  if (fault.kind === 'hold' && fault.stage === 'answer') await fault.wait();
  if (fault.kind === 'hang-after') return;
  if (fault.kind === 'lose') response.destroy();
  else if (fault.kind === 'drip') dripWith(response, reply, fault.everyMs);
  else if (fault.kind === 'rewrite')
    await answerOddly(response, { status: reply.status, ...fault.rewrite(reply) });
  else answerWith(response, reply, fault.kind === 'cut' ? fault.share : 1);
}

const certificates = new Map<string, Promise<Certificates>>();

function certificatesFor(address: string): Promise<Certificates> {
  const made = certificates.get(address) ?? makeCertificates(address);
  certificates.set(address, made);
  return made;
}

/**
 * Starts an HTTPS server on loopback that passes requests on to an API as its administrator, or lets them suffer. Its
 * certificate is for the address that clients reach it at.
 */
export async function startFaultProxy(api: Access, address = '127.0.0.1'): Promise<FaultProxy> {
  const { ca, cert, key } = await certificatesFor(address);
  const upstream = new Upstream(api);
  const streams = new Streams();
  const seen: (Passing & { at: number; fault: Fault['kind'] })[] = [];
  let connections = 0;
  let next: (passing: Passing) => Fault = () => PASS;
  const server = createServer({ cert, key, keepAliveTimeout: 60_000 }, (incoming, response) => {
    const handle = async (): Promise<void> => {
      const body = await bytesOf(incoming);
      const path = (incoming.url ?? '/').split('?', 1)[0] ?? '';
      const passing = {
        method: incoming.method ?? '',
        path,
        isWatch: isWatch(incoming),
        body: body.toString('utf8'),
      };
      const fault = next(passing);
      seen.push({ ...passing, at: performance.now(), fault: fault.kind });
      await suffer(fault, passing, body, incoming, response, upstream, streams);
    };
    handle().catch(() => response.destroy());
  });
  server.on('secureConnection', () => {
    connections++;
  });
  // HTTP knows nothing of a connection before its handshake, which would keep the server from closing.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const down = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `https://127.0.0.1:${port}`,
    ca,
    seen,
    connections: () => connections,
    decide(decision) {
      next = decision;
    },
    upset: (how) => streams.upset(how),
    down,
    up: () => listen(port),
    async close() {
      await down();
      upstream.close();
    },
  };
}
