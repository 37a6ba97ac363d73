import { createServer as createHttp, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Certificates } from './api-server.ts';

/** A proxy on loopback, and what it was asked for. */
export interface TestProxy {
  readonly port: number;
  /** `host:port` as each connection asked for it; a name is not looked up before. */
  readonly asked: readonly string[];
  /** Name and password of each, where there were any. */
  readonly logins: readonly string[];
  /** The headers of each, at an HTTP proxy. */
  readonly headers: readonly IncomingMessage['headers'][];
  close(): Promise<void>;
}

interface Seen {
  readonly asked: string[];
  readonly logins: string[];
  readonly headers: IncomingMessage['headers'][];
}

const nothing = (): Seen => ({ asked: [], logins: [], headers: [] });

async function listening(server: Server | HttpServer, seen: Seen): Promise<TestProxy> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    ...seen,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Both ends, until one of them ends. Every name is this machine's. */
function join(client: Duplex, port: number, ready: () => void): void {
  const server = connect({ host: '127.0.0.1', port }, () => {
    ready();
    client.pipe(server).pipe(client);
  });
  client.on('error', () => server.destroy());
  client.on('close', () => server.destroy());
  server.on('error', () => client.destroy());
}

/** An HTTP proxy; an https one with `tls`. `answer` is said in place of reaching the server. */
export function startHttpProxy(options: { tls?: Certificates; answer?: string } = {}): Promise<TestProxy> {
  const { tls, answer } = options;
  const server = tls === undefined ? createHttp() : createHttps({ cert: tls.cert, key: tls.key });
  const seen = nothing();
  server.on('connect', (request: IncomingMessage, client: Duplex) => {
    const { url = '', headers } = request;
    seen.asked.push(url);
    seen.headers.push(headers);
    const [, basic] = /^Basic (.*)$/.exec(headers['proxy-authorization'] ?? '') ?? [];
    if (basic !== undefined) seen.logins.push(Buffer.from(basic, 'base64').toString());
    if (answer === undefined) {
      join(client, Number(url.split(':').at(-1)), () => client.write('HTTP/1.1 200 Connected\r\n\r\n'));
    } else client.end(answer);
  });
  return listening(server, seen);
}

const NO_LOGIN = 0;
const LOGIN = 2;

/** A SOCKS5 proxy (RFC 1928) that asks for a login where one is offered (RFC 1929). `reply` is its answer. */
export function startSocksProxy(reply = 0): Promise<TestProxy> {
  const seen = nothing();
  const reach = (client: Socket, request: Buffer) => {
    const { host, port } = addressOf(request);
    seen.asked.push(`${host}:${port}`);
    const answer = Buffer.from([5, reply, 0, 1, 127, 0, 0, 1, 0, 0]);
    if (reply === 0) join(client, port, () => client.write(answer));
    else client.end(answer);
  };
  const server = createServer((client) => {
    client.once('data', (greeting) => {
      const method = greeting.subarray(2).includes(LOGIN) ? LOGIN : NO_LOGIN;
      client.write(Buffer.from([5, method]));
      if (method === NO_LOGIN) {
        client.once('data', (request) => reach(client, request));
        return;
      }
      client.once('data', (login) => {
        const end = 2 + (login[1] ?? 0);
        seen.logins.push(`${login.toString('utf8', 2, end)}:${login.toString('utf8', end + 1)}`);
        client.write(Buffer.from([1, 0]));
        client.once('data', (request) => reach(client, request));
      });
    });
  });
  return listening(server, seen);
}

function addressOf(request: Buffer): { host: string; port: number } {
  const [, , , kind, length = 0] = request;
  const isName = kind === 3;
  const end = isName ? 5 + length : 8;
  const host = isName ? request.toString('utf8', 5, end) : [...request.subarray(4, end)].join('.');
  return { host, port: request.readUInt16BE(end) };
}

/** A server that says something at once, whatever it is asked. */
export function startGarbage(text: string): Promise<TestProxy> {
  const server = createServer((client) => client.end(text));
  return listening(server, nothing());
}

/** A server that never says anything. */
export function startSilence(): Promise<TestProxy> {
  return listening(createServer(), nothing());
}
