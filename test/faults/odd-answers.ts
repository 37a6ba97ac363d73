import { randomUUID } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { JsonObject } from '../../src/embedded-api/objects/json.ts';
import type { Reply, Rewritten } from './proxy.ts';

/** One answer that a server, or something in its place, may give. docs/internals/answers.md has a row for each. */
export interface Odd {
  /** What is answered, as the page names it. */
  readonly name: string;
  /** Part of what the user is told; null where it is legal, and believed. */
  readonly says: string | null;
  /** Made of what the API server itself answered. */
  readonly of: (reply: Reply) => Rewritten;
}

export function legal(name: string, of: Odd['of']): Odd {
  return { name, says: null, of };
}

export function odd(name: string, says: string, of: Odd['of']): Odd {
  return { name, says, of };
}

const text =
  (body: string | Buffer, headers: Rewritten['headers'] = {}, status = 200) =>
  (): Rewritten => ({
    status,
    headers,
    body,
  });

/** The answer itself, with some of its fields changed. */
export const changed =
  (change: (body: Record<string, unknown>) => object) =>
  ({ status, body }: Reply): Rewritten => ({
    status,
    body: JSON.stringify(change(JSON.parse(body.toString('utf8')) as Record<string, unknown>)),
  });

export const withMetadata = (metadata: object) =>
  changed((body) => ({ ...body, metadata: { ...(body['metadata'] as object), ...metadata } }));

type Item = { readonly metadata: Readonly<Record<string, unknown>> } & Readonly<Record<string, unknown>>;

const withItems = (change: (items: Item[]) => unknown) =>
  changed((body) => ({ ...body, items: change(body['items'] as Item[]) }));

/** The list with its first item changed, which is a Service that is served. */
const withItem = (change: (item: Item) => unknown) =>
  withItems((items) => items.map((item, index) => (index === 0 ? change(item) : item)));

const withItemMetadata = (metadata: object) =>
  withItem((item) => ({ ...item, metadata: { ...item.metadata, ...metadata } }));

export const packed =
  (encoding: string, pack: (body: Buffer) => Buffer) =>
  ({ body }: Reply): Rewritten => ({ headers: { 'Content-Encoding': encoding }, body: pack(body) });

const STATUS: JsonObject = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  message: 'etcd is unwell',
  code: 500,
};

const PORTAL = '<html><body>Log in to the guest network</body></html>';
const HTML = { 'Content-Type': 'text/html' };
const MANY_BYTES = 65 * 1024 * 1024;

/** An empty page of Services of this state, or of another one each time, that goes on. */
const emptyPage = (state: string | null, next: () => string) => (): Rewritten => {
  const metadata = { resourceVersion: state ?? randomUUID(), continue: next() };
  return {
    body: JSON.stringify({ apiVersion: 'v1', kind: 'ServiceList', metadata, items: [] }),
    status: 200,
  };
};

/** What stands in the place of any answer. */
export const ANYTHING: readonly Odd[] = [
  odd('an empty body', 'it is empty', text('')),
  odd('204 without a body', 'HTTP status 204', text('', {}, 204)),
  odd('an empty object', 'it names no kind', text('{}')),
  odd('null', 'it is empty', text('null')),
  odd('an array', 'it is an array', text('[1,2]')),
  odd('a number', 'it is a number', text('5')),
  odd('a text', 'it is a string', text('"ok"')),
  odd('NaN', 'is not JSON', text('NaN')),
  odd('JSON that is cut', 'is not JSON', text('{"kind":"ServiceList","items":[')),
  odd('a Status that failed, with 200', 'it is a Status: etcd is unwell', text(JSON.stringify(STATUS))),
  odd('a login page, with 200', 'calls itself text/html', text(PORTAL, HTML)),
  odd('a login page, with 403', 'Log in to the guest network', text(PORTAL, HTML, 403)),
  odd('a login page, with 404', 'Log in to the guest network', text(PORTAL, HTML, 404)),
  odd(
    'a redirect',
    'a redirect to https://login.example/',
    text('', { Location: 'https://login.example/' }, 302),
  ),
  odd('a bad gateway', 'upstream is down', text('upstream is down', { 'Content-Type': 'text/plain' }, 502)),
  odd('a Retry-After of years', 'slow down', text('slow down', { 'Retry-After': '1000000000' }, 429)),
  odd('protobuf', 'is not JSON', text(Buffer.from('6b38730a0c0a0276311207', 'hex'))),
  odd('bytes that are not UTF-8', 'is not JSON', text(Buffer.from('7b226b696e64223a22e9227d', 'hex'))),
  odd('gzip that is damaged', 'cannot be unpacked', text('not gzip', { 'Content-Encoding': 'gzip' })),
  odd('an encoding that nobody knows', 'is packed as "zstd9"', text('{}', { 'Content-Encoding': 'zstd9' })),
  odd(
    'a bomb of gzip',
    'is longer than',
    text(gzipSync(Buffer.alloc(MANY_BYTES, ' ')), { 'Content-Encoding': 'gzip' }),
  ),
  odd('brackets in brackets, a million deep', 'it is an array', text('['.repeat(1e6) + ']'.repeat(1e6))),
  odd(
    'an apiVersion that cannot be a text',
    'it is a Thing of no version',
    text('{"kind":"Thing","apiVersion":{"toString":1}}'),
  ),
];

