import type { Cluster } from '../kubernetes/cluster.ts';
import type { Profiles } from '../minikube/profiles.ts';
import { type DesiredProfile, needsCluster } from '../model/desired.ts';
import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import { thoseThatExist } from '../model/nearest.ts';
import {
  isServerOf,
  type MinikubeConfig,
  type ObservedCluster,
  type ObservedContext,
  type ObservedProfile,
} from '../model/observed.ts';

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
}

function isOwn(address: string, config: MinikubeConfig | null): boolean {
  return config?.nodes.some((node) => node.ip === address) ?? false;
}

function problemOf({ summary, cause, fix }: Diagnostic): string {
  return [summary, cause, fix].filter((text) => text !== '').join(' — ');
}

/** Collects why parts of a profile could not be observed, so that one broken part does not hide the others. */
class Problems {
  readonly texts: string[] = [];

  /**
   * Null when it fails as expected; anything but a Failure is a fault of ours, and goes on. So does what waits for the
   * user's approval: the user has to know, not to be told of a cluster that does not answer.
   */
  async tolerate<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Failure) || error.kind === 'conflict') throw error;
      // Two questions to one dead server have one answer.
      for (const text of error.diagnostics.map(problemOf))
        if (!this.texts.includes(text)) this.texts.push(text);
      return null;
    }
  }
}

function hasReadyControlPlane(cluster: ObservedCluster | null): boolean {
  return (
    cluster?.nodes.some((node) => node.controlPlane && node.ready && node.internalIps.length > 0) ?? false
  );
}

async function observeCluster(
  profile: DesiredProfile,
  ports: ProfilePorts,
  problems: Problems,
  { self, signal }: ObserveOptions,
): Promise<{ context: ObservedContext | null; cluster: ObservedCluster | null }> {
  const cluster = await problems.tolerate(() => ports.cluster(profile));
  if (cluster === null) return { context: null, cluster: null };
  const [context, observed] = await Promise.all([
    problems.tolerate(() => cluster.context(signal)),
    problems.tolerate(() => cluster.observe(signal, self)),
  ]);
  return { context, cluster: observed };
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

/** A profile of which nothing is observed. */
export function withoutCluster(name: string): ObservedProfile {
  return { name, config: null, minikubeIp: null, context: null, cluster: null, problems: [] };
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
  const [config, { context, cluster }] = await Promise.all([
    problems.tolerate(() => ports.profiles.config(name)),
    observeCluster(profile, ports, problems, options),
  ]);
  if (config === null && cluster === null && context === null) {
    const missing = await problems.tolerate(() => missingProfile(name, ports.profiles));
    if (missing !== null) problems.texts.push(missing);
  }
  // The hypervisor is asked only where nothing better answered: it takes a process and a second or more.
  const answeredAt = context?.answeredAt ?? null;
  const nodesUnknown = cluster?.missingRights.includes('list nodes') ?? false;
  const isAnswered = answeredAt !== null && (!nodesUnknown || isOwn(answeredAt, config));
  const isMissed = profile.gateway.value === 'auto' && !isAnswered && !hasReadyControlPlane(cluster);
  const isAsked = isMissed && (config !== null || (await isListed(name, ports.profiles, problems)));
  const { signal } = options;
  const [minikubeIp, stopped] = await Promise.all([
    isAsked ? problems.tolerate(() => ports.profiles.ip(name, signal)) : null,
    cluster === null && config !== null
      ? problems.tolerate(() => ports.profiles.isStopped(name, signal))
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
    ...(stopped === true ? { stopped } : {}),
    problems: [...problems.texts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
  };
}
