import { writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Cluster, ClusterWatch } from '../../src/kubernetes/cluster.ts';
import { connectCluster } from '../../src/kubernetes/connect.ts';
import type { WatchPace } from '../../src/kubernetes/watch/pace.ts';
import {
  type ApiServer,
  answerJson,
  type Certificates,
  listOf,
  makeCertificates,
  makeHome,
  minikubeKubeconfig,
  NO_PROGRAMS,
  startApiServer,
  urlOf,
  writeKubeconfig,
} from './api-server.ts';

const SERVICES = '/api/v1/services';
const NODES = '/api/v1/nodes';
const SLICES = '/apis/discovery.k8s.io/v1/endpointslices';
const RECORDS = '/api/v1/namespaces/kube-system/configmaps';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const LISTS = [SERVICES, NODES, SLICES, RECORDS];

type Service = ReturnType<typeof service>;

function service(name: string, version: number, ip: string | null = null) {
  const fieldsV1 = { 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } };
  return {
    metadata: {
      namespace: 'default',
      name,
      uid: `uid-${name}`,
      resourceVersion: String(version),
      managedFields: ip === null ? [] : [{ manager: 'mkplan', fieldsV1 }],
    },
    spec: { type: 'LoadBalancer' },
    status: { loadBalancer: ip === null ? {} : { ingress: [{ ip }] } },
  };
}

/** Of waiting for what is to happen; far longer than it takes. */
const PATIENCE = { timeout: 10_000 };
vi.setConfig({ testTimeout: 30_000 });

let certificates: Certificates;
let server: ApiServer;
let remove: () => Promise<void>;
let home: string;
let cluster: Cluster;
let watch: ClusterWatch | null;
/** What lists show, and from which version on they are watched. */
let held: Record<string, { version: number; items: object[] }>;
/** The streams that are open, by path, the last one last. */
let streams: Record<string, ServerResponse[]>;
let changes: number;
/** Answers some requests otherwise. */
let otherwise: (path: string, isWatch: boolean, response: ServerResponse) => boolean;

const pace: Partial<WatchPace> = { lostMs: 0, backoffMs: 10, longestBackoffMs: 40, pollMs: 20 };

beforeAll(async () => {
  certificates = await makeCertificates();
});

beforeEach(async () => {
  server = await startApiServer(certificates);
  ({ home, remove } = await makeHome());
  await writeFile(join(home, 'ca.crt'), certificates.ca);
  held = Object.fromEntries(LISTS.map((path) => [path, { version: 10, items: [] }]));
  streams = Object.fromEntries(LISTS.map((path) => [path, []]));
  changes = 0;
  watch = null;
  otherwise = () => false;
  server.handle(({ path, query }, response) => {
    const isWatch = query.get('watch') === 'true';
    if (otherwise(path, isWatch, response)) return;
    const list = held[path];
    if (path === '/api/v1/pods') answerJson(response, 200, listOf('v1', 'Pod', []));
    else if (path === LEASES) answerJson(response, 200, listOf('coordination.k8s.io/v1', 'Lease', []));
    else if (list === undefined)
      answerJson(response, path === '/version' ? 200 : 404, { gitVersion: 'v1.34.0' });
    else if (isWatch) {
      response.writeHead(200, { 'Content-Type': 'application/json' }).flushHeaders();
      streams[path]?.push(response);
    } else {
      const { version, items } = list;
      answerJson(response, 200, listOf(...typeOf(path), items, { resourceVersion: String(version) }));
    }
  });
  await connect();
});

afterEach(async () => {
  await cluster.close();
  await server.close();
  await remove();
});

async function connect(changed: Partial<WatchPace> = {}): Promise<void> {
  const config = minikubeKubeconfig('minikube', urlOf(server), 'ca.crt');
  const env = { KUBECONFIG: await writeKubeconfig(home, 'config', config) };
  const options = { context: 'minikube', profile: 'minikube', env, home, programs: NO_PROGRAMS };
  cluster = await connectCluster({ ...options, pace: { ...pace, ...changed } });
}

/** Watches, and waits until that is under way. */
async function begin(): Promise<void> {
  watch = cluster.watch(() => {
    changes++;
  });
  await live();
}

async function live(): Promise<void> {
  await vi.waitFor(() => expect(watch?.isLive).toBe(true), PATIENCE);
}

function streamOf(path: string): ServerResponse {
  const stream = streams[path]?.at(-1);
  if (stream === undefined) throw new Error(`nothing watches ${path}`);
  return stream;
}

