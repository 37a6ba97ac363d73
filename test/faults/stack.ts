import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { arrayAt, type JsonObject, textAt, valueAt } from '../../src/embedded-api/objects/json.ts';
import { EVENTS, NODES, resourceOfKind, SERVICES } from '../../src/embedded-api/resources.ts';
import { createEmbeddedApi, type EmbeddedApi } from '../../src/embedded-api/server.ts';
import type { Cluster } from '../../src/kubernetes/cluster.ts';
import { connectCluster } from '../../src/kubernetes/connect.ts';
import type { WatchPace } from '../../src/kubernetes/watch/pace.ts';
import type { ApplyOutcome } from '../../src/machine/apply-ports.ts';
import type { DesiredState } from '../../src/model/desired.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import { FIELD_MANAGER, type ObservedState } from '../../src/model/observed.ts';
import type { Serving } from '../../src/model/participant.ts';
import { isRefused, type Plan } from '../../src/model/plan.ts';
import { NO_POLICY } from '../../src/model/policy.ts';
import { participantOf } from '../../src/observe/host-identity.ts';
import { observe } from '../../src/observe/observe.ts';
import { plan } from '../../src/planner/plan.ts';
import { createRegistry } from '../../src/registry/claims-file.ts';
import { createJournal } from '../../src/registry/journal-file.ts';
import { planOf } from '../fakes/plans.ts';
import { World } from '../fakes/world.ts';
import { minikubeKubeconfig, NO_PROGRAMS, writeKubeconfig } from '../kubernetes/api-server.ts';
import { AT, cidr, desired, host, loadBalancer, profile } from '../planner/build.ts';
import { type FaultProxy, startFaultProxy } from './proxy.ts';

const POOL = '10.200.0.0/29';
const NODE_ADDRESS = '192.168.39.2';
export const FOREIGN = 'metallb-controller';

const IDENTITY = { id: 'host', person: 'me@here' };

export const desiredState: DesiredState = desired([
  profile({
    gateway: { value: { ipv4: NODE_ADDRESS, ipv6: null }, at: AT },
    services: { value: [cidr('10.96.0.0/12')], at: AT },
    loadBalancer: loadBalancer([POOL], { unclassed: true }),
  }),
]);

const SELF = participantOf(IDENTITY, desiredState.spec);

function refusal(made: Plan): Failure | null {
  return isRefused(made) ? new Failure('conflict', made.diagnostics) : null;
}

/** What the API itself holds of one Service, past the proxy. */
export interface Held {
  readonly name: string;
  readonly ingress: readonly string[];
  readonly managers: readonly string[];
}

/**
 * Everything from the planner to the sockets, on an embedded API behind a proxy that injects faults; the host's table
 * is a fake, and journal and registry are files.
 */
export class Stack {
  readonly api: EmbeddedApi;
  readonly proxy: FaultProxy;
  readonly world: World;
  readonly #dir: string;
  /** Of each call that mkplan makes from now on, in milliseconds. */
  deadlineMs: number;

  private constructor(api: EmbeddedApi, proxy: FaultProxy, dir: string, deadlineMs: number) {
    this.api = api;
    this.proxy = proxy;
    this.world = new World(join(dir, 'state'), host().routes);
    this.#dir = dir;
    this.deadlineMs = deadlineMs;
  }

  /** `deadlineMs` is of each call that mkplan makes. */
  static async start(dir: string, deadlineMs: number): Promise<Stack> {
    const api = await createEmbeddedApi({ address: '127.0.0.1', port: 0, serviceCidrs: ['10.96.0.0/12'] });
    api.store.seed(
      NODES,
      {
        metadata: { name: 'minikube', labels: { 'node-role.kubernetes.io/control-plane': '' } },
        status: {
          addresses: [{ type: 'InternalIP', address: NODE_ADDRESS }],
          conditions: [{ type: 'Ready', status: 'True' }],
        },
      },
      { manager: 'kubelet', subresource: '' },
    );
    const proxy = await startFaultProxy(api);
    await mkdir(join(dir, 'state'), { recursive: true });
    await writeFile(join(dir, 'ca.crt'), proxy.ca);
    await writeKubeconfig(dir, 'config', minikubeKubeconfig('minikube', proxy.url, 'ca.crt'));
    return new Stack(api, proxy, dir, deadlineMs);
  }

  async close(): Promise<void> {
    await this.proxy.close();
    await this.api.close();
  }

