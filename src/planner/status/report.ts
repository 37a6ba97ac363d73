import type { ObservedParticipant } from '../../model/participant.ts';
import type { Purpose, ServiceState, Unproven } from '../../model/plan.ts';
import type { Route } from '../../model/route.ts';

export interface NodeStatus {
  readonly name: string;
  readonly ready: boolean;
}

/** One route: wanted by the spec, or claimed. */
export interface RouteStatus {
  readonly profile: string;
  readonly purpose: Purpose;
  readonly route: Route;
  /**
   * `outdated`: it stands, but otherwise than the spec asks; `unwanted`: the spec no longer asks for it; `unknown`: it stands, and whether the
   * spec asks for it cannot be told, since the cluster is silent.
   */
  readonly state: 'present' | 'missing' | 'outdated' | 'unwanted' | 'unknown';
  /** Whose address the gateway is; null where that is not known. */
  readonly node: NodeStatus | null;
}

/** A claimed route that is no longer there. */
export interface LostRoute {
  readonly profile: string;
  readonly purpose: Purpose;
  readonly route: Route;
  /** What took it, as far as can be told; for people. */
  readonly why: string;
}

/** One LoadBalancer Service, link by link of the path to it. */
export interface ServiceStatus {
  readonly profile: string;
  readonly namespace: string;
  readonly name: string;
  readonly state: ServiceState;
  /** What the cluster shows for it: addresses, and host names that others gave. */
  readonly addresses: readonly string[];
  /** Whether a route of ours leads to every address, or none is needed; null where there is no address of ours. */
  readonly routed: boolean | null;
  /** Its cluster runs on this host, so no route is needed. */
  readonly onThisHost?: true;
  readonly node: NodeStatus | null;
  /** Endpoints that are ready; null where that cannot be told. */
  readonly endpoints: number | null;
  /** TCP ports, in the Service's order. */
  readonly ports: readonly number[];
  readonly reason: string;
}

/** Another tunnel that routes to the Services of the same cluster. */
export interface OtherParticipant extends Pick<ObservedParticipant, 'name' | 'holder' | 'live' | 'leaving'> {
  readonly profile: string;
}

export interface StatusReport {
  readonly routes: readonly RouteStatus[];
  readonly services: readonly ServiceStatus[];
  /** Profiles whose clusters run on this host, and its address there. */
  readonly here: readonly { readonly profile: string; readonly address: string }[];
  /** Who else has a Lease in the clusters. */
  readonly others: readonly OtherParticipant[];
  /** Claimed routes that are no longer there: those that the kernel dropped, at a reboot or with their link, first of all. */
  readonly lost: readonly LostRoute[];
  readonly unproven: readonly Unproven[];
  /** What could not be observed, and who else is at it; for people. */
  readonly problems: readonly string[];
  /** Profiles whose Nodes mkplan cannot see. */
  readonly blind: readonly string[];
  /** Whether anything of the spec is on this host or in its clusters, as far as can be told. */
  readonly applied: boolean;
  /** Whether all is as the spec asks; null where that cannot be told. */
  readonly fulfilled: boolean | null;
}

/** Where a Service is asked whether it answers. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** `address:port` as the answers are kept under. */
export function endpointKey({ address, port }: Endpoint): string {
  return `${address} ${port}`;
}
