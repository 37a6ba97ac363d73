import { fieldSelector, labelSelector, type Selector } from './objects/selector.ts';
import { badRequest, noSuchPath } from './objects/status-error.ts';
import { findResource, type Resource } from './resources.ts';

/** What a path and its query ask for. */
export interface ApiRequest {
  readonly resource: Resource;
  /** Empty: cluster-scoped, or all namespaces. */
  readonly namespace: string;
  /** Empty: the collection. */
  readonly name: string;
  readonly subresource: '' | 'status';
  readonly query: URLSearchParams;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A malformed escape names nothing that exists.
    throw noSuchPath();
  }
}

/**
 * Reads `/api/v1/…` and `/apis/GROUP/VERSION/…`. Throws a StatusError 404 on a path that is not served.
 */
export function parseRequest(url: URL): ApiRequest {
  const [root, ...segments] = url.pathname
    .split('/')
    .filter((segment) => segment !== '')
    .map(decode);
  const [group = '', version = '', ...rest] = root === 'api' ? ['', ...segments] : segments;
  const scoped = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status';
  const [plural = '', name = '', subresource = '', ...extra] = scoped ? rest.slice(2) : rest;
  const namespace = scoped ? (rest[1] ?? '') : '';
  const resource = root === 'api' || root === 'apis' ? findResource(group, version, plural) : undefined;
  if (resource === undefined || extra.length > 0) throw noSuchPath();
  if (scoped !== resource.namespaced && (scoped || name !== '')) throw noSuchPath();
  if (subresource === '') return { resource, namespace, name, subresource, query: url.searchParams };
  if (subresource !== 'status' || !resource.status) throw noSuchPath();
  return { resource, namespace, name, subresource, query: url.searchParams };
}

/** A boolean of the query; absent is false. */
export function flag(query: URLSearchParams, name: string): boolean {
  return query.get(name) === 'true' || query.get(name) === '1';
}

/** A count of the query; null when absent. Throws a StatusError 400 when it is not a count. */
export function count(query: URLSearchParams, name: string): number | null {
  const text = query.get(name);
  if (text === null || text === '') return null;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid ${name}: ${text}`);
  return Number(text);
}

/** The objects that namespace, labelSelector and fieldSelector leave. Throws a StatusError 400 on a bad selector. */
export function selectorOf(request: ApiRequest): Selector {
  const labels = labelSelector(request.query.get('labelSelector') ?? '');
  const fields = fieldSelector(request.resource, request.query.get('fieldSelector') ?? '');
  const { namespace, name } = request;
  return (object) =>
    (namespace === '' || object.metadata.namespace === namespace) &&
    (name === '' || object.metadata.name === name) &&
    labels(object) &&
    fields(object);
}
