import type { V1ConfigMap } from '@kubernetes/client-node';
import { type Allocation, type AllocationRecord, compareAllocations } from '../model/allocation.ts';
import { Failure } from '../model/diagnostic.ts';
import { formatAddress, parseAddress } from '../model/prefix.ts';
import { shellWord } from '../model/shell-word.ts';
import { isOfApiServer } from './client/answer.ts';
import type { ApiCall } from './client/calls.ts';
import { requireObject, Unexpected } from './client/expected.ts';
import type { ApiClient } from './client/http.ts';
import { requireShape, type Wire } from './client/wire.ts';
import { type MissingRights, reviewRight } from './rights.ts';

/**
 * Where a cluster's record of allocations is. One for all pools of the cluster, since pools of two specs may overlap
 * and an address must not be given twice.
 */
const NAMESPACE = 'kube-system';
const NAME = 'mkplan-allocations';
export const RECORD_KEY = `${NAMESPACE}/${NAME}`;
const COLLECTION = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const RESOURCE = `configmaps ${RECORD_KEY}`;

const TYPE = { apiVersion: 'v1', kind: 'ConfigMap', namespace: NAMESPACE, name: NAME } as const;

/** The record as a list of one object, or none: only a list can be watched. */
export const RECORDS = {
  resource: RESOURCE,
  path: COLLECTION,
  query: { fieldSelector: `metadata.name=${NAME}` },
  type: TYPE,
} as const;

/** Where there is no record yet. */
export const NO_RECORD: AllocationRecord = { resourceVersion: null, allocations: [] };

/** A line an allocation: `10.200.0.1 default/nginx`. A ConfigMap key could not hold an IPv6 address. */
const KEY = 'allocations';

/** What another writer leaves: a stale resourceVersion, or an object where none was. */
const CONFLICT = 409;

/** Reads the lines of a record. What is no allocation is left out: the next write drops it. */
export function parseAllocations(text: string): Allocation[] {
  const seen = new Set<string>();
  const found = text.split('\n').flatMap((line): Allocation[] => {
    const [word = '', service = '', ...rest] = line.trim().split(/\s+/);
    const address = parseAddress(word);
    if (address === null || rest.length > 0 || !/^[^/]+\/[^/]+$/.test(service)) return [];
    const text = formatAddress(address);
    return seen.has(text) || !seen.add(text) ? [] : [{ address: text, service }];
  });
  return found.sort(compareAllocations);
}

/** The lines of a record. */
export function formatAllocations(allocations: readonly Allocation[]): string {
  return allocations.map(({ address, service }) => `${address} ${service}\n`).join('');
}

/** What the record's ConfigMap tells. Throws Unexpected for what is none. */
export function recordOf(map: Wire<V1ConfigMap> | null): AllocationRecord {
  requireShape('ConfigMap', map, { metadata: { resourceVersion: 'text' }, data: { [KEY]: 'text' } });
  return {
    resourceVersion: map?.metadata?.resourceVersion ?? null,
    allocations: parseAllocations(map?.data?.[KEY] ?? ''),
  };
}

/** The cluster's record of allocations; empty where there is none yet, null where it may not be read. */
export async function readAllocations(
  api: ApiClient,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<AllocationRecord | null> {
  let isThere = true;
  const call = {
    resource: RESOURCE,
    path: `${COLLECTION}/${NAME}`,
    onNotFound: () => {
      isThere = false;
    },
    // The Services' own status has to do.
    onForbidden: rights.onForbidden('get configmaps kube-system/mkplan-allocations'),
    signal,
  };
  const record = await api.get(call, (body) => recordOf(requireObject<Wire<V1ConfigMap>>(body, TYPE)));
  return isThere ? record : NO_RECORD;
}

/** Asks whether the record may be written: made where there is none, else replaced. */
export async function reviewWriting(
  api: ApiClient,
  record: AllocationRecord | null,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<void> {
  if (record === null) return;
  const isNew = record.resourceVersion === null;
  const right = isNew ? 'create configmaps kube-system' : 'update configmaps kube-system/mkplan-allocations';
  await reviewRight(api, right, rights, signal);
}

/**
 * Replaces the record by compare-and-swap; returns it as it is now. Throws a Failure of kind `stale` when somebody else changed it meanwhile.
 */
export async function writeAllocations(
  api: ApiClient,
  context: string,
  before: AllocationRecord,
  after: readonly Allocation[],
): Promise<AllocationRecord> {
  const { resourceVersion } = before;
  const map: Wire<V1ConfigMap> = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: NAME, namespace: NAMESPACE, ...(resourceVersion === null ? {} : { resourceVersion }) },
    data: { [KEY]: formatAllocations(after) },
  };
  const call: ApiCall = {
    verb: resourceVersion === null ? 'create' : 'update',
    resource: RESOURCE,
    path: resourceVersion === null ? COLLECTION : `${COLLECTION}/${NAME}`,
    body: { type: 'application/json', text: JSON.stringify(map) },
  };
  const answer = await api.send(call);
  // A record that was deleted meanwhile is another one, too.
  const isChanged = answer.status === CONFLICT || answer.status === 404;
  if (isChanged && isOfApiServer(answer)) throw changedMeanwhile(context);
  return api.shown(call, answer, (body) => {
    const written = requireObject<Wire<V1ConfigMap>>(body, TYPE);
    const record = recordOf(written);
    // Taken for the record, an answer that holds less would have an address given twice.
    if (written.data?.[KEY] === map.data?.[KEY]) return record;
    throw new Unexpected('the ConfigMap does not hold what was written');
  });
}

function changedMeanwhile(context: string): Failure {
  return new Failure('stale', [
    {
      code: 'allocations-changed',
      severity: 'error',
      summary: `context "${context}": somebody else allocated addresses meanwhile`,
      cause: `The record ${NAMESPACE}/${NAME} is not the one that the plan rests on, so an address could be given twice.`,
      fix: 'Run the command again: it plans from what is there now.',
      command: `kubectl --context=${shellWord(context)} -n ${NAMESPACE} get configmap ${NAME} -o yaml`,
    },
  ]);
}
