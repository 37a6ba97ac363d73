import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  arrayAt,
  type Json,
  type JsonObject,
  objectAt,
  textAt,
  valueAt,
} from '../../src/embedded-api/objects/json.ts';
import type { Reply, TestClient } from '../embedded-api/client.ts';

/** A Kubernetes API that the contract is held against. */
export interface ContractTarget {
  /** A member of system:masters. */
  readonly client: TestClient;
  /** Forgets every change so far, as etcd's compaction and a restart do. */
  forgetHistory(): Promise<void>;
  close(): Promise<void>;
}

const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const OTHER_UID = 'aaaaaaaa-0000-0000-0000-000000000000';

/** What clients of a Kubernetes API rely on, over HTTPS and JSON; the same for every target. */
export function describeContract(
  name: string,
  refused: string | null,
  start: () => Promise<ContractTarget>,
): void {
  describe.skipIf(refused !== null)(name, () => {
    let target: ContractTarget | undefined;
    let client: TestClient;
    let number = 0;
    let namespace = '';

    beforeAll(async () => {
      target = await start();
      client = target.client;
    });

    afterAll(async () => {
      await target?.close();
    });

    beforeEach(async () => {
      namespace = `contract-${number++}`;
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
      expect((await client.send('POST', '/api/v1/namespaces', body)).code).toBe(201);
    });

    const at = (resource: string, group = ''): string =>
      `${group === '' ? '/api/v1' : `/apis/${group}/v1`}/namespaces/${namespace}/${resource}`;
    const services = (rest = ''): string => `${at('services')}${rest}`;
    const configMaps = (rest = ''): string => `${at('configmaps')}${rest}`;
    const leases = (rest = ''): string => `${at('leases', 'coordination.k8s.io')}${rest}`;
    const events = (rest = ''): string => `${at('events')}${rest}`;

    async function make(path: string, body: JsonObject): Promise<JsonObject> {
      const made = await client.send('POST', path, body);
      expect(made).toMatchObject({ code: 201 });
      return made.body;
    }

    async function revision(): Promise<string> {
      return textAt((await client.get(configMaps('?limit=1'))).body, 'metadata', 'resourceVersion') ?? '';
    }

    describe('create, update, delete', () => {
      test('a taken name, a missing object and a missing namespace are named', async () => {
        await make(services(), service('web'));
        expect(await client.send('POST', services(), service('web'))).toMatchObject({
          code: 409,
          body: {
            kind: 'Status',
            apiVersion: 'v1',
            metadata: {},
            status: 'Failure',
            reason: 'AlreadyExists',
            message: 'services "web" already exists',
            details: { name: 'web', kind: 'services' },
            code: 409,
          },
        });
        expect(await client.get(leases('/x'))).toMatchObject({
          code: 404,
          body: {
            reason: 'NotFound',
            message: 'leases.coordination.k8s.io "x" not found',
            details: { name: 'x', group: 'coordination.k8s.io', kind: 'leases' },
          },
        });
        const homeless = await client.send('POST', '/api/v1/namespaces/nowhere/configmaps', configMap('a'));
        expect(homeless).toMatchObject({ code: 404, body: { message: 'namespaces "nowhere" not found' } });
      });

      test('a PUT with an outdated resourceVersion is refused and changes nothing', async () => {
        const first = await make(configMaps(), configMap('a', { k: '1' }));
        const second = await client.send('PUT', configMaps('/a'), { ...first, data: { k: '2' } });
        expect(second.code).toBe(200);
        expect(await client.send('PUT', configMaps('/a'), { ...first, data: { k: '3' } })).toMatchObject({
          code: 409,
          body: {
            reason: 'Conflict',
            message:
              'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
            details: { name: 'a', kind: 'configmaps' },
          },
        });
        expect((await client.get(configMaps('/a'))).body).toEqual(second.body);
      });

      test('of several writers that compare and swap, one wins', async () => {
        const read = await make(configMaps(), configMap('pool', { next: '1' }));
        const writes = ['a', 'b', 'c', 'd'].map((who) =>
          client.send('PUT', configMaps('/pool'), { ...read, data: { next: who } }),
        );
        const codes = (await Promise.all(writes)).map(({ code }) => code).sort();
        expect(codes).toEqual([200, 409, 409, 409]);
      });

      test('a write that changes nothing keeps the resourceVersion', async () => {
        const made = await make(services(), service('web'));
        expect((await client.send('PUT', services('/web'), made)).body).toEqual(made);
        const patched = await client.send(
          'PATCH',
          services('/web'),
          { spec: { type: 'LoadBalancer' } },
          MERGE,
        );
        expect(patched.body).toEqual(made);
      });

      test('a resourceVersion in a new object is refused', async () => {
        const body = configMap('a', {}, { resourceVersion: '5' });
        expect(await client.send('POST', configMaps(), body)).toMatchObject({
          code: 500,
          body: { message: 'resourceVersion should not be set on objects to be created' },
        });
      });

      test('a PUT makes Services and Leases that are not there, and no ConfigMap', async () => {
        expect((await client.send('PUT', services('/web'), service('web'))).code).toBe(201);
        expect((await client.send('PUT', leases('/l'), lease('l'))).code).toBe(201);
        const missing = await client.send('PUT', configMaps('/a'), configMap('a'));
        expect(missing).toMatchObject({ code: 404, body: { reason: 'NotFound' } });
      });

      test('another uid is refused, by PUT as a conflict and by PATCH as an immutable field', async () => {
        const made = await make(configMaps(), configMap('a'));
        const put = { ...made, metadata: { name: 'a', uid: OTHER_UID } };
        expect(await client.send('PUT', configMaps('/a'), put)).toMatchObject({
          code: 409,
          body: {
            reason: 'Conflict',
            message: expect.stringContaining('Precondition failed: UID in precondition'),
          },
        });
        expect(
          await client.send('PATCH', configMaps('/a'), { metadata: { uid: OTHER_UID } }, MERGE),
        ).toMatchObject({
          code: 422,
          body: { reason: 'Invalid', message: expect.stringContaining('metadata.uid: Invalid value') },
        });
      });

      test('a deletion keeps its preconditions, and says what it deleted', async () => {
        const made = await make(configMaps(), configMap('a'));
        const uid = textAt(made, 'metadata', 'uid') ?? '';
        for (const preconditions of [{ uid: OTHER_UID }, { uid, resourceVersion: '1' }]) {
          expect(await client.send('DELETE', configMaps('/a'), { preconditions })).toMatchObject({
            code: 409,
            body: { reason: 'Conflict', details: { name: 'a', kind: 'ConfigMap' } },
          });
        }
        expect(await client.send('DELETE', configMaps('/a'), { preconditions: { uid } })).toEqual({
          code: 200,
          body: {
            kind: 'Status',
            apiVersion: 'v1',
            metadata: {},
            status: 'Success',
            details: { name: 'a', kind: 'configmaps', uid },
          },
        });
        await make(services(), service('web'));
        const gone = await client.send('DELETE', services('/web'));
        expect(gone).toMatchObject({ code: 200, body: { kind: 'Service', metadata: { name: 'web' } } });
      });

      test('an object with finalizers is marked, and goes with the last of them', async () => {
        await make(configMaps(), configMap('a', {}, { finalizers: ['example.com/x'] }));
        const marked = await client.send('DELETE', configMaps('/a'));
        expect(textAt(marked.body, 'metadata', 'deletionTimestamp')).toBeDefined();
        expect((await client.get(configMaps('/a'))).code).toBe(200);
        await client.send('PATCH', configMaps('/a'), { metadata: { finalizers: null } }, MERGE);
        expect((await client.get(configMaps('/a'))).code).toBe(404);
      });
    });

    describe('what is refused', () => {
      test.each<
        [
          string,
          (paths: { services: string; configMaps: string }) => Parameters<TestClient['send']>,
          number,
          string,
        ]
      >([
        ['a body of another kind', (p) => ['POST', p.services, configMap('x')], 400, 'BadRequest'],
        ['a body that is no object', (p) => ['POST', p.configMaps, 'text'], 400, 'BadRequest'],
        [
          'a body of another namespace',
          (p) => ['POST', p.configMaps, configMap('x', {}, { namespace: 'y' })],
          400,
          'BadRequest',
        ],
        [
          'a body of an unknown type',
          (p) => ['POST', p.configMaps, configMap('x'), 'text/plain'],
          415,
          'UnsupportedMediaType',
        ],
        [
          'a POST to an object',
          (p) => ['POST', `${p.services}/web`, service('web')],
          405,
          'MethodNotAllowed',
        ],
        ['a PUT to a list', (p) => ['PUT', p.services, service('web')], 405, 'MethodNotAllowed'],
        ['a DELETE of a status', (p) => ['DELETE', `${p.services}/web/status`], 405, 'MethodNotAllowed'],
        ['a name that is none', (p) => ['POST', p.configMaps, configMap('Bad_Name')], 422, 'Invalid'],
        [
          'no name at all',
          (p) => ['POST', p.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} }],
          422,
          'Invalid',
        ],
        ['a resource that is not served', () => ['GET', '/api/v1/foos'], 404, 'NotFound'],
        ['a limit that is none', (p) => ['GET', `${p.services}?limit=abc`], 400, 'BadRequest'],
        [
          'a continue token that is none',
          (p) => ['GET', `${p.services}?limit=1&continue=nonsense`],
          400,
          'BadRequest',
        ],
        [
          'a field that is not indexed',
          (p) => ['GET', `${p.services}?fieldSelector=spec.foo%3Da`],
          400,
          'BadRequest',
        ],
        [
          'a label selector that is none',
          (p) => ['GET', `${p.services}?labelSelector=a%3D%3D%3Db`],
          400,
          'BadRequest',
        ],
        [
          'a resourceVersion that is none',
          (p) => ['GET', `${p.services}?resourceVersion=abc`],
          400,
          'BadRequest',
        ],
        [
          'a match without a resourceVersion',
          (p) => ['GET', `${p.services}?resourceVersionMatch=Exact`],
          422,
          'Invalid',
        ],
        [
          'a resourceVersion of the future',
          (p) => ['GET', `${p.services}?resourceVersion=99999999`],
          504,
          'Timeout',
        ],
        [
          'an object that is too large',
          (p) => ['POST', p.configMaps, configMap('x', { x: 'x'.repeat(3_200_000) })],
          413,
          'RequestEntityTooLarge',
        ],
        [
          'a ConfigMap above a mebibyte',
          (p) => ['POST', p.configMaps, configMap('x', { x: 'x'.repeat(1_100_000) })],
          422,
          'Invalid',
        ],
        [
          'a ConfigMap with a number',
          (p) => ['POST', p.configMaps, configMap('x', { x: 5 })],
          400,
          'BadRequest',
        ],
        [
          'a ConfigMap with a bad key',
          (p) => ['POST', p.configMaps, configMap('x', { 'a b': '5' })],
          422,
          'Invalid',
        ],
      ])('%s', async (_, ask, code, reason) => {
        const reply = await client.send(...ask({ services: services(), configMaps: configMaps() }));
        expect(reply).toMatchObject({ code, body: { kind: 'Status', status: 'Failure', reason, code } });
      });

      test('a group that is not served, in plain text', async () => {
        for (const path of ['/apis/example.com', '/apis/example.com/v1/things']) {
          expect(await client.get(path)).toEqual({ code: 404, body: { answer: '404 page not found\n' } });
        }
      });
    });

    describe('Services', () => {
      const refusedSpecs: [string, JsonObject, string][] = [
        ['no ports', { ports: [] }, 'spec.ports: Required value'],
        [
          'a port that is none',
          { ports: [{ port: 0 }] },
          'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
        ],
        [
          'several ports without names',
          { ports: [{ port: 80 }, { port: 81 }] },
          'spec.ports[1].name: Required value',
        ],
        ['an unknown type', { type: 'Foo' }, 'spec.type: Unsupported value: "Foo"'],
        [
          'a class on another type',
          { type: 'ClusterIP', loadBalancerClass: 'a/b' },
          "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
        ],
        [
          'a class that is no name',
          { loadBalancerClass: 'bad class' },
          'spec.loadBalancerClass: Invalid value: "bad class"',
        ],
        [
          'a traffic policy on another type',
          { type: 'ClusterIP', externalTrafficPolicy: 'Local' },
          'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
        ],
        [
          'an address outside the CIDR',
          { clusterIP: '10.1.0.1' },
          'spec.clusterIPs: Invalid value: ["10.1.0.1"]: failed to allocate IP 10.1.0.1: the provided network does not match the current range',
        ],
        ['an address that is none', { clusterIP: 'x' }, 'spec.clusterIPs[0]: Invalid value: "x"'],
        [
          'two families on a cluster of one',
          { ipFamilyPolicy: 'RequireDualStack' },
          'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
        ],
        [
          'a family that the cluster has not',
          { ipFamilies: ['IPv6'] },
          'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
        ],
      ];
      test.each(refusedSpecs)('are refused with %s', async (_, spec, message) => {
        const { code, body } = await client.send('POST', services(), service('web', spec));
        expect([code, body['reason']]).toEqual([422, 'Invalid']);
        expect(body['message']).toContain(message);
        expect(arrayAt(body, 'details', 'causes').length).toBeGreaterThan(0);
      });

      test('get their defaults, an address and node ports', async () => {
        const made = await make(services(), service('web', { externalTrafficPolicy: 'Local' }));
        expect(made['spec']).toMatchObject({
          type: 'LoadBalancer',
          ipFamilies: ['IPv4'],
          ipFamilyPolicy: 'SingleStack',
          clusterIPs: [textAt(made, 'spec', 'clusterIP')],
          sessionAffinity: 'None',
          internalTrafficPolicy: 'Cluster',
          externalTrafficPolicy: 'Local',
          allocateLoadBalancerNodePorts: true,
          healthCheckNodePort: expect.any(Number),
          ports: [{ port: 80, targetPort: 80, protocol: 'TCP', nodePort: expect.any(Number) }],
        });
        expect(made['status']).toEqual({ loadBalancer: {} });
        const both = [
          { name: 'dns', port: 53, protocol: 'UDP' },
          { name: 'dns-tcp', port: 53 },
        ];
        const shared = await make(services(), service('dns', { ports: both }));
        const numbers = arrayAt(shared, 'spec', 'ports').map((port) => valueAt(port, 'nodePort'));
        expect(new Set(numbers).size).toBe(1);
        const without = await make(services(), service('plain', { allocateLoadBalancerNodePorts: false }));
        expect(arrayAt(without, 'spec', 'ports')).toEqual([{ port: 80, targetPort: 80, protocol: 'TCP' }]);
      });

      test('keep their class and their address', async () => {
        const made = await make(services(), service('web', { loadBalancerClass: 'mkplan/tunnel' }));
        const moved = { spec: { loadBalancerClass: 'other/x' } };
        expect(await client.send('PATCH', services('/web'), moved, MERGE)).toMatchObject({
          code: 422,
          body: {
            message: expect.stringContaining(
              'spec.loadBalancerClass: Invalid value: "other/x": may not change once set',
            ),
          },
        });
        const clusterIP = textAt(made, 'spec', 'clusterIP') === '10.96.9.9' ? '10.96.9.8' : '10.96.9.9';
        const readdressed = { spec: { clusterIP, clusterIPs: [clusterIP] } };
        expect(await client.send('PATCH', services('/web'), readdressed, MERGE)).toMatchObject({
          code: 422,
          body: { message: expect.stringContaining('spec.clusterIPs[0]: Invalid value: ["') },
        });
      });

      test('lose class, policy, node ports and ingress with the type LoadBalancer, but not its owner', async () => {
        await make(services(), service('web', { loadBalancerClass: 'mkplan/tunnel' }));
        await apply(client, services('/web/status'), 'mkplan', ingress('10.200.0.1'));
        const { body } = await client.send('PATCH', services('/web'), { spec: { type: 'ClusterIP' } }, MERGE);
        expect(body['status']).toEqual({ loadBalancer: {} });
        expect(managersOf(body)).toEqual(['mkplan Apply status', 'tester Update -']);
        const lost = ['loadBalancerClass', 'externalTrafficPolicy', 'allocateLoadBalancerNodePorts'];
        for (const key of lost) expect(valueAt(body, 'spec', key)).toBeUndefined();
        expect(arrayAt(body, 'spec', 'ports')).toEqual([{ port: 80, targetPort: 80, protocol: 'TCP' }]);
        const refusedIngress = await apply(client, services('/web/status'), 'mkplan', ingress('10.200.0.2'));
        expect(refusedIngress).toMatchObject({
          code: 422,
          body: {
            message: expect.stringContaining(
              "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
            ),
          },
        });
        const given = await apply(client, services('/web/status'), 'mkplan', NOTHING);
        expect(managersOf(given.body)).toEqual(['tester Update -']);
      });

      test('keep status from writes to the object, and the spec from writes to status', async () => {
        const status = { loadBalancer: { ingress: [{ ip: '10.9.9.9' }] } };
        const made = await make(services(), { ...service('web'), status });
        expect(made['status']).toEqual({ loadBalancer: {} });
        const body = { ...ingress('10.200.0.1', { name: 'web' }), spec: { type: 'ClusterIP' } };
        const changed = await client.send('PUT', services('/web/status'), body);
        expect(valueAt(changed.body, 'spec')).toEqual(valueAt(made, 'spec'));
        expect(arrayAt(changed.body, 'status', 'loadBalancer', 'ingress')).toEqual([
          { ip: '10.200.0.1', ipMode: 'VIP' },
        ]);
        expect(textAt(changed.body, 'metadata', 'uid')).toBe(textAt(made, 'metadata', 'uid'));
      });

      test('show ipMode VIP for an ingress that names none', async () => {
        await make(services(), service('web'));
        const { body } = await apply(
          client,
          services('/web/status'),
          'mkplan',
          ingress('10.200.0.1', {}, {}),
        );
        expect(arrayAt(body, 'status', 'loadBalancer', 'ingress')).toEqual([
          { ip: '10.200.0.1', ipMode: 'VIP' },
        ]);
        const same = await apply(client, services('/web/status'), 'other', ingress('10.200.0.1'));
        expect(same.code).toBe(200);
      });

      test.each<[string, JsonObject, string]>([
        [
          'an address that is none',
          { ip: 'bad' },
          'status.loadBalancer.ingress[0].ip: Invalid value: "bad": must be a valid IP address',
        ],
        [
          'an unknown ipMode',
          { ip: '10.2.2.2', ipMode: 'Foo' },
          'status.loadBalancer.ingress[0].ipMode: Unsupported value: "Foo": supported values: "Proxy", "VIP"',
        ],
        [
          'an ipMode beside a host name',
          { hostname: 'a.b', ipMode: 'VIP' },
          'status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not set',
        ],
      ])('are refused an ingress with %s', async (_, entry, message) => {
        await make(services(), service('web'));
        const patch = { status: { loadBalancer: { ingress: [entry] } } };
        const reply = await client.send('PATCH', services('/web/status'), patch, MERGE);
        expect(reply).toMatchObject({ code: 422, body: { message: expect.stringContaining(message) } });
      });
    });

    describe('patches', () => {
      beforeEach(async () => {
        await make(services(), service('web', { ports: [{ name: 'http', port: 80 }] }));
      });

      test('merge by RFC 7396, and by RFC 6902 as a sequence of operations', async () => {
        const merged = await client.send(
          'PATCH',
          services('/web'),
          { metadata: { labels: { a: 'b' } } },
          MERGE,
        );
        expect(valueAt(merged.body, 'metadata', 'labels')).toEqual({ a: 'b' });
        const operations = [
          { op: 'test', path: '/metadata/labels/a', value: 'b' },
          { op: 'add', path: '/spec/ports/-', value: { port: 443, name: 'https' } },
          { op: 'remove', path: '/metadata/labels/a' },
        ];
        const patched = (await client.send('PATCH', services('/web'), operations, JSON_PATCH)).body;
        expect(portsOf(patched)).toEqual([80, 443]);
        expect(valueAt(patched, 'metadata', 'labels', 'a')).toBeUndefined();
        expect(await client.send('PATCH', services('/web'), operations, JSON_PATCH)).toMatchObject({
          code: 422,
          body: {
            reason: 'Invalid',
            message: 'the server rejected our request due to an error in our request',
          },
        });
      });

      test('merge keyed lists when they are strategic', async () => {
        const patch = { spec: { ports: [{ port: 443, name: 'https' }] } };
        const { body } = await client.send('PATCH', services('/web'), patch, STRATEGIC);
        expect(portsOf(body).sort()).toEqual([443, 80].sort());
      });

      test('are refused on an outdated resourceVersion, and when they are of no known kind', async () => {
        const stale = { metadata: { resourceVersion: '1', labels: { a: 'c' } } };
        expect((await client.send('PATCH', services('/web'), stale, MERGE)).code).toBe(409);
        for (const type of ['text/plain', 'application/json']) {
          expect(await client.send('PATCH', services('/web'), {}, type)).toMatchObject({
            code: 415,
            body: { reason: 'UnsupportedMediaType' },
          });
        }
      });
    });

    describe('server-side apply', () => {
      const status = (): string => services('/web/status');

      beforeEach(async () => {
        await make(services(), service('web'));
      });

      test('owns ingress through status alone', async () => {
        const { code, body } = await apply(client, status(), 'mkplan', ingress('10.200.0.1'));
        expect(code).toBe(200);
        expect(managersOf(body)).toEqual(['mkplan Apply status', 'tester Update -']);
        const [own, other] = arrayAt(body, 'metadata', 'managedFields');
        expect(own).toMatchObject({ apiVersion: 'v1', fieldsType: 'FieldsV1' });
        expect(valueAt(own, 'fieldsV1')).toEqual({ 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } });
        // A maker owns what was filled in, too, and the objects and lists that it made.
        expect(valueAt(other, 'fieldsV1')).toEqual({
          'f:spec': {
            'f:allocateLoadBalancerNodePorts': {},
            'f:externalTrafficPolicy': {},
            'f:internalTrafficPolicy': {},
            'f:ports': {
              '.': {},
              'k:{"port":80,"protocol":"TCP"}': {
                '.': {},
                'f:port': {},
                'f:protocol': {},
                'f:targetPort': {},
              },
            },
            'f:sessionAffinity': {},
            'f:type': {},
          },
        });
        const again = await apply(client, status(), 'mkplan', ingress('10.200.0.1'));
        expect(again.body).toEqual(body);
      });

      test('refuses another value for a field that another manager owns, unless forced', async () => {
        await apply(client, status(), 'first', ingress('10.200.0.1'));
        expect(await apply(client, status(), 'second', ingress('10.200.0.2'))).toEqual({
          code: 409,
          body: {
            kind: 'Status',
            apiVersion: 'v1',
            metadata: {},
            status: 'Failure',
            reason: 'Conflict',
            message:
              'Apply failed with 1 conflict: conflict with "first" with subresource "status": .status.loadBalancer.ingress',
            details: {
              causes: [
                {
                  reason: 'FieldManagerConflict',
                  message: 'conflict with "first" with subresource "status"',
                  field: '.status.loadBalancer.ingress',
                },
              ],
            },
            code: 409,
          },
        });
        const forced = await apply(client, status(), 'second', ingress('10.200.0.2'), true);
        expect(managersOf(forced.body)).toEqual(['second Apply status', 'tester Update -']);
      });

      test('lists every conflict by its manager', async () => {
        await apply(client, configMaps('/a'), 'first', configMap('a', { a: '1', b: '2' }));
        const { code, body } = await apply(
          client,
          configMaps('/a'),
          'second',
          configMap('a', { a: '9', b: '9' }),
        );
        expect([code, body['message']]).toEqual([
          409,
          'Apply failed with 2 conflicts: conflicts with "first":\n- .data.a\n- .data.b',
        ]);
      });

      test('shares a value, and keeps it until nobody applies it', async () => {
        await apply(client, status(), 'first', ingress('10.200.0.1'));
        const shared = await apply(client, status(), 'second', ingress('10.200.0.1'));
        expect(managersOf(shared.body)).toEqual([
          'second Apply status',
          'first Apply status',
          'tester Update -',
        ]);
        // What moves nothing but ownership has no time.
        expect(
          arrayAt(shared.body, 'metadata', 'managedFields').map(
            (entry) => valueAt(entry, 'time') !== undefined,
          ),
        ).toEqual([false, true, true]);
        const left = await apply(client, status(), 'first', NOTHING);
        expect(arrayAt(left.body, 'status', 'loadBalancer', 'ingress')).toHaveLength(1);
        const gone = await apply(client, status(), 'second', NOTHING);
        expect(valueAt(gone.body, 'status')).toEqual({ loadBalancer: {} });
        expect(managersOf(gone.body)).toEqual(['tester Update -']);
      });

      test('gives up an object without what others have in it', async () => {
        await apply(client, configMaps('/a'), 'first', configMap('a', { a: '1' }));
        await apply(client, configMaps('/a'), 'second', configMap('a', { b: '2' }));
        expect((await apply(client, configMaps('/a'), 'first', configMap('a'))).body['data']).toEqual({
          b: '2',
        });
        const bare = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };
        const left = await apply(client, configMaps('/a'), 'first', bare);
        expect([left.body['data'], managersOf(left.body)]).toEqual([{ b: '2' }, ['second Apply -']]);
      });

      test('an empty ingress is no ingress', async () => {
        await apply(client, status(), 'mkplan', ingress('10.200.0.1'));
        const empty = { apiVersion: 'v1', kind: 'Service', status: { loadBalancer: { ingress: [] } } };
        expect((await apply(client, status(), 'mkplan', empty)).body['status']).toEqual({ loadBalancer: {} });
        const again = await apply(client, status(), 'mkplan', ingress('10.200.0.1'));
        expect(arrayAt(again.body, 'status', 'loadBalancer', 'ingress')).toHaveLength(1);
      });

      test('loses a field to whoever writes it by update or patch', async () => {
        await apply(client, status(), 'mkplan', ingress('10.200.0.1'));
        const patch = { status: { loadBalancer: { ingress: [{ ip: '10.96.0.2' }] } } };
        const patched = await client.send('PATCH', status(), patch, MERGE);
        expect(managersOf(patched.body).toSorted()).toEqual(['tester Update -', 'tester Update status']);
        expect(await apply(client, status(), 'mkplan', ingress('10.200.0.1'))).toMatchObject({
          code: 409,
          body: {
            message:
              'Apply failed with 1 conflict: conflict with "tester" with subresource "status" using v1: .status.loadBalancer.ingress',
          },
        });
      });

      test('tracks conditions one by one', async () => {
        await apply(client, status(), 'first', condition('A', 'True'));
        const both = (await apply(client, status(), 'second', condition('B', 'True'))).body;
        expect(typesOf(both)).toEqual(['A', 'B']);
        expect(await apply(client, status(), 'second', condition('A', 'False'))).toMatchObject({
          code: 409,
          body: { details: { causes: [{ field: '.status.conditions[type="A"].status' }] } },
        });
        expect(typesOf((await apply(client, status(), 'first', NOTHING)).body)).toEqual(['B']);
      });

      test('an ingress and a condition of one apply are owned, kept and given up by what the next one names', async () => {
        const told = (message: string): JsonObject => ({
          ...ingress('10.200.0.1'),
          status: { loadBalancer: { ingress: [{ ip: '10.200.0.1' }] }, ...toldOf('True', message) },
        });
        const { code, body } = await apply(client, status(), 'mkplan', told('allocated'));
        expect(code).toBe(200);
        expect(valueAt(arrayAt(body, 'metadata', 'managedFields')[0], 'fieldsV1')).toEqual({
          'f:status': {
            'f:conditions': {
              'k:{"type":"mkplan/IPAllocated"}': {
                '.': {},
                'f:lastTransitionTime': {},
                'f:message': {},
                'f:reason': {},
                'f:status': {},
                'f:type': {},
              },
            },
            'f:loadBalancer': { 'f:ingress': {} },
          },
        });
        expect((await apply(client, status(), 'mkplan', told('allocated'))).body).toEqual(body);
        const other = (await apply(client, status(), 'mkplan', told('another'))).body;
        expect(arrayAt(other, 'status', 'conditions')).toMatchObject([
          { message: 'another', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
        ]);
        const alone = { ...NOTHING, status: toldOf('False', 'pending') };
        const left = (await apply(client, status(), 'mkplan', alone)).body;
        expect(left['status']).toMatchObject({ conditions: [{ message: 'pending' }], loadBalancer: {} });
        expect(arrayAt(left, 'status', 'loadBalancer', 'ingress')).toEqual([]);
        expect((await apply(client, status(), 'mkplan', NOTHING)).body['status']).toEqual({
          loadBalancer: {},
        });
      });

      test('a condition outlives the type LoadBalancer, until its manager gives it up', async () => {
        await apply(client, status(), 'mkplan', { ...NOTHING, status: toldOf('False', 'pending') });
        const patch = { spec: { type: 'ClusterIP' } };
        const retyped = (await client.send('PATCH', services('/web'), patch, MERGE)).body;
        expect(typesOf(retyped)).toEqual(['mkplan/IPAllocated']);
        const left = (await apply(client, status(), 'mkplan', NOTHING)).body;
        expect(left['status']).toEqual({ loadBalancer: {} });
      });

      test('a condition that somebody else wrote to is theirs in what they wrote', async () => {
        const told = { ...NOTHING, status: toldOf('True', 'allocated') };
        const mine = (await apply(client, status(), 'mkplan', told)).body;
        const edited = arrayAt(mine, 'status', 'conditions').map((one) => ({
          ...(one as JsonObject),
          message: 'edited',
        }));
        await client.send('PATCH', status(), { status: { conditions: edited } }, MERGE);
        expect(await apply(client, status(), 'mkplan', told)).toMatchObject({
          code: 409,
          body: {
            details: {
              causes: [
                {
                  reason: 'FieldManagerConflict',
                  message: 'conflict with "tester" with subresource "status" using v1',
                  field: '.status.conditions[type="mkplan/IPAllocated"].message',
                },
              ],
            },
          },
        });
      });

      test('with uid and resourceVersion writes to that state of that object alone', async () => {
        const live = (await client.get(services('/web'))).body;
        const { uid, resourceVersion } = objectAt(live, 'metadata');
        const on = (metadata: JsonObject, ip = '10.200.0.1'): Promise<Reply> =>
          apply(client, status(), 'mkplan', ingress(ip, metadata));
        expect((await on({ uid, resourceVersion })).code).toBe(200);
        const stale = {
          code: 409,
          body: { reason: 'Conflict', message: expect.stringContaining('the object has been modified') },
        };
        expect(await on({ uid, resourceVersion })).toMatchObject(stale);
        expect(await on({ uid, resourceVersion }, '10.200.0.2')).toMatchObject(stale);
        expect(await on({ uid: OTHER_UID, resourceVersion })).toMatchObject(stale);
        expect(await on({ uid: OTHER_UID }, '10.200.0.2')).toMatchObject({
          code: 422,
          body: { reason: 'Invalid', message: expect.stringContaining('metadata.uid: Invalid value') },
        });
        await client.send('DELETE', services('/web'));
        // It would be made anew if it were valid without a spec; the uid is what says that it must not be.
        expect(await on({ name: 'web', uid, resourceVersion })).toMatchObject({
          code: 409,
          body: { reason: 'Conflict', message: expect.stringContaining('and no existing object was found') },
        });
        expect((await on({ name: 'web' })).code).toBe(422);
        expect((await on({})).code).toBe(400);
        await make(services(), service('web'));
        expect(await on({ uid, resourceVersion })).toMatchObject(stale);
        expect((await on({ uid })).code).toBe(422);
      });

      test('tells who owns a field before it tells that the object has changed', async () => {
        await apply(client, status(), 'first', ingress('10.200.0.1'));
        expect(
          await apply(client, status(), 'second', ingress('10.200.0.2', { resourceVersion: '1' })),
        ).toMatchObject({
          code: 409,
          body: { details: { causes: [{ reason: 'FieldManagerConflict' }] } },
        });
      });

      test('makes what is not there, unless it names a uid', async () => {
        const made = await apply(client, configMaps('/a'), 'first', configMap('a', { k: '1' }));
        expect([made.code, managersOf(made.body)]).toEqual([201, ['first Apply -']]);
        expect(
          await apply(client, configMaps('/b'), 'first', configMap('b', {}, { uid: OTHER_UID })),
        ).toMatchObject({
          code: 409,
          body: { message: expect.stringContaining('uid mismatch: the provided object specified uid') },
        });
      });

      test('is refused without a manager, with another kind, and with managedFields', async () => {
        const bare = await client.send('PATCH', status(), NOTHING, 'application/apply-patch+yaml');
        expect(bare).toMatchObject({
          code: 422,
          body: {
            message:
              'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
          },
        });
        const another = { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} };
        expect((await apply(client, status(), 'mkplan', another)).code).toBe(400);
        const managed = { ...NOTHING, metadata: { managedFields: [{ manager: 'x' }] } };
        expect(await apply(client, status(), 'mkplan', managed)).toMatchObject({
          code: 400,
          body: { message: 'metadata.managedFields must be nil' },
        });
      });
    });

    describe('Leases, Events, ServiceCIDRs and access reviews', () => {
      test('a Lease is changed by compare-and-swap alone', async () => {
        const made = await make(leases(), lease('l'));
        const without = await client.send('PUT', leases('/l'), lease('l'));
        expect(without).toMatchObject({
          code: 422,
          body: {
            message: expect.stringContaining(
              'metadata.resourceVersion: Invalid value: 0: must be specified for an update',
            ),
          },
        });
        const taken = { ...made, spec: { ...objectAt(made, 'spec'), holderIdentity: 'you' } };
        expect((await client.send('PUT', leases('/l'), taken)).code).toBe(200);
        expect(await client.send('PUT', leases('/l'), taken)).toMatchObject({
          code: 409,
          body: { details: { name: 'l', group: 'coordination.k8s.io', kind: 'leases' } },
        });
      });

      test.each<[string, JsonObject, number]>([
        ['microseconds', { renewTime: '2026-01-01T00:00:00.000000Z' }, 201],
        ['whole seconds', { renewTime: '2026-01-01T00:00:00Z' }, 400],
        ['no time at all', { renewTime: 'yesterday' }, 400],
        ['no duration', { leaseDurationSeconds: 0 }, 422],
      ])('a Lease with %s', async (_, spec, code) => {
        expect((await client.send('POST', leases(), lease('l', spec))).code).toBe(code);
      });

      test('an Event is found by what it is about, and is of the same namespace', async () => {
        await make(events(), event('e.1', namespace));
        const found = (
          await client.get(events('?fieldSelector=involvedObject.name%3Dweb,reason%3DIPAllocated'))
        ).body;
        expect(namesOf(found)).toEqual(['e.1']);
        expect(await client.send('POST', events(), event('e.2', 'elsewhere'))).toMatchObject({
          code: 422,
          body: { message: expect.stringContaining('does not match event.namespace') },
        });
        const counted = await client.send('PATCH', events('/e.1'), { count: 2 }, MERGE);
        expect([counted.code, counted.body['count']]).toEqual([200, 2]);
      });

      test('an Event keeps what it is about and who tells it, under a name of its own', async () => {
        const { metadata } = await make(services(), service('web'));
        const { uid, resourceVersion } = metadata as JsonObject;
        const told = {
          ...event('web.1', namespace),
          involvedObject: { apiVersion: 'v1', kind: 'Service', namespace, name: 'web', uid, resourceVersion },
          reportingComponent: 'mkplan',
        };
        expect(await make(events(), told)).toMatchObject({
          ...told,
          metadata: { name: 'web.1', namespace },
          reportingInstance: '',
        });
        expect((await client.send('POST', events(), told)).code).toBe(409);
        const found = await client.get(events(`?fieldSelector=involvedObject.uid%3D${String(uid)}`));
        expect(namesOf(found.body)).toEqual(['web.1']);
      });

      test('the ServiceCIDR of the cluster is there and ready', async () => {
        const path = '/apis/networking.k8s.io/v1/servicecidrs';
        const found = (await client.get(`${path}/kubernetes`)).body;
        expect(valueAt(found, 'spec', 'cidrs')).toEqual(['10.96.0.0/12']);
        expect(arrayAt(found, 'status', 'conditions')).toMatchObject([{ type: 'Ready', status: 'True' }]);
        const bad = {
          apiVersion: 'networking.k8s.io/v1',
          kind: 'ServiceCIDR',
          metadata: { name: 'bad' },
          spec: { cidrs: ['10.112.0.1/16'] },
        };
        expect((await client.send('POST', path, bad)).code).toBe(422);
      });

      test('an access review tells what a client may do', async () => {
        const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
        const review = (spec: JsonObject): Promise<Reply> =>
          client.send('POST', path, {
            apiVersion: 'authorization.k8s.io/v1',
            kind: 'SelfSubjectAccessReview',
            spec,
          });
        const attributes = { verb: 'patch', resource: 'services', subresource: 'status' };
        expect(await review({ resourceAttributes: attributes })).toMatchObject({
          code: 201,
          body: {
            kind: 'SelfSubjectAccessReview',
            spec: { resourceAttributes: attributes },
            status: { allowed: true },
          },
        });
        expect((await review({})).code).toBe(422);
        expect((await client.get(path)).code).toBe(405);
      });
    });

    describe('lists', () => {
      test('pages show one revision, whatever is written meanwhile', async () => {
        for (const name of ['a', 'b', 'c']) await make(configMaps(), configMap(name));
        const first = (await client.get(configMaps('?limit=2'))).body;
        expect(namesOf(first)).toEqual(['a', 'b']);
        expect(valueAt(first, 'metadata', 'remainingItemCount')).toBe(1);
        await client.send('DELETE', configMaps('/c'));
        await make(configMaps(), configMap('bb'));
        const second = (await client.get(configMaps(`?limit=2&continue=${continueOf(first)}`))).body;
        expect(namesOf(second)).toEqual(['c']);
        expect(valueAt(second, 'metadata', 'resourceVersion')).toBe(
          valueAt(first, 'metadata', 'resourceVersion'),
        );
        expect(continueOf(second)).toBe('');
        const exact = configMaps(
          `?resourceVersionMatch=Exact&resourceVersion=${textAt(first, 'metadata', 'resourceVersion')}`,
        );
        expect(namesOf((await client.get(exact)).body)).toEqual(['a', 'b', 'c']);
      });

      test('are of their kind, their items of none', async () => {
        await make(services(), service('web'));
        const list = (await client.get(services())).body;
        expect([list['kind'], list['apiVersion']]).toEqual(['ServiceList', 'v1']);
        expect(Object.keys(objectAt({ item: arrayAt(list, 'items')[0] ?? null }, 'item')).sort()).toEqual([
          'metadata',
          'spec',
          'status',
        ]);
      });

      test('select by labels and by fields', async () => {
        await make(configMaps(), configMap('a', {}, { labels: { tier: 'web', x: '1' } }));
        await make(configMaps(), configMap('b', {}, { labels: { tier: 'db' } }));
        const names = async (query: string): Promise<Json[]> =>
          namesOf((await client.get(configMaps(`?${query}`))).body);
        expect(await names('labelSelector=tier%3Dweb')).toEqual(['a']);
        expect(await names('labelSelector=tier%20in%20(web,db),!x')).toEqual(['b']);
        expect(await names('labelSelector=tier!%3Dweb')).toEqual(['b']);
        expect(await names('fieldSelector=metadata.name%3Db')).toEqual(['b']);
        await make(services(), service('web'));
        const inner = await client.get(services('?fieldSelector=spec.type%3DLoadBalancer'));
        expect(namesOf(inner.body)).toEqual(['web']);
      });
    });

    describe('watches', () => {
      test('resume after a revision, in order, and follow what comes', async () => {
        const from = await revision();
        await make(configMaps(), configMap('a'));
        await client.send('DELETE', configMaps('/a'));
        const watch = await client.watch(configMaps(`?watch=true&resourceVersion=${from}`));
        expect((await watch.next()).type).toBe('ADDED');
        const deleted = await watch.next();
        expect(deleted.type).toBe('DELETED');
        expect(Number(textAt(deleted.object, 'metadata', 'resourceVersion'))).toBeGreaterThan(
          Number(from) + 1,
        );
        await make(configMaps(), configMap('b'));
        expect(await watch.next()).toMatchObject({
          type: 'ADDED',
          object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'b' } },
        });
        watch.close();
      });

      test('begin with what there is when no revision is given', async () => {
        await make(configMaps(), configMap('a'));
        const watch = await client.watch(configMaps('?watch=true'));
        expect(await watch.next()).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'a' } } });
        watch.close();
      });

      test('tell when the initial state is complete', async () => {
        await make(configMaps(), configMap('a'));
        const query =
          '?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
        const watch = await client.watch(configMaps(query));
        expect((await watch.next()).type).toBe('ADDED');
        const end = await watch.next();
        expect(end.type).toBe('BOOKMARK');
        expect(textAt(end.object, 'metadata', 'annotations', 'k8s.io/initial-events-end')).toBe('true');
        watch.close();
        for (const bad of ['sendInitialEvents=true', 'resourceVersionMatch=Exact&resourceVersion=1']) {
          expect((await client.get(configMaps(`?watch=true&${bad}`))).code).toBe(422);
        }
      });

      test('show objects that enter and leave a selection as added and deleted', async () => {
        const watch = await client.watch(
          configMaps(`?watch=true&labelSelector=on%3Dyes&resourceVersion=${await revision()}`),
        );
        await make(configMaps(), configMap('a'));
        const label = (on: string): Promise<Reply> =>
          client.send('PATCH', configMaps('/a'), { metadata: { labels: { on } } }, MERGE);
        await label('yes');
        expect((await watch.next()).type).toBe('ADDED');
        await label('no');
        expect((await watch.next()).type).toBe('DELETED');
        watch.close();
      });

      test('end after timeoutSeconds', async () => {
        const from = await revision();
        const watch = await client.watch(configMaps(`?watch=true&timeoutSeconds=1&resourceVersion=${from}`));
        await watch.ended;
      });
    });

    // Last: it may restart the server.
    describe('history', () => {
      test('that is forgotten is told to lists, and to watches in their stream', async () => {
        for (const name of ['a', 'b', 'c']) await make(configMaps(), configMap(name));
        const page = (await client.get(configMaps('?limit=2'))).body;
        const from = textAt(page, 'metadata', 'resourceVersion') ?? '';
        await make(configMaps(), configMap('d'));
        await target?.forgetHistory();
        expect(await client.get(configMaps(`?limit=2&continue=${continueOf(page)}`))).toMatchObject({
          code: 410,
          body: { kind: 'Status', reason: 'Expired', code: 410 },
        });
        const watch = await client.watch(configMaps(`?watch=true&resourceVersion=${from}`));
        expect(await watch.next()).toMatchObject({
          type: 'ERROR',
          object: { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 },
        });
        await watch.ended;
        const listed = (await client.get(configMaps())).body;
        expect(namesOf(listed)).toEqual(['a', 'b', 'c', 'd']);
      });
    });
  });
}

