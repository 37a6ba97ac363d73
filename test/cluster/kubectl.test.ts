import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { isArray, isObject, type Json, type JsonObject } from '../../src/embedded-api/objects/json.ts';
import { decodeProtobuf, PROTOBUF } from '../../src/embedded-api/protobuf/decode.ts';
import { ProcessRunner } from '../../src/platform/process.ts';
import { type Access, startApi } from '../embedded-api/client.ts';
import { startLoneControlPlane } from './lone-control-plane.ts';
import { clusterRefused, requirePrograms } from './programs.ts';

interface Target {
  readonly access: Access;
  close(): Promise<void>;
}

function kubeconfigOf({ url, ca, clientCert, clientKey }: Access): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const cluster = { server: url, 'certificate-authority-data': base64(ca) };
  const user = { 'client-certificate-data': base64(clientCert), 'client-key-data': base64(clientKey) };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'it', cluster }],
    users: [{ name: 'me', user }],
    contexts: [{ name: 'it', context: { cluster: 'it', user: 'me', namespace: 'demo' } }],
    'current-context': 'it',
  });
}

const MANIFEST = `apiVersion: v1
kind: Service
metadata: { name: applied }
spec: { type: LoadBalancer, ports: [{ port: 80 }] }
`;

/** Command lines of kubectl, in order, and a word that each of them says. */
const COMMANDS: readonly (readonly [line: string, says: string, input?: string])[] = [
  ['create namespace demo', 'namespace/demo created'],
  ['create service loadbalancer lb --tcp=80:8080', 'service/lb created'],
  ['create service clusterip ip --tcp=443:https', 'service/ip created'],
  ['create service clusterip headless --clusterip=None', 'service/headless created'],
  ['create service nodeport np --tcp=80', 'service/np created'],
  ['create service externalname en --external-name=example.com', 'service/en created'],
  ['create configmap map --from-literal=key=value', 'configmap/map created'],
  ['create namespace demo', 'AlreadyExists'],
  ['get service lb', 'LoadBalancer'],
  ['get services -o name', 'service/headless'],
  ['describe service ip', 'https/TCP'],
  ['label service lb tier=front', 'service/lb labeled'],
  ['annotate service lb note=here', 'service/lb annotated'],
  ['get service -l tier=front -o name', 'service/lb'],
  ['patch service lb -p {"spec":{"externalTrafficPolicy":"Local"}}', 'service/lb patched'],
  ['patch service lb --type=merge -p {"spec":{"sessionAffinity":"ClientIP"}}', 'service/lb patched'],
  ['wait service/lb --for=jsonpath={.spec.externalTrafficPolicy}=Local --timeout=20s', 'condition met'],
  ['apply -f -', 'service/applied created', MANIFEST],
  ['apply -f -', 'service/applied configured', MANIFEST.replace('80', '81')],
  ['apply --server-side --force-conflicts -f -', 'serverside-applied', MANIFEST.replace('80', '81')],
  ['edit service applied', 'service/applied edited'],
  ['expose service lb --name=again --port=90', 'service/again exposed'],
  ['delete service lb', 'service "lb" deleted'],
  ['get service lb', 'NotFound'],
  ['auth can-i create services', 'yes'],
];

