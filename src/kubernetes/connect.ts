import type { Allocation, AllocationRecord } from '../model/allocation.ts';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { ObservedCluster, ObservedContext } from '../model/observed.ts';
import { readAllocations, reviewWriting, writeAllocations } from './allocations.ts';
import type { Cluster } from './cluster.ts';
import { readCredentials } from './credentials.ts';
import { ApiClient } from './http.ts';
import { applyIngress, knowsIpMode } from './ingress.ts';
import { type KubeContext, readKubeContext } from './kubeconfig.ts';
import { listOtherLoadBalancers, listServiceCidrs, readKubeadm } from './networks.ts';
import { listNodes, listStrayPods } from './nodes.ts';
import { MissingRights, reviewRight } from './rights.ts';
import { listEndpoints, listServices } from './services.ts';

export interface ConnectOptions {
  readonly context: string;
  /** The minikube profile that the context should belong to. */
  readonly profile: string;
  /** KUBECONFIG is read from it. */
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** Milliseconds until one call is given up; ten seconds unless given. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 10_000;

/** Throws a Failure when what the kubeconfig names cannot be read, or is no certificate or key. */
async function createClient(context: KubeContext, deadlineMs: number): Promise<ApiClient> {
  const { name, server } = context;
  try {
    return new ApiClient({
      context: name,
      server,
      ...(await readCredentials(context)),
      deadlineMs,
    });
  } catch (error) {
    throw new Failure(
      'error',
      [
        {
          code: 'kubeconfig-credentials',
          severity: 'error',
          summary: `context "${name}": cannot load its credentials: ${messageOf(error)}`,
          cause: 'The kubeconfig names a certificate, key or token that cannot be read.',
          fix: 'Correct the kubeconfig; for minikube, run `minikube update-context` for its profile.',
        },
      ],
      { cause: error },
    );
  }
}

/** The same work, no longer waited for once the signal fires: others may be waiting for it still. */
function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** A cluster behind a client of its API. */
class ApiCluster implements Cluster {
  readonly #api: ApiClient;
  readonly #context: KubeContext;
  #version: Promise<string> | null = null;

  constructor(api: ApiClient, context: KubeContext) {
    this.#api = api;
    this.#context = context;
  }

  async context(): Promise<ObservedContext> {
    try {
      await this.#readVersion();
    } catch (error) {
      // An unreachable server is an answer here: `answeredAt` says so, and `observe` says why.
      if (!(error instanceof Failure)) throw error;
    }
    return {
      name: this.#context.name,
      server: this.#context.server.origin,
      fromMinikube: this.#context.writtenByMinikube,
      answeredAt: this.#api.answeredAt,
    };
  }

  async observe(signal?: AbortSignal): Promise<ObservedCluster> {
    const api = this.#api;
    // Asked first and alone: an unreachable server then costs one attempt, and a reachable one gains a warm connection.
    const version = await abortable(this.#readVersion(), signal);
    const rights = new MissingRights();
    const nodes = listNodes(api, rights, signal);
    const services = listServices(api, rights, signal);
    const allocations = readAllocations(api, rights, signal);
    const [
      listedNodes,
      listedServices,
      endpoints,
      strays,
      serviceCidrs,
      kubeadm,
      otherLoadBalancers,
      recorded,
    ] = await Promise.all([
      nodes,
      services,
      services.then((found) => listEndpoints(api, found, rights, signal)),
      listStrayPods(api, nodes, rights, signal),
      listServiceCidrs(api, rights, signal),
      readKubeadm(api, rights, signal),
      listOtherLoadBalancers(api, rights, signal),
      allocations,
      reviewRight(api, 'patch services/status', rights, signal),
      allocations.then((record) => reviewWriting(api, record, rights, signal)),
    ]);
    return {
      version,
      nodes: listedNodes,
      serviceCidrs,
      kubeadm,
      otherLoadBalancers,
      services: listedServices,
      endpoints,
      allocations: recorded,
      strayPods: strays,
      missingRights: rights.list(),
    };
  }

  async setIngress(
    target: Parameters<Cluster['setIngress']>[0],
    addresses: readonly string[],
  ): Promise<string> {
    const withIpMode = addresses.length > 0 && knowsIpMode(await this.#readVersion());
    return applyIngress(this.#api, { context: this.#context.name, target, addresses, withIpMode });
  }

  async writeAllocations(before: AllocationRecord, after: readonly Allocation[]): Promise<void> {
    await writeAllocations(this.#api, this.#context.name, before, after);
  }

  async close(): Promise<void> {
    this.#api.close();
  }

  /** Asked once for all callers; asked again after a failure. */
  #readVersion(): Promise<string> {
    this.#version ??= this.#api
      .get<{ gitVersion?: string }>({ resource: 'version', path: '/version' })
      .then((version) => version?.gitVersion ?? '')
      .catch((error: unknown) => {
        this.#version = null;
        throw error;
      });
    return this.#version;
  }
}

/**
 * Finds the context and makes a client of its cluster; nothing is sent yet. Throws a Failure when the context is
 * not there, or cannot be used as it stands (a plain http server, a proxy, credentials that a program makes).
 */
export async function connectCluster(options: ConnectOptions): Promise<Cluster> {
  const context = await readKubeContext(options);
  return new ApiCluster(await createClient(context, options.deadlineMs ?? DEADLINE_MS), context);
}