/** A configuration that names nothing: it gives everything up. */
const NOTHING: JsonObject = { apiVersion: 'v1', kind: 'Service', metadata: {} };

function service(name: string, spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
  };
}

function configMap(name: string, data: JsonObject = {}, metadata: JsonObject = {}): JsonObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

function ingress(ip: string, metadata: JsonObject = {}, mode: JsonObject = { ipMode: 'VIP' }): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    status: { loadBalancer: { ingress: [{ ip, ...mode }] } },
  };
}

function condition(type: string, status: string): JsonObject {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return {
    ...NOTHING,
    status: { conditions: [{ type, status, reason: 'R', message: '', lastTransitionTime }] },
  };
}

/** The status of mkplan's condition. */
function toldOf(status: string, message: string): JsonObject {
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return {
    conditions: [{ type: 'mkplan/IPAllocated', status, reason: 'Told', message, lastTransitionTime }],
  };
}

function lease(name: string, spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name },
    spec: { holderIdentity: 'me', leaseDurationSeconds: 15, ...spec },
  };
}

function event(name: string, namespace: string): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name },
    involvedObject: { kind: 'Service', namespace, name: 'web' },
    reason: 'IPAllocated',
    message: 'it has an address',
    type: 'Normal',
    source: { component: 'mkplan' },
    firstTimestamp: '2026-01-01T00:00:00Z',
    lastTimestamp: '2026-01-01T00:00:00Z',
    count: 1,
  };
}

function apply(
  client: TestClient,
  path: string,
  manager: string,
  body: JsonObject,
  force = false,
): Promise<Reply> {
  return client.apply(path, manager, body, force);
}

function managersOf(object: JsonObject): string[] {
  return arrayAt(object, 'metadata', 'managedFields').map(
    (entry) =>
      `${textAt(entry, 'manager') ?? ''} ${textAt(entry, 'operation') ?? ''} ${textAt(entry, 'subresource') ?? '-'}`,
  );
}

function namesOf(list: JsonObject): string[] {
  return arrayAt(list, 'items').map((item) => textAt(item, 'metadata', 'name') ?? '');
}

function typesOf(service: JsonObject): string[] {
  return arrayAt(service, 'status', 'conditions').map((one) => textAt(one, 'type') ?? '');
}

function portsOf(service: JsonObject): (Json | undefined)[] {
  return arrayAt(service, 'spec', 'ports').map((port) => valueAt(port, 'port'));
}

function continueOf(list: JsonObject): string {
  return encodeURIComponent(textAt(list, 'metadata', 'continue') ?? '');
}
