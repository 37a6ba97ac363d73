import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { connectCluster } from '../../src/kubernetes/connect.ts';
import type { Right } from '../../src/model/observed.ts';
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

const RECORD = '/api/v1/namespaces/kube-system/configmaps/mkplan-allocations';
const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';

function group(name: string, version: string): object {
  return {
    apiVersion: 'v1',
    kind: 'APIGroup',
    name,
    preferredVersion: { groupVersion: `${name}/${version}` },
  };
}

/** An API with one of everything, where nothing is forbidden. */
const objects: Readonly<Record<string, unknown>> = {
  '/version': { gitVersion: 'v1.34.0' },
  '/api/v1/nodes': listOf('v1', 'Node', [
    { metadata: { name: 'minikube' }, spec: { podCIDR: '10.244.0.0/24' } },
  ]),
  '/api/v1/services': listOf('v1', 'Service', [
    {
      metadata: { namespace: 'default', name: 'web', uid: 'uid-1', resourceVersion: '5' },
      spec: { type: 'LoadBalancer' },
    },
  ]),
  '/api/v1/pods': listOf('v1', 'Pod', [
    {
      metadata: { namespace: 'default', name: 'stray' },
      spec: { nodeName: 'minikube' },
      status: { phase: 'Running', podIP: '172.17.0.3' },
    },
  ]),
  '/apis/discovery.k8s.io/v1/endpointslices': listOf('discovery.k8s.io/v1', 'EndpointSlice', []),
  '/apis/networking.k8s.io/v1/servicecidrs': listOf('networking.k8s.io/v1', 'ServiceCIDR', [
    { metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/12'] } },
  ]),
  '/api/v1/namespaces/kube-system/configmaps/kubeadm-config': {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'kube-system', name: 'kubeadm-config', resourceVersion: '3' },
    data: { ClusterConfiguration: 'networking: { podSubnet: 10.244.0.0/16 }' },
  },
  '/apis/metallb.io': group('metallb.io', 'v1beta1'),
  '/apis/metallb.io/v1beta1/ipaddresspools': listOf('metallb.io/v1beta1', 'IPAddressPool', []),
  '/apis/cilium.io': group('cilium.io', 'v2'),
  '/apis/cilium.io/v2/ciliumloadbalancerippools': listOf('cilium.io/v2', 'CiliumLoadBalancerIPPool', []),
  [LEASES]: listOf('coordination.k8s.io/v1', 'Lease', []),
  [RECORD]: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'kube-system', name: 'mkplan-allocations', resourceVersion: '7' },
    data: { allocations: '' },
  },
};

/** The path that a right to read is about, and what is observed without it. */
const READS: readonly (readonly [Right, path: string, without: object])[] = [
  ['list nodes', '/api/v1/nodes', { nodes: [] }],
  ['list services', '/api/v1/services', { services: [], endpoints: [] }],
  ['list endpointslices', '/apis/discovery.k8s.io/v1/endpointslices', { endpoints: [] }],
  ['list pods', '/api/v1/pods', { strayPods: [] }],
  ['list servicecidrs', '/apis/networking.k8s.io/v1/servicecidrs', { serviceCidrs: [] }],
  ['list ipaddresspools', '/apis/metallb.io/v1beta1/ipaddresspools', { otherLoadBalancers: ['MetalLB'] }],
  [
    'list ciliumloadbalancerippools',
    '/apis/cilium.io/v2/ciliumloadbalancerippools',
    { otherLoadBalancers: ['Cilium'] },
  ],
  [
    'get configmaps kube-system/kubeadm-config',
    '/api/v1/namespaces/kube-system/configmaps/kubeadm-config',
    { kubeadm: null },
  ],
  ['get configmaps kube-system/mkplan-allocations', RECORD, { allocations: null }],
  ['list leases kube-system', LEASES, { participants: null }],
];

let certificates: Certificates;
let server: ApiServer;
let cluster: Cluster;
let remove: () => Promise<void>;

beforeAll(async () => {
  certificates = await makeCertificates();
});