/** apiVersion and kind of what a list holds. */
function typeOf(path: string): readonly [apiVersion: string, kind: string] {
  if (path === SLICES) return ['discovery.k8s.io/v1', 'EndpointSlice'];
  return ['v1', { [SERVICES]: 'Service', [NODES]: 'Node' }[path] ?? 'ConfigMap'];
}

function eventLine(path: string, type: string, object: object): string {
  const [apiVersion, kind] = typeOf(path);
  return `${JSON.stringify({ type, object: { apiVersion, kind, ...object } })}\n`;
}

function tell(path: string, ...events: (readonly [type: string, object: object])[]): void {
  const lines = events.map(([type, object]) => eventLine(path, type, object));
  streamOf(path).write(lines.join(''));
}

const bookmark = (version: number) =>
  ['BOOKMARK', { metadata: { resourceVersion: String(version) } }] as const;

/** Requests so far of one list: `list`, or `watch` and from where. */
function asked(path: string): string[] {
  return server.seen
    .filter((one) => one.path === path)
    .map(({ query }) => (query.get('watch') === null ? 'list' : `watch ${query.get('resourceVersion')}`));
}

async function names(): Promise<string[]> {
  return (await cluster.observe()).services.map(({ name, ingress }) => [name, ...ingress].join(' '));
}

async function shows(...expected: string[]): Promise<void> {
  await vi.waitFor(async () => expect(await names()).toEqual(expected), PATIENCE);
}

/** How often changes were told of so far; what is in memory is told within the same turn of the event loop. */
async function told(times: number): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  expect(changes).toBe(times);
}

function hold(...services: Service[]): void {
  held[SERVICES] = { version: (held[SERVICES]?.version ?? 0) + 10, items: services };
}

it('a server that was lost is asked again at once where there is a hint that it is back', async () => {
  await cluster.close();
  await connect({ backoffMs: 600_000, longestBackoffMs: 600_000 });
  hold(service('a', 1));
  await begin();
  otherwise = (_path, _isWatch, response) => {
    response.destroy();
    return true;
  };
  for (const path of LISTS) streamOf(path).destroy();
  await vi.waitFor(async () => {
    cluster.retry();
    await expect(names()).rejects.toThrow();
  }, PATIENCE);
  otherwise = () => false;
  // It may still be at the attempt before.
  await vi.waitFor(async () => {
    cluster.retry();
    expect(await names()).toEqual(['a']);
    expect(watch?.isLive).toBe(true);
  }, PATIENCE);
});

