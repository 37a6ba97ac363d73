import { mkdir, symlink, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { connectCluster } from '../../src/kubernetes/connect.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import {
  type ApiServer,
  answerJson,
  type Certificates,
  type Handler,
  listOf,
  makeCertificates,
  makeHome,
  minikubeKubeconfig,
  NO_PROGRAMS,
  startApiServer,
  urlOf,
  writeKubeconfig,
} from './api-server.ts';

let certificates: Certificates;
let server: ApiServer;
let home: string;
let remove: () => Promise<void>;
const open: Cluster[] = [];

const web = {
  metadata: {
    namespace: 'default',
    name: 'web',
    uid: 'uid-1',
    resourceVersion: '41',
    creationTimestamp: '2026-01-02T03:04:05Z',
    annotations: { 'mkplan/ip': '10.200.0.7' },
    managedFields: [
      {
        manager: 'mkplan',
        operation: 'Apply',
        subresource: 'status',
        fieldsV1: { 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } },
      },
    ],
  },
  spec: {
    type: 'LoadBalancer',
    clusterIP: '10.96.4.4',
    clusterIPs: ['10.96.4.4'],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    externalTrafficPolicy: 'Local',
    loadBalancerClass: 'mkplan/tunnel',
    ports: [{ port: 80 }, { port: 53, protocol: 'UDP' }],
  },
  status: { loadBalancer: { ingress: [{ ip: '10.200.0.7', ipMode: 'VIP' }] } },
};

