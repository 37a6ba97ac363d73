import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { arrayAt, type Json, type JsonObject, textAt, textsAt } from '../../src/embedded-api/objects/json.ts';
import type { Cluster, ServiceTarget } from '../../src/kubernetes/cluster.ts';
import { connectCluster } from '../../src/kubernetes/connect.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import { RIGHTS, type Right } from '../../src/model/observed.ts';
import { ProcessRunner } from '../../src/platform/process.ts';
import type { Access } from '../embedded-api/client.ts';
import { NO_PROGRAMS } from '../kubernetes/api-server.ts';
import { post } from './bed.ts';
import { waitUntil } from './daemon.ts';
import { leaveAsMinikube } from './left-by-minikube.ts';
import { type LoneControlPlane, startLoneControlPlane } from './lone-control-plane.ts';
import { endpointSlice, nodeObject, serviceObject } from './objects.ts';
import { clusterRefused } from './programs.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
/** Statuses to apply. */
const CONDITION = {
  status: 'True',
  reason: 'IPAllocated',
  message: 'allocated 10.200.0.1',
  lastTransitionTime: null,
} as const;
const GIVEN = { addresses: ['10.200.0.1'], condition: CONDITION };
const NOTHING = { addresses: [], condition: null };

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

describe.skipIf(clusterRefused !== null)('our client on a real kube-apiserver', () => {
  let lone: LoneControlPlane;
  let admin: Cluster;
  const open: Cluster[] = [];

  beforeAll(async () => {
    lone = await startLoneControlPlane();
    const node = { name: 'minikube', address: '192.168.39.10', podCidr: '10.244.0.0/24' };
    await post(lone.controlPlane.client, '/api/v1/nodes', nodeObject(node, true));
    admin = await connect(lone.controlPlane.access);
  });

  afterAll(async () => {
    for (const cluster of open) await cluster.close();
    await lone?.close();
  });

  beforeEach(async () => {
    const { client } = lone.controlPlane;
    await post(client, SERVICES, serviceObject('web'));
    const pod = { name: 'web-0', node: 'minikube', address: '10.244.0.5' };
    await post(client, SLICES, endpointSlice('web', [pod]));
  });

  afterEach(async () => {
    const { client } = lone.controlPlane;
    await client.send('DELETE', `${SLICES}/web-1`);
    await client.send('DELETE', `${SERVICES}/web`);
    await client.send('DELETE', '/api/v1/namespaces/kube-system/configmaps/mkplan-allocations');
  });

  const base64 = (text: string): string => Buffer.from(text).toString('base64');

  async function connect(access: Access): Promise<Cluster> {
    const { clientCert, clientKey } = access;
    return await connectAs(access, {
      'client-certificate-data': base64(clientCert),
      'client-key-data': base64(clientKey),
    });
  }

  async function connectAs({ url, ca }: Access, user: JsonObject): Promise<Cluster> {
    const file = join(lone.directory, `kubeconfig-${open.length}`);
    const config = {
      clusters: [{ name: 'real', cluster: { server: url, 'certificate-authority-data': base64(ca) } }],
      users: [{ name: 'real', user }],
      contexts: [{ name: 'real', context: { cluster: 'real', user: 'real' } }],
    };
    await writeFile(file, JSON.stringify(config), { mode: 0o600 });
    const programs = { ...NO_PROGRAMS, runner: new ProcessRunner(), mayRun: async () => true };
    const env = { KUBECONFIG: file };
    const options = { context: 'real', profile: 'real', env, home: lone.directory, programs };
    // What may not be watched, or listed, is tried again sooner than a user would need it.
    const cluster = await connectCluster({ ...options, pace: { pollMs: 100 } });
    open.push(cluster);
    return cluster;
  }

  async function target(): Promise<ServiceTarget> {
    const service = (await admin.observe()).services.find(({ name }) => name === 'web');
    if (service === undefined) throw new Error('there is no Service');
    return service;
  }

  async function stored(): Promise<JsonObject> {
    return (await lone.controlPlane.client.get(`${SERVICES}/web`)).body;
  }

  test('authenticates by a client certificate that a program makes', async () => {
    const { access } = lone.controlPlane;
    const status = { clientCertificateData: access.clientCert, clientKeyData: access.clientKey };
    const apiVersion = 'client.authentication.k8s.io/v1';
    const credential = JSON.stringify({ apiVersion, kind: 'ExecCredential', status });
    const program = join(lone.directory, 'program.sh');
    await writeFile(program, `#!/bin/sh\ncat <<'END'\n${credential}\nEND\n`, { mode: 0o700 });
    const cluster = await connectAs(access, {
      exec: { apiVersion, command: program, interactiveMode: 'Never' },
    });
    expect((await cluster.observe()).services).toMatchObject([{ name: 'web' }]);
    expect(await cluster.applyStatus(await target(), GIVEN)).not.toBe('');
  });

  test('observes what the cluster holds', async () => {
    expect(await admin.observe()).toMatchObject({
      version: expect.stringMatching(/^v1\.\d+\.\d+/),
      nodes: [
        {
          name: 'minikube',
          ready: true,
          controlPlane: true,
          internalIps: ['192.168.39.10'],
          podCidrs: ['10.244.0.0/24'],
        },
      ],
      serviceCidrs: ['10.96.0.0/12'],
      kubeadm: null,
      otherLoadBalancers: [],
      services: [
        { namespace: 'default', name: 'web', ingress: [], ingressManager: null, ports: ['80/TCP', '80/UDP'] },
      ],
      endpoints: [
        { namespace: 'default', service: 'web', slices: 1, readyByNode: { minikube: 1 }, readyElsewhere: 0 },
      ],
      allocations: { resourceVersion: null, allocations: [] },
      strayPods: [],
      missingRights: [],
    });
  });

  test('owns the ingress that it sets, and gives it up', async () => {
    const version = await admin.applyStatus(await target(), GIVEN);
    const given = await stored();
    expect(textAt(given, 'metadata', 'resourceVersion')).toBe(version);
    expect(arrayAt(given, 'status', 'loadBalancer', 'ingress')).toEqual([
      { ip: '10.200.0.1', ipMode: 'VIP' },
    ]);
    expect(arrayAt(given, 'metadata', 'managedFields')[0]).toMatchObject({
      manager: 'mkplan',
      operation: 'Apply',
      subresource: 'status',
      fieldsV1: { 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } },
    });
    const since = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(await target()).toMatchObject({
      ingress: ['10.200.0.1'],
      ingressManager: 'mkplan',
      condition: { ...CONDITION, lastTransitionTime: since, manager: 'mkplan' },
    });
    await admin.applyStatus(await target(), NOTHING);
    expect((await stored())['status']).toEqual({ loadBalancer: {} });
    expect(await target()).toMatchObject({ ingress: [], ingressManager: null, condition: null });
  });

  test('tells of a Service by an Event, as `kubectl describe` finds it', async () => {
    const web = await target();
    await admin.createEvent(web, { type: 'Warning', reason: 'AllocationFailed', message: 'full' });
    const selector = encodeURIComponent(`involvedObject.name=web,involvedObject.uid=${web.uid}`);
    const { client } = lone.controlPlane;
    const found = await client.get(`/api/v1/namespaces/default/events?fieldSelector=${selector}`);
    expect(arrayAt(found.body, 'items')).toMatchObject([
      {
        type: 'Warning',
        reason: 'AllocationFailed',
        message: 'full',
        source: { component: 'mkplan' },
        reportingComponent: 'mkplan',
        involvedObject: { resourceVersion: web.resourceVersion },
      },
    ]);
  });

  test('writes to no Service that has changed, been made anew or gone', async () => {
    const { client } = lone.controlPlane;
    const changed = await target();
    await client.send(
      'PATCH',
      `${SERVICES}/web`,
      { metadata: { labels: { a: 'b' } } },
      'application/merge-patch+json',
    );
    await expect(admin.applyStatus(changed, GIVEN)).rejects.toMatchObject({ kind: 'stale' });
    const gone = await target();
    await client.send('DELETE', `${SERVICES}/web`);
    await expect(admin.applyStatus(gone, GIVEN)).rejects.toMatchObject({ kind: 'stale' });
    expect((await client.get(`${SERVICES}/web`)).code).toBe(404);
    await post(client, SERVICES, serviceObject('web'));
    await expect(admin.applyStatus(gone, GIVEN)).rejects.toMatchObject({ kind: 'stale' });
    expect((await stored())['status']).toEqual({ loadBalancer: {} });
  });

  test('takes no ingress from another manager, and names it', async () => {
    const patch = { status: { loadBalancer: { ingress: [{ ip: '10.9.9.9' }] } } };
    const path = `${SERVICES}/web/status?fieldManager=speaker`;
    await lone.controlPlane.client.send('PATCH', path, patch, 'application/merge-patch+json');
    const foreign = await target();
    expect(foreign).toMatchObject({ ingressManager: 'speaker' });
    const refused = await admin.applyStatus(foreign, GIVEN).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(Failure);
    expect(refused).toMatchObject({
      kind: 'conflict',
      diagnostics: [{ code: 'service-conflict', summary: expect.stringContaining('"speaker"') }],
    });
  });

  test('takes what `minikube tunnel` left, and gives it back to its owner', async () => {
    const ip = await leaveAsMinikube(lone.controlPlane.client, `${SERVICES}/web`);
    const left = { manager: 'minikube', addresses: [ip] };
    expect(await target()).toMatchObject({ ingress: [ip], ingressManager: 'minikube' });
    await admin.applyStatus(await target(), { ...GIVEN, taken: left });
    expect(await target()).toMatchObject({ ingress: ['10.200.0.1'], ingressManager: 'mkplan' });
    await admin.applyStatus(await target(), { ...NOTHING, returned: left });
    expect(await target()).toMatchObject({ ingress: [ip], ingressManager: 'minikube', condition: null });
  });

  test('takes nothing that has changed since it was seen, by its version or its ingress', async () => {
    const { client } = lone.controlPlane;
    const ip = await leaveAsMinikube(client, `${SERVICES}/web`);
    const seen = await target();
    const labels = { metadata: { labels: { a: 'b' } } };
    await client.send('PATCH', `${SERVICES}/web`, labels, 'application/merge-patch+json');
    const taken = { manager: 'minikube', addresses: [ip] };
    await expect(admin.applyStatus(seen, { ...GIVEN, taken })).rejects.toBeInstanceOf(Failure);
    const other = { manager: 'minikube', addresses: ['10.96.9.9'] };
    await expect(admin.applyStatus(await target(), { ...GIVEN, taken: other })).rejects.toBeInstanceOf(
      Failure,
    );
    expect(await target()).toMatchObject({ ingress: [ip], ingressManager: 'minikube' });
  });

  test('gives an address twice to nobody who planned on the same record', async () => {
    const before = (await admin.observe()).allocations;
    if (before === null) throw new Error('the record may not be read');
    const first = [{ address: '10.200.0.1', service: 'default/a' }];
    await admin.writeAllocations(before, first);
    const second = [{ address: '10.200.0.1', service: 'default/b' }];
    await expect(admin.writeAllocations(before, second)).rejects.toMatchObject({ kind: 'stale' });
    const after = (await admin.observe()).allocations;
    expect(after?.allocations).toEqual(first);
    if (after === null) throw new Error('the record may not be read');
    await admin.writeAllocations(after, [...first, { address: '10.200.0.2', service: 'default/b' }]);
    await expect(admin.writeAllocations(after, second)).rejects.toMatchObject({ kind: 'stale' });
  });

  describe('with the rights of deploy/rbac.yaml alone', () => {
    let user: Cluster;
    let objects: JsonObject[] = [];

    beforeAll(async () => {
      const manifest = await readFile(new URL('../../deploy/rbac.yaml', import.meta.url), 'utf8');
      objects = parseAllDocuments(manifest).map((document) => document.toJS() as JsonObject);
      for (const object of objects) await post(lone.controlPlane.client, collectionOf(object), object);
      user = await connect(await lone.controlPlane.accessOf('O=mkplan-users, CN=somebody'));
      await granted([]);
    });

    /** Waits until exactly these rights are missing: the authorizer learns of changes a moment later. */
    async function granted(missing: readonly Right[], isWatched = false): Promise<void> {
      let seen: readonly Right[] | null = null;
      await waitUntil(
        `missing ${missing.join(', ')}`,
        async () => {
          seen = await (isWatched ? missingToWatch() : missingOf(user)).catch(() => null);
          return seen !== null && seen.join() === missing.join();
        },
        10_000,
      ).catch((error: unknown) => {
        throw new Error(`${String(error)}; seen: ${String(seen)}`);
      });
    }

    async function missingOf(cluster: Cluster): Promise<readonly Right[]> {
      return (await cluster.observe()).missingRights;
    }

    /** A stream that has begun goes on whatever becomes of the right to it, so each look is a watch of its own. */
    async function missingToWatch(): Promise<readonly Right[]> {
      const watch = user.watch(() => undefined);
      try {
        await waitUntil('a watch', async () => watch.isLive, 10_000);
        return await missingOf(user);
      } finally {
        watch.stop();
      }
    }

    test('does all of it', async () => {
      await user.applyStatus(await target(), GIVEN);
      await user.createEvent(await target(), { type: 'Normal', reason: 'IPAllocated', message: 'given' });
      expect((await user.observe()).services).toMatchObject([{ ingress: ['10.200.0.1'] }]);
      const record = (await user.observe()).allocations;
      if (record === null) throw new Error('the record may not be read');
      await user.writeAllocations(record, [{ address: '10.200.0.1', service: 'default/web' }]);
      const made = (await user.observe()).allocations;
      if (made === null) throw new Error('the record may not be read');
      await user.writeAllocations(made, []);
    });

    test('may do nothing else', async () => {
      const { client } = lone.controlPlane;
      const review = (attributes: JsonObject): Promise<Json | undefined> =>
        client
          .send('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
            apiVersion: 'authorization.k8s.io/v1',
            kind: 'SubjectAccessReview',
            spec: { user: 'somebody', groups: ['mkplan-users'], resourceAttributes: attributes },
          })
          .then(({ body }) => (body['status'] as JsonObject)['allowed']);
      const beyond: JsonObject[] = [
        { verb: 'update', resource: 'services', namespace: 'default' },
        { verb: 'delete', resource: 'services', namespace: 'default' },
        { verb: 'update', resource: 'configmaps', namespace: 'kube-system', name: 'kubeadm-config' },
        { verb: 'create', resource: 'configmaps', namespace: 'default' },
        { verb: 'get', resource: 'secrets', namespace: 'kube-system' },
        { verb: 'patch', resource: 'nodes', subresource: 'status' },
        { verb: 'create', resource: 'pods', namespace: 'default' },
        { verb: 'list', resource: 'events', namespace: 'default' },
      ];
      expect(await Promise.all(beyond.map(review))).toEqual(beyond.map(() => false));
      expect(
        await review({ verb: 'patch', resource: 'services', subresource: 'status', namespace: 'default' }),
      ).toBe(true);
    });

    const removable: readonly Right[] = RIGHTS.filter(
      (right) => !HIDDEN.has(right) && !OF_MEMBERS.has(right),
    );
    test.each(removable)('names the right to %s when it is missing, and reads the rest', async (right) => {
      if (right.startsWith('update')) await makeRecord();
      const [verb = '', resource = '', name] = right.split(' ');
      const reduced = objects.map((object) => withoutRight(object, verb, resource, name));
      for (const object of reduced) await put(object);
      try {
        await granted([right], isOfWatch(right));
      } finally {
        for (const object of objects) await put(object);
        await granted([]);
      }
    });

    async function makeRecord(): Promise<void> {
      const metadata = { name: 'mkplan-allocations' };
      const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata };
      await post(lone.controlPlane.client, '/api/v1/namespaces/kube-system/configmaps', map);
    }

    async function put(object: JsonObject): Promise<void> {
      const name = textAt(object, 'metadata', 'name') ?? '';
      const { code, body } = await lone.controlPlane.client.send(
        'PUT',
        `${collectionOf(object)}/${name}`,
        object,
      );
      if (code !== 200) throw new Error(JSON.stringify(body));
    }
  });
});

