import type { Cluster } from '../kubernetes/cluster.ts';
import type { Profiles, Rest } from '../minikube/profiles.ts';
import { type DesiredProfile, needsCluster } from '../model/desired.ts';
import { type Diagnostic, Failure, type Obstacle } from '../model/diagnostic.ts';
import {
  isServerOf,
  type MinikubeConfig,
  type ObservedCluster,
  type ObservedContext,
  type ObservedProfile,
} from '../model/observed.ts';
import { thoseThatExist } from '../model/text/nearest.ts';
import type { Patience } from './patience.ts';

export interface ProfilePorts {
  readonly profiles: Profiles;
  /**
   * The profile's cluster; whoever composes caches and closes it. Throws a Failure when its context cannot be used: of
   * kind `conflict` where that needs approval.
   */
  cluster(profile: DesiredProfile): Promise<Cluster>;
}

/** What an observation is made for. */
export interface ObserveOptions {
  /** The name of our own Lease. */
  readonly self: string;
  readonly signal: AbortSignal | undefined;
  /** Waits for credentials, whose time does not count; without it they are made when the cluster is first asked. */
  readonly besides?: Patience['besides'];
}

/** Milliseconds of silence after which minikube is asked whether the profile rests. */
const DOUBT_AFTER_MS = 3_000;

function isOwn(address: string, config: MinikubeConfig | null): boolean {
  return config?.nodes.some((node) => node.ip === address) ?? false;
}

function problemOf({ summary, cause, fix }: Diagnostic): string {
  return [summary, cause, fix].filter((text) => text !== '').join(' — ');
}

/** Null when it fails as expected, and `tell` hears why; anything but a Failure is a fault of ours, and goes on. */
async function tolerate<T>(work: () => Promise<T>, tell: (failure: Failure) => void): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    // So does what waits for the user's approval: the user has to know, not to be told of a cluster that does not answer.
    if (!(error instanceof Failure) || error.kind === 'conflict') throw error;
    tell(error);
    return null;
  }
}

/** Collects why parts of a profile could not be observed, so that one broken part does not hide the others. */
class Problems {
  readonly texts: string[] = [];

  async tolerate<T>(work: () => Promise<T>): Promise<T | null> {
    return await tolerate(work, ({ diagnostics }) => this.texts.push(...diagnostics.map(problemOf)));
  }
}

function hasReadyControlPlane(cluster: ObservedCluster | null): boolean {
  return (
    cluster?.nodes.some((node) => node.controlPlane && node.ready && node.internalIps.length > 0) ?? false
  );
}

/** What a Failure says first; what else it says follows from that. Null where it says nothing. */
export function obstacleOf({ diagnostics: [first] }: Failure): Obstacle | null {
  if (first === undefined) return null;
  const { code, summary, cause, fix, command } = first;
  return { code, summary, cause, fix, ...(command === undefined ? {} : { command }) };
}

/** What was seen of a cluster; `obstacle` says why it could not be observed. */
interface SeenCluster {
  readonly context: ObservedContext | null;
  readonly cluster: ObservedCluster | null;
  readonly obstacle: Obstacle | null;
}

async function observeCluster(
  profile: DesiredProfile,
  ports: ProfilePorts,
  { self, signal, besides }: ObserveOptions,
): Promise<SeenCluster> {
  let obstacle: Obstacle | null = null;
  const hindered = <T>(work: () => Promise<T>) =>
    tolerate(work, (failure) => {
      obstacle ??= obstacleOf(failure);
    });
  const cluster = await hindered(() => ports.cluster(profile));
  if (cluster === null) return { context: null, cluster: null, obstacle };
  if (besides !== undefined) await hindered(() => besides(() => cluster.authenticate(signal)));
  // Without credentials, every other question would only fail for the same cause.
  if (obstacle !== null) return { context: null, cluster: null, obstacle };
  const [context, observed] = await Promise.all([
    hindered(() => cluster.context(signal)),
    hindered(() => cluster.observe(signal, self)),
  ]);
  return { context, cluster: observed, obstacle: observed === null ? obstacle : null };
}

/** Whether minikube has a profile, though its config.json could not be read; of any other cluster it knows nothing. */
async function isListed(name: string, profiles: Profiles, problems: Problems): Promise<boolean> {
  const names = await problems.tolerate(() => profiles.list());
  return names?.includes(name) ?? false;
}

