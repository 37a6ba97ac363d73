import { request } from 'node:https';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrayAt, type JsonObject, textAt, textsAt, valueAt } from '../../src/embedded-api/objects/json.ts';
import { NODES } from '../../src/embedded-api/resources.ts';
import type { EmbeddedApi } from '../../src/embedded-api/server.ts';
import { startApi, type TestClient } from './client.ts';

// What is the embedded API's own; what it has in common with kube-apiserver is in contract.test.ts.

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
    expect(groups).toEqual([
      'authorization.k8s.io',
      'coordination.k8s.io',
      'discovery.k8s.io',
      'networking.k8s.io',
    ]);
    const core = arrayAt((await client.get('/api/v1')).body, 'resources').map((entry) =>
      textAt(entry, 'name'),
    );
    expect(core).toContain('services/status');
    expect(textAt((await client.get('/version')).body, 'minor')).toBe('34');
  });

  it('does not try out what it would not do', async () => {
    expect((await client.send('POST', `${CONFIG_MAPS}?dryRun=All`, configMap('a'))).code).toBe(400);
    expect((await client.get(`${CONFIG_MAPS}/a`)).code).toBe(404);
  });
});

describe('allocation', () => {
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

  it('gives the lowest free node port, and gives it out again', async () => {
    const portOf = (object: JsonObject): unknown => valueAt(arrayAt(object, 'spec', 'ports')[0], 'nodePort');
    expect(portOf((await client.send('POST', SERVICES, service('a'))).body)).toBe(30_000);
    expect(portOf((await client.send('POST', SERVICES, service('b'))).body)).toBe(30_001);
    await client.send('DELETE', `${SERVICES}/a`);
    expect(portOf((await client.send('POST', SERVICES, service('c'))).body)).toBe(30_000);
    const taken = service('d', { ports: [{ port: 80, nodePort: 30_001 }] });
    expect((await client.send('POST', SERVICES, taken)).code).toBe(422);
  });
});

describe('tables', () => {
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
      '80:30000/TCP',
    ]);
  });

  it('has the columns of the API server for nodes, and those of -o wide', async () => {
    const addresses = [{ type: 'InternalIP', address: '192.168.39.10' }];
    const nodeInfo = { kubeletVersion: 'v1.34.0', osImage: 'Buildroot' };
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'm01' },
      status: { addresses, nodeInfo },
    };
    api.store.seed(NODES, node, { manager: 'test', subresource: '' });
    const accept = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
    const path = '/api/v1/nodes';
    const table = (await client.send('GET', path, undefined, 'application/json', accept)).body;
    const columns = arrayAt(table, 'columnDefinitions').map((column) => [
      valueAt(column, 'name'),
      valueAt(column, 'priority'),
    ]);
    expect(columns).toEqual([
      ['Name', 0],
      ['Status', 0],
      ['Roles', 0],
      ['Age', 0],
      ['Version', 0],
      ['Internal-IP', 1],
      ['External-IP', 1],
      ['OS-Image', 1],
      ['Kernel-Version', 1],
      ['Container-Runtime', 1],
    ]);
    const cells = arrayAt(arrayAt(table, 'rows')[0], 'cells');
    expect(cells.slice(4)).toEqual([
      'v1.34.0',
      '192.168.39.10',
      '<none>',
      'Buildroot',
      '<unknown>',
      '<unknown>',
    ]);
  });
});

describe('watches', () => {
  it('sends bookmarks until timeoutSeconds are over', async () => {
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