/** What no list can be, of whatever kind. */
export const NO_LISTS: readonly Odd[] = [
  ...ANYTHING,
  odd('206 with all of it', 'HTTP status 206', ({ body }) => ({ status: 206, body })),
  odd(
    'a list of another kind',
    'it is a PodList of v1',
    changed((body) => ({ ...body, kind: 'PodList' })),
  ),
  odd(
    'another version',
    'it is a ServiceList of v2',
    changed((body) => ({ ...body, apiVersion: 'v2' })),
  ),
  odd(
    'no metadata',
    'has no metadata',
    changed(({ metadata: _, ...body }) => body),
  ),
  odd(
    'metadata that are an array',
    'has no metadata',
    changed((body) => ({ ...body, metadata: [] })),
  ),
  odd('no resourceVersion', 'no resourceVersion', withMetadata({ resourceVersion: '' })),
  odd('a resourceVersion of 0', 'no resourceVersion', withMetadata({ resourceVersion: '0' })),
  odd('a resourceVersion that is a number', 'no resourceVersion', withMetadata({ resourceVersion: 7 })),
  odd(
    'no items',
    'has no items',
    changed(({ items: _, ...body }) => body),
  ),
  odd(
    'items that are an object',
    'has no items',
    withItems(() => ({ length: 1e9 })),
  ),
  odd(
    'items that are a text',
    'has no items',
    withItems(() => 'abc'),
  ),
  odd(
    'an item that is null',
    'an item is not a Service',
    withItem(() => null),
  ),
  odd(
    'an item of another kind',
    'it is a Pod',
    withItem((item) => ({ ...item, kind: 'Pod' })),
  ),
  odd(
    'an item without metadata',
    'has no metadata',
    withItem(({ metadata: _, ...item }) => item),
  ),
  odd('an item without a name', 'has no name', withItemMetadata({ name: '' })),
  odd('an item whose name is a path', 'has no name', withItemMetadata({ name: '../../nodes' })),
  odd('an item without a namespace', 'has no namespace', withItemMetadata({ namespace: undefined })),
  odd(
    'an object twice',
    'twice',
    withItems((items) => [...items, ...items.slice(-1)]),
  ),
  odd('a continue that is a number', 'is no text', withMetadata({ continue: 7 })),
  odd(
    'a continue that comes again',
    'the list goes round',
    emptyPage('7', () => 'again'),
  ),
  odd('pages without end', 'the list does not end: 1000 pages', emptyPage('7', randomUUID)),
  odd('pages of several states', 'of several states', emptyPage(null, randomUUID)),
];

/** The list of Services, in which two are served. */
export const LISTS: readonly Odd[] = [
  ...NO_LISTS,
  odd('an item without a uid', 'has no uid', withItemMetadata({ uid: undefined })),
  odd('an item without a resourceVersion', 'no resourceVersion', withItemMetadata({ resourceVersion: '' })),
  odd('a number where a text belongs', 'at Service.metadata.uid', withItemMetadata({ uid: 7 })),
  odd(
    'ports that are texts',
    'at Service.spec.ports[0].port',
    withItem((item) => ({ ...item, spec: { type: 'LoadBalancer', ports: [{ port: '80' }] } })),
  ),
  legal(
    'items that are null',
    withItems(() => null),
  ),
  legal(
    'fields that nobody knows',
    withItem((item) => ({ ...item, fromTheFuture: { a: [1] } })),
  ),
  legal('__proto__ as a key', ({ body }) => ({
    body: body
      .toString('utf8')
      .replace('"spec":{', '"__proto__":{"type":"None"},"spec":{"__proto__":{"type":"None"},'),
  })),
  legal('a key twice, of which the last one counts', ({ body }) => ({
    body: body.toString('utf8').replace('{', '{"items":5,'),
  })),
  legal('a byte order mark', ({ body }) => ({ body: Buffer.concat([Buffer.from('efbbbf', 'hex'), body]) })),
  legal('white space around it', ({ body }) => ({ body: `\r\n\t ${body.toString('utf8')}\n\n` })),
  legal('JSON that calls itself text', ({ body }) => ({ headers: { 'Content-Type': 'text/plain' }, body })),
  legal('gzip', packed('gzip', gzipSync)),
  legal('deflate', packed('deflate', deflateSync)),
  legal('brotli', packed('br', brotliCompressSync)),
  legal(
    'a List of v1',
    changed((body) => ({ ...body, apiVersion: 'v1', kind: 'List' })),
  ),
  legal(
    'items that name their kind',
    withItem((item) => ({ ...item, apiVersion: 'v1', kind: 'Service' })),
  ),
  legal('a resourceVersion that is not a number', withMetadata({ resourceVersion: 'opaque-7' })),
  legal('a remainingItemCount that is wrong', withMetadata({ remainingItemCount: 99 })),
  legal('a Service that is being deleted', withItemMetadata({ deletionTimestamp: '2026-01-01T00:00:00Z' })),
];

