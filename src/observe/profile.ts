import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../kubernetes/cluster.ts';
import type { Profiles, Rest } from '../minikube/profiles.ts';
import { type DesiredProfile, needsCluster } from '../model/desired.ts';
import type { Obstacle } from '../model/diagnostic.ts';
import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import { thoseThatExist } from '../model/nearest.ts';
import {
  isServerOf,
  type MinikubeConfig,
  type ObservedCluster,
  type ObservedContext,
  type ObservedProfile,
} from '../model/observed.ts';
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

/** A cluster that has not answered for so many milliseconds is likely at rest, and minikube is asked whether it is. */
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
    return await tolerate(work, ({ diagnostics }) => {
      // Two questions to one dead server have one answer.
      for (const text of diagnostics.map(problemOf)) if (!this.texts.includes(text)) this.texts.push(text);
    });
  }
}

function hasReadyControlPlane(cluster: ObservedCluster | null): boolean {
  return (
    cluster?.nodes.some((node) => node.controlPlane && node.ready && node.internalIps.length > 0) ?? false
  );
}

/** What a Failure says first: the rest follows from it. */
export function obstacleOf({ diagnostics: [first] }: Failure): Obstacle | null {
  if (first === undefined) return null;
  const { code, summary, cause, fix, command } = first;
  return { code, summary, cause, fix, ...(command === undefined ? {} : { command }) };
}

/** What was seen of a cluster; `obstacle`: why it was not. */
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
  // What cannot log in is told as that, and not asked for more.
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

/** That minikube has no such profile, and which it has; null where it has it, whatever else is wrong with it. */
async function missingProfile(name: string, profiles: Profiles): Promise<string | null> {
  const names = await profiles.list();
  if (names.includes(name)) return null;
  return `there is no minikube profile ${name}: ${thoseThatExist(name, names)}`;
}

/** How a profile rests whose cluster has been silent for a while; null where it answers, or minikube does not say. Never throws. */
async function restMeanwhile(
  name: string,
  profiles: Profiles,
  config: Promise<MinikubeConfig | null>,
  signal: AbortSignal,
): Promise<Rest | null> {
  try {
    await sleep(DOUBT_AFTER_MS, undefined, { signal });
    return (await config) === null ? null : await profiles.rest(name, signal);
  } catch {
    // It was called off; what fails otherwise fails again where it is asked once the cluster is given up.
    return null;
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
  const { signal } = options;
  const configured = problems.tolerate(() => ports.profiles.config(name));
  const answered = new AbortController();
  const asking = AbortSignal.any([answered.signal, ...(signal === undefined ? [] : [signal])]);
  const doubted = restMeanwhile(name, ports.profiles, configured, asking);
  const { context, cluster, obstacle } = await observeCluster(profile, ports, options);
  answered.abort();
  const config = await configured;
  if (config === null && cluster === null && context === null) {
    const missing = await problems.tolerate(() => missingProfile(name, ports.profiles));
    if (missing !== null) problems.texts.push(missing);
  }
  const isMissed = isGatewayMissed(profile, { context, cluster }, config);
  const isAsked = isMissed && (config !== null || (await isListed(name, ports.profiles, problems)));
  const isDoubted = cluster === null && config !== null;
  const [minikubeIp, rest] = await Promise.all([
    isAsked ? problems.tolerate(() => ports.profiles.ip(name, signal)) : null,
    isDoubted
      ? problems.tolerate(async () => (await doubted) ?? (await ports.profiles.rest(name, signal)))
      : null,
  ]);
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
