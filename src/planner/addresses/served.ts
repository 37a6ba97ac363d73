import type { Claim } from '../../model/claim.ts';
import type { DesiredLoadBalancer, DesiredProfile } from '../../model/desired.ts';
import {
  FIELD_MANAGER,
  type ObservedCluster,
  type ObservedProfile,
  type ObservedService,
} from '../../model/observed.ts';
import type { ServiceState } from '../../model/plan.ts';
import { formatAddress } from '../../model/prefix.ts';
import { holders, isOurIngress, keepersOf, servesUnclassed } from './sharing.ts';
import { whyLeft } from './unclassed.ts';

/**
 * A profile as the spec wants it and as mkplan saw it, with the LoadBalancer addresses that this spec has routes to, and the Services whose
 * ingress an ended `minikube tunnel` left.
 */
export interface SeenProfile {
  readonly profile: DesiredProfile;
  readonly seen: ObservedProfile;
  readonly routed: ReadonlySet<string>;
  readonly left: ReadonlySet<ObservedService>;
}

/** Whether a Service is mkplan's to serve, and why not. */
export interface Verdict {
  readonly state: ServiceState;
  readonly reason: string;
}

/** No Services that a `minikube tunnel` left. */
export const NONE_LEFT: ReadonlySet<ObservedService> = new Set();

/**
 * Whose a LoadBalancer Service is. Foreign means that another field manager owns its ingress, whatever that shows, or that another
 * tunnel gave it from a pool of its own and still uses it; a condition is not enough, since Cilium puts one on every Service. What is
 * `left` by an ended `minikube tunnel` belongs to no running program.
 */
export function judgeService(
  service: ObservedService,
  profile: DesiredProfile,
  cluster: ObservedCluster,
  left: ReadonlySet<ObservedService> = NONE_LEFT,
): Verdict {
  const verdict =
    isForeign(service) && !left.has(service)
      ? foreign(service)
      : judgeKind(service, profile.loadBalancer, cluster);
  if (verdict.state !== 'served' || profile.loadBalancer.assign === 'none') return verdict;
  const keepers = keepersOf(service, profile, cluster);
  if (keepers.length === 0) return verdict;
  const reason = `${service.ingress.join(', ')} is of another pool, that of ${holders(keepers)}`;
  return { state: 'foreign', reason };
}

/** Whether others own what the ingress of a Service shows, or is to show: also an ingress that they have cleared may be theirs still. */
export function isForeign({ ingress, ingressNames, ingressManager }: ObservedService): boolean {
  if (ingressManager === FIELD_MANAGER) return false;
  return ingressManager !== null || ingress.length + ingressNames.length > 0;
}

function foreign({ ingress, ingressNames, ingressManager }: ObservedService): Verdict {
  const shown = ingress.length + ingressNames.length > 0 ? '' : ', which shows nothing yet';
  const reason = `${ingressManager ?? 'an unknown manager'} owns its ingress${shown}`;
  return { state: 'foreign', reason };
}

function judgeKind(
  service: ObservedService,
  desired: DesiredLoadBalancer,
  cluster: ObservedCluster,
): Verdict {
  if (service.loadBalancerClass === desired.class)
    return { state: 'served', reason: `class ${desired.class}` };
  if (service.loadBalancerClass !== null) {
    return { state: 'other-class', reason: `its class is ${service.loadBalancerClass}` };
  }
  if (servesUnclassed(desired, cluster)) return { state: 'served', reason: 'it names no class' };
  return { state: 'unclassed', reason: whyLeft(desired, cluster) };
}

/** The LoadBalancer addresses that a spec has claims of routes to, for one profile. */
export function routedAddresses(claims: readonly Claim[], spec: string, profile: string): Set<string> {
  return new Set(
    claims
      .filter(
        (claim) =>
          claim.owner.spec === spec && claim.profile === profile && claim.purpose === 'load-balancer',
      )
      .map((claim) => formatAddress(claim.route.destination)),
  );
}

/**
 * Whether the ingress of a Service that is not served is this spec's to take back. Every mkplan writes by one field
 * manager, so another's are told apart: one that serves the Service's class, or its Services without a class, has
 * given what a spec that does not never gave. What this spec gave while it still served them is known by `routed`, the
 * addresses that it has routes to. A Service that is no longer of type LoadBalancer is nobody's to serve.
 */
export function isToTakeBack(
  service: ObservedService,
  profile: DesiredProfile,
  cluster: ObservedCluster,
  routed: ReadonlySet<string>,
): boolean {
  if (!isOurIngress(service)) return false;
  if (service.type !== 'LoadBalancer') return true;
  const { state } = judgeService(service, profile, cluster);
  if (state === 'other-class' || state === 'foreign') return false;
  const isServing = state !== 'unclassed' && profile.loadBalancer.assign !== 'none';
  return isServing || service.ingress.some((address) => routed.has(address));
}

/**
 * Whether the condition of a Service may be that of another mkplan, which serves what this spec does not. It says
 * nothing of a Service that somebody else serves, or that is no longer of type LoadBalancer.
 */
export function isToldByOthers(
  service: ObservedService,
  profile: DesiredProfile,
  cluster: ObservedCluster,
  left: ReadonlySet<ObservedService>,
): boolean {
  if (service.type !== 'LoadBalancer') return false;
  const { state } = judgeService(service, profile, cluster, left);
  if (state === 'foreign') return false;
  return state !== 'served' || profile.loadBalancer.assign === 'none';
}

/** Order of allocation: the oldest first, then by namespace and name. */
export function byAge(a: ObservedService, b: ObservedService): number {
  return (
    compareText(a.created, b.created) || compareText(a.namespace, b.namespace) || compareText(a.name, b.name)
  );
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
