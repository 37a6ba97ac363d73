import type { Purpose } from './plan.ts';
import { type Route, type RouteDocument, routeKey } from './route.ts';

/** Who a claim belongs to. A pid alone proves nothing, so its start time and the boot go with it. */
export interface Owner {
  /** Absolute path of the spec. */
  readonly spec: string;
  /** `persistent` lasts until `mkplan destroy`; `session` until the process that made it ends. */
  readonly mode: 'session' | 'persistent';
  readonly pid: number;
  /** The process's start time as the kernel counts it: Linux, field 22 of proc_pid_stat(5), in clock ticks. */
  readonly startTime: string;
  /** Linux: /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
  /** Linux: the inode of /proc/self/ns/net, since another namespace's routes are not ours to judge. */
  readonly networkNamespace: string;
}

/** The recorded right of an owner over a route. */
export interface Claim {
  readonly profile: string;
  readonly purpose: Purpose;
  /** The route as the kernel showed it; `routeKey` of it is the claim's key. */
  readonly route: Route;
  readonly owner: Owner;
  /** RFC 3339, UTC. */
  readonly created: string;
  /** UID of namespace kube-system of the profile's cluster as it was then; left out where that was not known. */
  readonly cluster?: string;
  /** Keys of its document that this mkplan does not know, those of `owner` and `route` under these: kept as they stand. */
  readonly unknown?: Readonly<Record<string, unknown>>;
}

/** A claim as files hold it. */
export interface ClaimDocument extends Omit<Claim, 'route' | 'unknown'> {
  readonly route: RouteDocument;
}

/** The key of a claim: that of its route, protocol included. */
export function claimKey(claim: Claim): string {
  return routeKey(claim.route);
}

/** Whether a claim was made in this boot and this network namespace; only then can it match a route here. */
export function isOfThisHost(claim: Claim, host: { bootId: string; networkNamespace: string }): boolean {
  return claim.owner.bootId === host.bootId && claim.owner.networkNamespace === host.networkNamespace;
}
