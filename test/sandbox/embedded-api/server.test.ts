import { request } from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  arrayAt,
  type JsonObject,
  textAt,
  textsAt,
  valueAt,
} from '../../../src/sandbox/embedded-api/json.ts';
import type { EmbeddedApi } from '../../../src/sandbox/embedded-api/server.ts';
import { startApi, type TestClient } from './client.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const STATUS = `${SERVICES}/web/status`;

let api: EmbeddedApi;
let client: TestClient;

beforeEach(async () => {
  ({ api, client } = await startApi({ bookmarkIntervalMs: 20 }));
});

afterEach(async () => {
  client.close();
  await api.close();
});

function service(name: string, spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
  };
}

function configMap(name: string, data: JsonObject = {}): JsonObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

function ingress(ip: string, metadata: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    status: { loadBalancer: { ingress: [{ ip, ipMode: 'VIP' }] } },
  };
}

/** A configuration that names nothing: it gives everything up. */
const NOTHING: JsonObject = { apiVersion: 'v1', kind: 'Service', metadata: {} };

function managersOf(object: JsonObject): string[] {
  return arrayAt(object, 'metadata', 'managedFields').map(
    (entry) =>
      `${textAt(entry, 'manager') ?? ''} ${textAt(entry, 'operation') ?? ''} ${textAt(entry, 'subresource') ?? '-'}`,
  );
}

function namesOf(list: JsonObject): (string | undefined)[] {
  return arrayAt(list, 'items').map((item) => textAt(item, 'metadata', 'name'));
}

describe('the way in', () => {
  it('serves health to everyone and objects to clients with its own certificate alone', async () => {
    const codeWithoutCertificate = (path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        request(`${api.url}${path}`, { ca: api.ca, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        })
          .on('error', reject)
          .end();
      });
    expect(await codeWithoutCertificate('/readyz')).toBe(200);
    expect(await codeWithoutCertificate('/version')).toBe(200);
    expect(await codeWithoutCertificate('/api/v1/services')).toBe(401);
    expect((await client.get('/api/v1/services')).code).toBe(200);
  });

  it('discovers groups, versions and resources', async () => {
    expect(valueAt((await client.get('/api')).body, 'versions')).toEqual(['v1']);
    const groups = arrayAt((await client.get('/apis')).body, 'groups').map((group) => textAt(group, 'name'));
    expect(groups).toEqual(['coordination.k8s.io', 'discovery.k8s.io', 'networking.k8s.io']);
    const core = arrayAt((await client.get('/api/v1')).body, 'resources').map((entry) =>
      textAt(entry, 'name'),
    );
    expect(core).toContain('services/status');
    expect(textAt((await client.get('/version')).body, 'minor')).toBe('33');
  });

  it('answers a path that is not served with a NotFound status', async () => {
    const { code, body } = await client.get('/apis/apps/v1/deployments');
    expect([code, body]).toMatchObject([
      404,
      { kind: 'Status', status: 'Failure', reason: 'NotFound', code: 404 },
    ]);
  });
});

