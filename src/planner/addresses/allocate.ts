import { type Allocation, MAX_RECORD_BYTES } from '../../model/allocation.ts';
import type { DesiredProfile } from '../../model/desired.ts';
import type { ObservedCluster, ObservedService } from '../../model/observed.ts';
import { type ServiceSummary, serviceName } from '../../model/plan.ts';
import { Assignment, summaryOf } from './assignment.ts';
import { requestOf } from './requests.ts';
import { byAge, isToTakeBack, judgeService, NONE_LEFT } from './served.ts';
import { isOurIngress, rivalsOf } from './sharing.ts';

/** What allocation came to for one profile. */
export interface Allocated {
  readonly services: readonly ServiceSummary[];
  /** The cluster's record as it should be; null where it may not be read, and is so not written. */
  readonly record: readonly Allocation[] | null;
}

/**
 * Which address each LoadBalancer Service gets, per family of the Service:
 *
 * | order | rule                                                                     |
 * |-------|--------------------------------------------------------------------------|
 * | 1     | the reservation of tunnel.yaml                                           |
 * | 2     | the address it has, so that nothing is renumbered because another left   |
 * | 3     | what it asks for (`requests.ts`)                                         |
 * | 4     | the address that the cluster's record remembers for its name             |
 * | 5     | the lowest free one, the oldest Service first                            |
 * | 6     | the lowest that is only remembered for a Service which is gone           |
 *
 * A rule is worked through for all Services before the next begins. A Service that asks for an address and has
 * another gives up the one it has, once it can have what it asks for. What is recorded for a Service that exists is
 * nobody else's, even while its status does not show it: another mkplan may be about to write it. What cannot be
 * given is told: a Service that shows nothing stays pending, one that shows an address of ours keeps it meanwhile.
 * What the record has no room for stays pending, since an address that is not recorded could be given twice.
 * `routed` are the LoadBalancer addresses that this spec has routes to, `left` the Services whose ingress an ended
 * `minikube tunnel` left (`left-by-minikube.ts`).
 */
export function allocate(
  profile: DesiredProfile,
  cluster: ObservedCluster,
  routed: ReadonlySet<string>,
  left: ReadonlySet<ObservedService> = NONE_LEFT,
): Allocated {
  const summaries: ServiceSummary[] = [];
  const served: ObservedService[] = [];
  for (const service of cluster.services.filter((one) => one.type === 'LoadBalancer')) {
    const verdict = judgeService(service, profile, cluster, left);
    if (verdict.state === 'served') served.push(service);
    else summaries.push(summaryOf(profile.name, service, verdict.state, shownBy(service), verdict.reason));
  }
  served.sort(byAge);
  const assign = profile.loadBalancer.assign;
  const recorded = cluster.allocations?.allocations ?? [];
  // What was given by others is theirs; what was by us and is no longer served is about to be taken back.
  const ours = new Set(served);
  const others = cluster.services
    .filter((one) => !ours.has(one) && !isToTakeBack(one, profile, cluster, routed))
    .flatMap((one) => one.ingress);
  const shared = new Set(
    served.filter((one) => isOurIngress(one) && rivalsOf(one, profile, cluster).length > 0),
  );
  const assignment =
    assign === 'pool'
      ? new Assignment(profile, {
          served,
          shared,
          recorded,
          room: cluster.allocations === null ? Number.POSITIVE_INFINITY : MAX_RECORD_BYTES,
          all: cluster.services,
          others,
        })
      : null;
  const given =
    assignment?.summaries() ??
    (assign === 'clusterIP' ? served.map((one) => byClusterIp(profile.name, one)) : []);
  const taken = new Set([...left].map(serviceName));
  summaries.push(...given.map((one) => (taken.has(serviceName(one)) ? withOrigin(one) : one)));
  return {
    services: summaries.sort((a, b) => (serviceName(a) < serviceName(b) ? -1 : 1)),
    record: cluster.allocations === null ? null : (assignment?.record() ?? recorded),
  };
}

/** That an address replaces what minikube left. */
function withOrigin(summary: ServiceSummary): ServiceSummary {
  if (summary.state !== 'served') return summary;
  return { ...summary, reason: `left by minikube tunnel, process gone; ${summary.reason}` };
}

/** All that the ingress of a Service shows. */
function shownBy({ ingress, ingressNames }: ObservedService): string[] {
  return [...ingress, ...ingressNames];
}

/** With `assign: clusterIP`, a Service can have no other address than its ClusterIPs. */
function byClusterIp(profile: string, service: ObservedService): ServiceSummary {
  const { clusterIps } = service;
  const { addresses, problem } = requestOf(service);
  const other = [...addresses.values()].find((text) => !clusterIps.includes(text));
  const unmet =
    other === undefined
      ? problem
      : `it asks for ${other}, and with \`assign: clusterIP\` no Service gets another address than its ClusterIP`;
  const reason = 'its ClusterIP serves as its address';
  if (unmet === null) return summaryOf(profile, service, 'served', clusterIps, reason);
  if (!isOurIngress(service)) return summaryOf(profile, service, 'pending', [], unmet);
  return { ...summaryOf(profile, service, 'served', clusterIps, `${reason}; ${unmet}`), unmet };
}
