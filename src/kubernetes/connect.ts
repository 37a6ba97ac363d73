import { createHash } from 'node:crypto';
import type { Allocation, AllocationRecord } from '../model/allocation.ts';
import type { ServiceEvent, ServiceStatus } from '../model/condition.ts';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { ObservedCluster, ObservedContext } from '../model/observed.ts';
import type { CommandRunner } from '../platform/command.ts';
import { readAllocations, writeAllocations } from './allocations.ts';
import { abortable } from './client/abortable.ts';
import { Unexpected } from './client/expected.ts';
import { ApiClient } from './client/http.ts';
import type { Credentials } from './client/link.ts';
import type { ApiProxy } from './client/tunnel.ts';
import { requireShape } from './client/wire.ts';
import type { Cluster, ClusterWatch, ServiceTarget } from './cluster.ts';
import { createEvent } from './events.ts';
import { readSlowFacts } from './facts.ts';
import { programText, unapprovedProgram } from './kubeconfig/credential-program.ts';
import { readCredentials } from './kubeconfig/credentials.ts';
import { type KubeContext, readKubeContext } from './kubeconfig/kubeconfig.ts';
import { ProgramCredentials } from './kubeconfig/program-credentials.ts';
import { findProxy } from './kubeconfig/proxy.ts';
import { systemRoots } from './kubeconfig/system-roots.ts';
import { listNodes } from './nodes.ts';
import { Participants, type Present } from './participants.ts';
import { MissingRights } from './rights.ts';
import { knowsIpMode, writeStatus } from './service-status.ts';
import { listEndpoints, listServices } from './services.ts';
import { PACE, type WatchPace } from './watch/pace.ts';
import { WatchedCluster, type WatchedState } from './watch/watched.ts';

export interface ConnectOptions {
  readonly context: string;
  /** The minikube profile that the context should belong to. */
  readonly profile: string;
  /** KUBECONFIG is read from it. */
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  /** Milliseconds until one call is given up; ten seconds unless given. */
  readonly deadlineMs?: number;
  /** How a watch of it differs from the usual. */
  readonly pace?: Partial<WatchPace>;
  readonly programs: ProgramPolicy;
  /** Whether a server is a node of the profile's own, which no proxy of the environment reaches; none is, unless given. */
  readonly isOwnNode?: (server: URL) => Promise<boolean>;
}

/** Whether and how a program may be run that makes the credentials of a context. */
export interface ProgramPolicy {
  readonly runner: CommandRunner;
  /** The spec is untrusted, and it chose the context; so this is asked before anything is run. */
  mayRun(context: KubeContext): Promise<boolean>;
  /** The command line that approves it, for copying. */
  readonly approval: string;
  /** Milliseconds until it is killed; thirty seconds unless given. */
  readonly timeoutMs?: number;
}

const DEADLINE_MS = 10_000;
const PROGRAM_TIMEOUT_MS = 30_000;
/** Share of the deadline that a proxy may take to reach the server. */
const PROXY_SHARE = 4 / 5;

/** Throws a Failure when what the kubeconfig names is no certificate or key, or `work` cannot read it. */
async function loading<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Failure(
      'error',
      [
        {
          code: 'kubeconfig-credentials',
          severity: 'error',
          summary: `context "${name}": cannot load its credentials: ${messageOf(error)}`,
          cause: 'The kubeconfig names a certificate, key or token that cannot be read.',
          fix: 'Correct the kubeconfig, or the file that it names.',
        },
      ],
      { cause: error },
    );
  }
}

const VERSION = { resource: 'version', path: '/version' } as const;

/** What /version says (`v1.34.0`). Throws Unexpected. */
function versionOf(body: unknown): string {
  const told = requireShape('version', body as { readonly gitVersion?: string }, { gitVersion: 'text' });
  if ((told.gitVersion ?? '') === '') throw new Unexpected('the answer names no gitVersion');
  return told.gitVersion ?? '';
}

function withParticipants(seen: WatchedState, { participants, missingRights }: Present): ObservedCluster {
  const rights = new MissingRights();
  for (const right of [...seen.missingRights, ...missingRights]) rights.add(right);
  return { ...seen, participants, missingRights: rights.list() };
}