describe('create, update and delete', () => {
  it('allocates the lowest free clusterIP, takes a given one, and gives it out again after deletion', async () => {
    const a = (await client.send('POST', SERVICES, service('a'))).body;
    const b = (await client.send('POST', SERVICES, service('b', { clusterIP: '10.96.0.3' }))).body;
    const c = (await client.send('POST', SERVICES, service('c'))).body;
    expect([a, b, c].map((object) => textAt(object, 'spec', 'clusterIP'))).toEqual([
      '10.96.0.2',
      '10.96.0.3',
      '10.96.0.4',
    ]);
    await client.send('DELETE', `${SERVICES}/a`);
    expect(textAt((await client.send('POST', SERVICES, service('d'))).body, 'spec', 'clusterIP')).toBe(
      '10.96.0.2',
    );
    const taken = await client.send('POST', SERVICES, service('e', { clusterIP: '10.96.0.4' }));
    expect([taken.code, taken.body['reason']]).toEqual([422, 'Invalid']);
    expect(taken.body['message']).toContain('provided IP is already allocated');
    expect((await client.send('POST', SERVICES, service('f', { clusterIP: '10.1.0.1' }))).code).toBe(422);
  });

  it('gives dual-stack Services an address of each family', async () => {
    const dual = await startApi({ serviceCidrs: ['10.96.0.0/12', 'fd00:10:96::/108'] });
    const { body } = await dual.client.send(
      'POST',
      SERVICES,
      service('a', { ipFamilyPolicy: 'PreferDualStack' }),
    );
    expect(textsAt(body, 'spec', 'clusterIPs')).toEqual(['10.96.0.2', 'fd00:10:96::1']);
    expect(textsAt(body, 'spec', 'ipFamilies')).toEqual(['IPv4', 'IPv6']);
    dual.client.close();
    await dual.api.close();
  });

  it('names what is taken, missing or malformed as Kubernetes does', async () => {
    await client.send('POST', SERVICES, service('web'));
    const twice = await client.send('POST', SERVICES, service('web'));
    expect(twice).toMatchObject({
      code: 409,
      body: {
        reason: 'AlreadyExists',
        message: 'services "web" already exists',
        details: { name: 'web', kind: 'services' },
      },
    });
    const missing = await client.get('/apis/coordination.k8s.io/v1/namespaces/default/leases/x');
    expect(missing).toMatchObject({
      code: 404,
      body: {
        message: 'leases.coordination.k8s.io "x" not found',
        details: { group: 'coordination.k8s.io' },
      },
    });
    const homeless = await client.send('POST', '/api/v1/namespaces/nowhere/configmaps', configMap('a'));
    expect(homeless).toMatchObject({ code: 404, body: { message: 'namespaces "nowhere" not found' } });
    expect((await client.send('POST', SERVICES, service('Bad_Name'))).code).toBe(422);
    expect((await client.send('POST', SERVICES, configMap('web2'))).code).toBe(400);
    expect((await client.send('POST', SERVICES, { ...service('x'), big: 'x'.repeat(3_200_000) })).code).toBe(
      413,
    );
  });

  it('refuses an update that rests on an outdated resourceVersion', async () => {
    const created = (await client.send('POST', CONFIG_MAPS, configMap('a', { k: '1' }))).body;
    const updated = await client.send('PUT', `${CONFIG_MAPS}/a`, { ...created, data: { k: '2' } });
    expect(updated.code).toBe(200);
    const stale = await client.send('PUT', `${CONFIG_MAPS}/a`, { ...created, data: { k: '3' } });
    expect(stale).toMatchObject({
      code: 409,
      body: { reason: 'Conflict', details: { name: 'a', kind: 'configmaps' } },
    });
    expect(stale.body['message']).toContain('the object has been modified');
    expect((await client.get(`${CONFIG_MAPS}/a`)).body).toEqual(updated.body);
  });

  it('does not count a write that changes nothing', async () => {
    const created = (await client.send('POST', SERVICES, service('web'))).body;
    const same = await client.send('PUT', `${SERVICES}/web`, created);
    expect(same.body).toEqual(created);
  });

  it('keeps status from writes to the object, and the object from writes to status', async () => {
    await client.send('POST', SERVICES, {
      ...service('web'),
      status: { loadBalancer: { ingress: [{ ip: '10.9.9.9' }] } },
    });
    const created = (await client.get(`${SERVICES}/web`)).body;
    expect(valueAt(created, 'status')).toEqual({ loadBalancer: {} });
    const body = { ...ingress('10.200.0.1', { name: 'web' }), spec: { type: 'ClusterIP' } };
    const changed = (await client.send('PUT', STATUS, body)).body;
    expect(valueAt(changed, 'spec')).toEqual(valueAt(created, 'spec'));
    expect(arrayAt(changed, 'status', 'loadBalancer', 'ingress')).toHaveLength(1);
  });

  it('honours preconditions of a deletion, and finalizers', async () => {
    const created = (
      await client.send('POST', CONFIG_MAPS, {
        ...configMap('a'),
        metadata: { name: 'a', finalizers: ['x/y'] },
      })
    ).body;
    const other = await client.send('DELETE', `${CONFIG_MAPS}/a`, { preconditions: { uid: 'other' } });
    expect([other.code, other.body['reason']]).toEqual([409, 'Conflict']);
    expect(
      textAt((await client.send('DELETE', `${CONFIG_MAPS}/a`)).body, 'metadata', 'deletionTimestamp'),
    ).toBeDefined();
    await client.send(
      'PATCH',
      `${CONFIG_MAPS}/a`,
      { metadata: { finalizers: null } },
      'application/merge-patch+json',
    );
    expect((await client.get(`${CONFIG_MAPS}/a`)).code).toBe(404);
    expect(textAt(created, 'metadata', 'uid')).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('patches', () => {
  beforeEach(async () => {
    await client.send('POST', SERVICES, service('web'));
  });

  it('merges by RFC 7396, and by RFC 6902 as a sequence of operations', async () => {
    const merged = await client.send(
      'PATCH',
      `${SERVICES}/web`,
      { metadata: { labels: { a: 'b' } } },
      'application/merge-patch+json',
    );
    expect(valueAt(merged.body, 'metadata', 'labels')).toEqual({ a: 'b' });
    const operations = [
      { op: 'test', path: '/metadata/labels/a', value: 'b' },
      { op: 'add', path: '/spec/ports/-', value: { port: 443, name: 'https' } },
      { op: 'remove', path: '/metadata/labels/a' },
    ];
    const patched = (await client.send('PATCH', `${SERVICES}/web`, operations, 'application/json-patch+json'))
      .body;
    expect(arrayAt(patched, 'spec', 'ports').map((port) => valueAt(port, 'port'))).toEqual([80, 443]);
    expect(valueAt(patched, 'metadata', 'labels', 'a')).toBeUndefined();
    const failed = await client.send('PATCH', `${SERVICES}/web`, operations, 'application/json-patch+json');
    expect(failed.code).toBe(422);
  });

  it('merges keyed lists of a strategic merge patch', async () => {
    const patch = { spec: { ports: [{ port: 443, name: 'https' }] } };
    const patched = (
      await client.send('PATCH', `${SERVICES}/web`, patch, 'application/strategic-merge-patch+json')
    ).body;
    expect(arrayAt(patched, 'spec', 'ports').map((port) => valueAt(port, 'port'))).toEqual([80, 443]);
  });

  it('refuses a patch of an unknown kind', async () => {
    expect((await client.send('PATCH', `${SERVICES}/web`, {}, 'text/plain')).body).toMatchObject({
      code: 415,
      reason: 'UnsupportedMediaType',
    });
  });
});

describe('server-side apply', () => {
  beforeEach(async () => {
    await client.send('POST', SERVICES, service('web'));
  });

  it('owns ingress through status alone', async () => {
    const { code, body } = await client.apply(STATUS, 'mkplan', ingress('10.200.0.1'));
    expect(code).toBe(200);
    expect(managersOf(body)).toEqual(['tester Update -', 'mkplan Apply status']);
    const entry = arrayAt(body, 'metadata', 'managedFields')[1];
    expect(valueAt(entry, 'fieldsV1')).toEqual({ 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } });
    expect(textAt(body, 'spec', 'type')).toBe('LoadBalancer');
  });

  it('refuses another value for a field that another manager owns, unless forced', async () => {
    await client.apply(STATUS, 'first', ingress('10.200.0.1'));
    const refused = await client.apply(STATUS, 'second', ingress('10.200.0.2'));
    expect(refused).toMatchObject({
      code: 409,
      body: {
        reason: 'Conflict',
        message:
          'Apply failed with 1 conflict: conflict with "first" with subresource "status" using v1: .status.loadBalancer.ingress',
        details: { causes: [{ reason: 'FieldManagerConflict', field: '.status.loadBalancer.ingress' }] },
      },
    });
    const forced = (await client.apply(STATUS, 'second', ingress('10.200.0.2'), true)).body;
    expect(managersOf(forced)).toEqual(['tester Update -', 'second Apply status']);
  });

  it('shares a field that two managers apply with the same value, and keeps it until both give it up', async () => {
    await client.apply(STATUS, 'first', ingress('10.200.0.1'));
    expect((await client.apply(STATUS, 'second', ingress('10.200.0.1'))).code).toBe(200);
    const left = (await client.apply(STATUS, 'first', NOTHING)).body;
    expect(arrayAt(left, 'status', 'loadBalancer', 'ingress')).toHaveLength(1);
    const gone = (await client.apply(STATUS, 'second', NOTHING)).body;
    expect(valueAt(gone, 'status')).toEqual({ loadBalancer: {} });
    expect(managersOf(gone)).toEqual(['tester Update -']);
  });

  it('takes a field from its applier when someone writes it by update or patch', async () => {
    await client.apply(STATUS, 'mkplan', ingress('10.200.0.1'));
    const patch = { status: { loadBalancer: { ingress: [{ ip: '10.96.0.2' }] } } };
    const patched = await client.send('PATCH', STATUS, patch, 'application/merge-patch+json');
    expect(managersOf(patched.body)).toEqual(['tester Update -', 'tester Update status']);
    expect((await client.apply(STATUS, 'mkplan', ingress('10.200.0.1'))).code).toBe(409);
  });

  it('tracks conditions one by one', async () => {
    const condition = (type: string, status: string): JsonObject => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {},
      status: {
        conditions: [{ type, status, reason: 'R', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' }],
      },
    });
    await client.apply(STATUS, 'first', condition('A', 'True'));
    await client.apply(STATUS, 'second', condition('B', 'True'));
    const both = (await client.get(`${SERVICES}/web`)).body;
    expect(arrayAt(both, 'status', 'conditions').map((item) => textAt(item, 'type'))).toEqual(['A', 'B']);
    const refused = await client.apply(STATUS, 'second', condition('A', 'False'));
    expect(refused.body['message']).toContain('.status.conditions[type="A"].status');
    const one = (await client.apply(STATUS, 'first', NOTHING)).body;
    expect(arrayAt(one, 'status', 'conditions').map((item) => textAt(item, 'type'))).toEqual(['B']);
  });

  it('applies on the state that it names alone', async () => {
    const live = (await client.get(`${SERVICES}/web`)).body;
    const resourceVersion = textAt(live, 'metadata', 'resourceVersion') ?? '';
    const uid = textAt(live, 'metadata', 'uid') ?? '';
    expect((await client.apply(STATUS, 'mkplan', ingress('10.200.0.1', { uid, resourceVersion }))).code).toBe(
      200,
    );
    const stale = await client.apply(STATUS, 'mkplan', ingress('10.200.0.2', { uid, resourceVersion }));
    expect([stale.code, stale.body['reason']]).toEqual([409, 'Conflict']);
    await client.send('DELETE', `${SERVICES}/web`);
    expect((await client.apply(STATUS, 'mkplan', ingress('10.200.0.1', { uid }))).code).toBe(404);
    await client.send('POST', SERVICES, service('web'));
    const recreated = await client.apply(STATUS, 'mkplan', ingress('10.200.0.1', { uid, resourceVersion }));
    expect(recreated.code).toBe(409);
    // As kube-apiserver: a uid alone is an immutable field, not a precondition.
    const otherUid = await client.apply(STATUS, 'mkplan', ingress('10.200.0.1', { uid }));
    expect([otherUid.code, otherUid.body['reason']]).toEqual([422, 'Invalid']);
    expect(valueAt((await client.get(`${SERVICES}/web`)).body, 'status')).toEqual({ loadBalancer: {} });
  });

  it('makes an object that is not there, and changes nothing when applied again', async () => {
    const path = `${CONFIG_MAPS}/pool`;
    const first = await client.apply(path, 'mkplan', configMap('pool', { a: '1' }));
    const again = await client.apply(path, 'mkplan', configMap('pool', { a: '1' }));
    expect([first.code, again.code, again.body]).toEqual([201, 200, first.body]);
    const less = (await client.apply(path, 'mkplan', configMap('pool', { b: '2' }))).body;
    expect(valueAt(less, 'data')).toEqual({ b: '2' });
  });

  it('demands a field manager', async () => {
    expect(
      (await client.send('PATCH', STATUS, ingress('10.200.0.1'), 'application/apply-patch+yaml')).code,
    ).toBe(422);
  });
});

describe('lists', () => {
  it('pages through one revision, whatever is written meanwhile', async () => {
    for (const name of ['a', 'b', 'c']) await client.send('POST', CONFIG_MAPS, configMap(name));
    const first = (await client.get(`${CONFIG_MAPS}?limit=2`)).body;
    expect(namesOf(first)).toEqual(['a', 'b']);
    expect(valueAt(first, 'metadata', 'remainingItemCount')).toBe(1);
    await client.send('DELETE', `${CONFIG_MAPS}/c`);
    await client.send('POST', CONFIG_MAPS, configMap('bb'));
    const token = textAt(first, 'metadata', 'continue') ?? '';
    const second = (await client.get(`${CONFIG_MAPS}?limit=2&continue=${token}`)).body;
    expect(namesOf(second)).toEqual(['c']);
    expect(valueAt(second, 'metadata', 'resourceVersion')).toBe(
      valueAt(first, 'metadata', 'resourceVersion'),
    );
    expect(valueAt(second, 'metadata', 'continue')).toBeUndefined();
    api.store.compact(api.store.revision);
    expect(await client.get(`${CONFIG_MAPS}?limit=2&continue=${token}`)).toMatchObject({
      code: 410,
      body: { reason: 'Expired' },
    });
    expect((await client.get(`${CONFIG_MAPS}?continue=nonsense`)).code).toBe(400);
  });

  it('leaves kind and apiVersion out of the items', async () => {
    const list = (await client.get('/api/v1/services')).body;
    expect(list['kind']).toBe('ServiceList');
    expect(new Set(Object.keys(arrayAt(list, 'items')[0] ?? {}))).toEqual(
      new Set(['metadata', 'spec', 'status']),
    );
  });

  it('selects by labels and by fields', async () => {
    const labelled = (name: string, labels: JsonObject): JsonObject => ({
      ...configMap(name),
      metadata: { name, labels },
    });
    await client.send('POST', CONFIG_MAPS, labelled('a', { tier: 'web', x: '1' }));
    await client.send('POST', CONFIG_MAPS, labelled('b', { tier: 'db' }));
    const names = async (query: string): Promise<(string | undefined)[]> =>
      namesOf((await client.get(`${CONFIG_MAPS}?${query}`)).body);
    expect(await names('labelSelector=tier%3Dweb')).toEqual(['a']);
    expect(await names('labelSelector=tier%20in%20(web,db),!x')).toEqual(['b']);
    expect(await names('labelSelector=tier!%3Dweb')).toEqual(['b']);
    expect(await names('fieldSelector=metadata.name%3Db')).toEqual(['b']);
    expect((await client.get(`${CONFIG_MAPS}?fieldSelector=data.x%3Db`)).code).toBe(400);
  });

  it('refuses a revision that is yet to come', async () => {
    expect(await client.get('/api/v1/services?resourceVersion=999999')).toMatchObject({
      code: 504,
      body: { reason: 'Timeout' },
    });
  });

  it('makes the table that kubectl shows', async () => {
    await client.send('POST', SERVICES, service('web'));
    await client.apply(STATUS, 'mkplan', ingress('10.200.0.1'));
    const accept = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
    const table = (await client.send('GET', `${SERVICES}/web`, undefined, 'application/json', accept)).body;
    expect(table['kind']).toBe('Table');
    expect(arrayAt(arrayAt(table, 'rows')[0], 'cells').slice(0, 5)).toEqual([
      'web',
      'LoadBalancer',
      '10.96.0.2',
      '10.200.0.1',
      '80/TCP',
    ]);
  });
});

describe('watches', () => {
  it('resumes after a revision, in order, and follows what comes', async () => {
    const from = api.store.revision;
    await client.send('POST', CONFIG_MAPS, configMap('a'));
    await client.send('DELETE', `${CONFIG_MAPS}/a`);
    const watch = await client.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${from}`);
    expect((await watch.next()).type).toBe('ADDED');
    expect((await watch.next()).type).toBe('DELETED');
    await client.send('POST', CONFIG_MAPS, configMap('b'));
    const added = await watch.next();
    expect([added.type, textAt(added.object, 'metadata', 'name'), added.object['kind']]).toEqual([
      'ADDED',
      'b',
      'ConfigMap',
    ]);
    watch.close();
  });

  it('begins with what there is when no revision is given', async () => {
    const watch = await client.watch('/api/v1/services?watch=true');
    const event = await watch.next();
    expect([event.type, textAt(event.object, 'metadata', 'name')]).toEqual(['ADDED', 'kubernetes']);
    watch.close();
  });

  it('shows objects that enter and leave a selection as added and deleted', async () => {
    const watch = await client.watch(
      `${CONFIG_MAPS}?watch=true&labelSelector=on%3Dyes&resourceVersion=${api.store.revision}`,
    );
    await client.send('POST', CONFIG_MAPS, configMap('a'));
    const label = (on: string | null) =>
      client.send(
        'PATCH',
        `${CONFIG_MAPS}/a`,
        { metadata: { labels: { on } } },
        'application/merge-patch+json',
      );
    await label('yes');
    expect((await watch.next()).type).toBe('ADDED');
    await label('no');
    expect((await watch.next()).type).toBe('DELETED');
    watch.close();
  });

  it('sends bookmarks, and ends after timeoutSeconds with one more', async () => {
    const watch = await client.watch(
      `${CONFIG_MAPS}?watch=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion=${api.store.revision}`,
    );
    const bookmark = await watch.next();
    expect(bookmark).toMatchObject({
      type: 'BOOKMARK',
      object: { kind: 'ConfigMap', metadata: { resourceVersion: String(api.store.revision) } },
    });
    await watch.ended;
  });

  it('tells in the stream that a revision is compacted away', async () => {
    await client.send('POST', CONFIG_MAPS, configMap('a'));
    api.store.compact(api.store.revision);
    const watch = await client.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=1`);
    expect(await watch.next()).toMatchObject({
      type: 'ERROR',
      object: { kind: 'Status', code: 410, reason: 'Expired' },
    });
    await watch.ended;
  });

  it('forgets the oldest changes by itself', async () => {
    const small = await startApi({ historyLimit: 2 });
    for (let index = 0; index < 10; index++)
      await small.client.send('POST', CONFIG_MAPS, configMap(`c${index}`));
    const watch = await small.client.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=2`);
    expect(await watch.next()).toMatchObject({ type: 'ERROR', object: { code: 410 } });
    const recent = await small.client.watch(
      `${CONFIG_MAPS}?watch=true&resourceVersion=${small.api.store.revision - 1}`,
    );
    expect(textAt((await recent.next()).object, 'metadata', 'name')).toBe('c9');
    small.client.close();
    await small.api.close();
  });
});
