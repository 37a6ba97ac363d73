import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import { ADMIN, createAuthority } from './certificates.ts';
import { discover, isServedGroup } from './discovery.ts';
import type { JsonObject } from './objects/json.ts';
import type { Author } from './objects/managed-fields.ts';
import { StatusError } from './objects/status-error.ts';
import { Store } from './objects/store.ts';
import { describeOpenApi } from './openapi.ts';
import { NAMESPACES, SERVICE_CIDRS, SERVICES } from './resources.ts';
import { type ApiContext, answerRequest } from './verbs.ts';

export interface EmbeddedApiOptions {
  /** The address to listen on. */
  readonly address: string;
  /** 0: any free one. */
  readonly port: number;
  /** Canonical; the first family is the cluster's default. */
  readonly serviceCidrs: readonly string[];
  /** Names and addresses besides `address` that the server's certificate is good for. */
  readonly subjects?: readonly string[];
  /** Milliseconds between the bookmarks of a watch; one minute, as kube-apiserver, unless given. */
  readonly bookmarkIntervalMs?: number;
  /** How many changes a watch can resume over, at least; 10,000 unless given. */
  readonly historyLimit?: number;
  /** The clock of creation times and certificates. */
  readonly now?: () => Date;
}

/** A running server. The client certificate is a member of `system:masters`. */
export interface EmbeddedApi {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  readonly clientCert: string;
  readonly clientKey: string;
  readonly store: Store;
  /** Ends watches and connections, and stops listening. */
  close(): Promise<void>;
}

const SYSTEM: Author = { manager: 'kube-apiserver', subresource: '' };

function sendJson(response: ServerResponse, code: number, body: JsonObject): void {
  const text = JSON.stringify(body);
  response.writeHead(code, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-cache, private',
    'Content-Length': Buffer.byteLength(text),
  });
  response.end(text);
}

const HEALTH = new Set(['/healthz', '/livez', '/readyz']);

async function handle(
  message: IncomingMessage,
  response: ServerResponse,
  context: ApiContext,
): Promise<void> {
  const url = new URL(message.url ?? '/', 'https://localhost');
  if (HEALTH.has(url.pathname)) {
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end('ok');
    return;
  }
  // As on kube-apiserver, /version and the health checks are for everyone, the rest for known clients.
  const known = message.socket instanceof TLSSocket && message.socket.authorized;
  if (!known && url.pathname !== '/version') throw new StatusError(401, 'Unauthorized', 'Unauthorized');
  const path = url.pathname.replace(/(.)\/$/, '$1');
  if (!isServedGroup(path)) {
    response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('404 page not found\n');
    return;
  }
  const discovered = message.method === 'GET' ? (discover(path) ?? describeOpenApi(path)) : undefined;
  const answered =
    discovered === undefined
      ? await answerRequest(message, response, url, context)
      : { code: 200, body: discovered };
  if (answered !== null) sendJson(response, answered.code, answered.body);
}

/** What every cluster has from the start. */
function populate(store: Store, serviceCidrs: readonly string[], now: Date): void {
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    const labels = { 'kubernetes.io/metadata.name': name };
    store.seed(
      NAMESPACES,
      { metadata: { name, labels }, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } },
      SYSTEM,
    );
  }
  const ready = {
    type: 'Ready',
    status: 'True',
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
    lastTransitionTime: `${now.toISOString().slice(0, 19)}Z`,
  };
  store.seed(
    SERVICE_CIDRS,
    { metadata: { name: 'kubernetes' }, spec: { cidrs: serviceCidrs }, status: { conditions: [ready] } },
    SYSTEM,
  );
  store.seed(
    SERVICES,
    {
      metadata: { name: 'kubernetes', labels: { component: 'apiserver', provider: 'kubernetes' } },
      spec: { ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 8443 }] },
    },
    SYSTEM,
  );
}

/**
 * Starts a Kubernetes API that holds everything in memory. Behaves as kube-apiserver does towards clients that list,
 * watch and write; there are no controllers, schedulers or kubelets behind it.
 * Throws what listening throws, such as EADDRINUSE, and a RangeError for a CIDR that is not canonical.
 */
export async function createEmbeddedApi(options: EmbeddedApiOptions): Promise<EmbeddedApi> {
  const { address, serviceCidrs, historyLimit = 10_000, now = () => new Date() } = options;
  const authority = await createAuthority(now());
  const [serving, admin] = await Promise.all([
    authority.issueServer([address, 'localhost', 'kubernetes', ...(options.subjects ?? [])]),
    authority.issueClient(ADMIN),
  ]);
  const store = new Store({ serviceCidrs, historyLimit, now });
  populate(store, serviceCidrs, now());
  const stopping = new AbortController();
  const context = {
    store,
    now,
    bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000,
    signal: stopping.signal,
  };
  const server = createServer(
    {
      ...serving,
      ca: authority.ca,
      requestCert: true,
      // An unknown client gets a Status that says so, rather than a broken connection.
      rejectUnauthorized: false,
      // Longer than clients keep idle connections, so that the server is not the one who closes.
      keepAliveTimeout: 180_000,
    },
    (message, response) => {
      handle(message, response, context).catch((error: unknown) => {
        const failure =
          error instanceof StatusError
            ? error
            : new StatusError(500, 'InternalError', `Internal error occurred: ${String(error)}`);
        if (response.headersSent) response.destroy();
        else sendJson(response, failure.code, failure.toStatus());
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, address, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : options.port;
  return {
    url: `https://${address.includes(':') ? `[${address}]` : address}:${port}`,
    ca: authority.ca,
    clientCert: admin.cert,
    clientKey: admin.key,
    store,
    close: () =>
      new Promise((resolve, reject) => {
        stopping.abort();
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}