/** The record of allocations, read by its name. */
export const GETS: readonly Odd[] = [
  ...ANYTHING,
  odd(
    'another kind',
    'it is a Secret',
    changed((body) => ({ ...body, kind: 'Secret' })),
  ),
  odd('another name', 'has a name "other"', withMetadata({ name: 'other' })),
  odd('another namespace', 'has a namespace "default"', withMetadata({ namespace: 'default' })),
  odd('no resourceVersion', 'no resourceVersion', withMetadata({ resourceVersion: undefined })),
  odd(
    'data that are texts',
    'at ConfigMap.data',
    changed((body) => ({ ...body, data: 'abc' })),
  ),
  legal('labels that someone put there', withMetadata({ labels: { a: 'b' } })),
];

/** A watch of Services; `isEnded`: the server ends it afterwards. */
export interface OddStream {
  readonly name: string;
  readonly isLegal: boolean;
  readonly bytes: string;
  readonly isEnded: boolean;
}

function line(type: unknown, object: unknown): string {
  return `${JSON.stringify({ type, object })}\n`;
}

/** Stands for the version that the server is at. */
export const VERSION = '@version@';
const BOOKMARK = { apiVersion: 'v1', kind: 'Service', metadata: { resourceVersion: VERSION } };
const SERVICE = {
  ...BOOKMARK,
  metadata: { ...BOOKMARK.metadata, namespace: 'default', name: 'a', uid: 'u' },
};

function stream(name: string, bytes: string, isEnded = false): OddStream {
  return { name, isLegal: false, bytes, isEnded };
}

export const WATCHES: readonly OddStream[] = [
  stream('a line that is not JSON', 'garbage\n'),
  stream('a line that is null', 'null\n'),
  stream('a line that is an array', '[]\n'),
  stream('a type that nobody knows', line('RENAMED', SERVICE)),
  stream('a type that is __proto__', line('__proto__', SERVICE)),
  stream('a type that is a number', line(7, SERVICE)),
  stream('a type that cannot be a text', line({ toString: 1 }, SERVICE)),
  stream('an event without an object', line('DELETED', undefined)),
  stream('an event whose object is null', line('DELETED', null)),
  stream('an event of another kind', line('DELETED', { ...SERVICE, kind: 'Pod' })),
  stream('an event of a Status', line('DELETED', { ...STATUS })),
  stream('an event without a name', line('DELETED', { ...BOOKMARK })),
  stream(
    'an event without a resourceVersion',
    line('DELETED', { ...SERVICE, metadata: { namespace: 'default', name: 'a' } }),
  ),
  stream(
    'an object that is not of its type',
    line('MODIFIED', { ...SERVICE, spec: { type: 'LoadBalancer', ports: 'x' } }),
  ),
  stream('a bookmark of another kind', line('BOOKMARK', { ...BOOKMARK, kind: 'Pod' })),
  stream('a bookmark without a resourceVersion', line('BOOKMARK', { ...BOOKMARK, metadata: {} })),
  stream('ERROR without a Status', line('ERROR', null)),
  stream('ERROR with 410', line('ERROR', { ...STATUS, code: 410 })),
  stream('ERROR with 500', line('ERROR', STATUS)),
  stream('nothing but empty lines', '\n'.repeat(5000)),
  stream('brackets in brackets', `${'['.repeat(1e5)}${']'.repeat(1e5)}\n`),
  stream('a line without end', 'x'.repeat(17 * 1024 * 1024)),
  stream(
    'a list in its place',
    `${JSON.stringify({ kind: 'ServiceList', apiVersion: 'v1', metadata: {}, items: [] })}\n`,
  ),
  { name: 'a bookmark', isLegal: true, bytes: line('BOOKMARK', BOOKMARK), isEnded: true },
  { name: 'an end at once', isLegal: true, bytes: '', isEnded: true },
  {
    name: 'an empty line now and then',
    isLegal: true,
    bytes: `\n\n${line('BOOKMARK', BOOKMARK)}\n`,
    isEnded: true,
  },
];