/** Asked only by whoever has a Lease there already. */
const OF_MEMBERS: ReadonlySet<Right> = new Set([
  'update leases kube-system',
  'delete leases kube-system',
] as const);

/** Nothing is asked of groups that no custom resource defines. */
const HIDDEN: ReadonlySet<Right> = new Set([
  'list ipaddresspools',
  'list ciliumloadbalancerippools',
] as const);

/** What only a watch asks for. */
function isOfWatch(right: Right): boolean {
  return right.startsWith('watch') || right === 'list configmaps kube-system/mkplan-allocations';
}

const COLLECTIONS: Readonly<Record<string, string>> = {
  ClusterRole: `${RBAC}/clusterroles`,
  ClusterRoleBinding: `${RBAC}/clusterrolebindings`,
  Role: `${RBAC}/namespaces/kube-system/roles`,
  RoleBinding: `${RBAC}/namespaces/kube-system/rolebindings`,
};

function collectionOf(object: JsonObject): string {
  return COLLECTIONS[textAt(object, 'kind') ?? ''] ?? '';
}

/** A role without one right: its verb where the resource, and the name where one is given, is the same. */
function withoutRight(
  object: JsonObject,
  verb: string,
  resource: string,
  place: string | undefined,
): JsonObject {
  if (object['rules'] === undefined) return object;
  const name = place?.split('/')[1];
  const reduce = (rule: Json): Json[] => {
    const names = textsAt(rule, 'resourceNames');
    const same =
      textsAt(rule, 'resources').includes(resource) && (name === undefined || names.includes(name));
    if (!same || typeof rule !== 'object' || rule === null || Array.isArray(rule)) return [rule];
    const others = textsAt(rule, 'resources').filter((one) => one !== resource);
    const verbs = textsAt(rule, 'verbs').filter((one) => one !== verb);
    return [
      { ...rule, resources: others },
      { ...rule, resources: [resource], verbs },
    ];
  };
  const kept = arrayAt(object, 'rules')
    .flatMap(reduce)
    .filter((rule) => textsAt(rule, 'verbs').length > 0 && textsAt(rule, 'resources').length > 0);
  return { ...object, rules: kept };
}
