import type { DesiredProfile } from '../model/desired.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ObservedProfile } from '../model/observed.ts';

/** A profile of a spec with what was observed of it. */
export interface SeenProfile {
  readonly profile: DesiredProfile;
  readonly seen: ObservedProfile;
  /** UID of the cluster that its claims are of; of one that is not looked at, this is all that is known. */
  readonly claimed?: string | undefined;
}

/** Whether two profiles lead to one cluster: by what the clusters say of themselves, else by their contexts and servers. */
function isSameCluster(a: SeenProfile, b: SeenProfile): boolean {
  const [one, other] = [a, b].map(({ seen, claimed }) => seen.cluster?.identity?.uid ?? claimed);
  if (one !== undefined && other !== undefined) return one === other;
  const [server, another] = [a, b].map(({ seen }) => seen.context?.server);
  return a.profile.context === b.profile.context || (server !== undefined && server === another);
}

/** The profiles of a spec that lead to the cluster of one of them, that one included, in the order of the spec. */
export function inSameCluster(of: SeenProfile, all: readonly SeenProfile[]): DesiredProfile[] {
  return all.filter((other) => other === of || isSameCluster(of, other)).map(({ profile }) => profile);
}

/** Whether two profiles would give addresses to the same Services of one cluster. */
function bothServe({ loadBalancer: a }: DesiredProfile, { loadBalancer: b }: DesiredProfile): boolean {
  if (a.assign === 'none' || b.assign === 'none') return false;
  return a.class === b.class || (a.unclassed !== false && b.unclassed !== false);
}

/**
 * Profiles that would serve what an earlier one of the spec serves already: each would take from a Service what the other gave, so
 * that `apply` could only fail and `watch` would renumber without end.
 */
export function sharedClusters(all: readonly SeenProfile[]): Diagnostic[] {
  return all.flatMap((one, index): Diagnostic[] => {
    const first = all
      .slice(0, index)
      .find((other) => isSameCluster(one, other) && bothServe(one.profile, other.profile));
    return first === undefined ? [] : [shared(one.profile, first.profile)];
  });
}

function shared({ name, context, loadBalancer }: DesiredProfile, first: DesiredProfile): Diagnostic {
  const way = context === first.context ? `context ${context}` : `contexts ${first.context} and ${context}`;
  return {
    code: 'cluster-shared',
    severity: 'error',
    profile: name,
    summary: `profile ${name}: it leads to the cluster that profile ${first.name} serves`,
    cause: `Both reach one cluster (${way}) and would give addresses to the same Services.`,
    fix: 'Remove one of the two profiles, or give this one a `class` of its own and `unclassed: false`.',
    at: loadBalancer.at,
  };
}
