import { gzipSync } from 'node:zlib';
import { ANYTHING, changed, legal, type Odd, odd, packed, withMetadata } from './odd-answers.ts';
import type { Fault, Reply, Rewritten } from './proxy.ts';

/** One answer that may come to a write. docs/internals/answers.md has a row for each. */
export interface OddWrite {
  /** What is answered, as the page names it. */
  readonly name: string;
  /** Part of what the user is told; null where it is legal, and believed. */
  readonly says: string | null;
  /** Lasts until mkplan gives up: the test gives it less time. */
  readonly isSlow: boolean;
  /** What becomes of this write, by how many there were before it. */
  readonly fault: (before: number) => Fault;
}

/** The write is made, and its answer is made into another one. */
function rewritten({ name, says, of }: Odd): OddWrite {
  return { name, says, isSlow: false, fault: () => ({ kind: 'rewrite', rewrite: of }) };
}

function suffered(name: string, says: string | null, fault: OddWrite['fault'], isSlow = false): OddWrite {
  return { name, says, isSlow, fault };
}

const oddly = (...args: Parameters<typeof odd>) => rewritten(odd(...args));
const legally = (...args: Parameters<typeof legal>) => rewritten(legal(...args));

/** The answer itself, after these bytes. */
const after =
  (before: Rewritten['before'] & {}) =>
  ({ body }: Reply): Rewritten => ({ before, body });

const withStatus =
  (status: number, headers: Rewritten['headers'] = {}) =>
  ({ body }: Reply): Rewritten => ({ status, headers, body });

const EARLY = 'HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n';
const ELSEWHERE = { Location: 'https://elsewhere.example/api' };
const CONFLICT = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 409, message: 'it is taken' };

/** For as long as anybody reads it; in turns, so that nobody else has to wait. */
async function* forever<T>(one: T): AsyncGenerator<T> {
  for (;;) {
    await new Promise(setImmediate);
    yield one;
  }
}

const reversed = (body: object) => Object.fromEntries(Object.entries(body).reverse());

/** What may come to any write, and stands for nothing that was done. */
const UNBELIEVED: readonly OddWrite[] = [
  ...ANYTHING.map(rewritten),
  oddly('206 with all of it', 'HTTP status 206', withStatus(206)),
  oddly(
    'another kind',
    'it is a Pod',
    changed((body) => ({ ...body, kind: 'Pod' })),
  ),
  oddly('a redirect for ever, to elsewhere', 'a redirect to https://elsewhere', withStatus(301, ELSEWHERE)),
  oddly('a redirect that keeps the method', 'a redirect to https://elsewhere', withStatus(307, ELSEWHERE)),
  oddly('a conflict that no API server tells of', 'it is taken', () => ({
    status: 409,
    body: 'it is taken',
  })),
  oddly('a conflict of no Status', 'it is taken', () => ({
    status: 409,
    body: JSON.stringify({ ...CONFLICT, kind: 'Service' }),
  })),
  oddly('a header that is huge', 'is not HTTP', ({ body }) => ({
    headers: { 'X-Pad': 'x'.repeat(20_000) },
    body,
  })),
  oddly('something else than HTTP', 'is not HTTP', after(['SSH-2.0-server\r\n'])),
  oddly('a change of protocol', 'without an answer', () => ({
    status: 101,
    headers: { Upgrade: 'x', Connection: 'Upgrade' },
    body: '',
  })),
  oddly('a body without end', 'is longer than', () => ({ body: forever(Buffer.alloc(1024 * 1024, ' ')) })),
  suffered('the end of the connection, before it is made', 'socket hang up', () => ({ kind: 'drop' })),
  suffered('the end of the connection, once it is made', 'socket hang up', () => ({ kind: 'lose' })),
  suffered('half of the answer', 'the answer was cut', () => ({ kind: 'cut', share: 0.5 })),
  suffered('nothing, once it is made', 'no answer within', () => ({ kind: 'hang-after' }), true),
  suffered(
    'a byte now and then',
    'no answer within',
    () => ({ kind: 'rewrite', rewrite: () => ({ body: forever(Buffer.from(' ')) }) }),
    true,
  ),
  suffered(
    'early hints without end',
    'no answer within',
    () => ({ kind: 'rewrite', rewrite: after(forever(EARLY)) }),
    true,
  ),
  suffered('429 for ever', 'injected 429', () => ({ kind: 'status', status: 429 }), true),
  suffered('429, and a Retry-After of hundreds of digits', 'injected 429', () => ({
    kind: 'status',
    status: 429,
    retryAfter: '9'.repeat(400),
  })),
  suffered(
    '429, and a Retry-After that is not a time',
    'injected 429',
    () => ({ kind: 'status', status: 429, retryAfter: 'soon' }),
    true,
  ),
  suffered('500 for ever', 'injected 500', () => ({ kind: 'status', status: 500 })),
  suffered(
    '503 with a Retry-After, for ever',
    'injected 503',
    () => ({ kind: 'status', status: 503, retryAfter: '0' }),
    true,
  ),
];

