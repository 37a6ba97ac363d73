import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { ObservedCluster, ObservedContext } from '../model/observed.ts';
import type { Cluster } from './cluster.ts';
import { ApiClient, type ApiOptions } from './http.ts';
import { applyIngress, knowsIpMode } from './ingress.ts';
import { type KubeContext, readKubeContext } from './kubeconfig.ts';
import { listOtherLoadBalancers, listServiceCidrs, readKubeadm } from './networks.ts';
import { listNodes, listStrayPods } from './nodes.ts';
import { listEndpoints, listServices } from './services.ts';

export interface ConnectOptions {
  readonly context: string;
  /** The minikube profile that the context should belong to. */
  readonly profile: string;
  /** KUBECONFIG is read from it. */
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
}

const DEADLINE_MS = 10_000;

/** The kubeconfig library knows no `tokenFile`, and drops the CA of a context with no user: so both are filled in. */
async function loadCredentials(context: KubeContext): Promise<RequestOptions> {
  const tokenFile = context.user['tokenFile'];
  const token = typeof tokenFile === 'string' ? { token: (await readFile(tokenFile, 'utf8')).trim() } : {};
  const { name } = context;
  const config = new KubeConfig();
  config.loadFromString(
    JSON.stringify({
      clusters: [{ name, cluster: context.cluster }],
      users: [{ name, user: { ...context.user, ...token } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    }),
  );
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return options;
}

function defined<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

async function apiOptions(context: KubeContext): Promise<ApiOptions> {
  let options: RequestOptions;
  try {
    options = await loadCredentials(context);
  } catch (error) {
    throw new Failure(
      'error',
      [
        {
          code: 'kubeconfig-credentials',
          severity: 'error',
          summary: `context "${context.name}": cannot load its credentials: ${messageOf(error)}`,
          cause: 'The kubeconfig names a certificate, key or token that cannot be read.',
          fix: 'Correct the kubeconfig; for minikube, run `minikube update-context` for its profile.',
        },
      ],
      { cause: error },
    );
  }
  const headers = Object.entries((options.headers ?? {}) as Record<string, unknown>).map(
    ([name, value]): [string, string] => [name, String(value)],
  );
  const basic =
    typeof options.auth === 'string'
      ? { Authorization: `Basic ${Buffer.from(options.auth).toString('base64')}` }
      : {};
  return {
    context: context.name,
    server: context.server,
    tls: {
      ...defined('ca', options.ca as string | Buffer | undefined),
      ...defined('cert', options.cert as string | Buffer | undefined),
      ...defined('key', options.key as string | Buffer | undefined),
      ...defined('servername', options.servername),
      // Said outright, since Node would otherwise follow NODE_TLS_REJECT_UNAUTHORIZED.
      rejectUnauthorized: options.rejectUnauthorized !== false,
    },
    headers: { ...basic, ...Object.fromEntries(headers) },
    deadlineMs: DEADLINE_MS,
  };
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
    const nodes = listNodes(api, signal);
    const services = listServices(api, signal);
    const [listedNodes, listedServices, endpoints, strays, serviceCidrs, kubeadm, otherLoadBalancers] =
      await Promise.all([
        nodes,
        services,
        services.then((found) => listEndpoints(api, found, signal)),
        listStrayPods(api, nodes, signal),
        listServiceCidrs(api, signal),
        readKubeadm(api, signal),
        listOtherLoadBalancers(api, signal),
      ]);
    return {
      version,
      nodes: listedNodes,
      serviceCidrs,
      kubeadm,
      otherLoadBalancers,
      services: listedServices,
      endpoints,
      strayPods: strays,
    };
  }

  async setIngress(
    target: Parameters<Cluster['setIngress']>[0],
    addresses: readonly string[],
  ): Promise<string> {
    const withIpMode = addresses.length > 0 && knowsIpMode(await this.#readVersion());
    return applyIngress(this.#api, { context: this.#context.name, target, addresses, withIpMode });
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
  return new ApiCluster(new ApiClient(await apiOptions(context)), context);
}
