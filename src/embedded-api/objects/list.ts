import { type ApiRequest, count, selectorOf } from '../request.ts';
import { apiVersionOf, type Resource } from '../resources.ts';
import {
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  parseJson,
  textAt,
  valueAt,
  without,
} from './json.ts';
import { badRequest, forbidden, invalidOptions, StatusError, unsupported } from './status-error.ts';
import type { Store } from './store.ts';

/** A list, or one page of it. */
export interface ObjectList {
  readonly metadata: JsonObject;
  readonly objects: readonly KubeObject[];
}

/** Where a paged list goes on: after which object, as of which revision. */
interface Continuation {
  readonly revision: number;
  readonly after: string;
}

function encodeContinuation(continuation: Continuation): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', ...continuation })).toString('base64url');
}

function decodeContinuation(token: string): Continuation {
  let value: Json;
  try {
    value = parseJson(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    // Anything that is not a token of ours is refused below.
    value = null;
  }
  const [revision, after] = [valueAt(value, 'revision'), textAt(value, 'after')];
  if (!isObject(value) || typeof revision !== 'number' || after === undefined) {
    throw badRequest('continue key is not valid: encoded continue key is not a valid token');
  }
  return { revision, after };
}

function placeOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
}

const MATCHES = ['Exact', 'NotOlderThan', ''];

/** Throws a StatusError 422 on a resourceVersionMatch that is none, or that has no revision to match. */
function checkMatch(query: URLSearchParams): void {
  const match = query.get('resourceVersionMatch') ?? '';
  const field = 'resourceVersionMatch';
  const revision = query.get('resourceVersion') ?? '';
  const problems = [
    ...(match !== '' && revision === ''
      ? [forbidden(field, 'resourceVersionMatch is forbidden unless resourceVersion is provided')]
      : []),
    ...(MATCHES.includes(match) ? [] : [unsupported(field, match, MATCHES)]),
  ];
  if (problems.length > 0) throw invalidOptions('ListOptions', problems);
}

/** The revision that the list must show. Throws a StatusError 504 for one that is yet to come. */
function revisionOf(request: ApiRequest, store: Store): number {
  const asked = count(request.query, 'resourceVersion') ?? 0;
  checkMatch(request.query);
  if (asked > store.revision) {
    const message = `Timeout: Too large resource version: ${asked}, current: ${store.revision}`;
    const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
    throw new StatusError(504, 'Timeout', message, { causes, retryAfterSeconds: 1 });
  }
  return request.query.get('resourceVersionMatch') === 'Exact' ? asked : store.revision;
}

/**
 * A list, or one page of it. All pages show the same revision. Throws a StatusError 400 on a bad query,
 * 410 when the revision of the first page is compacted away.
 */
export function listObjects(request: ApiRequest, store: Store): ObjectList {
  const { resource, query } = request;
  const token = query.get('continue') ?? '';
  const from = token === '' ? null : decodeContinuation(token);
  const revision = from?.revision ?? revisionOf(request, store);
  const matches = selectorOf(request);
  const all = store
    .list(resource, request.namespace, revision)
    .filter((object) => matches(object) && (from === null || placeOf(object) > from.after));
  const limit = count(query, 'limit') ?? 0;
  const page = limit === 0 ? all : all.slice(0, limit);
  const last = page.at(-1);
  const more =
    last !== undefined && page.length < all.length
      ? {
          continue: encodeContinuation({ revision, after: placeOf(last) }),
          remainingItemCount: all.length - page.length,
        }
      : {};
  return { metadata: { resourceVersion: String(revision), ...more }, objects: page };
}

/** The list as clients get it that ask for no other form. */
export function encodeList(resource: Resource, list: ObjectList): JsonObject {
  return {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata: list.metadata,
    // As kube-apiserver: the items of a typed list name neither kind nor apiVersion.
    items: list.objects.map((object) => without(object, 'apiVersion', 'kind')),
  };
}
