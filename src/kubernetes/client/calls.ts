import type { Listable } from './listing.ts';
import type { TransportRequest } from './transport.ts';

/** HTTP methods of the verbs that RBAC names; a `review` is a question that is posted. */
export const METHODS = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  review: 'POST',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const;

/** One call of the API. */
export interface ApiCall extends Omit<TransportRequest, 'method'> {
  /** The verb as RBAC names it, or `review`. */
  readonly verb: keyof typeof METHODS;
  /** What is asked for, for messages: `services`, `configmaps kube-system/kubeadm-config`. */
  readonly resource: string;
  readonly signal?: AbortSignal | undefined;
}

/** Something to read. */
export interface ReadCall extends Omit<ApiCall, 'verb' | 'body'> {
  /** Called instead of failing where the API server says that there is no such thing: the answer is null then. */
  readonly onNotFound?: (() => void) | undefined;
  /** Called instead of failing where the API server says that it may not be read: the answer is null then. */
  readonly onForbidden?: (() => void) | undefined;
}

/** A list to read to its end. */
export interface ListCall extends ReadCall, Listable {
  /** Awaited before each further page, with the number of pages read; takes no turn, and the deadline stands still. */
  readonly rest?: (pages: number) => Promise<void>;
}

/** Something to watch, from the resourceVersion that its query names. */
export interface WatchCall extends Omit<ApiCall, 'verb' | 'body'> {
  readonly signal: AbortSignal;
  /** Milliseconds without a byte after which the connection counts as dead. */
  readonly idleMs: number;
  /** The server began to answer. */
  readonly onOpen: () => void;
  /** What it throws ends the watch. */
  readonly onLine: (line: string) => void;
}