/** What may come to any write, and is its answer all the same. */
const BELIEVED: readonly OddWrite[] = [
  legally(
    'fields that nobody knows',
    changed((body) => ({ ...body, fromTheFuture: { a: [1] } })),
  ),
  legally('its fields in another order', changed(reversed)),
  legally('no managedFields', withMetadata({ managedFields: undefined })),
  legally(
    'labels of others',
    changed((body) => {
      const { labels, ...metadata } = body['metadata'] as { labels?: object };
      return { ...body, metadata: { ...metadata, labels: { ...labels, 'example.com/by': 'a webhook' } } };
    }),
  ),
  legally('JSON that calls itself text', ({ body }) => ({ headers: { 'Content-Type': 'text/plain' }, body })),
  legally('gzip', packed('gzip', gzipSync)),
  legally('early hints before it', after([EARLY])),
  legally('100 before it', after(['HTTP/1.1 100 Continue\r\n\r\n'])),
  suffered('429 twice, then what was asked for', null, (before) =>
    before < 2 ? { kind: 'status', status: 429, retryAfter: '0' } : { kind: 'pass' },
  ),
];

/** What may come to any write. */
export const WRITES: readonly OddWrite[] = [...UNBELIEVED, ...BELIEVED];

/** Of an object that is written whole, and comes back. */
const OTHER_OBJECTS: readonly OddWrite[] = [
  oddly('another name', 'has a name "other"', withMetadata({ name: 'other' })),
  oddly('another namespace', 'has a namespace "other"', withMetadata({ namespace: 'other' })),
  oddly('no resourceVersion', 'no resourceVersion', withMetadata({ resourceVersion: '' })),
  oddly(
    'no metadata',
    'has no metadata',
    changed(({ metadata: _, ...body }) => body),
  ),
];

const accepted = legally('200 or 201, whichever is not usual', ({ status, body }) => ({
  status: status === 201 ? 200 : 201,
  body,
}));
const garbled = (body: object) => JSON.stringify({ ...CONFLICT, ...body });

/** Of the status of a Service. */
export const STATUS_WRITES: readonly OddWrite[] = [
  ...OTHER_OBJECTS,
  oddly('another uid', 'has a uid "other"', withMetadata({ uid: 'other' })),
  oddly('202 with all of it', 'HTTP status 202', withStatus(202)),
  oddly(
    'the Service without an address',
    'does not show what was written',
    changed((body) => ({ ...body, status: {} })),
  ),
  oddly(
    'the Service with another address',
    'does not show what was written',
    changed((body) => ({ ...body, status: { loadBalancer: { ingress: [{ ip: '10.9.9.9' }] } } })),
  ),
  oddly(
    'a status that is a text',
    'at Service.status',
    changed((body) => ({ ...body, status: 'done' })),
  ),
  oddly('a conflict whose causes are garbage', 'it is taken', () => ({
    status: 409,
    body: garbled({ details: { causes: [null, { reason: 'FieldManagerConflict', field: 5, message: 7 }] } }),
  })),
  oddly('a conflict whose details are a text', 'it is taken', () => ({
    status: 409,
    body: garbled({ details: 'x' }),
  })),
  accepted,
  legally(
    'no kind, but the uid that was asked for',
    changed(({ kind: _, apiVersion: __, ...body }) => body),
  ),
  legally(
    'an address without its ipMode',
    changed((body) => {
      const { loadBalancer } = body['status'] as { loadBalancer: { ingress: { ip: string }[] } };
      return {
        ...body,
        status: { loadBalancer: { ingress: loadBalancer.ingress.map(({ ip }) => ({ ip })) } },
      };
    }),
  ),
];