/** Where objects are made, and with as many of their fields as there are. */
const OBJECTS: readonly (readonly [path: string, object: JsonObject])[] = [
  ['/api/v1/namespaces', { metadata: { name: 'default', labels: { a: 'b' } } }],
  [
    '/api/v1/namespaces/default/services',
    {
      metadata: { name: 'full', labels: { a: 'b' }, annotations: { c: 'd' }, finalizers: ['example.com/x'] },
      spec: {
        type: 'LoadBalancer',
        selector: { app: 'x' },
        ports: [
          { name: 'a', port: 80, targetPort: 'http', appProtocol: 'http' },
          { name: 'b', port: 53, protocol: 'UDP', targetPort: 5353 },
        ],
        externalIPs: ['198.51.100.7'],
        loadBalancerIP: '10.200.0.1',
        loadBalancerSourceRanges: ['10.0.0.0/8'],
        loadBalancerClass: 'example.com/x',
        allocateLoadBalancerNodePorts: false,
        externalTrafficPolicy: 'Local',
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
        publishNotReadyAddresses: true,
        trafficDistribution: 'PreferClose',
      },
    },
  ],
  [
    '/api/v1/namespaces/default/configmaps',
    { metadata: { name: 'full' }, data: { a: 'b', empty: '' }, binaryData: { c: '/w==' }, immutable: false },
  ],
  [
    '/apis/coordination.k8s.io/v1/namespaces/default/leases',
    {
      metadata: { name: 'full' },
      spec: {
        holderIdentity: 'me',
        leaseDurationSeconds: 15,
        leaseTransitions: 0,
        acquireTime: '2026-01-02T03:04:05.000006Z',
        renewTime: '2026-01-02T03:04:05.678901Z',
      },
    },
  ],
  [
    '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices',
    {
      metadata: {
        name: 'full',
        ownerReferences: [
          {
            apiVersion: 'v1',
            kind: 'Service',
            name: 'x',
            uid: 'u',
            controller: true,
            blockOwnerDeletion: false,
          },
        ],
      },
      addressType: 'IPv4',
      ports: [{ name: 'a', port: 80, protocol: 'TCP', appProtocol: 'http' }],
      endpoints: [
        {
          addresses: ['10.244.0.7'],
          conditions: { ready: false, serving: true, terminating: false },
          hostname: 'x',
          nodeName: 'n',
          zone: 'z',
          hints: { forZones: [{ name: 'z' }] },
          targetRef: { kind: 'Pod', namespace: 'default', name: 'p', uid: 'u' },
        },
      ],
    },
  ],
  [
    '/api/v1/namespaces/default/events',
    {
      metadata: { name: 'full' },
      involvedObject: { kind: 'Service', namespace: 'default', name: 'x', fieldPath: 'spec' },
      reason: 'Tried',
      message: 'it was tried',
      type: 'Normal',
      source: { component: 'c', host: 'h' },
      firstTimestamp: '2026-01-02T03:04:05Z',
      lastTimestamp: '2026-01-02T03:04:06Z',
      count: 3,
    },
  ],
  [
    '/apis/networking.k8s.io/v1/servicecidrs',
    { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/12'] } },
  ],
];

function describeKubectl(name: string, start: () => Promise<Target>): void {
  describe.skipIf(clusterRefused !== null)(`kubectl on ${name}`, () => {
    let target: Target | undefined;
    let directory = '';

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'mkplan-test-kubectl-'));
      target = await start();
      await writeFile(join(directory, 'config'), kubeconfigOf(target.access));
    });

    afterAll(async () => {
      await target?.close();
      await rm(directory, { recursive: true });
    });

    it.each(COMMANDS)('%s: %s', async (line = '', says = '', input = '') => {
      const env = [
        `KUBECONFIG=${join(directory, 'config')}`,
        `HOME=${directory}`,
        // Of the port alone: a UID may have the figures, too.
        'KUBE_EDITOR=sed -i /port:/s/81/82/',
      ];
      const argv = ['env', ...env, requirePrograms().kubectl, ...line.split(' ')] as const;
      const { stdout, stderr } = await new ProcessRunner().run(argv, { input, timeoutMs: 60_000 });
      expect(`${stdout}${stderr}`).toContain(says);
    });
  });
}

/** The body of an answer. */
async function get(
  { url, ca, clientCert: cert, clientKey: key }: Access,
  path: string,
  accept: string,
): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const options = { ca, cert, key, agent: false, headers: { Accept: accept } } as const;
    const sent = request(`${url}${path}`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(Buffer.concat(chunks)));
    });
    sent.on('error', reject).end();
  });
}

/** The value without what says nothing, which protobuf does not tell from what is missing. */
function meaningful(value: Json | undefined): Json | undefined {
  if (isArray(value)) return value.length === 0 ? undefined : value.map((item) => meaningful(item) ?? null);
  if (!isObject(value)) return value === null || value === '' ? undefined : value;
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, meaningful(inner)] as const)
    .filter(([, inner]) => inner !== undefined);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

describeKubectl('the embedded API', async () => {
  const { api, client } = await startApi();
  return {
    access: api,
    async close() {
      client.close();
      await api.close();
    },
  };
});

describeKubectl('the real kube-apiserver', async () => {
  const { controlPlane, close } = await startLoneControlPlane();
  return { access: controlPlane.access, close };
});

describe.skipIf(clusterRefused !== null)('the protobuf of the real kube-apiserver', () => {
  let control: Awaited<ReturnType<typeof startLoneControlPlane>> | undefined;

  beforeAll(async () => {
    control = await startLoneControlPlane();
    for (const [path, object] of OBJECTS) {
      const { code } = await control.controlPlane.client.send('POST', path, object);
      expect([201, 409]).toContain(code);
    }
  });

  afterAll(async () => {
    await control?.close();
  });

  it.each(OBJECTS.map(([path, { metadata }]) => `${path}/${String((metadata as JsonObject)['name'])}`))(
    'says what its JSON says: %s',
    async (path) => {
      const access = control?.controlPlane.access;
      if (access === undefined) throw new Error('no control plane');
      const json = JSON.parse((await get(access, path, 'application/json')).toString()) as Json;
      const decoded = decodeProtobuf(await get(access, path, PROTOBUF));
      expect(meaningful(decoded)).toEqual(meaningful(json));
    },
  );
});
