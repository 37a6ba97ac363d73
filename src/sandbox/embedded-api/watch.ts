import type { ServerResponse } from 'node:http';
import type { StoreEvent } from './history.ts';
import type { JsonObject } from './json.ts';
import { type ApiRequest, count, flag, selectorOf } from './request.ts';
import { apiVersionOf } from './resources.ts';
import type { Selector } from './selector.ts';
import { invalid, StatusError } from './status-error.ts';
import type { Store } from './store.ts';

/** What kube-apiserver ends a watch after that names no timeoutSeconds: half an hour, and up to as much again. */
const DEFAULT_TIMEOUT_SECONDS = 1800;

type Send = (type: string, object: JsonObject) => void;

/** What a change is to a watch with a selector: objects enter and leave it. Null: nothing. */
function visibleType(event: StoreEvent, matches: Selector): StoreEvent['type'] | null {
  const before = event.previous !== null && matches(event.previous);
  const after = event.type !== 'DELETED' && matches(event.object);
  if (after) return before ? 'MODIFIED' : 'ADDED';
  return before ? 'DELETED' : null;
}

/** Sends what has already happened. Returns false when the watch cannot begin there, which it has then said. */
function sendPast(request: ApiRequest, store: Store, matches: Selector, send: Send): boolean {
  const from = count(request.query, 'resourceVersion') ?? 0;
  if (from === 0) {
    for (const object of store.list(request.resource, request.namespace)) {
      if (matches(object)) send('ADDED', object);
    }
    return true;
  }
  try {
    for (const event of store.since(from)) {
      const type = event.resource === request.resource ? visibleType(event, matches) : null;
      if (type !== null) send(type, event.object);
    }
    return true;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    // The status line has gone out as 200: an expired revision is told in the stream, as kube-apiserver does.
    send('ERROR', error.toStatus());
    return false;
  }
}

/**
 * Answers a watch: one JSON object a line until the client leaves, timeoutSeconds are over or `signal` aborts.
 * Bookmarks, if asked for, come every `bookmarkIntervalMs` and once more before the time is over.
 * Throws a StatusError before anything is sent when the query is bad.
 */
export function watchObjects(
  request: ApiRequest,
  store: Store,
  response: ServerResponse,
  options: { readonly bookmarkIntervalMs: number; readonly signal: AbortSignal },
): void {
  const { resource, query } = request;
  if (query.has('sendInitialEvents')) {
    // The answer of a server without the WatchList feature; clients then list and watch.
    throw invalid(
      resource,
      '',
      'sendInitialEvents',
      'Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled',
    );
  }
  const matches = selectorOf(request);
  const timeoutSeconds = count(query, 'timeoutSeconds') ?? DEFAULT_TIMEOUT_SECONDS * (1 + Math.random());
  const send: Send = (type, object) => {
    response.write(`${JSON.stringify({ type, object })}\n`);
  };
  const bookmark = (): void => {
    const metadata = { resourceVersion: String(store.revision), creationTimestamp: null };
    send('BOOKMARK', { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata });
  };
  response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache, private' });
  response.flushHeaders();
  if (!sendPast(request, store, matches, send)) {
    response.end();
    return;
  }
  const unsubscribe = store.subscribe((event) => {
    const type = event.resource === resource ? visibleType(event, matches) : null;
    if (type !== null) send(type, event.object);
  });
  const bookmarks = flag(query, 'allowWatchBookmarks');
  const ticking = bookmarks ? setInterval(bookmark, options.bookmarkIntervalMs) : undefined;
  const finish = (): void => {
    response.end();
  };
  const ending = setTimeout(() => {
    if (bookmarks) bookmark();
    finish();
  }, timeoutSeconds * 1000);
  options.signal.addEventListener('abort', finish);
  response.on('close', () => {
    unsubscribe();
    clearInterval(ticking);
    clearTimeout(ending);
    options.signal.removeEventListener('abort', finish);
  });
}
