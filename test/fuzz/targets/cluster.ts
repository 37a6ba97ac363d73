import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatAllocations, parseAllocations } from '../../../src/kubernetes/allocations.ts';
import { Unexpected } from '../../../src/kubernetes/client/expected.ts';
import { readDocument, UnreadableText } from '../../../src/kubernetes/kubeconfig/document.ts';
import { readKubeContext } from '../../../src/kubernetes/kubeconfig/kubeconfig.ts';
import { parseKubeadm } from '../../../src/kubernetes/networks.ts';
import { observedNode, requirePod, strayPods } from '../../../src/kubernetes/nodes.ts';
import { countEndpoints, observedService, sliceEndpoints } from '../../../src/kubernetes/services.ts';
import { parseProfileFile } from '../../../src/minikube/config-file.ts';
import { Failure } from '../../../src/model/diagnostic.ts';
import type { ObservedService } from '../../../src/model/observed.ts';
import { type Json, mutateBytes } from '../mutate.ts';
import { areAddresses, areTexts, isKubeadm, mustBeNode, mustBeService } from '../shape.ts';
import { jsonInputs, must, type Target, textInputs, tried } from '../target.ts';

const NODE: Json = {
  metadata: { name: 'minikube', labels: { 'node-role.kubernetes.io/control-plane': '' } },
  spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24', 'fd00:244::/64'] },
  status: {
    addresses: [
      { type: 'InternalIP', address: '192.168.39.2' },
      { type: 'Hostname', address: 'minikube' },
    ],
    conditions: [{ type: 'Ready', status: 'True' }],
    nodeInfo: { bootID: '7b1c0a52-6a0f-4b7e-9d6e-3f3b1f0a9c11' },
  },
};

const SERVICE: Json = {
  metadata: {
    namespace: 'default',
    name: 'web',
    uid: 'u1',
    resourceVersion: '7',
    creationTimestamp: '2026-01-01T00:00:00Z',
    annotations: { 'mkplan/ip': '10.200.0.4' },
    managedFields: [
      {
        manager: 'mkplan',
        operation: 'Apply',
        fieldsV1: { 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } },
      },
    ],
  },
  spec: {
    type: 'LoadBalancer',
    loadBalancerClass: 'mkplan/tunnel',
    loadBalancerIP: '10.200.0.5',
    clusterIP: '10.96.0.9',
    clusterIPs: ['10.96.0.9', 'fd00:96::9'],
    ipFamilies: ['IPv4', 'IPv6'],
    ipFamilyPolicy: 'PreferDualStack',
    externalTrafficPolicy: 'Local',
    ports: [
      { port: 80, protocol: 'TCP' },
      { port: 53, protocol: 'UDP' },
    ],
  },
  status: { loadBalancer: { ingress: [{ ip: '10.200.0.4', ipMode: 'VIP' }, { hostname: 'web.example' }] } },
};

const POD: Json = {
  spec: { nodeName: 'minikube', hostNetwork: false },
  status: { phase: 'Running', podIP: '172.17.0.5', podIPs: [{ ip: '172.17.0.5' }, { ip: 'fd00:17::5' }] },
};

const SLICE: Json = {
  metadata: { namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } },
  endpoints: [
    {
      nodeName: 'minikube',
      addresses: ['10.244.0.5'],
      conditions: { ready: true },
      targetRef: { uid: 'p1' },
    },
  ],
};

/** A reader of one API object; what JSON gives is not what its type says. */
function object(name: string, seed: Json, read: (value: never) => void): Target {
  return {
    name,
    make: jsonInputs([seed]),
    read: (input) => {
      let value: unknown;
      try {
        value = JSON.parse(input.toString('utf8'));
      } catch {
        // No JSON never comes this far: src/kubernetes/client/answer.ts refuses it.
        return false;
      }
      return tried(() => read(value as never), Unexpected) !== null;
    },
  };
}

const WEB: ObservedService = observedService(SERVICE as never);

const objects: readonly Target[] = [
  object('node', NODE, (value) => mustBeNode(observedNode(value))),
  object('service', SERVICE, (value) => mustBeService(observedService(value))),
  object('pod', POD, (value) => {
    const found = strayPods([requirePod(value)], ['10.244.0.0/16', 'fd00:244::/64']);
    must(
      areAddresses(found.map(({ address }) => address)) && areTexts(found.map(({ node }) => node)),
      'a stray pod',
    );
  }),
  object('endpoint-slice', SLICE, (value) => {
    const slice = sliceEndpoints(value);
    const [counted, ...rest] = countEndpoints(slice === null ? [] : [slice], [WEB]);
    must(counted !== undefined && rest.length === 0, 'one Service, one count');
    must(
      Object.values(counted.readyByNode).every((ready) => Number.isSafeInteger(ready)),
      'a count',
    );
  }),
];

const ALLOCATIONS = ['10.200.0.1 default/nginx\n10.200.0.2 shop/web\nfd00:200::1 default/nginx\n'];

const allocations: Target = {
  name: 'allocations',
  make: textInputs(ALLOCATIONS),
  read: (input) => {
    const found = parseAllocations(input.toString('utf8'));
    must(areAddresses(found.map(({ address }) => address)), 'an address');
    must(new Set(found.map(({ address }) => address)).size === found.length, 'an address is there twice');
    must(
      JSON.stringify(parseAllocations(formatAllocations(found))) === JSON.stringify(found),
      'it reads back otherwise',
    );
    return found.length > 0;
  },
};

