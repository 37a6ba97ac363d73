import type { ServerResponse } from 'node:http';
import type { StoreEvent } from './objects/history.ts';
import type { JsonObject, KubeObject } from './objects/json.ts';
import type { Selector } from './objects/selector.ts';
import { forbidden, invalidOptions, StatusError } from './objects/status-error.ts';
import type { Store } from './objects/store.ts';
import { type ApiRequest, count, flag, selectorOf } from './request.ts';
import { apiVersionOf } from './resources.ts';

/** What kube-apiserver ends a watch after that names no timeoutSeconds: half an hour, and up to as much again. */
const DEFAULT_TIMEOUT_SECONDS = 1800;

/** A day: far longer than clients ask for, and within what a timer can count. */
const MAX_TIMEOUT_SECONDS = 86_400;

type Send = (type: StoreEvent['type'], object: KubeObject) => void;

/** What a change is to a watch with a selector: objects enter and leave it. Null: nothing. */
function visibleType(event: StoreEvent, matches: Selector): StoreEvent['type'] | null {
  const before = event.previous !== null && matches(event.previous);
  const after = event.type !== 'DELETED' && matches(event.object);
  if (after) return before ? 'MODIFIED' : 'ADDED';
  return before ? 'DELETED' : null;
}

/** Sends what has already happened. Throws a StatusError 410 when the watch cannot begin there any more. */
function sendPast(request: ApiRequest, store: Store, from: number, matches: Selector, send: Send): void {
  if (from === 0) {
    for (const object of store.list(request.resource, request.namespace)) {
      if (matches(object)) send('ADDED', object);
    }
    return;
  }
  for (const event of store.since(from)) {
    const type = event.resource === request.resource ? visibleType(event, matches) : null;
    if (type !== null) send(type, event.object);
  }
}

/** Throws a StatusError 422 when the initial state is asked for, but not the way in which it can be told (KEP-3157). */
function checkInitial(query: URLSearchParams): void {
  const initial = query.has('sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  const problems = [
    ...(initial && match !== 'NotOlderThan'
      ? [
          forbidden(
            'resourceVersionMatch',
            'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
          ),
        ]
      : []),
    ...(initial && !flag(query, 'allowWatchBookmarks')
      ? [
          forbidden(
            'sendInitialEvents',
            'sendInitialEvents is forbidden for watch unless allowWatchBookmarks is set to true',
          ),
        ]
      : []),
    ...(!initial && match !== ''
      ? [
          forbidden(
            'resourceVersionMatch',
            'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
          ),
        ]
      : []),
  ];
  if (problems.length > 0) throw invalidOptions('ListOptions', problems);
}

/** Seconds until the server ends the watch; 0 names none. */
function timeoutOf(query: URLSearchParams): number {
  const asked = count(query, 'timeoutSeconds') ?? 0;
  return asked === 0 ? DEFAULT_TIMEOUT_SECONDS * (1 + Math.random()) : Math.min(asked, MAX_TIMEOUT_SECONDS);
}

/**
 * Answers a watch: one JSON object a line until the client leaves, timeoutSeconds are over or `signal` aborts.
 * Bookmarks, if asked for, come every `bookmarkIntervalMs`, and after the initial state if that is asked for.
 * Throws a StatusError before anything is sent when the query is bad.
 */
export function watchObjects(
  request: ApiRequest,
  store: Store,
  response: ServerResponse,
  options: {
    readonly bookmarkIntervalMs: number;
    readonly signal: AbortSignal;
    /** The form in which the client wants its objects. */
    readonly encode: (object: KubeObject) => JsonObject;
  },
): void {
  const { resource, query } = request;
  const initial = flag(query, 'sendInitialEvents');
  checkInitial(query);
  const matches = selectorOf(request);
  const from = count(query, 'resourceVersion') ?? 0;
  const timeoutSeconds = timeoutOf(query);
  const write = (type: string, object: JsonObject): void => {
    response.write(`${JSON.stringify({ type, object })}\n`);
  };
  const send: Send = (type, object) => write(type, options.encode(object));
  const bookmark = (annotations: JsonObject = {}): void => {
    const metadata = { resourceVersion: String(store.revision), creationTimestamp: null, ...annotations };
    write('BOOKMARK', { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata });
  };
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
  response.flushHeaders();
  try {
    sendPast(request, store, initial ? 0 : from, matches, send);
    if (initial) bookmark({ annotations: { 'k8s.io/initial-events-end': 'true' } });
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    // The status line has gone out as 200: an expired revision is told in the stream, as kube-apiserver does.
    write('ERROR', error.toStatus());
    response.end();
    return;
  }
  const unsubscribe = store.subscribe((event) => {
    const type = event.resource === resource ? visibleType(event, matches) : null;
    if (type !== null) send(type, event.object);
  });
  const bookmarks = flag(query, 'allowWatchBookmarks');
  const ticking = bookmarks ? setInterval(() => bookmark(), options.bookmarkIntervalMs) : undefined;
  const leave = (): void => {
    unsubscribe();
    clearInterval(ticking);
    clearTimeout(ending);
    options.signal.removeEventListener('abort', finish);
  };
  const finish = (): void => {
    // A client that reads slowly closes it much later.
    leave();
    response.end();
  };
  const ending = setTimeout(finish, timeoutSeconds * 1000);
  options.signal.addEventListener('abort', finish);
  response.on('close', leave);
}
