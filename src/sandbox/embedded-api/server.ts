import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { TLSSocket } from 'node:tls';
import { parse as parseYaml } from 'yaml';
import { makeCertificates } from './certificates.ts';
import { discover } from './discovery.ts';
import { isObject, type Json, type JsonObject, parseJson, textAt, valueAt } from './json.ts';
import { encodeList, listObjects } from './list.ts';
import { describeOpenApi } from './openapi.ts';
import { jsonPatch, mergePatch, strategicPatch } from './patch.ts';
import { type ApiRequest, flag, parseRequest } from './request.ts';
import { NAMESPACES, PODS, SERVICE_CIDRS, SERVICES } from './resources.ts';
import { badRequest, methodNotAllowed, StatusError } from './status-error.ts';
import { type Author, type Location, Store } from './store.ts';
import { tableOf, wantsTable } from './table.ts';
import { watchObjects } from './watch.ts';

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

/** What etcd takes in one request, and so kube-apiserver too. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

const SYSTEM: Author = { manager: 'kube-apiserver', subresource: '' };

interface Context {
  readonly store: Store;
  readonly now: () => Date;
  readonly bookmarkIntervalMs: number;
  readonly signal: AbortSignal;
}

interface Answer {
  readonly code: number;
  readonly body: JsonObject;
}

async function readBody(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    if (size > MAX_BODY_BYTES) {
      throw new StatusError(
        413,
        'RequestEntityTooLarge',
        `Request entity too large: limit is ${MAX_BODY_BYTES}`,
      );
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function mediaType(message: IncomingMessage): string {
  return (message.headers['content-type'] ?? 'application/json').split(';', 1)[0]?.trim() ?? '';
}

function unsupportedMediaType(type: string): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml (got ${type})`;
  return new StatusError(415, 'UnsupportedMediaType', message);
}

function parseBody(text: string, type: string): Json {
  try {
    return type.endsWith('yaml') ? (parseYaml(text, { maxAliasCount: 10 }) as Json) : parseJson(text);
  } catch (error) {
    throw badRequest(`error decoding the body: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readObject(message: IncomingMessage): Promise<JsonObject> {
  const type = mediaType(message);
  if (type !== 'application/json' && !type.endsWith('yaml')) throw unsupportedMediaType(type);
  const body = parseBody(await readBody(message), type);
  if (!isObject(body)) throw badRequest('the body of the request is not an object');
  return body;
}

/** Who writes: `fieldManager`, else what the client calls itself up to the slash. */
function authorOf(message: IncomingMessage, request: ApiRequest): Author {
  const agent = message.headers['user-agent']?.split('/', 1)[0] ?? '';
  const manager = request.query.get('fieldManager') ?? '';
  return {
    manager: manager !== '' ? manager : agent !== '' ? agent : 'unknown',
    subresource: request.subresource,
  };
}

function locationOf(request: ApiRequest): Location {
  return { resource: request.resource, namespace: request.namespace, name: request.name };
}

async function patchObject(message: IncomingMessage, request: ApiRequest, store: Store): Promise<Answer> {
  const type = mediaType(message);
  const at = locationOf(request);
  const author = authorOf(message, request);
  const patch = parseBody(await readBody(message), type);
  switch (type) {
    case 'application/merge-patch+json':
      return { code: 200, body: store.patch(at, (live) => mergePatch(live, patch), author) };
    case 'application/strategic-merge-patch+json':
      return { code: 200, body: store.patch(at, (live) => strategicPatch(at.resource, live, patch), author) };
    case 'application/json-patch+json':
      return { code: 200, body: store.patch(at, (live) => jsonPatch(live, patch), author) };
    case 'application/apply-patch+yaml':
      return applyObject(request, patch, author, store);
    default:
      throw unsupportedMediaType(type);
  }
}

function applyObject(request: ApiRequest, body: Json, author: Author, store: Store): Answer {
  if ((request.query.get('fieldManager') ?? '') === '') {
    throw new StatusError(
      422,
      'Invalid',
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
  }
  if (!isObject(body)) throw badRequest('the body of the request is not an object');
  if (textAt(body, 'kind') === undefined || textAt(body, 'apiVersion') === undefined) {
    throw badRequest('error decoding the body: an applied configuration names its apiVersion and kind');
  }
  if (valueAt(body, 'metadata', 'managedFields') !== undefined) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const { object, created } = store.apply(locationOf(request), body, author, flag(request.query, 'force'));
  return { code: created ? 201 : 200, body: object };
}

async function deleteObject(message: IncomingMessage, request: ApiRequest, store: Store): Promise<Answer> {
  const text = await readBody(message);
  const options = text === '' ? {} : parseBody(text, mediaType(message));
  const { uid, resourceVersion } = {
    uid: textAt(options, 'preconditions', 'uid'),
    resourceVersion: textAt(options, 'preconditions', 'resourceVersion'),
  };
  const { resource, name } = request;
  const deleted = store.delete(locationOf(request), { uid, resourceVersion });
  if (resource === PODS || textAt(deleted, 'metadata', 'deletionTimestamp') !== undefined) {
    return { code: 200, body: deleted };
  }
  const group = resource.group === '' ? {} : { group: resource.group };
  const details = { name, ...group, kind: resource.plural, uid: deleted.metadata.uid };
  return { code: 200, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details } };
}