const KUBEADM: Json = {
  networking: { serviceSubnet: '10.96.0.0/12', podSubnet: '10.244.0.0/16,fd00:244::/56' },
};

const kubeadm: Target = {
  name: 'kubeadm',
  make: textInputs(['networking:\n  serviceSubnet: 10.96.0.0/12\n  podSubnet: 10.244.0.0/16\n'], [KUBEADM]),
  read: (input) => {
    const found = parseKubeadm(input.toString('utf8'));
    must(isKubeadm(found), JSON.stringify(found));
    return found !== null && found.podSubnet !== null;
  },
};

const KUBECONFIG: Json = {
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'minikube',
  clusters: [
    {
      name: 'minikube',
      cluster: {
        server: 'https://192.168.39.2:8443',
        'certificate-authority': 'ca.crt',
        extensions: [
          { name: 'cluster_info', extension: { provider: 'minikube.sigs.k8s.io', version: 'v1.36.0' } },
        ],
      },
    },
  ],
  contexts: [
    {
      name: 'minikube',
      context: {
        cluster: 'minikube',
        user: 'minikube',
        extensions: [{ name: 'context_info', extension: { provider: 'minikube.sigs.k8s.io' } }],
      },
    },
  ],
  users: [{ name: 'minikube', user: { 'client-certificate': 'client.crt', 'client-key': 'client.key' } }],
};

const folder = mkdtempSync(join(tmpdir(), 'mkplan-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const kubeconfig: Target = {
  name: 'kubeconfig',
  make: textInputs([JSON.stringify(KUBECONFIG, null, 1)], [KUBECONFIG]),
  read: async (input) => {
    const file = join(folder, 'kubeconfig');
    writeFileSync(file, input);
    try {
      const found = await readKubeContext({
        context: 'minikube',
        profile: 'minikube',
        env: { KUBECONFIG: file },
        home: folder,
      });
      must(found.server.protocol === 'https:', `the server is ${found.server.href}`);
      must(
        found.user['exec'] === undefined && found.user['auth-provider'] === undefined,
        'it runs a program',
      );
      must(
        typeof found.writtenByMinikube === 'boolean' && found.name === 'minikube',
        'it is another context',
      );
      return true;
    } catch (thrown) {
      if (thrown instanceof Failure) return false;
      throw thrown;
    }
  },
};

const SEVERAL = `${JSON.stringify(KUBECONFIG)}
---
apiVersion: v1
kind: Config
current-context: other
---
`;
const TWICE = `apiVersion: v1
kind: Config
current-context: other
current-context: minikube
preferences: {}
clusters:
- name: minikube
  cluster: &cluster { server: "https://192.168.39.2:8443", proxy-url: null, tls-server-name: 192.168.39.2 }
contexts:
- { name: minikube, context: { cluster: minikube, user: minikube, namespace: default } }
users:
- name: minikube
  user: { token: abc, as: somebody, as-groups: [], as-user-extra: { a: [b] } }
...
`;
const IN_UTF16 = Buffer.from(`\ufeff${TWICE}`, 'utf16le');

/** The bytes of a kubeconfig as a document, whatever it says. */
const document: Target = {
  name: 'kubeconfig-document',
  make: (random) => {
    const seeds = [Buffer.from(SEVERAL), Buffer.from(TWICE), IN_UTF16];
    return mutateBytes(random.pick(seeds), random, seeds);
  },
  read: (input) => {
    const found = tried(() => readDocument(input), UnreadableText);
    if (found === null) return false;
    const text = JSON.stringify(found.value);
    // JSON is YAML, of any version: what was read is what JSON can say.
    must(JSON.stringify(readDocument(Buffer.from(text))) === text, 'it reads back otherwise');
    return typeof found.value === 'object' && found.value !== null;
  },
};

const PROFILE: Json = {
  Name: 'minikube',
  Driver: 'kvm2',
  Network: 'mk-minikube',
  KubernetesConfig: { ServiceCIDR: '10.96.0.0/12', KubernetesVersion: 'v1.34.0' },
  Nodes: [
    { Name: '', IP: '192.168.39.2', ControlPlane: true, Worker: true },
    { Name: 'm02', IP: '192.168.39.3', ControlPlane: false, Worker: true },
  ],
};

const profile: Target = {
  name: 'minikube-profile',
  make: jsonInputs([PROFILE]),
  read: (input) => {
    const found = tried(() => parseProfileFile('minikube', input.toString('utf8')), SyntaxError);
    if (found === null) return false;
    const { driver, network, nodes, serviceCidr } = found.value;
    must(areTexts([driver, network, ...nodes.map(({ name }) => name), serviceCidr ?? '']), 'text');
    must(areAddresses(nodes.map(({ ip }) => ip)), 'an address');
    must(
      nodes.every(({ controlPlane }) => typeof controlPlane === 'boolean'),
      'control plane or not',
    );
    return true;
  },
};

export const CLUSTER: readonly Target[] = [...objects, allocations, kubeadm, kubeconfig, document, profile];