type WithData = { readonly data: { readonly allocations: string } };
const withData = (change: (lines: string) => unknown) =>
  changed((body) => ({ ...body, data: change((body as unknown as WithData).data.allocations) }));

/** Of the record of allocations. */
export const RECORD_WRITES: readonly OddWrite[] = [
  ...OTHER_OBJECTS,
  oddly(
    'data of another tunnel',
    'does not hold what was written',
    withData(() => ({ allocations: '10.200.0.1 other/web\n' })),
  ),
  oddly(
    'half of the data',
    'does not hold what was written',
    withData((lines) => ({ allocations: lines.slice(0, lines.length / 2) })),
  ),
  oddly(
    'no data',
    'does not hold what was written',
    withData(() => undefined),
  ),
  oddly(
    'data that are texts',
    'at ConfigMap.data',
    withData((lines) => lines),
  ),
  suffered('what was sent, and it was not made', 'resourceVersion', () => ({
    kind: 'invent',
    invent: ({ body }) => ({ body }),
  })),
  accepted,
  legally(
    'data of others beside it',
    withData((allocations) => ({ allocations, note: 'ours' })),
  ),
];

type WithAnnotations = { readonly metadata: { readonly annotations: Readonly<Record<string, string>> } };
const withAnnotations = (change: (annotations: Readonly<Record<string, string>>) => unknown) =>
  changed((body) => {
    const { metadata } = body as unknown as WithAnnotations;
    return { ...body, metadata: { ...metadata, annotations: change(metadata.annotations) } };
  });

/** Of a Lease that is made or changed. */
export const LEASE_WRITES: readonly OddWrite[] = [
  ...OTHER_OBJECTS,
  oddly(
    'the Lease of another holder',
    'does not hold what was written',
    changed((body) => ({ ...body, spec: { holderIdentity: 'other' } })),
  ),
  oddly(
    'a Lease that serves something else',
    'does not hold what was written',
    withAnnotations((all) => ({ ...all, 'mkplan/serves': '[]' })),
  ),
  oddly(
    'a Lease without annotations',
    'does not hold what was written',
    withAnnotations(() => undefined),
  ),
  oddly(
    'annotations that are a text',
    'at Lease.metadata.annotations',
    withAnnotations(() => 'x'),
  ),
  oddly('a Lease that no mkplan would find', 'does not hold what was written', withMetadata({ labels: {} })),
  suffered('what was sent, and it was not made', 'resourceVersion', () => ({
    kind: 'invent',
    invent: ({ body }) => ({ body }),
  })),
  accepted,
  legally(
    'annotations of others beside it',
    withAnnotations((all) => ({ ...all, 'example.com/note': 'x' })),
  ),
];

const LEASE = {
  kind: 'Lease',
  apiVersion: 'coordination.k8s.io/v1',
  metadata: { namespace: 'kube-system', name: 'other', resourceVersion: '7' },
};
const SUCCESS = { kind: 'Status', apiVersion: 'v1', status: 'Success' };

/** Of a Lease that is removed. */
export const REMOVALS: readonly OddWrite[] = [
  oddly('201 with all of it', 'HTTP status 201', withStatus(201)),
  oddly(
    'a Status that says nothing',
    'it is a Status',
    changed(({ status: _, ...body }) => body),
  ),
  oddly('another Lease', 'has a name "other"', () => ({ body: JSON.stringify(LEASE) })),
  suffered('a 404 of a proxy', 'nothing here', () => ({
    kind: 'rewrite',
    rewrite: () => ({ status: 404, headers: { 'Content-Type': 'text/plain' }, body: 'nothing here' }),
  })),
  legally('202 where 200 is usual', withStatus(202)),
  legally('a Status without details', () => ({ body: JSON.stringify(SUCCESS) })),
  legally('a 404 of the API server', () => ({
    status: 404,
    body: JSON.stringify({ ...CONFLICT, code: 404, reason: 'NotFound' }),
  })),
];

/** Of an Event. */
export const EVENT_WRITES: readonly OddWrite[] = [
  ...OTHER_OBJECTS,
  accepted,
  legally('202 with all of it', withStatus(202)),
];
