import type { DesiredLoadBalancer, DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedCluster, ObservedProfile } from '../../model/observed.ts';
import { type ServiceSummary, serviceName } from '../../model/plan.ts';

/**
 * Whether Services that name no class are served:
 *
 * | the spec's `unclassed` | the cluster is | another implementation | they are          |
 * |------------------------|----------------|------------------------|-------------------|
 * | `true`                 | any            | whatever               | served            |
 * | `false`                | any            | whatever               | left              |
 * | `auto`                 | minikube's     | none                   | served            |
 * | `auto`                 | minikube's     | one                    | left to that one  |
 * | `auto`                 | another        | whatever               | left              |
 *
 * minikube gives such Services no address by itself, so its users expect a tunnel to. Elsewhere a controller that mkplan does not know
 * may be about to serve them, and two that do would renumber them in turns.
 */

/** Providers on a developer's own machine: their Nodes have a providerID, and no cloud stands behind it. */
const LOCAL: ReadonlySet<string> = new Set(['minikube', 'kind', 'k3s', 'rke2', 'docker', 'vcluster']);

/** So many Services are named of those that are left. */
const MOST_NAMED = 5;

/** What was found for a cluster: it is asked for every Service. */
const FOUND = new WeakMap<ObservedCluster, readonly string[]>();

function findOthers({ otherLoadBalancers, nodes, services }: ObservedCluster): readonly string[] {
  const clouds = nodes.flatMap(({ provider }) =>
    provider === undefined || LOCAL.has(provider) ? [] : [provider],
  );
  const found = [
    ...otherLoadBalancers,
    ...[...new Set(clouds)].sort().map((cloud) => `the cloud of its Nodes (${cloud})`),
  ];
  if (found.length > 0) return found;
  // It says that there is a controller, but not which: any of the above may be.
  const kept = services.find(
    ({ type, loadBalancerClass, hasController }) =>
      type === 'LoadBalancer' && loadBalancerClass === null && hasController === true,
  );
  return kept === undefined ? [] : [`the controller of Service ${serviceName(kept)}`];
}

/** Other LoadBalancer implementations that serve, or are about to serve, Services without a class; for people. */
export function othersIn(cluster: ObservedCluster): readonly string[] {
  const known = FOUND.get(cluster);
  if (known !== undefined) return known;
  const found = findOthers(cluster);
  FOUND.set(cluster, found);
  return found;
}

/** Whether the cluster of a profile is minikube's: minikube labels its Nodes, or has the profile while no Node is another's. */
export function isMinikube({ config, cluster }: ObservedProfile): boolean {
  const nodes = cluster?.nodes ?? [];
  if (nodes.some(({ provider }) => provider === 'minikube')) return true;
  return config !== null && nodes.every(({ provider }) => provider === undefined);
}

/** The profile with `unclassed: auto` settled as far as it depends on whose cluster it is. */
export function settleUnclassed(profile: DesiredProfile, seen: ObservedProfile): DesiredProfile {
  const { loadBalancer } = profile;
  if (loadBalancer.unclassed !== 'auto' || seen.cluster === null || isMinikube(seen)) return profile;
  return { ...profile, loadBalancer: { ...loadBalancer, unclassed: false, isElsewhere: true } };
}

/** Why a Service that names no class is left, for people. */
export function whyLeft({ unclassed, isElsewhere }: DesiredLoadBalancer, cluster: ObservedCluster): string {
  const others = othersIn(cluster);
  if (others.length > 0 && (unclassed === 'auto' || isElsewhere === true)) {
    return `it names no class, and ${others.join(' and ')} serves such Services here`;
  }
  return isElsewhere === true
    ? 'it names no class, and `unclassed: auto` serves those in minikube’s clusters alone'
    : 'it names no class, and the spec says `unclassed: false`';
}

/** Names the Services that nobody may be serving, since the cluster is not minikube's, and the line of the spec that changes it. */
export function leftUnclassed(
  { name, loadBalancer }: DesiredProfile,
  { cluster }: ObservedProfile,
  summaries: readonly ServiceSummary[],
): Diagnostic[] {
  const { isElsewhere, assign, class: served, at } = loadBalancer;
  if (isElsewhere !== true || assign === 'none' || cluster === null || othersIn(cluster).length > 0)
    return [];
  const left = summaries.filter(({ profile, state }) => profile === name && state === 'unclassed');
  if (left.length === 0) return [];
  const more = left.length - MOST_NAMED;
  const shown = [...left.slice(0, MOST_NAMED).map(serviceName), ...(more > 0 ? [`${more} more`] : [])];
  return [
    {
      code: 'services-unclassed',
      severity: 'warning',
      summary: `profile ${name}: Services that name no class are not served: ${shown.join(', ')}`,
      cause:
        'The cluster is not minikube’s, so another LoadBalancer implementation may serve them, and `unclassed: auto` leaves them to it.',
      fix: `Write \`unclassed: true\` under loadBalancer if nothing else serves them, or give them \`loadBalancerClass: ${served}\`.`,
      at,
    },
  ];
}