/** One object or a list, as JSON or as the table that `kubectl get` shows. */
function readObjects(request: ApiRequest, asTable: boolean, { store, now }: Context): JsonObject {
  const { resource, name } = request;
  if (name !== '') {
    const object = store.get(locationOf(request));
    return asTable
      ? tableOf(resource, [object], { resourceVersion: object.metadata.resourceVersion }, now())
      : object;
  }
  const list = listObjects(request, store);
  return asTable ? tableOf(resource, list.objects, list.metadata, now()) : encodeList(resource, list);
}

/** Answers one request for objects; null when the answer goes on as a stream. */
async function answer(
  message: IncomingMessage,
  response: ServerResponse,
  url: URL,
  context: Context,
): Promise<Answer | null> {
  const { store } = context;
  const request = parseRequest(url);
  const at = locationOf(request);
  if (message.method === 'GET') {
    if (flag(request.query, 'watch')) {
      watchObjects(request, store, response, context);
      return null;
    }
    return { code: 200, body: readObjects(request, wantsTable(message.headers.accept), context) };
  }
  if (request.name === '') {
    if (message.method !== 'POST' || (request.resource.namespaced && request.namespace === ''))
      throw methodNotAllowed();
    return { code: 201, body: store.create(at, await readObject(message), authorOf(message, request)) };
  }
  switch (message.method) {
    case 'PUT':
      return { code: 200, body: store.update(at, await readObject(message), authorOf(message, request)) };
    case 'PATCH':
      return patchObject(message, request, store);
    case 'DELETE':
      if (request.subresource !== '') throw methodNotAllowed();
      return deleteObject(message, request, store);
    default:
      throw methodNotAllowed();
  }
}

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

async function handle(message: IncomingMessage, response: ServerResponse, context: Context): Promise<void> {
  const url = new URL(message.url ?? '/', 'https://localhost');
  if (HEALTH.has(url.pathname)) {
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end('ok');
    return;
  }
  // As on kube-apiserver, /version and the health checks are for everyone, the rest for known clients.
  const known = message.socket instanceof TLSSocket && message.socket.authorized;
  if (!known && url.pathname !== '/version') throw new StatusError(401, 'Unauthorized', 'Unauthorized');
  const path = url.pathname.replace(/(.)\/$/, '$1');
  const discovered = message.method === 'GET' ? (discover(path) ?? describeOpenApi(path)) : undefined;
  const answered =
    discovered === undefined
      ? await answer(message, response, url, context)
      : { code: 200, body: discovered };
  if (answered !== null) sendJson(response, answered.code, answered.body);
}

/** What every cluster has from the start. */
function populate(store: Store, serviceCidrs: readonly string[]): void {
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    const labels = { 'kubernetes.io/metadata.name': name };
    store.seed(
      NAMESPACES,
      { metadata: { name, labels }, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } },
      SYSTEM,
    );
  }
  store.seed(SERVICE_CIDRS, { metadata: { name: 'kubernetes' }, spec: { cidrs: serviceCidrs } }, SYSTEM);
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
  const certificates = await makeCertificates(
    [address, 'localhost', 'kubernetes', ...(options.subjects ?? [])],
    now(),
  );
  const store = new Store({ serviceCidrs, historyLimit, now });
  populate(store, serviceCidrs);
  const stopping = new AbortController();
  const context = {
    store,
    now,
    bookmarkIntervalMs: options.bookmarkIntervalMs ?? 60_000,
    signal: stopping.signal,
  };
  const server = createServer(
    {
      cert: certificates.serverCert,
      key: certificates.serverKey,
      ca: certificates.ca,
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
    ca: certificates.ca,
    clientCert: certificates.clientCert,
    clientKey: certificates.clientKey,
    store,
    close: () =>
      new Promise((resolve, reject) => {
        stopping.abort();
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}
