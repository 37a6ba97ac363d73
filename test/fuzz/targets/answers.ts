import {
  type Expected,
  requireEvent,
  requireObject,
  requireRemoved,
  Unexpected,
} from '../../../src/kubernetes/client/expected.ts';
import { Listing } from '../../../src/kubernetes/client/listing.ts';
import type { Json } from '../mutate.ts';
import { jsonInputs, must, type Target, textInputs, tried } from '../target.ts';

const SERVICES: Expected = { apiVersion: 'v1', kind: 'Service', namespace: '*' };
const LEASE: Expected = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  namespace: 'kube-system',
  name: 'mkplan-1',
  uid: 'u1',
  changedFrom: '6',
};

const item = (name: string): Json => ({ metadata: { namespace: 'default', name, uid: name }, spec: {} });
const page = (more: Json, items: Json): Json => ({
  kind: 'ServiceList',
  apiVersion: 'v1',
  metadata: { resourceVersion: '7', ...(more as object) },
  items,
});

const PAGES: Json = [
  page({ continue: 'a', remainingItemCount: 3 }, [item('a'), item('b')]),
  page({ continue: 'b' }, [item('c')]),
  page({}, null),
];
const LIST: Json = [{ ...(page({}, [item('a')]) as object), kind: 'List' }];

type Fields = Readonly<Record<string, unknown>>;

function fields(value: unknown): Fields {
  must(typeof value === 'object' && value !== null && !Array.isArray(value), 'no object');
  return value as Fields;
}

function isWord(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

/** Whether it says which object it is, and of which state; what is in a list names its state where it is read. */
function mustBeObject(value: unknown, hasVersion: boolean): void {
  const metadata = fields(fields(value)['metadata']);
  must(isWord(metadata['name']) && !String(metadata['name']).includes('/'), 'a name');
  must(isWord(metadata['namespace']), 'a namespace');
  if (hasVersion)
    must(isWord(metadata['resourceVersion']) && metadata['resourceVersion'] !== '0', 'a version');
}

/** The JSON of an input; undefined where it is none, which never comes this far (src/kubernetes/client/answer.ts). */
function parsed(input: Buffer): unknown {
  try {
    return JSON.parse(input.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** Pages as the client reads them: until one says that it is the last. */
const list: Target = {
  name: 'list',
  make: jsonInputs([PAGES, LIST]),
  read: (input) => {
    const pages = parsed(input);
    if (!Array.isArray(pages)) return false;
    const listing = new Listing<unknown, unknown>({ type: SERVICES }, (one) => one);
    let read = 0;
    const found = tried(() => {
      for (const body of pages) {
        if (listing.query === null) break;
        listing.add({ body, bytes: 1 });
        read++;
      }
    }, Unexpected);
    if (found === null || listing.query !== null) return false;
    const { values, resourceVersion } = listing.listed;
    const said = pages.slice(0, read).map(fields);
    must(
      said.every((one) => fields(one['metadata'])['resourceVersion'] === resourceVersion),
      'pages of several states',
    );
    must(
      said.every(({ kind }) => kind === 'ServiceList' || kind === 'List'),
      'another kind',
    );
    must(
      JSON.stringify(values) === JSON.stringify(said.flatMap(({ items }) => items ?? [])),
      'not all items',
    );
    for (const value of values) mustBeObject(value, false);
    const names = values.map((value) => {
      const { namespace, name } = fields(fields(value)['metadata']);
      return `${String(namespace)}/${String(name)}`;
    });
    must(new Set(names).size === names.length, 'an object twice');
    return true;
  },
};

const SERVICE: Json = {
  kind: 'Service',
  apiVersion: 'v1',
  metadata: { namespace: 'default', name: 'a', resourceVersion: '8' },
};
const EVENTS: readonly Json[] = [
  { type: 'ADDED', object: SERVICE },
  { type: 'DELETED', object: SERVICE },
  { type: 'BOOKMARK', object: { kind: 'Service', apiVersion: 'v1', metadata: { resourceVersion: '9' } } },
  { type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } },
];

const watchEvent: Target = {
  name: 'watch-event',
  make: textInputs(
    EVENTS.map((event) => JSON.stringify(event)),
    EVENTS,
  ),
  read: (input) => {
    const found = tried(() => requireEvent<unknown>(input.toString('utf8'), SERVICES), Unexpected);
    if (found === null) return false;
    const event = found.value;
    const said = fields(parsed(input));
    must(said['type'] === event.type, 'another type');
    if (event.type === 'ERROR') {
      must(Number.isFinite(event.code) && isWord(event.message), 'an error');
      return true;
    }
    must(fields(fields(said['object'])['metadata'])['resourceVersion'] === event.version, 'another version');
    must(fields(said['object'])['kind'] === 'Service', 'another kind');
    if (event.type !== 'BOOKMARK') mustBeObject(event.object, true);
    return true;
  },
};

const WRITTEN: Json = {
  kind: 'Lease',
  apiVersion: 'coordination.k8s.io/v1',
  metadata: { namespace: 'kube-system', name: 'mkplan-1', uid: 'u1', resourceVersion: '7' },
};
const SUCCESS: Json = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 200 };

const written: Target = {
  name: 'write-answer',
  make: jsonInputs([WRITTEN]),
  read: (input) => {
    const body = parsed(input);
    if (tried(() => requireObject(body, LEASE), Unexpected) === null) return false;
    const { namespace, name, uid, resourceVersion } = fields(fields(body)['metadata']);
    must(namespace === LEASE.namespace && name === LEASE.name && uid === LEASE.uid, 'another one');
    must(isWord(resourceVersion) && resourceVersion !== LEASE.changedFrom, 'it was not changed');
    return true;
  },
};

const removed: Target = {
  name: 'removal-answer',
  make: jsonInputs([SUCCESS, WRITTEN]),
  read: (input) => {
    const body = parsed(input);
    if (tried(() => requireRemoved(body, LEASE), Unexpected) === null) return false;
    const { kind, status, metadata } = fields(body);
    must(kind === 'Status' ? status === 'Success' : fields(metadata)['name'] === LEASE.name, 'not removed');
    return true;
  },
};

/** What comes from an API server, as far as it is held against what was asked for. */
export const ANSWERS: readonly Target[] = [list, watchEvent, written, removed];