beforeEach(async () => {
  server = await startApiServer(certificates);
  const made = await makeHome();
  remove = made.remove;
  await writeFile(join(made.home, 'ca.crt'), certificates.ca);
  const config = minikubeKubeconfig('minikube', urlOf(server), 'ca.crt');
  const env = { KUBECONFIG: await writeKubeconfig(made.home, 'config', config) };
  cluster = await connectCluster({
    context: 'minikube',
    profile: 'minikube',
    env,
    home: made.home,
    programs: NO_PROGRAMS,
  });
});

afterEach(async () => {
  await cluster.close();
  await server.close();
  await remove();
});

interface Attributes {
  readonly group?: string;
  readonly verb: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name?: string;
}

interface Serving {
  readonly forbidden?: string;
  readonly absent?: string;
  readonly review?: (asked: Attributes) => { status: number; body: unknown };
}

const allow = { status: 201, body: { status: { allowed: true } } };
const deny = { status: 201, body: { status: { allowed: false } } };

function serve({ forbidden, absent, review = () => allow }: Serving): void {
  server.handle(({ path, body }, response) => {
    if (path === REVIEWS) {
      const asked = JSON.parse(body) as { spec: { resourceAttributes: Attributes } };
      const { status, body: answer } = review(asked.spec.resourceAttributes);
      answerJson(response, status, answer);
    } else if (path === forbidden) answerJson(response, 403, { message: 'forbidden' });
    else if (path === absent) answerJson(response, 404, {});
    else answerJson(response, path in objects ? 200 : 404, objects[path] ?? {});
  });
}

describe('a right to read that is missing', () => {
  it.each(READS)(
    '%s: is named, and takes its own part of the observation alone',
    async (right, path, without) => {
      serve({});
      const whole = await cluster.observe();
      expect(whole.missingRights).toEqual([]);
      serve({ forbidden: path });
      // Without Nodes nobody knows which pods are outside their networks.
      const stray = right === 'list nodes' ? { strayPods: [] } : {};
      expect(await cluster.observe()).toEqual({ ...whole, ...stray, ...without, missingRights: [right] });
    },
  );
});

describe('a right to write', () => {
  const missing = async (review: Serving['review'], absent = '') => {
    serve({ absent, ...(review === undefined ? {} : { review }) });
    return (await cluster.observe()).missingRights;
  };

  it('is asked for with the attributes that RBAC knows it by', async () => {
    const asked: Attributes[] = [];
    await missing((attributes) => {
      asked.push(attributes);
      return allow;
    });
    expect(asked).toContainEqual({ verb: 'patch', resource: 'services', subresource: 'status' });
    expect(asked).toContainEqual({
      verb: 'update',
      resource: 'configmaps',
      namespace: 'kube-system',
      name: 'mkplan-allocations',
    });
    expect(asked).toContainEqual({ verb: 'create', resource: 'events' });
    const leases = { group: 'coordination.k8s.io', resource: 'leases', namespace: 'kube-system' };
    expect(asked).toContainEqual({ verb: 'create', ...leases });
    expect(asked).toHaveLength(4);
  });

  it('is named when it is denied', async () => {
    expect(await missing(({ verb }) => (verb === 'patch' ? deny : allow))).toEqual(['patch services/status']);
    expect(await missing(({ resource }) => (resource === 'events' ? deny : allow))).toEqual([
      'create events',
    ]);
    expect(await missing(({ verb }) => (verb === 'update' ? deny : allow))).toEqual([
      'update configmaps kube-system/mkplan-allocations',
    ]);
  });

  it('is that to create, where there is no record yet', async () => {
    expect(await missing(() => deny, RECORD)).toEqual([
      'create configmaps kube-system',
      'create leases kube-system',
      'patch services/status',
      'create events',
    ]);
  });

  it.each([403, 404])('is not called missing where the question is answered by %i', async (status) => {
    expect(await missing(() => ({ status, body: { message: 'no' } }))).toEqual([]);
  });
});