/** What the API answers, by path; anything else is 404. */
const objects: Record<string, unknown> = {
  '/version': { gitVersion: 'v1.34.0' },
  '/api/v1/nodes': listOf('v1', 'Node', [
    {
      metadata: { name: 'minikube', labels: { 'node-role.kubernetes.io/control-plane': '' } },
      spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24'] },
      status: {
        addresses: [{ type: 'InternalIP', address: '192.168.39.2' }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    },
  ]),
  '/api/v1/services': listOf('v1', 'Service', [
    { metadata: { namespace: 'default', name: 'kubernetes' }, spec: { type: 'ClusterIP' } },
    web,
    { ...web, metadata: { ...web.metadata, name: 'was' }, spec: { type: 'ClusterIP' } },
  ]),
  '/api/v1/pods': listOf('v1', 'Pod', [
    {
      metadata: { namespace: 'default', name: 'stray' },
      spec: { nodeName: 'minikube' },
      status: { phase: 'Running', podIP: '172.17.0.3', podIPs: [{ ip: '172.17.0.3' }] },
    },
  ]),
  '/apis/networking.k8s.io/v1/servicecidrs': listOf('networking.k8s.io/v1', 'ServiceCIDR', [
    { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/12'] } },
  ]),
  '/api/v1/namespaces/kube-system/configmaps/kubeadm-config': {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'kube-system', name: 'kubeadm-config', resourceVersion: '3' },
    data: {
      ClusterConfiguration: 'networking:\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/12\n',
    },
  },
  '/apis/metallb.io': {
    apiVersion: 'v1',
    kind: 'APIGroup',
    name: 'metallb.io',
    preferredVersion: { groupVersion: 'metallb.io/v1beta1' },
  },
  '/apis/metallb.io/v1beta1/ipaddresspools': listOf('metallb.io/v1beta1', 'IPAddressPool', [
    { metadata: { namespace: 'metallb-system', name: 'first' } },
  ]),
  '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases': listOf('coordination.k8s.io/v1', 'Lease', []),
  '/apis/discovery.k8s.io/v1/endpointslices': listOf('discovery.k8s.io/v1', 'EndpointSlice', [
    {
      metadata: { namespace: 'default', name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
      endpoints: [{ addresses: ['10.244.0.9'], nodeName: 'minikube', conditions: { ready: true } }],
    },
  ]),
};

const serve =
  (changes: Record<string, (response: ServerResponse) => void> = {}): Handler =>
  ({ path }, response) => {
    const change = changes[path];
    if (change !== undefined) change(response);
    else answerJson(response, path in objects ? 200 : 404, objects[path] ?? { message: 'not found' });
  };

async function connect(config: unknown, more: NodeJS.ProcessEnv = {}): Promise<Cluster> {
  const env = { ...more, KUBECONFIG: await writeKubeconfig(home, 'config', config) };
  const cluster = await connectCluster({
    context: 'minikube',
    profile: 'minikube',
    env,
    home,
    programs: NO_PROGRAMS,
  });
  open.push(cluster);
  return cluster;
}

const minikube = () => minikubeKubeconfig('minikube', urlOf(server), 'ca.crt');

beforeAll(async () => {
  certificates = await makeCertificates();
});
beforeEach(async () => {
  ({ home, remove } = await makeHome());
  server = await startApiServer(certificates);
  server.handle(serve());
  await writeFile(join(home, 'ca.crt'), certificates.ca);
});
afterEach(async () => {
  for (const cluster of open.splice(0)) await cluster.close();
  await server.close();
  await remove();
});

describe('context', () => {
  it('says where the API server answered, and that minikube wrote the context', async () => {
    expect(await (await connect(minikube())).context()).toEqual({
      name: 'minikube',
      server: urlOf(server),
      fromMinikube: true,
      answeredAt: '127.0.0.1',
      program: null,
      proxy: null,
    });
  });

  it('gives the address behind a name', async () => {
    const config = minikubeKubeconfig('minikube', urlOf(server, 'localhost'), 'ca.crt');
    expect((await (await connect(config)).context()).answeredAt).toBe('127.0.0.1');
  });

  it('has no address where another CA vouches', async () => {
    await writeFile(join(home, 'ca.crt'), (await makeCertificates()).ca);
    const cluster = await connect(minikube());
    expect((await cluster.context()).answeredAt).toBeNull();
    await expect(cluster.observe()).rejects.toMatchObject({
      diagnostics: [{ code: 'certificate-authority' }],
    });
  });

  it('reads a token from tokenFile, and needs no user at all', async () => {
    await writeFile(join(home, 'token'), 'from-file\n');
    const users = [{ name: 'minikube', user: { tokenFile: 'token' } }];
    await (await connect({ ...minikube(), users })).context();
    expect((await (await connect({ ...minikube(), users: [] })).context()).answeredAt).toBe('127.0.0.1');
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer from-file', undefined]);
  });

  it('sends name and password as basic credentials', async () => {
    const users = [{ name: 'minikube', user: { username: 'ann', password: 'pass' } }];
    await (await connect({ ...minikube(), users })).context();
    expect(server.seen[0]?.headers.authorization).toBe(`Basic ${Buffer.from('ann:pass').toString('base64')}`);
  });

  it('reads certificates and keys in base64, which count before files', async () => {
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const clusters = [
      {
        name: 'minikube',
        cluster: {
          server: urlOf(server),
          'certificate-authority': 'gone.crt',
          'certificate-authority-data': base64(certificates.ca),
        },
      },
    ];
    const user = {
      'client-certificate-data': base64(certificates.cert),
      'client-key-data': base64(certificates.key),
    };
    const cluster = await connect({ ...minikube(), clusters, users: [{ name: 'minikube', user }] });
    expect((await cluster.context()).answeredAt).toBe('127.0.0.1');
  });

  it('checks the certificate for tls-server-name, and not at all when told so', async () => {
    const pointing = (extra: object) => ({
      ...minikube(),
      clusters: [
        { name: 'minikube', cluster: { server: urlOf(server), 'certificate-authority': 'ca.crt', ...extra } },
      ],
    });
    const answered = async (extra: object) => {
      const before = server.seen.length;
      const { answeredAt } = await (await connect(pointing(extra))).context();
      return { answeredAt, calls: server.seen.length - before };
    };
    expect(await answered({ 'tls-server-name': 'localhost' })).toEqual({ answeredAt: '127.0.0.1', calls: 1 });
    expect(await answered({ 'tls-server-name': 'other' })).toEqual({ answeredAt: null, calls: 0 });
    const unchecked = { 'tls-server-name': 'other', 'insecure-skip-tls-verify': true };
    expect(await answered(unchecked)).toEqual({ answeredAt: null, calls: 1 });
  });

  it.each([
    ['127.0.0.1', 1],
    ['10.9.9.9', 0],
    ['::1', 0],
  ])(
    'checks the certificate for the address that tls-server-name is, and warns of nothing: %s',
    async (name, calls) => {
      const warnings: string[] = [];
      const heard = (warning: Error) => warnings.push(warning.message);
      process.on('warning', heard);
      const cluster = {
        server: urlOf(server, 'localhost'),
        'certificate-authority': 'ca.crt',
        'tls-server-name': name,
      };
      await (await connect({ ...minikube(), clusters: [{ name: 'minikube', cluster }] })).context();
      await new Promise(setImmediate);
      process.off('warning', heard);
      expect(server.seen).toHaveLength(calls);
      expect(warnings).toEqual([]);
    },
  );

  describe('without a certificate authority', () => {
    const unnamed = () => ({
      ...minikube(),
      clusters: [{ name: 'minikube', cluster: { server: urlOf(server), 'certificate-authority': '' } }],
    });
    const answeredWith = async (env: NodeJS.ProcessEnv) => {
      const cluster = await connect(unnamed(), env);
      return (await cluster.context()).answeredAt;
    };

    it('is vouched for by the system: SSL_CERT_FILE, SSL_CERT_DIR, NODE_EXTRA_CA_CERTS', async () => {
      const folder = join(home, 'roots');
      await mkdir(folder);
      const none = { SSL_CERT_FILE: join(home, 'gone'), SSL_CERT_DIR: join(home, 'gone') };
      const other = join(home, 'other.crt');
      await writeFile(other, `a comment\n${rootCertificates[0]}`);
      expect(await answeredWith({ ...none, SSL_CERT_FILE: join(home, 'ca.crt') })).toBe('127.0.0.1');
      expect(await answeredWith({ ...none, SSL_CERT_FILE: other })).toBeNull();
      await symlink(join(home, 'ca.crt'), join(folder, 'company.pem'));
      expect(await answeredWith({ SSL_CERT_FILE: other, SSL_CERT_DIR: `${home}/gone:${folder}` })).toBe(
        '127.0.0.1',
      );
      const extra = { ...none, SSL_CERT_FILE: other, NODE_EXTRA_CA_CERTS: join(home, 'ca.crt') };
      expect(await answeredWith(extra)).toBe('127.0.0.1');
    });

    it('is vouched for by none of them where one is named', async () => {
      await writeFile(join(home, 'other.crt'), (await makeCertificates()).ca);
      const config = minikubeKubeconfig('minikube', urlOf(server), 'other.crt');
      const cluster = await connect(config, { SSL_CERT_FILE: join(home, 'ca.crt') });
      expect((await cluster.context()).answeredAt).toBeNull();
    });
  });

  it.each([
    [{ as: 'bob' }, ['Impersonate-User: bob']],
    [
      {
        as: 'bob',
        'as-uid': '7',
        'as-groups': ['dev', 'ops'],
        'as-user-extra': { scopes: ['view', 'edit'] },
      },
      [
        'Impersonate-User: bob',
        'Impersonate-Uid: 7',
        'Impersonate-Group: dev',
        'Impersonate-Group: ops',
        'Impersonate-Extra-scopes: view',
        'Impersonate-Extra-scopes: edit',
      ],
    ],
    [
      { as: 'bøb', 'as-user-extra': { 'example.com/Ärea 50%': ['x'], none: [] } },
      [
        `Impersonate-User: ${Buffer.from('bøb').toString('latin1')}`,
        'Impersonate-Extra-example.com%2F%C3%84rea%2050%25: x',
      ],
    ],
    [{ as: '', 'as-uid': '', 'as-groups': [], 'as-user-extra': {} }, []],
    [{ as: null, 'as-groups': null }, []],
  ])('acts in the name of whom the user impersonates: %j', async (user, expected) => {
    const users = [{ name: 'minikube', user: { token: 'secret', ...user } }];
    await (await connect({ ...minikube(), users })).context();
    const sent = server.seen[0]?.rawHeaders ?? [];
    const headers = sent.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${sent[at + 1]}`] : []));
    expect(headers.filter((header) => header.startsWith('Impersonate-'))).toEqual(expected);
    expect(headers).toContain('Authorization: Bearer secret');
  });

  it('refuses to impersonate whom no header can name', async () => {
    const users = [{ name: 'minikube', user: { token: 'secret', as: 'bob\nX-Other: 1' } }];
    await expect(connect({ ...minikube(), users })).rejects.toMatchObject({
      diagnostics: [{ code: 'kubeconfig-credentials' }],
    });
  });

  it.each([
    ['the file, where it has one', { token: 'inline', tokenFile: 'token' }, 'Bearer from-file'],
    ['the other, where the file is missing', { token: 'inline', tokenFile: 'gone' }, 'Bearer inline'],
    ['the other, where the file is empty', { token: 'inline', tokenFile: 'empty' }, 'Bearer inline'],
  ])('takes of two tokens %s', async (_, user, expected) => {
    await writeFile(join(home, 'token'), 'from-file\n');
    await writeFile(join(home, 'empty'), '');
    await (await connect({ ...minikube(), users: [{ name: 'minikube', user }] })).context();
    expect(server.seen[0]?.headers.authorization).toBe(expected);
  });

  it.each(['gone', 'empty'])('refuses a tokenFile that is %s where there is no other token', async (file) => {
    await writeFile(join(home, 'empty'), '');
    const users = [{ name: 'minikube', user: { tokenFile: file } }];
    await expect(connect({ ...minikube(), users })).rejects.toMatchObject({
      diagnostics: [{ code: 'kubeconfig-credentials' }],
    });
  });

  it.each([
    ['OpenID Connect', { 'auth-provider': { name: 'oidc', config: { 'id-token': 'x' } } }, {}],
    ['a proxy of no known kind', { token: 'secret' }, { 'proxy-url': 'ftp://127.0.0.1:21' }],
  ])('refuses credentials that need %s, and sends nothing', async (_, user, extra) => {
    const cluster = { server: urlOf(server), 'certificate-authority': 'ca.crt', ...extra };
    const config = {
      ...minikube(),
      clusters: [{ name: 'minikube', cluster }],
      users: [{ name: 'minikube', user }],
    };
    const code = 'proxy-url' in extra ? 'kubeconfig-proxy' : 'kubeconfig-credentials';
    await expect(connect(config)).rejects.toMatchObject({ diagnostics: [{ code }] });
    expect(server.seen).toHaveLength(0);
  });

  it('fails at once when a key is none', async () => {
    const users = [
      {
        name: 'minikube',
        user: { 'client-certificate': 'ca.crt', 'client-key-data': Buffer.from('no key').toString('base64') },
      },
    ];
    await expect(connect({ ...minikube(), users })).rejects.toMatchObject({
      diagnostics: [{ code: 'kubeconfig-credentials' }],
    });
  });

  it('fails at once when a certificate file is missing', async () => {
    const users = [
      { name: 'minikube', user: { 'client-certificate': 'gone.crt', 'client-key': 'gone.key' } },
    ];
    await expect(connect({ ...minikube(), users })).rejects.toMatchObject({
      diagnostics: [{ code: 'kubeconfig-credentials' }],
    });
  });
});

describe('observe', () => {
  it('reads everything that a plan rests on', async () => {
    const observed = await (await connect(minikube())).observe();
    expect(observed).toMatchObject({
      version: 'v1.34.0',
      nodes: [{ name: 'minikube', ready: true, controlPlane: true, internalIps: ['192.168.39.2'] }],
      serviceCidrs: ['10.96.0.0/12'],
      kubeadm: { podSubnet: '10.244.0.0/16', serviceSubnet: '10.96.0.0/12' },
      otherLoadBalancers: ['MetalLB'],
      strayPods: [{ address: '172.17.0.3', node: 'minikube' }],
    });
    expect(observed.services.map(({ name }) => name)).toEqual(['was', 'web']);
    expect(observed.services[1]).toEqual({
      namespace: 'default',
      name: 'web',
      uid: 'uid-1',
      resourceVersion: '41',
      type: 'LoadBalancer',
      loadBalancerClass: 'mkplan/tunnel',
      clusterIps: ['10.96.4.4'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      externalTrafficPolicy: 'Local',
      loadBalancerIp: null,
      requestedIp: '10.200.0.7',
      otherRequests: {},
      ingressNames: [],
      hasSelector: false,
      ingress: ['10.200.0.7'],
      ingressManager: 'mkplan',
      condition: null,
      created: '2026-01-02T03:04:05Z',
      ports: ['80/TCP', '53/UDP'],
    });
    expect(observed.endpoints?.[1]).toEqual({
      namespace: 'default',
      service: 'web',
      slices: 1,
      readyByNode: { minikube: 1 },
      readyElsewhere: 0,
    });
  });

  it('goes without what may not be read and is not needed', async () => {
    const forbidden = (response: ServerResponse) => answerJson(response, 403, { message: 'forbidden' });
    server.handle(
      serve({
        '/api/v1/pods': forbidden,
        '/api/v1/namespaces/kube-system/configmaps/kubeadm-config': forbidden,
        '/apis/networking.k8s.io/v1/servicecidrs': forbidden,
        '/apis/metallb.io': forbidden,
      }),
    );
    const observed = await (await connect(minikube())).observe();
    expect(observed).toMatchObject({
      kubeadm: null,
      serviceCidrs: [],
      strayPods: [],
      otherLoadBalancers: [],
    });
  });

  it('fails, naming the resource, when Services cannot be read', async () => {
    server.handle(serve({ '/api/v1/services': (response) => answerJson(response, 500, { message: 'no' }) }));
    await expect((await connect(minikube())).observe()).rejects.toThrow(
      /context "minikube": cannot list services/,
    );
  });

  it.each(['/version', '/api/v1/services'])('ends when it is aborted while %s hangs', async (path) => {
    const controller = new AbortController();
    server.handle(serve({ [path]: () => controller.abort(new Error('stopped')) }));
    await expect((await connect(minikube())).observe(controller.signal)).rejects.toThrow('stopped');
  });

  it('says what is silent where patience ends while /version hangs', async () => {
    const controller = new AbortController();
    const over = new Failure('error', [
      { code: 'x', severity: 'error', summary: 'patience ended', cause: '', fix: '' },
    ]);
    server.handle(serve({ '/version': () => controller.abort(over) }));
    await expect((await connect(minikube())).observe(controller.signal)).rejects.toMatchObject({
      diagnostics: [{ code: 'cluster-silent', summary: expect.stringContaining('no answer within') }],
    });
    server.handle(serve({ '/api/v1/services': () => controller.abort(over) }));
    const answering = await connect(minikube());
    await answering.context();
    await expect(answering.observe(controller.signal)).rejects.toThrow('patience ended');
  });

  it('finds the pool of minikube’s MetalLB addon, and none in one that was not configured', async () => {
    const config = (range: string): [string, (response: ServerResponse) => void] => [
      '/api/v1/namespaces/metallb-system/configmaps/config',
      (response) =>
        answerJson(response, 200, {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { namespace: 'metallb-system', name: 'config', resourceVersion: '3' },
          data: {
            config: `address-pools:\n- name: default\n  protocol: layer2\n  addresses:\n  - ${range}\n`,
          },
        }),
    ];
    const absent = (response: ServerResponse) => answerJson(response, 404, {});
    const others = async (range: string) => {
      server.handle(serve(Object.fromEntries([['/apis/metallb.io', absent], config(range)])));
      return (await (await connect(minikube())).observe()).otherLoadBalancers;
    };
    expect(await others('192.168.39.100-192.168.39.110')).toEqual(['MetalLB']);
    expect(await others('-')).toEqual([]);
  });
});

it('sees kube-vip and k3s’ ServiceLB in the pods that run, with no right of its own', async () => {
  const running = (name: string, more: object) => ({
    metadata: { namespace: 'kube-system', name },
    spec: { hostNetwork: true, nodeName: 'minikube', ...more },
    status: { phase: 'Running' },
  });
  const vip = { image: 'ghcr.io/kube-vip/kube-vip:v0.9.2', env: [{ name: 'svc_enable', value: 'true' }] };
  const svclb = running('svclb-traefik-0', {});
  const labels = { 'svccontroller.k3s.cattle.io/svcname': 'traefik' };
  const pods = [running('vip', { containers: [vip] }), { ...svclb, metadata: { ...svclb.metadata, labels } }];
  server.handle(
    serve({ '/api/v1/pods': (response) => answerJson(response, 200, listOf('v1', 'Pod', pods)) }),
  );
  const { otherLoadBalancers } = await (await connect(minikube())).observe();
  expect(otherLoadBalancers).toEqual(['MetalLB', 'k3s’ ServiceLB', 'kube-vip']);
});

describe('applyStatus', () => {
  const target = { namespace: 'default', name: 'web', uid: 'uid-1', resourceVersion: '41' };
  const path = '/api/v1/namespaces/default/services/web/status';
  const written = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...target, resourceVersion: '42' },
    status: { loadBalancer: { ingress: [{ ip: '10.200.0.7', ipMode: 'VIP' }] } },
  };

  it('applies the addresses to the status, as our own field manager and without force', async () => {
    server.handle(serve({ [path]: (response) => answerJson(response, 200, written) }));
    expect(
      await (await connect(minikube())).applyStatus(target, { addresses: ['10.200.0.7'], condition: null }),
    ).toBe('42');
    const patch = server.seen.find(({ method }) => method === 'PATCH');
    expect(Object.fromEntries(patch?.query ?? [])).toEqual({ fieldManager: 'mkplan', force: 'false' });
    expect(patch?.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(JSON.parse(patch?.body ?? '')).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: target,
      status: { loadBalancer: { ingress: [{ ip: '10.200.0.7', ipMode: 'VIP' }] } },
    });
  });

  it('tells of the condition by the same apply, in whole seconds of now', async () => {
    server.handle(serve({ [path]: (response) => answerJson(response, 200, written) }));
    const condition = { status: 'False', reason: 'AllocationFailed', message: 'full' } as const;
    const cluster = await connect(minikube());
    await cluster.applyStatus(target, {
      addresses: [],
      condition: { ...condition, lastTransitionTime: null },
    });
    const patch = server.seen.find(({ method }) => method === 'PATCH');
    const lastTransitionTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(JSON.parse(patch?.body ?? '').status).toEqual({
      conditions: [{ type: 'mkplan/IPAllocated', ...condition, lastTransitionTime }],
    });
  });

  it('names the manager that holds the condition', async () => {
    const message = 'conflict with "kubectl-edit" with subresource "status" using v1';
    const field = '.status.conditions[type="mkplan/IPAllocated"].message';
    const causes = [{ reason: 'FieldManagerConflict', message, field }];
    server.handle(
      serve({
        [path]: (response) => answerJson(response, 409, { message: 'Apply failed', details: { causes } }),
      }),
    );
    const cluster = await connect(minikube());
    await expect(cluster.applyStatus(target, { addresses: [], condition: null })).rejects.toThrow(
      'the condition of Service default/web belongs to "kubectl-edit"',
    );
  });

  it('names the manager that holds the field', async () => {
    const message = 'conflict with "minikube" with subresource "status" using v1';
    const causes = [{ reason: 'FieldManagerConflict', message, field: '.status.loadBalancer.ingress' }];
    server.handle(
      serve({
        [path]: (response) => answerJson(response, 409, { message: 'Apply failed', details: { causes } }),
      }),
    );
    await expect(
      (await connect(minikube())).applyStatus(target, { addresses: ['10.200.0.7'], condition: null }),
    ).rejects.toMatchObject({
      kind: 'conflict',
      message: 'context "minikube": the ingress of Service default/web belongs to "minikube"',
      diagnostics: [{ code: 'service-conflict' }],
    });
  });

  it.each([
    [409, 'the object has been modified'],
    [404, 'services "web" not found'],
  ])('calls the plan stale on %i without a conflict', async (status, message) => {
    server.handle(serve({ [path]: (response) => answerJson(response, status, { message }) }));
    await expect(
      (await connect(minikube())).applyStatus(target, { addresses: [], condition: null }),
    ).rejects.toMatchObject({
      kind: 'stale',
      diagnostics: [{ code: 'service-changed', cause: message }],
    });
  });
});

describe('createEvent', () => {
  const target = { namespace: 'default', name: 'web', uid: 'uid-1', resourceVersion: '41' };
  const event = { type: 'Warning', reason: 'AllocationFailed', message: 'full' } as const;
  const path = '/api/v1/namespaces/default/events';

  it('writes it into the namespace of the Service, as mkplan, each by a name of its own', async () => {
    const made = (response: ServerResponse) => {
      const body = JSON.parse(server.seen.at(-1)?.body ?? '') as { metadata: object };
      answerJson(response, 201, { ...body, metadata: { ...body.metadata, resourceVersion: '43' } });
    };
    server.handle(serve({ [path]: made }));
    const cluster = await connect(minikube());
    await cluster.createEvent(target, event);
    await cluster.createEvent(target, event);
    const bodies = server.seen.flatMap(({ method, body }) => (method === 'POST' ? [JSON.parse(body)] : []));
    expect(bodies[0]).toMatchObject({
      ...event,
      metadata: { namespace: 'default', name: expect.stringMatching(/^web\.[0-9a-f]{16}$/) },
      involvedObject: { apiVersion: 'v1', kind: 'Service', ...target },
      source: { component: 'mkplan' },
      reportingComponent: 'mkplan',
      count: 1,
    });
    expect(new Set(bodies.map(({ metadata }) => metadata.name)).size).toBe(2);
  });

  it('fails where it is refused', async () => {
    server.handle(serve({ [path]: (response) => answerJson(response, 403, { message: 'forbidden' }) }));
    await expect((await connect(minikube())).createEvent(target, event)).rejects.toMatchObject({
      diagnostics: [{ code: 'cluster-forbidden' }],
    });
  });
});
