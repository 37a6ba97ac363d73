import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { type Diagnostic, Failure, messageOf } from '../../model/diagnostic.ts';
import { type AnsweredHosts, answeredHosts, isAnswered } from './http-hosts.ts';

/** Where the listener listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What is answered to a request, as one text. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

export interface ListenerOptions {
  readonly address: ListenAddress;
  /** What is answered to GET, by path. */
  readonly pages: Readonly<Record<string, () => Answer>>;
  /** Of this host, as others know it. */
  readonly hostname: string;
  /** Further names that may be asked for, as {@link hostName} gives them. */
  readonly names: readonly string[];
  /** Told once of each kind of trouble that the listener has. */
  readonly onProblem: (diagnostic: Diagnostic) => void;
}

export interface HttpListener {
  readonly url: string;
  close(): void;
}

/** A monitoring system needs one connection, a person another; each takes a descriptor, of which a session needs some too. */
const MOST_CONNECTIONS = 32;
/** Bytes of a request's first line and headers. */
const MOST_HEADER_BYTES = 8 * 1024;
const HEADERS_TIMEOUT_MS = 5000;
/** For a whole request, and for a reader that takes nothing of its answer. */
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 5000;
const CHECK_EVERY_MS = 1000;

const PLAIN = 'text/plain; charset=utf-8';
const METHODS = 'GET, HEAD';

/** Listens. Throws a Failure (`http-address`) when nothing can listen there. */
export async function openHttpListener(options: ListenerOptions): Promise<HttpListener> {
  const { address, hostname, names, onProblem } = options;
  const server = createServer({
    maxHeaderSize: MOST_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
    // Told here, as any other Host that is not answered.
    requireHostHeader: false,
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.timeout = REQUEST_TIMEOUT_MS;
  const bound = await listen(server, address);
  const hosts = answeredHosts(bound.address, hostname, names);
  const answer = (request: IncomingMessage, response: ServerResponse) =>
    send(request, response, answerTo(request, hosts, options.pages));
  server.on('request', answer);
  // Nobody's body is read, so nobody is told to send one.
  server.on('checkContinue', answer);
  server.on('connect', (_request, socket) => refuse(socket, 405, `Allow: ${METHODS}\r\n`));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuse(socket, statusOf(error)));
  if (hosts.isLoopback && names.length > 0) onProblem(namesInVain(bound.address));
  // A connection that could not be taken, for want of descriptors perhaps, is one that nobody has: the session goes on.
  let isTold = false;
  server.on('error', (error) => {
    if (!isTold) onProblem(cannotAccept(error));
    isTold = true;
  });
  return {
    url: `http://${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function listen(server: Server, address: ListenAddress) {
  const { host, port } = address;
  await new Promise<void>((resolve, reject) => {
    const refused = (error: Error) => reject(cannotListen(address, error));
    server.once('error', refused);
    server.listen(port, host, () => {
      server.off('error', refused);
      resolve();
    });
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new TypeError('it listens at no port');
  return bound;
}

/** The answer to a request: whom it asks for is looked at before anything else. */
function answerTo(
  request: IncomingMessage,
  hosts: AnsweredHosts,
  pages: ListenerOptions['pages'],
): Answer & { readonly allow?: string } {
  const target = targetOf(request.url ?? '');
  const given = request.headersDistinct['host'] ?? [];
  if (given.length > 1) return plain(400, 'a request has one Host header');
  const [host = ''] = given;
  const isOurs =
    isAnswered(host, hosts) && (target.authority === null || isAnswered(target.authority, hosts));
  if (!isOurs) {
    const others = hosts.isLoopback ? '' : ', or a name that --http-host gave';
    const ask = hosts.isLoopback ? 'localhost, 127.0.0.1 or [::1]' : 'an address or a name of this host';
    return plain(421, `the Host header names another host; ask for ${ask}${others}`);
  }
  const page = Object.hasOwn(pages, target.path) ? pages[target.path] : undefined;
  if (page === undefined) return plain(404, `not found; there are ${Object.keys(pages).join(' and ')}`);
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { ...plain(405, 'only GET and HEAD are allowed'), allow: METHODS };
  }
  return page();
}

/** Of a request's target, the path, and the authority where it names one itself (RFC 9112, 3.2). */
function targetOf(url: string): { readonly path: string; readonly authority: string | null } {
  const [, authority = null, rest = url] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(url) ?? [];
  return { path: rest.split(/[?#]/, 1)[0] ?? '', authority };
}

function plain(status: number, line: string): Answer {
  return { status, type: PLAIN, text: `${line}\n` };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, type, text, allow }: Answer & { readonly allow?: string },
): void {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || (request.headers['content-length'] ?? '0') !== '0';
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(allow === undefined ? {} : { Allow: allow }),
    ...(hasBody ? { Connection: 'close' } : {}),
  });
  // What follows of a body is nobody's: without this Node would read it to its end.
  if (hasBody) response.once('finish', () => request.socket.destroySoon());
  response.end(request.method === 'HEAD' ? undefined : text);
}

function statusOf({ code }: NodeJS.ErrnoException): number {
  if (code === 'HPE_HEADER_OVERFLOW') return 431;
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
}

/** Ends a connection with which HTTP cannot go on. */
function refuse(socket: Duplex, status: number, headers = ''): void {
  // Its end is all that is left of it: who has reset it reads no answer.
  socket.on('error', () => undefined);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${headers}`;
  socket.end(`${head}Content-Length: 0\r\nConnection: close\r\n\r\n`, () => socket.destroy());
}

function cannotListen({ host, port }: ListenAddress, error: Error): Failure {
  return new Failure('error', [
    {
      code: 'http-address',
      severity: 'error',
      summary: `nothing can listen at ${host}:${port}`,
      cause: messageOf(error),
      fix: 'name an address of this host and a port that is free',
      command: `ss -ltnp sport = :${port}`,
    },
  ]);
}

function cannotAccept(error: Error): Diagnostic {
  return {
    code: 'http-accept',
    severity: 'warning',
    summary: 'a connection to the HTTP listener could not be taken',
    cause: messageOf(error),
    fix: 'let the session open more files (`ulimit -n`), or find who opens so many connections',
  };
}

function namesInVain(address: string): Diagnostic {
  return {
    code: 'http-host-unused',
    severity: 'warning',
    summary: `--http-host says nothing for ${address}`,
    cause: 'on loopback only localhost, 127.0.0.0/8 and [::1] are answered',
    fix: 'leave --http-host out, or listen where others reach it: --http=0.0.0.0:9469',
  };
}
