import type { StatusPort } from '../../executor/services.ts';
import type { Cluster } from '../../kubernetes/cluster.ts';

/** The Services of profiles, given how the cluster of one is found, and how its client is given up. */
export function statusPort(
  clusterOf: (profile: string) => Promise<Cluster>,
  giveUp: StatusPort['giveUp'],
): StatusPort {
  return {
    giveUp,
    applyStatus: async (profile, target, status) =>
      await (await clusterOf(profile)).applyStatus(target, status),
    list: async (profile) => (await (await clusterOf(profile)).observe()).services,
  };
}