describe('a watched cluster', () => {
  it('is listed once and answers from memory from then on', async () => {
    hold(service('a', 1));
    await begin();
    await shows('a');
    const before = server.seen.length;
    await shows('a');
    expect(server.seen.length).toBe(before);
    tell(SERVICES, ['ADDED', service('b', 21)], ['MODIFIED', service('a', 22, '10.200.0.1')]);
    await shows('a 10.200.0.1', 'b');
    tell(SERVICES, ['DELETED', service('b', 23)]);
    await shows('a 10.200.0.1');
    expect(server.seen.length).toBe(before);
    await told(2);
  });

  it('asks for bookmarks and for an end in five to ten minutes', async () => {
    await begin();
    const query = server.seen.find((one) => one.query.get('watch') === 'true')?.query;
    expect(query?.get('allowWatchBookmarks')).toBe('true');
    expect(Number(query?.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
    expect(Number(query?.get('timeoutSeconds'))).toBeLessThanOrEqual(600);
  });
  it('tells nothing of what an observation does not show', async () => {
    hold(service('a', 1));
    await begin();
    await shows('a');
    const plain = { ...service('plain', 21), spec: { type: 'ClusterIP' } };
    const slice = (name: string, of: string) => ({
      metadata: {
        namespace: 'default',
        name,
        resourceVersion: '21',
        labels: { 'kubernetes.io/service-name': of },
      },
      endpoints: [{ addresses: ['10.244.0.9'], nodeName: 'minikube' }],
    });
    tell(SERVICES, ['ADDED', plain], ['MODIFIED', service('a', 22)], bookmark(30));
    tell(SLICES, ['ADDED', slice('plain-1', 'plain')]);
    // The resourceVersion is known all the same: writes rest on it.
    await vi.waitFor(async () => {
      expect((await cluster.observe()).services).toMatchObject([{ name: 'a', resourceVersion: '22' }]);
    }, PATIENCE);
    await told(0);
    tell(SLICES, ['ADDED', slice('a-1', 'a')]);
    await vi.waitFor(async () => {
      expect((await cluster.observe()).endpoints).toMatchObject([{ readyByNode: { minikube: 1 } }]);
    }, PATIENCE);
    await told(1);
  });

  it('reads lines however they are cut, and tells of one piece once', async () => {
    await begin();
    await shows();
    const odd = service('a', 21);
    const object = { ...odd, metadata: { ...odd.metadata, annotations: { 'mkplan/ip': 'ä€𝄞' } } };
    for (const byte of Buffer.from(eventLine(SERVICES, 'ADDED', object))) {
      await new Promise((resolve) => streamOf(SERVICES).write(Buffer.of(byte), resolve));
    }
    await vi.waitFor(async () => {
      expect((await cluster.observe()).services).toMatchObject([{ requestedIp: 'ä€𝄞' }]);
    }, PATIENCE);
    await told(1);
    tell(SERVICES, ['ADDED', service('b', 22)], ['ADDED', service('c', 23)], ['ADDED', service('d', 24)]);
    await shows('a', 'b', 'c', 'd');
    await told(2);
  });

  it('goes on from the last bookmark when a stream ends, without a list', async () => {
    hold(service('a', 1));
    await cluster.close();
    await connect({ steadyMs: 0 });
    await begin();
    tell(SERVICES, ['ADDED', service('b', 25)], bookmark(40));
    await shows('a', 'b');
    streamOf(SERVICES).end();
    await vi.waitFor(() => expect(streams[SERVICES]).toHaveLength(2), PATIENCE);
    tell(SERVICES, ['ADDED', service('c', 41)]);
    await shows('a', 'b', 'c');
    streamOf(SERVICES).destroy();
    await vi.waitFor(() => expect(streams[SERVICES]).toHaveLength(3), PATIENCE);
    expect(asked(SERVICES)).toEqual(['list', 'watch 20', 'watch 40', 'watch 41']);
    expect(watch?.isLive).toBe(true);
  });

  it('takes what is cut within a line for not told', async () => {
    hold(service('a', 1));
    await begin();
    await shows('a');
    streamOf(SERVICES).end(JSON.stringify({ type: 'ADDED', object: service('b', 21) }));
    await vi.waitFor(() => expect(streams[SERVICES]).toHaveLength(2), PATIENCE);
    expect(asked(SERVICES)).toEqual(['list', 'watch 20', 'watch 20']);
    expect(await names()).toEqual(['a']);
    await told(0);
  });

  const gone = { code: 410, message: 'too old resource version' };
  it.each([
    [
      'an ERROR event',
      (response: ServerResponse) => {
        response.writeHead(200, { 'Content-Type': 'application/json' });
        response.end(`${JSON.stringify({ type: 'ERROR', object: gone })}\n`);
      },
    ],
    ['a status', (response: ServerResponse) => answerJson(response, 410, gone)],
  ])('lists again on 410, told by %s, and tells only of a difference', async (_, refuse) => {
    hold(service('a', 1));
    await begin();
    await shows('a');
    const states = [[service('a', 1)], [service('a', 1), service('b', 2)]];
    for (const [index, next] of states.entries()) {
      let isTold = false;
      otherwise = (path, isWatch, response) => {
        if (path !== SERVICES || !isWatch || isTold) return false;
        isTold = true;
        refuse(response);
        return true;
      };
      hold(...next);
      streamOf(SERVICES).end();
      await vi.waitFor(() => expect(streams[SERVICES]).toHaveLength(index + 2), PATIENCE);
      expect(await names()).toEqual(next.map(({ metadata }) => metadata.name));
      await told(index);
    }
    expect(asked(SERVICES).filter((one) => one === 'list')).toHaveLength(3);
  });

  it.each([
    ['no JSON', 'nonsense\n'],
    ['an unknown type', '{"type":"RENAMED","object":{"metadata":{"resourceVersion":"5"}}}\n'],
    ['an object without a version', '{"type":"ADDED","object":{}}\n'],
    ['an error', '{"type":"ERROR","object":{"code":500,"message":"etcd is unwell"}}\n'],
  ])('lists again after %s', async (_, line) => {
    hold(service('a', 1));
    await begin();
    hold(service('b', 1));
    streamOf(SERVICES).write(line);
    await shows('b');
    await live();
    expect(asked(SERVICES).slice(0, 3)).toEqual(['list', 'watch 20', 'list']);
  });

  it('gives up a stream that is silent, and goes on with a new one', async () => {
    await cluster.close();
    await connect({ idleMs: 50, steadyMs: 0 });
    await begin();
    await vi.waitFor(() => expect(streams[SERVICES]?.length).toBeGreaterThan(2), PATIENCE);
    expect(new Set(asked(SERVICES).slice(1))).toEqual(new Set(['watch 10']));
  });

  it('lets what its listener throws end the process', async () => {
    const caught = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    try {
      const thrown = new Promise((resolve) => process.once('uncaughtException', resolve));
      watch = cluster.watch(() => {
        throw new Error('from the listener');
      });
      await live();
      await shows();
      tell(SERVICES, ['ADDED', service('a', 21)]);
      expect(await thrown).toMatchObject({ message: 'from the listener' });
    } finally {
      for (const one of caught) process.on('uncaughtException', one);
    }
  });
});

describe('a server that is lost', () => {
  const drop = (response: ServerResponse): true => {
    response.destroy();
    return true;
  };
  const lost = { kind: 'error', diagnostics: [{ code: 'cluster-cut' }] };

  it('makes observations fail once a new attempt has failed, and comes back', async () => {
    hold(service('a', 1));
    await begin();
    await shows('a');
    otherwise = (_, __, response) => drop(response);
    streamOf(SERVICES).destroy();
    await vi.waitFor(() => expect(cluster.observe()).rejects.toMatchObject(lost), PATIENCE);
    expect(watch?.isLive).toBe(false);
    await vi.waitFor(() => expect(changes).toBeGreaterThan(0), PATIENCE);
    const before = changes;
    otherwise = () => false;
    hold(service('b', 1));
    await live();
    await shows('b');
    expect(changes).toBeGreaterThan(before);
  });

  it('is not lost before it was silent for five seconds, and is asked again who it is', async () => {
    let now = 0;
    await cluster.close();
    await connect({ lostMs: 5000, now: () => now });
    hold(service('a', 1));
    await begin();
    await shows('a');
    let dropped = 0;
    otherwise = (_, __, response) => {
      dropped++;
      return drop(response);
    };
    const attempts = async (count: number) =>
      await vi.waitFor(() => expect(dropped).toBeGreaterThan(count), PATIENCE);
    for (const path of LISTS) streamOf(path).destroy();
    now = 4999;
    await attempts(20);
    expect(await names()).toEqual(['a']);
    expect(watch?.isLive).toBe(false);
    otherwise = () => false;
    await live();
    await shows('a');
    expect(asked('/version').length).toBeGreaterThan(1);
    otherwise = (_, __, response) => drop(response);
    for (const path of LISTS) streamOf(path).destroy();
    now += 5000;
    await vi.waitFor(() => expect(cluster.observe()).rejects.toMatchObject(lost), PATIENCE);
  });

  it('is asked for what is not watched again, once it is back', async () => {
    await begin();
    await shows();
    expect(asked('/version')).toHaveLength(1);
    otherwise = (_, __, response) => drop(response);
    streamOf(NODES).destroy();
    await vi.waitFor(() => expect(cluster.observe()).rejects.toMatchObject(lost), PATIENCE);
    otherwise = () => false;
    await live();
    await shows();
    expect(asked('/version')).toHaveLength(2);
  });

  it('fails the first observation as it does without a watch', async () => {
    otherwise = (_, __, response) => drop(response);
    watch = cluster.watch(() => undefined);
    await expect(cluster.observe()).rejects.toMatchObject(lost);
    expect(watch.isLive).toBe(false);
  });

  it('is left alone for as long as it asks', async () => {
    const times: number[] = [];
    otherwise = (path, isWatch, response) => {
      if (path !== SERVICES || !isWatch) return false;
      times.push(performance.now());
      if (times.length > 1) return false;
      response.writeHead(429, { 'Retry-After': '1' }).end('{}');
      return true;
    };
    await begin();
    expect(times).toHaveLength(2);
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(990);
  });
});

describe('what is not watched', () => {
  it('is read again when it is old', async () => {
    let now = 0;
    await cluster.close();
    await connect({ now: () => now });
    await begin();
    await shows();
    now = 299_999;
    await shows();
    expect(asked('/version')).toHaveLength(1);
    now = 300_000;
    await shows();
    await shows();
    expect(asked('/version')).toHaveLength(2);
  });
});

describe('a right that is missing', () => {
  const refuse = (refused: string, verb: 'list' | 'watch') => {
    otherwise = (path, isWatch, response) => {
      if (path !== refused || isWatch !== (verb === 'watch')) return false;
      answerJson(response, 403, { message: 'forbidden' });
      return true;
    };
  };
  const missing = async (...rights: string[]) =>
    await vi.waitFor(async () => expect((await cluster.observe()).missingRights).toEqual(rights), PATIENCE);

  it.each([
    [SERVICES, 'watch services'],
    [NODES, 'watch nodes'],
    [RECORDS, 'watch configmaps kube-system/mkplan-allocations'],
  ] as const)('to watch %s is named, and the list is read again now and then', async (path, right) => {
    hold(service('a', 1));
    refuse(path, 'watch');
    await begin();
    await missing(right);
    const lists = () => asked(path).filter((one) => one === 'list').length;
    const [before, toldBefore] = [lists(), changes];
    await vi.waitFor(() => expect(lists()).toBeGreaterThan(before + 2), PATIENCE);
    await told(toldBefore);
    hold(service('b', 1));
    if (path === SERVICES) await shows('b');
    otherwise = () => false;
    await missing();
  });

  it('to list Services leaves none, and the rest', async () => {
    hold(service('a', 1));
    refuse(SERVICES, 'list');
    await begin();
    expect(await cluster.observe()).toMatchObject({ services: [], missingRights: ['list services'] });
    otherwise = () => false;
    await shows('a');
    await missing();
  });

  it('to list the record is named, and it is read by its name', async () => {
    refuse(RECORDS, 'list');
    const listing = otherwise;
    otherwise = (path, isWatch, response) => {
      if (path !== `${RECORDS}/mkplan-allocations`) return listing(path, isWatch, response);
      const data = { allocations: '10.200.0.1 a/b' };
      const metadata = { namespace: 'kube-system', name: 'mkplan-allocations', resourceVersion: '5' };
      answerJson(response, 200, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data });
      return true;
    };
    await begin();
    expect(await cluster.observe()).toMatchObject({
      allocations: { resourceVersion: '5', allocations: [{ address: '10.200.0.1', service: 'a/b' }] },
      missingRights: ['list configmaps kube-system/mkplan-allocations'],
    });
  });
});

describe('what we write', () => {
  const target = { namespace: 'default', name: 'a', uid: 'uid-a', resourceVersion: '1' };

  /** Sends a write; it is answered with this when `answer` is called. */
  async function write(answered: Service): Promise<{ answer(): Promise<unknown> }> {
    let response: ServerResponse | null = null;
    const before = otherwise;
    otherwise = (path, isWatch, given) => {
      if (!path.endsWith('/status')) return before(path, isWatch, given);
      response = given;
      return true;
    };
    const written = cluster.applyStatus(target, { addresses: ['10.200.0.1'], condition: null });
    const found = await vi.waitFor(() => {
      if (response === null) throw new Error('nothing was written');
      return response;
    }, PATIENCE);
    return {
      async answer() {
        answerJson(found, 200, answered);
        return await written;
      },
    };
  }

  beforeEach(async () => {
    hold(service('a', 1));
    await begin();
    await shows('a');
  });

  it('is in memory at once, and no older event undoes it', async () => {
    const { answer } = await write(service('a', 30, '10.200.0.1'));
    expect(await answer()).toBe('30');
    expect(await names()).toEqual(['a 10.200.0.1']);
    tell(SERVICES, ['MODIFIED', service('a', 25)], ['ADDED', service('b', 26)]);
    await shows('a 10.200.0.1', 'b');
    tell(SERVICES, ['MODIFIED', service('a', 30, '10.200.0.1')], ['MODIFIED', service('a', 31)]);
    await shows('a', 'b');
  });

  it('does not undo what was told before its answer came', async () => {
    const { answer } = await write(service('a', 30, '10.200.0.1'));
    const ours = service('a', 30, '10.200.0.1');
    tell(SERVICES, ['MODIFIED', ours], ['MODIFIED', service('a', 31, '10.200.0.9')]);
    await shows('a 10.200.0.9');
    await answer();
    expect(await names()).toEqual(['a 10.200.0.9']);
    tell(SERVICES, ['MODIFIED', service('a', 32)]);
    await shows('a');
  });

  it('and changed nothing is not waited for', async () => {
    const { answer } = await write(service('a', 1, '10.200.0.1'));
    await answer();
    tell(SERVICES, ['MODIFIED', service('a', 31, '10.200.0.9')]);
    await shows('a 10.200.0.9');
  });
});

describe('a watch that is stopped', () => {
  it('tells nothing more, and observations ask the server again', async () => {
    hold(service('a', 1));
    await begin();
    await shows('a');
    watch?.stop();
    expect(watch?.isLive).toBe(false);
    hold(service('c', 1));
    expect(await names()).toEqual(['c']);
    await told(0);
    expect(() => cluster.watch(() => undefined)).not.toThrow();
    expect(() => cluster.watch(() => undefined)).toThrow('watched already');
  });

  it('ends with the cluster, connections included', async () => {
    await begin();
    const ended = LISTS.map((path) => new Promise((resolve) => streamOf(path).on('close', resolve)));
    await cluster.close();
    await Promise.all(ended);
  });
});
