import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NODES, SERVICES } from '../src/sandbox/embedded-api/resources.ts';
import { createEmbeddedApi } from '../src/sandbox/embedded-api/server.ts';
import type { Store } from '../src/sandbox/embedded-api/store.ts';
import { API_PORT, writeSandboxFiles } from '../src/sandbox/files.ts';

/** `api.mjs DIRECTORY ADDRESS SERVICES`: an embedded API with so many LoadBalancer Services, until the end of its input. */

const PROFILE = 'minikube';
const SERVICE_CIDRS = ['10.96.0.0/12'];
const POD_CIDR = '10.244.0.0/24';
const AUTHOR = { manager: 'bench', subresource: '' } as const;

function seed(store: Store, address: string, services: number): void {
  const labels = { 'node-role.kubernetes.io/control-plane': '' };
  store.seed(
    NODES,
    {
      metadata: { name: PROFILE, labels },
      spec: { podCIDR: POD_CIDR, podCIDRs: [POD_CIDR] },
      status: {
        addresses: [{ type: 'InternalIP', address }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    },
    AUTHOR,
  );
  for (let index = 0; index < services; index++) {
    const name = `service-${String(index).padStart(5, '0')}`;
    store.seed(
      SERVICES,
      {
        metadata: { name, namespace: 'default', labels: { app: name } },
        spec: {
          type: 'LoadBalancer',
          // There are 2,768 node ports, and ours is a way without any.
          allocateLoadBalancerNodePorts: false,
          selector: { app: name },
          ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
        },
      },
      AUTHOR,
    );
  }
}

const [directory = '', address = '', services = '0'] = process.argv.slice(2);
const api = await createEmbeddedApi({ address, port: API_PORT, serviceCidrs: SERVICE_CIDRS });
seed(api.store, address, Number(services));
const { url, ca, clientCert, clientKey } = api;
const topology = {
  hostAddresses: [],
  nodes: [
    {
      name: PROFILE,
      device: '',
      addresses: [`${address}/24`],
      gateways: [],
      podCidrs: [POD_CIDR],
      controlPlane: true,
    },
  ],
  lan: { address: '', gateway: '' },
};
await writeSandboxFiles(
  {
    directory,
    profile: PROFILE,
    topology,
    serviceCidrs: SERVICE_CIDRS,
    objects: [],
    command: ['true'],
    mkplan: null,
    self: ['true'],
  },
  { url, ca, clientCert, clientKey },
  new Date(),
);
await writeFile(
  join(directory, 'credentials.json'),
  JSON.stringify({ url, ca, cert: clientCert, key: clientKey }),
);
// Whoever started it may be killed: the end of its pipe is the end of this.
process.stdin.on('end', () => process.exit()).resume();
process.stdout.write('ready\n');
