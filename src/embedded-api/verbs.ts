import type { IncomingMessage, ServerResponse } from 'node:http';
import { parse as parseYaml } from 'yaml';
import { ACCESS_REVIEWS, reviewAccess } from './access-review.ts';
import {
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  parseJson,
  textAt,
  valueAt,
} from './objects/json.ts';
import { encodeList, listObjects } from './objects/list.ts';
import type { Author } from './objects/managed-fields.ts';
import { jsonPatch, mergePatch, strategicPatch } from './objects/patch.ts';
import {
  badRequest,
  invalidOptions,
  methodNotAllowed,
  required,
  StatusError,
} from './objects/status-error.ts';
import type { Store } from './objects/store.ts';
import { tableOf, wantsTable } from './objects/table.ts';
import { decodeProtobuf, PROTOBUF, UnknownMessage } from './protobuf/decode.ts';
import { type ApiRequest, flag, parseRequest } from './request.ts';
import { apiVersionOf, type Location } from './resources.ts';
import { watchObjects } from './watch.ts';

/** What etcd takes in one request, and so kube-apiserver too. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** What requests are answered from. */
export interface ApiContext {
  readonly store: Store;
  readonly now: () => Date;
  readonly bookmarkIntervalMs: number;
  readonly signal: AbortSignal;
}

/** A whole answer. */
export interface Answer {
  readonly code: number;
  readonly body: JsonObject;
}

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message) {
    const bytes = Buffer.from(chunk as Uint8Array);
    size += bytes.length;
    // The rest of a body that is too large is read and dropped: the next request comes on the same connection.
    if (size <= MAX_BODY_BYTES) chunks.push(bytes);
  }
  if (size <= MAX_BODY_BYTES) return Buffer.concat(chunks);
  const summary = `Request entity too large: limit is ${MAX_BODY_BYTES}`;
  throw new StatusError(413, 'RequestEntityTooLarge', summary);
}

function mediaType(message: IncomingMessage): string {
  return (message.headers['content-type'] ?? 'application/json').split(';', 1)[0]?.trim() ?? '';
}

function unsupportedMediaType(type: string): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, ${PROTOBUF} (got ${type})`;
  return new StatusError(415, 'UnsupportedMediaType', message);
}

function parseBody(body: Buffer, type: string): Json {
  try {
    if (type === PROTOBUF) return decodeProtobuf(body);
    const text = body.toString('utf8');
    return type.endsWith('yaml') ? (parseYaml(text, { maxAliasCount: 10 }) as Json) : parseJson(text);
  } catch (error) {
    if (error instanceof UnknownMessage) throw unsupportedMediaType(`${PROTOBUF} of ${error.message}`);
    throw badRequest(`error decoding the body: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readObject(message: IncomingMessage): Promise<JsonObject> {
  const type = mediaType(message);
  if (type !== 'application/json' && type !== PROTOBUF && !type.endsWith('yaml'))
    throw unsupportedMediaType(type);
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

/** Objects are answered as JSON. Throws a StatusError 406 where the client takes it in no form that this is. */
function requireJson({ headers: { accept = '*/*' } }: IncomingMessage): void {
  if (accept.split(',').some((type) => /^\s*(\*\/\*|application\/(\*|json))\s*(;|$)/.test(type))) return;
  const summary = 'only the following media types are accepted: application/json';
  throw new StatusError(406, 'NotAcceptable', summary);
}

function locationOf(request: ApiRequest): Location {
  return { resource: request.resource, namespace: request.namespace, name: request.name };
}

async function patchObject(message: IncomingMessage, request: ApiRequest, store: Store): Promise<Answer> {
  const type = mediaType(message);
  if (type === PROTOBUF)
    throw new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
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
      throw new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  }
}

function applyObject(request: ApiRequest, body: Json, author: Author, store: Store): Answer {
  if ((request.query.get('fieldManager') ?? '') === '') {
    throw invalidOptions('PatchOptions', [required('fieldManager', 'is required for apply patch')]);
  }
  if (!isObject(body)) throw badRequest('the body of the request is not an object');
  const [apiVersion, kind] = [textAt(body, 'apiVersion') ?? '', textAt(body, 'kind') ?? ''];
  if (apiVersion !== apiVersionOf(request.resource) || kind !== request.resource.kind) {
    throw badRequest(
      `invalid object type: ${apiVersion.includes('/') ? '' : '/'}${apiVersion}, Kind=${kind}`,
    );
  }
  if (valueAt(body, 'metadata', 'managedFields') !== undefined) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const { object, created } = store.apply(locationOf(request), body, author, flag(request.query, 'force'));
  return { code: created ? 201 : 200, body: object };
}

async function deleteObject(message: IncomingMessage, request: ApiRequest, store: Store): Promise<Answer> {
  const body = await readBody(message);
  const options = body.length === 0 ? {} : parseBody(body, mediaType(message));
  const { uid, resourceVersion } = {
    uid: textAt(options, 'preconditions', 'uid'),
    resourceVersion: textAt(options, 'preconditions', 'resourceVersion'),
  };
  const { resource, name } = request;
  const deleted = store.delete(locationOf(request), { uid, resourceVersion });
  if (resource.deletedObject || textAt(deleted, 'metadata', 'deletionTimestamp') !== undefined) {
    return { code: 200, body: deleted };
  }
  const group = resource.group === '' ? {} : { group: resource.group };
  const details = { name, ...group, kind: resource.plural, uid: deleted.metadata.uid };
  return { code: 200, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details } };
}

/** One object or a list, as JSON or as the table that `kubectl get` shows. */
function readObjects(request: ApiRequest, asTable: boolean, { store, now }: ApiContext): JsonObject {
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

/**
 * Answers one request for objects; null when the answer goes on as a stream. Throws a StatusError.
 */
export async function answerRequest(
  message: IncomingMessage,
  response: ServerResponse,
  url: URL,
  context: ApiContext,
): Promise<Answer | null> {
  const { store } = context;
  if (url.pathname === ACCESS_REVIEWS) {
    if (message.method !== 'POST') throw methodNotAllowed();
    return { code: 201, body: reviewAccess(await readObject(message)) };
  }
  const request = parseRequest(url);
  requireJson(message);
  const at = locationOf(request);
  // A dry run must not change anything, and dry runs are not served.
  if (request.query.has('dryRun')) throw badRequest('dryRun is not supported by this API server');
  if (message.method === 'GET') {
    const asTable = wantsTable(message.headers.accept);
    if (!flag(request.query, 'watch')) return { code: 200, body: readObjects(request, asTable, context) };
    const encode = (object: KubeObject): JsonObject =>
      asTable ? tableOf(request.resource, [object], {}, context.now()) : object;
    watchObjects(request, store, response, { ...context, encode });
    return null;
  }
  if (request.name === '') {
    if (message.method !== 'POST' || (request.resource.namespaced && request.namespace === ''))
      throw methodNotAllowed();
    return { code: 201, body: store.create(at, await readObject(message), authorOf(message, request)) };
  }
  switch (message.method) {
    case 'PUT': {
      const { object, created } = store.update(at, await readObject(message), authorOf(message, request));
      return { code: created ? 201 : 200, body: object };
    }
    case 'PATCH':
      return patchObject(message, request, store);
    case 'DELETE':
      if (request.subresource !== '') throw methodNotAllowed();
      return deleteObject(message, request, store);
    default:
      throw methodNotAllowed();
  }
}
