import type { DesiredProfile } from '../../model/desired.ts';
import {
  isMinikube,
  type ObservedCluster,
  type ObservedHost,
  type ObservedService,
} from '../../model/observed.ts';
import { type Approval, type ServiceStep, serviceName } from '../../model/plan.ts';
import { tunnelsOf } from '../networks/minikube.ts';
import { NONE_LEFT } from './served.ts';

/**
 * The Services whose ingress a `minikube tunnel` wrote that has ended: it gives every LoadBalancer Service its ClusterIP, and one that
 * is killed takes none of them back. While one runs, or may run unseen, nothing counts as left.
 */
export function leftByMinikube(
  profile: DesiredProfile,
  cluster: ObservedCluster | null,
  host: ObservedHost,
): ReadonlySet<ObservedService> {
  const mayRun = host.minikubeTunnelsUnknown === true || tunnelsOf(profile, host).some(({ alive }) => alive);
  if (cluster === null || mayRun) return NONE_LEFT;
  return new Set(cluster.services.filter(isOfMinikube));
}

/** Whether all that a Service shows is what minikube alone owns and gives. */
function isOfMinikube({ type, ingress, ingressNames, ingressManager, clusterIps }: ObservedService): boolean {
  return (
    type === 'LoadBalancer' &&
    ingressManager !== null &&
    isMinikube(ingressManager) &&
    ingress.length > 0 &&
    ingressNames.length === 0 &&
    ingress.every((address) => clusterIps.includes(address))
  );
}

/** The approvals that steps need which take what minikube owns. */
export function takingApprovals(steps: readonly ServiceStep[]): Approval[] {
  return steps.flatMap((step): Approval[] => {
    const { profile, before, takenFrom } = step;
    if (takenFrom === undefined) return [];
    const why = `foreign: its ingress ${before.join(', ')} was left by \`minikube tunnel\` (field manager ${takenFrom}), whose process is gone`;
    return [{ kind: 'minikube', profile, subject: serviceName(step), why }];
  });
}
