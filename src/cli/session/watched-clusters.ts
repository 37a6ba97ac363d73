import type { Cluster } from '../../kubernetes/cluster.ts';
import type { ProfileContext } from '../../model/desired.ts';

type ClusterOf = (profile: ProfileContext) => Promise<Cluster>;

/**
 * The clusters of a session. Each is watched from the moment it is first asked for, so the first plan and the session read
 * its lists once, and each later observation costs nothing.
 */
export class WatchedClusters {
  readonly #clusterOf: ClusterOf;
  readonly #known = new WeakSet<Cluster>();
  #hear: (profile: string) => void = () => undefined;

  constructor(clusterOf: ClusterOf) {
    this.#clusterOf = clusterOf;
  }

  /** The client of a profile's cluster. Throws a Failure, as `ClusterPort.cluster` does. */
  readonly cluster: ClusterOf = async (profile) => {
    const cluster = await this.#clusterOf(profile);
    if (!this.#known.has(cluster)) {
      this.#known.add(cluster);
      cluster.watch(() => this.#hear(profile.name));
    }
    return cluster;
  };

  /** Calls this with the name of each profile whose cluster has news. */
  listen(hear: (profile: string) => void): void {
    this.#hear = hear;
  }
}
