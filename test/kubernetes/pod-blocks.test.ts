import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectCluster } from '../../src/kubernetes/connect.ts';
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

const CALICO = '/apis/crd.projectcalico.org/v1/blockaffinities';
const CILIUM = '/apis/cilium.io/v2/ciliumnodes';

let certificates: Certificates;
let server: ApiServer;
let home: string;
let removeHome: () => Promise<void>;

beforeAll(async () => {
  certificates = await makeCertificates();
});
beforeEach(async () => {
  server = await startApiServer(certificates);
  ({ home, remove: removeHome } = await makeHome());
});
afterEach(async () => {
  await server.close();
  await removeHome();
});

const node = (name: string, podCIDR?: string) => ({ metadata: { name }, spec: { podCIDR } });
const pod = (podIP: string) => ({
  metadata: { namespace: 'default', name: podIP },
  spec: { nodeName: 'a' },
  status: { phase: 'Running', podIP },
});
const affinity = (name: string, spec: object) => ({ metadata: { name }, spec });
const calico = listOf('crd.projectcalico.org/v1', 'BlockAffinity', [
  affinity('b', { cidr: '10.244.205.192/26', node: 'b', state: 'confirmed', deleted: 'false' }),
  affinity('a', { cidr: '10.244.120.64/26', node: 'a', state: 'confirmed', deleted: 'false' }),
  affinity('c', { cidr: '10.244.7.0/26', node: 'a', state: 'pending', deleted: 'false' }),
  affinity('e', { cidr: ['10.244.8.0/26'], node: 'a' }),
  affinity('d', { cidr: 'nonsense', node: 'a', state: 'confirmed', deleted: 'false' }),
]);
const cilium = listOf('cilium.io/v2', 'CiliumNode', [
  { metadata: { name: 'a' }, spec: { ipam: { podCIDRs: ['10.0.0.0/24', 'fd00::/64'] } } },
  { metadata: { name: 'b' }, spec: { ipam: {} } },
]);

/** What is observed of an API that has these, and which of the two kinds it was asked for. */
async function observe(objects: Readonly<Record<string, unknown>>) {
  const asked: string[] = [];
  server.handle(({ path }, response) => {
    const bare = path.split('?')[0] ?? '';
    if (bare === CALICO || bare === CILIUM) asked.push(bare);
    const found = bare === '/version' ? { gitVersion: 'v1.34.0' } : objects[bare];
    if (found === 'forbidden') answerJson(response, 403, { kind: 'Status', reason: 'Forbidden' });
    else
      answerJson(response, found === undefined ? 404 : 200, found ?? { kind: 'Status', reason: 'NotFound' });
  });
  await writeFile(join(home, 'ca.crt'), certificates.ca);
  const config = minikubeKubeconfig('minikube', urlOf(server), 'ca.crt');
  const KUBECONFIG = await writeKubeconfig(home, 'config', config);
  const options = { context: 'minikube', profile: 'minikube', env: { KUBECONFIG }, home };
  const cluster = await connectCluster({ ...options, programs: NO_PROGRAMS });
  try {
    const { podBlocks, missingRights } = await cluster.observe();
    return { podBlocks, asked: asked.sort(), missingRights };
  } finally {
    await cluster.close();
  }
}

describe('the parts of the pod network that a network plugin gave the Nodes', () => {
  const nodes = listOf('v1', 'Node', [node('a', '10.244.0.0/24'), node('b', '10.244.1.0/24')]);
  const services = { '/api/v1/services': listOf('v1', 'Service', []) };
  const strays = listOf('v1', 'Pod', [pod('10.244.120.66')]);
  const none = listOf('v1', 'Pod', []);

  it('are Calico’s confirmed blocks', async () => {
    const found = await observe({
      ...services,
      '/api/v1/nodes': nodes,
      '/api/v1/pods': strays,
      [CALICO]: calico,
    });
    expect(found.podBlocks).toEqual([
      { cidr: '10.244.120.64/26', node: 'a', plugin: 'Calico' },
      { cidr: '10.244.205.192/26', node: 'b', plugin: 'Calico' },
    ]);
  });

  it('are what Cilium’s operator gave, where no Node has podCIDRs', async () => {
    const bare = listOf('v1', 'Node', [node('a'), node('b')]);
    const found = await observe({
      ...services,
      '/api/v1/nodes': bare,
      '/api/v1/pods': none,
      [CILIUM]: cilium,
    });
    expect(found.podBlocks).toEqual([
      { cidr: '10.0.0.0/24', node: 'a', plugin: 'Cilium' },
      { cidr: 'fd00::/64', node: 'a', plugin: 'Cilium' },
    ]);
  });

  it('are not asked for where the podCIDRs tell, nor of a single Node', async () => {
    const one = listOf('v1', 'Node', [node('a', '10.244.0.0/24')]);
    const answers = { ...services, [CALICO]: calico, [CILIUM]: cilium };
    for (const objects of [
      { ...answers, '/api/v1/nodes': nodes, '/api/v1/pods': none },
      { ...answers, '/api/v1/nodes': one, '/api/v1/pods': strays },
    ]) {
      expect(await observe(objects)).toMatchObject({ podBlocks: undefined, asked: [] });
    }
  });

  it.each([
    ['may not be read', 'forbidden'],
    ['are not served', undefined],
  ])('are none where they %s', async (_, answer) => {
    const objects = { ...services, '/api/v1/nodes': nodes, '/api/v1/pods': strays };
    const found = await observe({ ...objects, [CALICO]: answer, [CILIUM]: answer });
    expect(found).toMatchObject({ podBlocks: undefined, asked: [CILIUM, CALICO] });
    expect(
      found.missingRights.filter((right) => right.includes('block') || right.includes('ciliumnode')),
    ).toEqual([]);
  });
});
