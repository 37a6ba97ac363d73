import { request } from 'node:http';
import { Agent, type AgentOptions } from 'node:https';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import { Failure, messageOf } from '../../model/diagnostic.ts';

/** A proxy that connections to an API server are made through. */
export interface ApiProxy {
  /** Of scheme http, https or socks5; it may hold a name and a password, which are shown nowhere. */
  readonly url: URL;
  /** The variable that names it; null where the kubeconfig does. */
  readonly variable: string | null;
  /** What an https proxy is known by. */
  readonly tls: Pick<ConnectionOptions, 'ca' | 'rejectUnauthorized'>;
  /** Milliseconds until it has to have reached the server. */
  readonly timeoutMs: number;
  /** The context, for messages. */
  readonly context: string;
  /** The API server. */
  readonly server: URL;
}

interface Target {
  readonly host: string;
  readonly port: number;
}

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'socks5:': 1080 };
const PROXY_AUTHENTICATION_REQUIRED = 407;

/** What a proxy did in place of reaching the server. */
class Refusal extends Error {
  readonly status: number | null;

  constructor(message: string, status: number | null = null) {
    super(message);
    this.status = status;
  }
}

function fixOf({ variable, server }: ApiProxy, status: number | null): string {
  const where = variable ?? '`proxy-url` in the kubeconfig';
  const correct =
    status === PROXY_AUTHENTICATION_REQUIRED
      ? `Write the proxy’s name and password into ${where}: http://name:password@host:port`
      : `Correct ${where}`;
  return variable === null
    ? `${correct}.`
    : `${correct}, or add ${server.hostname} to NO_PROXY if the server is reached without it.`;
}

/** Says that a connection through the proxy failed, and what named the proxy: nobody thinks of a variable. */
function proxyFailure(proxy: ApiProxy, error: unknown): Failure {
  const { url, variable, context, server } = proxy;
  const shown = `${url.protocol}//${url.host}`;
  const status = error instanceof Refusal ? error.status : null;
  return new Failure('error', [
    {
      code: 'cluster-proxy',
      severity: 'error',
      summary: `context "${context}": cannot reach ${server.origin} through the proxy ${shown}: ${messageOf(error)}`,
      cause:
        variable === null
          ? '`proxy-url` of its cluster in the kubeconfig names this proxy.'
          : `${variable} names this proxy.`,
      fix: fixOf(proxy, status),
    },
  ]);
}

function connected<T extends Duplex>(socket: T, event: string): Promise<T> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once(event, () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

/** `host:port`, with the brackets that an IPv6 address takes. */
function authorityOf({ host, port }: Target): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

async function reachProxy({ url, tls }: ApiProxy, opened: (socket: Duplex) => void): Promise<Socket> {
  const host = hostOf(url);
  const tcp = connectTcp({ host, port: Number(url.port) || (PORTS[url.protocol] ?? 0) });
  opened(tcp);
  await connected(tcp, 'connect');
  if (url.protocol !== 'https:') return tcp;
  const secure = connectTls({ ...tls, socket: tcp, host, servername: isIP(host) === 0 ? host : '' });
  opened(secure);
  return await connected(secure, 'secureConnect');
}

/** RFC 9110, section 9.3.6. */
function askByConnect({ url }: ApiProxy, socket: Socket, target: Target): Promise<Socket> {
  const authority = authorityOf(target);
  const [name, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  const basic = Buffer.from(`${name}:${password}`).toString('base64');
  const headers = {
    Host: authority,
    'User-Agent': 'mkplan',
    ...(name === '' && password === '' ? {} : { 'Proxy-Authorization': `Basic ${basic}` }),
  };
  return new Promise((resolve, reject) => {
    const asked = request({ method: 'CONNECT', path: authority, headers, createConnection: () => socket });
    // Node would have the proxy close what it is asked to keep open.
    asked.removeHeader('Connection');
    asked.once('error', (error) => {
      const isOurs = error instanceof Refusal;
      reject(isOurs ? error : new Refusal(`it does not answer as a proxy does: ${messageOf(error)}`));
    });
    asked.once('connect', ({ statusCode = 0, statusMessage = '' }, through: Socket, head: Buffer) => {
      if (statusCode < 200 || statusCode > 299) {
        reject(new Refusal(`it answered ${statusCode} ${statusMessage.slice(0, 200)}`.trim(), statusCode));
        return;
      }
      if (head.length > 0) through.unshift(head);
      resolve(through);
    });
    asked.end();
  });
}

/** RFC 1928; the proxy looks the name up, as with kubectl. */
async function askBySocks({ url, timeoutMs }: ApiProxy, socket: Socket, target: Target): Promise<Socket> {
  // Few have such a proxy.
  const { SocksClient } = await import('socks');
  const proxy = {
    host: hostOf(url),
    port: Number(url.port) || 1080,
    type: 5 as const,
    userId: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  try {
    const options = { command: 'connect', proxy, destination: target, existing_socket: socket } as const;
    return (await SocksClient.createConnection({ ...options, timeout: timeoutMs })).socket;
  } catch (error) {
    // Its error holds the password.
    throw new Refusal(messageOf(error));
  }
}

/**
 * Has the proxy reach the server, and proves that it is the server that was reached. Throws a Failure that names the
 * proxy and what named it.
 */
async function openTunnel(
  proxy: ApiProxy,
  options: ConnectionOptions,
  closed: AbortSignal,
): Promise<TLSSocket> {
  const signal = AbortSignal.any([closed, AbortSignal.timeout(proxy.timeoutMs)]);
  const sockets: Duplex[] = [];
  const stop = () => {
    const why = closed.aborted ? 'the client was closed' : `it took longer than ${proxy.timeoutMs} ms`;
    for (const socket of sockets) socket.destroy(new Refusal(why));
  };
  signal.addEventListener('abort', stop, { once: true });
  const opened = (socket: Duplex) => {
    // Whoever waits hears of an error; one of a socket that is given up tells nobody anything.
    socket.on('error', () => undefined);
    sockets.unshift(socket);
  };
  try {
    const target = { host: options.host ?? '', port: Number(options.port) };
    const ask = proxy.url.protocol === 'socks5:' ? askBySocks : askByConnect;
    const socket = await ask(proxy, await reachProxy(proxy, opened), target);
    const secure = connectTls({ ...options, socket });
    opened(secure);
    return await connected(secure, 'secureConnect');
  } catch (error) {
    stop();
    throw proxyFailure(proxy, error);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Connections to an API server, each through the proxy. */
export class TunnelAgent extends Agent {
  readonly #proxy: ApiProxy;
  readonly #closed = new AbortController();

  constructor(proxy: ApiProxy, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  /** Called by Node for each new connection. */
  override createConnection(
    options: ConnectionOptions,
    callback: (error: Error | null, socket?: Duplex) => void,
  ): undefined {
    openTunnel(this.#proxy, options, this.#closed.signal).then((socket) => callback(null, socket), callback);
  }

  /** What is being opened fails. */
  override destroy(): void {
    this.#closed.abort();
    super.destroy();
  }
}
