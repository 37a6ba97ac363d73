import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/embedded-api/objects/json.ts';
import { Store } from '../../src/embedded-api/objects/store.ts';
import { ENDPOINT_SLICES, NAMESPACES, SERVICES } from '../../src/embedded-api/resources.ts';
import { answersOf } from '../../src/sandbox/answers.ts';
import { DEFAULT_NODES } from '../../src/sandbox/manifests/defaults.ts';
import { parseManifests } from '../../src/sandbox/manifests/manifests.ts';
import { layOut } from '../../src/sandbox/topology.ts';

const { nodes } = layOut(parseManifests([DEFAULT_NODES]));
const AUTHOR = { manager: 'test', subresource: '' } as const;
const BOTH = ['minikube', 'minikube-m02'];

function storeOf(spec: JsonObject, endpoints: JsonObject[] | null): Store {
  const store = new Store({ serviceCidrs: ['10.96.0.0/12'], historyLimit: 10, now: () => new Date(0) });
  store.seed(NAMESPACES, { metadata: { name: 'default' } }, AUTHOR);
  const status = { loadBalancer: { ingress: [{ ip: '10.200.0.1' }] } };
  const ports = [
    { port: 80, name: 'http' },
    { port: 53, protocol: 'UDP', name: 'dns' },
  ];
  store.seed(
    SERVICES,
    { metadata: { name: 'web' }, spec: { type: 'LoadBalancer', ports, ...spec }, status },
    AUTHOR,
  );
  if (endpoints !== null) {
    const metadata = { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } };
    store.seed(
      ENDPOINT_SLICES,
      { metadata, addressType: 'IPv4', ports: [{ port: 8080 }], endpoints },
      AUTHOR,
    );
  }
  return store;
}

const READY: JsonObject = { addresses: ['10.244.1.7'], conditions: { ready: true } };

describe('what nodes answer on', () => {
  it('is the clusterIP and the ingress of a Service on every node, by its TCP ports', () => {
    expect(answersOf(storeOf({}, [READY]), nodes).slice(0, 2)).toEqual([
      { service: 'default/web', address: '10.96.0.1', ports: [80], nodes: BOTH },
      { service: 'default/web', address: '10.200.0.1', ports: [80], nodes: BOTH },
    ]);
  });

  it('is a pod address on the node whose pod network holds it', () => {
    const answers = answersOf(storeOf({}, [READY]), nodes);
    expect(answers.at(-1)).toEqual({
      service: 'default/web',
      address: '10.244.1.7',
      ports: [8080],
      nodes: ['minikube-m02'],
    });
  });

  it('is the ingress only beside a ready endpoint where the traffic policy is Local', () => {
    const [cluster, external] = answersOf(storeOf({ externalTrafficPolicy: 'Local' }, [READY]), nodes);
    expect([cluster?.nodes, external?.nodes]).toEqual([BOTH, ['minikube-m02']]);
  });

  it.each<[string, JsonObject[] | null]>([
    ['no EndpointSlice', null],
    ['no endpoint', []],
    ['no ready endpoint', [{ ...READY, conditions: { ready: false } }]],
  ])('refuses connections on every node to a Service with %s, whatever its policy', (_, endpoints) => {
    for (const spec of [{}, { externalTrafficPolicy: 'Local' }]) {
      const answers = answersOf(storeOf(spec, endpoints), nodes);
      expect(answers.map(({ ports, nodes: held }) => [ports, held])).toEqual([
        [[], BOTH],
        [[], BOTH],
      ]);
    }
  });
});

describe('the layout', () => {
  it('puts the host beside its nodes, and on a LAN that the cluster does not use', () => {
    const manifests = parseManifests([
      { ...DEFAULT_NODES, text: DEFAULT_NODES.text.replaceAll('192.168.49.', '192.168.1.') },
    ]);
    const topology = layOut(manifests);
    expect(topology.hostAddresses).toEqual(['192.168.1.1/24']);
    expect(topology.lan).toEqual({ address: '192.168.178.10/24', gateway: '192.168.178.1' });
    expect(topology.nodes.map((node) => node.gateways)).toEqual([['192.168.1.1'], ['192.168.1.1']]);
  });
});
