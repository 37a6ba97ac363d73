import type { V1ResourceAttributes, V1SelfSubjectAccessReview } from '@kubernetes/client-node';
import { RIGHTS, type Right } from '../model/observed.ts';
import type { ApiClient } from './client/http.ts';
import type { Wire } from './client/wire.ts';

/** Rights that turned out to be missing while a cluster was read. */
export class MissingRights {
  readonly #missing = new Set<Right>();

  /** What to call where the server refuses what needs this right. */
  onForbidden(right: Right): () => void {
    return () => this.add(right);
  }

  add(right: Right): void {
    this.#missing.add(right);
  }

  /** In the order of `RIGHTS`. */
  list(): Right[] {
    return RIGHTS.filter((right) => this.#missing.has(right));
  }
}

const LEASES = { group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-system' } as const;

/** How a right to write is put to the authorizer; a right to read shows by reading. */
const WRITES = {
  'create configmaps kube-system': { verb: 'create', resource: 'configmaps', namespace: 'kube-system' },
  'update configmaps kube-system/mkplan-allocations': {
    verb: 'update',
    resource: 'configmaps',
    namespace: 'kube-system',
    name: 'mkplan-allocations',
  },
  'create events': { verb: 'create', resource: 'events' },
  'create leases kube-system': { verb: 'create', ...LEASES },
  'update leases kube-system': { verb: 'update', ...LEASES },
  'delete leases kube-system': { verb: 'delete', ...LEASES },
  'patch services/status': { verb: 'patch', resource: 'services', subresource: 'status' },
} as const satisfies Partial<Record<Right, V1ResourceAttributes>>;

/**
 * Asks whether we may write this (SelfSubjectAccessReview), and remembers where we may not. A server that does not
 * answer the question has not said no: the write itself will tell.
 */
export async function reviewRight(
  api: ApiClient,
  right: keyof typeof WRITES,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<void> {
  const review: Wire<V1SelfSubjectAccessReview> = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: WRITES[right] },
  };
  const answer = await api.send({
    verb: 'review',
    resource: `the right to ${right}`,
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: { type: 'application/json', text: JSON.stringify(review) },
    signal,
  });
  if (answer.status >= 300) return;
  const { kind = review.kind, status } = (answer.body ?? {}) as Partial<Wire<V1SelfSubjectAccessReview>>;
  if (kind === review.kind && status?.allowed === false) rights.onForbidden(right)();
}
