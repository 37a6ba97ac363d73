import type { Store } from '../src/embedded-api/objects/store.ts';
import { NODES, SERVICES } from '../src/embedded-api/resources.ts';
import { createEmbeddedApi } from '../src/embedded-api/server.ts';
import { API_PORT } from '../src/sandbox/files.ts';
import { POD_CIDR, PROFILE, SERVICE_CIDRS, writeUserFiles } from './cluster.ts';

/** `api.mjs DIRECTORY ADDRESS SERVICES`: an embedded API with so many LoadBalancer Services, until the end of its input. */

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
await writeUserFiles(directory, address, api);
// The process that started it may be killed: the end of its pipe is the end of this.
process.stdin.on('end', () => process.exit()).resume();
process.stdout.write('ready\n');