/** A cluster behind a client of its API. */
class ApiCluster implements Cluster {
  readonly #api: ApiClient;
  readonly #context: KubeContext;
  readonly #participants: Participants;
  readonly #pace: WatchPace;
  #version: Promise<string> | null = null;
  #watched: WatchedCluster | null = null;
  #merged: {
    readonly seen: WatchedState;
    readonly present: Present;
    readonly cluster: ObservedCluster;
  } | null = null;

  constructor(api: ApiClient, context: KubeContext, pace: WatchPace) {
    this.#api = api;
    this.#context = context;
    this.#participants = new Participants(api);
    this.#pace = pace;
  }

  async context(signal?: AbortSignal): Promise<ObservedContext> {
    try {
      await abortable(this.#readVersion(), signal);
    } catch (error) {
      // An unreachable server is an answer here: `answeredAt` says so, and `observe` says why.
      if (!(error instanceof Failure)) throw error;
    }
    const { name, server, writtenByMinikube, program } = this.#context;
    return {
      name,
      server: server.origin,
      fromMinikube: writtenByMinikube,
      answeredAt: this.#api.answeredAt,
      program: program === null ? null : programText(program),
      proxy: this.#api.proxyAt,
    };
  }

  async authenticate(signal?: AbortSignal): Promise<void> {
    await abortable(this.#api.authenticate(), signal);
  }

  async observe(signal?: AbortSignal, self?: string): Promise<ObservedCluster> {
    const begun = performance.now();
    try {
      return await (this.#watched === null
        ? this.#read(signal, self)
        : this.#recall(this.#watched, signal, self));
    } catch (thrown) {
      // Patience that ran out does not know why nothing came.
      if (!(signal?.aborted === true && signal.reason instanceof Failure)) throw thrown;
      const silence = this.#api.silence(VERSION, Math.round(performance.now() - begun));
      throw silence ?? thrown;
    }
  }

  async #recall(watched: WatchedCluster, signal?: AbortSignal, self?: string): Promise<ObservedCluster> {
    const seen = await watched.observe(signal);
    // Only then: a server that is down is asked by nobody but those that wait for it.
    return this.#merge(seen, await this.#participants.recall(self ?? null, signal));
  }

  async #read(signal?: AbortSignal, self?: string): Promise<ObservedCluster> {
    const api = this.#api;
    // Asked first and alone: an unreachable server then costs one attempt, and a reachable one gains a warm connection.
    const version = await abortable(this.#readVersion(), signal);
    const rights = new MissingRights();
    const nodes = listNodes(api, rights, signal);
    const services = listServices(api, rights, signal);
    const allocations = readAllocations(api, rights, signal);
    const participants = this.#participants.read(self ?? null, signal);
    const [listedNodes, listedServices, endpoints, recorded, facts, present] = await Promise.all([
      nodes,
      services,
      services.then((found) => listEndpoints(api, found, rights, signal)),
      allocations,
      readSlowFacts(api, nodes, allocations, rights, signal),
      participants,
    ]);
    const seen = {
      version,
      ...facts,
      nodes: listedNodes,
      services: listedServices,
      endpoints,
      allocations: recorded,
      missingRights: rights.list(),
    };
    return withParticipants(seen, present);
  }

  /** The same value as long as both parts are the same. */
  #merge(seen: WatchedState, present: Present): ObservedCluster {
    const last = this.#merged;
    if (last !== null && last.seen === seen && last.present === present) return last.cluster;
    const cluster = withParticipants(seen, present);
    this.#merged = { seen, present, cluster };
    return cluster;
  }

  async applyStatus(target: ServiceTarget, status: ServiceStatus): Promise<string> {
    const withIpMode = status.addresses.length > 0 && knowsIpMode(await this.#readVersion());
    const wanted = { ...status, withIpMode, now: new Date() };
    const write = async () => await writeStatus(this.#api, this.#context.name, target, wanted);
    const written = this.#watched === null ? await write() : await this.#watched.writeService(target, write);
    return written.metadata?.resourceVersion ?? '';
  }

  async createEvent(target: ServiceTarget, event: ServiceEvent): Promise<void> {
    await createEvent(this.#api, target, event, new Date());
  }

  async writeAllocations(before: AllocationRecord, after: readonly Allocation[]): Promise<void> {
    const write = async () => await writeAllocations(this.#api, this.#context.name, before, after);
    await (this.#watched === null ? write() : this.#watched.writeRecord(before, write));
  }

  watch(onChange: () => void): ClusterWatch {
    if (this.#watched !== null) throw new Error(`context "${this.#context.name}" is watched already`);
    const readVersion = async () => {
      this.#version = null;
      return await this.#readVersion();
    };
    const watched = new WatchedCluster({ api: this.#api, pace: this.#pace, readVersion, onChange });
    this.#watched = watched;
    return {
      get isLive() {
        return watched.isLive;
      },
      stop: () => {
        watched.stop();
        if (this.#watched === watched) this.#watched = null;
      },
    };
  }

  retry(): void {
    this.#watched?.retry();
  }

  async join(self: Parameters<Cluster['join']>[0]): Promise<void> {
    await this.#participants.join(self);
  }

  async announceLeaving(self: Parameters<Cluster['announceLeaving']>[0]): Promise<void> {
    await this.#participants.announceLeaving(self);
  }

  async leave(name: string): Promise<void> {
    await this.#participants.leave(name);
  }

  async close(): Promise<void> {
    this.#watched?.stop();
    this.#watched = null;
    this.#api.close();
  }

  /** Asked once for all callers; asked again after a failure. */
  #readVersion(): Promise<string> {
    this.#version ??= this.#api
      .get(VERSION, versionOf)
      .then((version) => version ?? '')
      .catch((error: unknown) => {
        this.#version = null;
        throw error;
      });
    return this.#version;
  }
}

/** A context as the kubeconfig has it now. */
export interface FoundCluster {
  /** Another one whenever the server, its certificates or the credentials are others; tells nothing of them. */
  readonly identity: string;
  /** Makes a client of it; nothing is sent yet. Throws a Failure where its certificates or keys are none. */
  connect(): Promise<Cluster>;
}

/** The proxy to reach the cluster through; null for none. Throws a Failure where it cannot be used. */
async function readProxy(
  context: KubeContext,
  { tls }: Credentials,
  { env, isOwnNode, deadlineMs = DEADLINE_MS }: ConnectOptions,
): Promise<ApiProxy | null> {
  const { name, server } = context;
  const isOwn = async () => context.writtenByMinikube || ((await isOwnNode?.(server)) ?? false);
  const found = await findProxy(context, env, isOwn);
  if (found === null) return null;
  // Whatever the cluster trusts may vouch for an https proxy, as with kubectl, and whatever the system does.
  const roots = found.url.protocol === 'https:' ? await systemRoots(env) : undefined;
  const ca = roots === undefined ? undefined : [tls.ca ?? [], roots].flat();
  return {
    ...found,
    tls: { ca, rejectUnauthorized: tls.rejectUnauthorized },
    // Sooner than the call, which would say nothing of a proxy.
    timeoutMs: deadlineMs * PROXY_SHARE,
    context: name,
    server,
  };
}

/**
 * Finds the context. Throws a Failure when it is not there, cannot be used as it stands (a plain http server, credentials
 * or a proxy that cannot be read), or would run a program that nobody approved (kind `conflict`).
 */
export async function findCluster(options: ConnectOptions): Promise<FoundCluster> {
  const { programs, deadlineMs = DEADLINE_MS } = options;
  const context = await readKubeContext(options);
  const { name, server, program } = context;
  if (program !== null && !(await programs.mayRun(context)))
    throw unapprovedProgram(name, program, programs.approval);
  const credentials = await loading(name, () => readCredentials(context, options.env));
  const proxy = await readProxy(context, credentials, options);
  const facts = JSON.stringify([context, credentials, proxy]);
  const { runner, timeoutMs = PROGRAM_TIMEOUT_MS } = programs;
  return {
    identity: createHash('sha256').update(facts).digest('hex'),
    connect: async () => {
      const api = await loading(name, () => {
        const source =
          program === null
            ? undefined
            : new ProgramCredentials(context, program, credentials, { runner, timeoutMs });
        return new ApiClient({ context: name, server, ...credentials, source, deadlineMs, proxy });
      });
      return new ApiCluster(api, context, { ...PACE, ...options.pace });
    },
  };
}

/** Finds the context and makes a client of its cluster, as {@link findCluster} does. */
export async function connectCluster(options: ConnectOptions): Promise<Cluster> {
  return await (await findCluster(options)).connect();
}