  /** Of type LoadBalancer; `foreign` with an ingress that somebody else wrote. */
  addService(name: string, foreign: string | null = null): void {
    const status = { loadBalancer: { ingress: [{ ip: foreign }] } };
    const managedFields = [
      {
        manager: FOREIGN,
        operation: 'Update',
        apiVersion: 'v1',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:status': { 'f:loadBalancer': { 'f:ingress': {} } } },
        subresource: 'status',
      },
    ];
    this.api.store.seed(
      SERVICES,
      {
        metadata: { name, namespace: 'default', ...(foreign === null ? {} : { managedFields }) },
        spec: { type: 'LoadBalancer', ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 80 }] },
        ...(foreign === null ? {} : { status }),
      },
      { manager: 'kubectl', subresource: '' },
    );
  }

  deleteService(name: string): void {
    this.api.store.delete({ resource: SERVICES, namespace: 'default', name });
  }

  held(): Held[] {
    return this.api.store
      .list(SERVICES, 'default')
      .filter((service) => textAt(service, 'spec', 'type') === 'LoadBalancer')
      .map((service) => ({
        name: service.metadata.name,
        ingress: arrayAt(service, 'status', 'loadBalancer', 'ingress').map((one) => textAt(one, 'ip') ?? ''),
        managers: arrayAt(service, 'metadata', 'managedFields')
          .filter((entry) => valueAt(entry, 'fieldsV1', 'f:status', 'f:loadBalancer') !== undefined)
          .map((entry) => textAt(entry, 'manager') ?? ''),
      }));
  }

  /** The Events that were written: Service and reason, the oldest first. */
  events(): string[] {
    return this.api.store
      .list(EVENTS, 'default')
      .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
      .map((event) => `${textAt(event, 'involvedObject', 'name')} ${textAt(event, 'reason')}`);
  }

  /** Address to Service, as the cluster's record has them. */
  record(): Map<string, string> {
    const resource = resourceOfKind('v1', 'ConfigMap');
    if (resource === undefined) throw new Error('no ConfigMaps here');
    const found = this.api.store.find({ resource, namespace: 'kube-system', name: 'mkplan-allocations' });
    const lines = (textAt(found ?? ({} as JsonObject), 'data', 'allocations') ?? '').split('\n');
    return new Map(
      lines
        .filter((line) => line !== '')
        .map((line) => line.split(' ') as [address: string, service: string]),
    );
  }

  connect(pace: Partial<WatchPace> = {}): Promise<Cluster> {
    return connectCluster({
      pace,
      context: 'minikube',
      profile: 'minikube',
      env: { KUBECONFIG: join(this.#dir, 'config') },
      home: this.#dir,
      deadlineMs: this.deadlineMs,
      programs: NO_PROGRAMS,
    });
  }

  /** What one `mkplan plan` would show. */
  async plan(desired: DesiredState = desiredState): Promise<Plan> {
    const cluster = await this.connect();
    try {
      return plan(desired, await this.#observe(cluster, desired));
    } finally {
      await cluster.close();
    }
  }

  /** One `mkplan apply`, as a process of its own would do it: a new client, nothing remembered but files. */
  async apply(desired: DesiredState = desiredState): Promise<ApplyOutcome> {
    const cluster = await this.connect();
    try {
      const ports = {
        ...this.world.ports(planOf([])),
        observe: async () => plan(desired, await this.#observe(cluster, desired)),
        services: {
          applyStatus: async (_: string, ...rest: Parameters<Cluster['applyStatus']>) =>
            await cluster.applyStatus(...rest),
          createEvent: async (_: string, ...rest: Parameters<Cluster['createEvent']>) =>
            await cluster.createEvent(...rest),
          writeAllocations: async ({ before, after }: Plan['allocations'][number]) =>
            await cluster.writeAllocations(before, after),
          join: async (_: string, serves: readonly Serving[]) =>
            await cluster.join({ ...SELF, mode: 'persistent', serves }),
          announceLeaving: async () => await cluster.announceLeaving(SELF),
          leave: async () => await cluster.leave(SELF.name),
          giveUp: () => undefined,
          list: async () => (await cluster.observe()).services,
        },
      };
      return await this.world.applyWith(ports, { approve: refusal });
    } finally {
      await cluster.close();
    }
  }

  #observe(cluster: Cluster, desired: DesiredState): Promise<ObservedState> {
    const { kernel, dir } = this.world;
    return observe(desired, {
      routeTable: kernel,
      registry: createRegistry(dir),
      journal: createJournal(dir),
      host: { critical: async () => [], policy: () => NO_POLICY, identity: async () => IDENTITY },
      profiles: {
        config: async () => null,
        ip: async () => NODE_ADDRESS,
        list: async () => [],
        rest: async () => null,
        tunnels: async () => ({ tunnels: [], problems: [] }),
      },
      cluster: async () => cluster,
    });
  }
}

/** What is wrong with who has which address; empty when all is well. */
export function wrongs(stack: Stack): string[] {
  const holders = new Map<string, string>();
  return stack.held().flatMap(({ name, ingress, managers }) =>
    ingress.flatMap((address) => {
      const other = holders.get(address);
      holders.set(address, name);
      const ours = managers.includes(FIELD_MANAGER);
      return [
        ...(other === undefined ? [] : [`${address} is given to ${other} and ${name}`]),
        ...(ours && stack.record().get(address) !== `default/${name}`
          ? [`${name} shows ${address}, which is not recorded for it`]
          : []),
      ];
    }),
  );
}