/** That minikube has other profiles, and not this one; null where it has this one or none. */
async function missingProfile(name: string, profiles: Profiles): Promise<string | null> {
  const names = await profiles.list();
  if (names.length === 0 || names.includes(name)) return null;
  return `there is no minikube profile ${name}: ${thoseThatExist(name, names)}`;
}

/**
 * The question to minikube how a profile rests. It is asked once at most: when the cluster has been silent for a while, because
 * there may be no time left once it is given up, or when the answer is needed.
 */
class RestQuestion {
  readonly #ask: (signal: AbortSignal) => Promise<Rest | null>;
  readonly #end = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #asked: Promise<Rest | null> | null = null;

  constructor(ask: (signal: AbortSignal) => Promise<Rest | null>) {
    this.#ask = ask;
    // What fails is told where the answer is awaited.
    this.#timer = setTimeout(() => this.answer().catch(() => undefined), DOUBT_AFTER_MS);
  }

  /** Null where minikube says that it does not rest, or does not say it in time. */
  answer(): Promise<Rest | null> {
    clearTimeout(this.#timer);
    this.#asked ??= tolerate(
      () => this.#ask(this.#end.signal),
      () => undefined,
    );
    return this.#asked;
  }

  /** Nobody needs the answer any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#end.abort();
  }
}

/** A profile of which nothing is observed. */
export function withoutCluster(name: string): ObservedProfile {
  return { name, config: null, minikubeIp: null, context: null, cluster: null, problems: [] };
}

/** Whether nothing better than the hypervisor tells the gateway: asking that takes a process and a second or more. */
function isGatewayMissed(
  { gateway }: DesiredProfile,
  { context, cluster }: Pick<SeenCluster, 'context' | 'cluster'>,
  config: MinikubeConfig | null,
): boolean {
  const answeredAt = context?.answeredAt ?? null;
  const nodesUnknown = cluster?.missingRights.includes('list nodes') ?? false;
  const isAnswered = answeredAt !== null && (!nodesUnknown || isOwn(answeredAt, config));
  return gateway.value === 'auto' && !isAnswered && !hasReadyControlPlane(cluster);
}

/** Observes one profile; what cannot be observed is null, and `problems` says why. */
export async function observeProfile(
  profile: DesiredProfile,
  ports: ProfilePorts,
  options: ObserveOptions,
): Promise<ObservedProfile> {
  const { name } = profile;
  if (!needsCluster(profile)) return withoutCluster(name);
  const problems = new Problems();
  const configured = problems.tolerate(() => ports.profiles.config(name));
  const question = new RestQuestion(async (end) => {
    const signal = options.signal === undefined ? end : AbortSignal.any([end, options.signal]);
    return (await configured) === null ? null : await ports.profiles.rest(name, signal);
  });
  try {
    const [config, seen] = await Promise.all([configured, observeCluster(profile, ports, options)]);
    const rest = seen.cluster === null ? await question.answer() : null;
    return await profileOf(profile, ports, { ...seen, config, rest }, problems, options.signal);
  } finally {
    question.end();
  }
}

/** What was seen of a profile, completed by what minikube alone knows. */
async function profileOf(
  profile: DesiredProfile,
  { profiles }: ProfilePorts,
  seen: SeenCluster & { readonly config: MinikubeConfig | null; readonly rest: Rest | null },
  problems: Problems,
  signal: AbortSignal | undefined,
): Promise<ObservedProfile> {
  const { name } = profile;
  const { config, context, cluster, obstacle, rest } = seen;
  // A name that neither minikube nor the kubeconfig knows may be a misspelt profile of minikube's.
  if (config === null && obstacle?.code === 'context-unknown' && profile.context === name) {
    const missing = await problems.tolerate(() => missingProfile(name, profiles));
    if (missing !== null) problems.texts.push(missing);
  }
  // Beside an obstacle, time that ran out is not a second cause.
  const asking = obstacle === null ? problems : new Problems();
  const isMissed = isGatewayMissed(profile, { context, cluster }, config);
  const isAsked = isMissed && (config !== null || (await isListed(name, profiles, asking)));
  const minikubeIp = isAsked ? await asking.tolerate(() => profiles.ip(name, signal)) : null;
  return {
    name,
    config,
    minikubeIp,
    context:
      context === null
        ? null
        : { ...context, fromMinikube: context.fromMinikube && isServerOf(context.server, config) },
    cluster,
    ...(rest === 'stopped' ? { stopped: true } : {}),
    ...(rest === 'paused' ? { paused: true } : {}),
    ...(obstacle === null ? {} : { obstacle }),
    problems: [...problems.texts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
  };
}
