/**
 * One tunnel of one host as a cluster knows it, by a Lease of its own: a tunnel that has one there routes to what the Services
 * of that cluster show, and the last one out clears.
 */
export interface Participant {
  /** Of the Lease; the same for a host, a user's registry on it and a spec, whatever else changes. */
  readonly name: string;
  /** For people: `user@host:spec`. Nothing steers by it. */
  readonly holder: string;
}

/** Which Services a tunnel gives addresses to in a cluster, and which addresses: one for each of its profiles there. */
export interface Serving {
  /** The `spec.loadBalancerClass` that it serves. */
  readonly class: string;
  /** Whether it serves Services that name none; `auto`: unless another LoadBalancer implementation serves those. */
  readonly unclassed: 'auto' | boolean;
  /** `CIDR` or `FIRST-LAST`, as `formatRange` has it, without what is excluded; null for each Service's ClusterIPs. */
  readonly pool: readonly string[] | null;
}

/** A participant as its Lease shows it. */
export interface ObservedParticipant extends Participant {
  /** Whether it is the tunnel that was observed for. */
  readonly own: boolean;
  /** Whether its Lease holds still, as far as the observer can tell; a Lease that nobody renews holds until removed. */
  readonly live: boolean;
  /** Whether its Lease holds until it is removed, as `apply` makes it; absent for the Lease of a session, which runs out. */
  readonly lasting?: boolean;
  /** Whether it said that it leaves: its routes go, and it may be clearing Services just now. */
  readonly leaving: boolean;
  /** Null where its Lease does not say so, or not understandably. */
  readonly serves: readonly Serving[] | null;
}
