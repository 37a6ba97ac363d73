import type { V1Namespace } from '@kubernetes/client-node';
import { Failure } from '../model/diagnostic.ts';
import type { ClusterIdentity } from '../model/observed.ts';
import { requireObject, Unexpected } from './client/expected.ts';
import type { ApiClient } from './client/http.ts';
import { requireShape, type Wire } from './client/wire.ts';
import type { MissingRights } from './rights.ts';

const MALFORMED = 'api-object-malformed';
const KUBE_SYSTEM = { apiVersion: 'v1', kind: 'Namespace', namespace: null, name: 'kube-system' } as const;

/** What a Namespace says of when and as what it was made. Throws Unexpected where it says neither. */
function identityOf(body: unknown): ClusterIdentity {
  const found = requireObject<Wire<V1Namespace>>(body, KUBE_SYSTEM);
  const { metadata } = requireShape('Namespace', found, {
    metadata: { uid: 'text', creationTimestamp: 'text' },
  });
  const { uid = '', creationTimestamp: created = '' } = metadata ?? {};
  if (uid === '') throw new Unexpected('the Namespace has no uid');
  return { uid, created };
}

/**
 * Reads which cluster it is that answers; null where that may not be read, where there is no such namespace, as in kcp, and where
 * what is answered is not one: nothing but approvals depends on it. Throws a Failure where the server cannot be reached.
 */
export async function readIdentity(
  api: ApiClient,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<ClusterIdentity | null> {
  const call = {
    resource: 'namespaces kube-system',
    path: '/api/v1/namespaces/kube-system',
    onNotFound: () => undefined,
    onForbidden: rights.onForbidden('get namespaces kube-system'),
    signal,
  };
  try {
    return await api.get(call, identityOf);
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.diagnostics.every(({ code }) => code === MALFORMED)) return null;
    throw thrown;
  }
}
