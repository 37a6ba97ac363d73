import type { V1ConfigMap } from '@kubernetes/client-node';
import { type Allocation, type AllocationRecord, allocationLine } from '../model/allocation.ts';
import { Failure } from '../model/diagnostic.ts';
import { formatAddress, parseAddress } from '../model/prefix.ts';
import { shellWord } from '../model/shell-word.ts';
import { isOfApiServer } from './client/answer.ts';
import type { ApiCall } from './client/calls.ts';
import { requireObject, Unexpected } from './client/expected.ts';
import type { ApiClient } from './client/http.ts';
import { requireShape, type Wire } from './client/wire.ts';
import { MissingRights, reviewRight } from './rights.ts';

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

/** The annotation with the number of the record's form; the first records had none, and are of the same form. */
const FORMAT = 'mkplan/format';
const KNOWN_FORMAT = 1;

/** What a record's ConfigMap has beside its allocations, and its lines that are none: kept by the next write. */
const others = new WeakMap<AllocationRecord, Wire<V1ConfigMap>>();

/** What another writer leaves: a stale resourceVersion, or an object where none was. */
const CONFLICT = 409;

/** The allocation that a line says; null where it says something else. */
function allocationOf(line: string): Allocation | null {
  const [word = '', service = '', ...rest] = line.trim().split(/\s+/);
  const address = parseAddress(word);
  if (address === null || rest.length > 0 || !/^[^/]+\/[^/]+$/.test(service)) return null;
  return { address: formatAddress(address), service };
}

/** Reads the lines of a record, in their order. What is no allocation is left out, and what gives an address again. */
export function parseAllocations(text: string): Allocation[] {
  const seen = new Set<string>();
  return text.split('\n').flatMap((line): Allocation[] => {
    const found = allocationOf(line);
    return found === null || seen.has(found.address) || !seen.add(found.address) ? [] : [found];
  });
}

/** The lines that are no allocations, blank ones aside: somebody else wrote them, perhaps a newer mkplan. */
function otherLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && allocationOf(line) === null);
  return lines.map((line) => `${line}\n`).join('');
}

/** The lines of a record. */
export function formatAllocations(allocations: readonly Allocation[]): string {
  return allocations.map(allocationLine).join('');
}

/** What the record's ConfigMap tells. Throws Unexpected for what is none. */
export function recordOf(map: Wire<V1ConfigMap> | null): AllocationRecord {
  requireShape('ConfigMap', map, { metadata: { resourceVersion: 'text' }, data: { [KEY]: 'text' } });
  const text = map?.data?.[KEY] ?? '';
  const record = {
    resourceVersion: map?.metadata?.resourceVersion ?? null,
    allocations: parseAllocations(text),
  };
  if (map !== null) others.set(record, { ...map, data: { ...map.data, [KEY]: otherLines(text) } });
  return record;
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
  const found = resourceVersion === null ? {} : await othersOf(api, context, before);
  requireKnownFormat(context, found);
  const map: Wire<V1ConfigMap> = {
    ...found,
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      ...found.metadata,
      annotations: { ...found.metadata?.annotations, [FORMAT]: String(KNOWN_FORMAT) },
      name: NAME,
      namespace: NAMESPACE,
      ...(resourceVersion === null ? {} : { resourceVersion }),
    },
    data: { ...found.data, [KEY]: `${formatAllocations(after)}${found.data?.[KEY] ?? ''}` },
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
    const { uid } = found.metadata ?? {};
    const type = { ...TYPE, uid, changedFrom: resourceVersion ?? undefined };
    const written = requireObject<Wire<V1ConfigMap>>(body, type);
    const record = recordOf(written);
    // Taken for the record, an answer that holds less would have an address given twice.
    if (written.data?.[KEY] === map.data?.[KEY]) return record;
    throw new Unexpected('the ConfigMap does not hold what was written');
  });
}

/** What else is in the record that was read; read again where that was done elsewhere, as from an observation. */
async function othersOf(
  api: ApiClient,
  context: string,
  before: AllocationRecord,
): Promise<Wire<V1ConfigMap>> {
  const known = others.get(before);
  if (known !== undefined) return known;
  const again = await readAllocations(api, new MissingRights());
  if (again?.resourceVersion !== before.resourceVersion) throw changedMeanwhile(context);
  return others.get(again) ?? {};
}

/** Throws a Failure for a record of a newer form: what this one would write could give an address twice. */
function requireKnownFormat(context: string, { metadata }: Wire<V1ConfigMap>): void {
  const format = metadata?.annotations?.[FORMAT];
  if (format === undefined || Number(format) <= KNOWN_FORMAT) return;
  throw new Failure('error', [
    {
      code: 'allocations-newer',
      severity: 'error',
      summary: `context "${context}": the record ${NAMESPACE}/${NAME} has format ${format}; this mkplan knows format ${KNOWN_FORMAT}`,
      cause: 'A newer mkplan wrote it, so this one reads it and leaves it as it is.',
      fix: 'Run the mkplan that wrote it, or update this one.',
      command: 'mkplan --version',
    },
  ]);
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
