import type { AllocationRecord } from '../model/allocation.ts';
import type { ObservedCluster, ObservedNode } from '../model/observed.ts';
import { reviewWriting } from './allocations.ts';
import type { ApiClient } from './client/http.ts';
import { readIdentity } from './identity.ts';
import { listServiceCidrs, readKubeadm } from './networks.ts';
import { listRunningPods, strayPods } from './nodes.ts';
import { listOtherLoadBalancers } from './other-load-balancers.ts';
import { listPodBlocks } from './pod-blocks.ts';
import { type MissingRights, reviewRight } from './rights.ts';

/** What of a cluster changes seldom, and is never watched. */
export type SlowFacts = Pick<
  ObservedCluster,
  'identity' | 'serviceCidrs' | 'kubeadm' | 'otherLoadBalancers' | 'podBlocks' | 'strange' | 'strayPods'
>;

/** Reads them, and asks which rights to write are there. Throws a Failure when the cluster cannot be read. */
export async function readSlowFacts(
  api: ApiClient,
  nodes: Promise<readonly ObservedNode[]>,
  allocations: Promise<AllocationRecord | null>,
  rights: MissingRights,
  signal?: AbortSignal,
): Promise<SlowFacts> {
  const pods = listRunningPods(api, rights, signal);
  const stray = Promise.all([pods, nodes]).then(([running, known]) =>
    strayPods(
      running,
      known.flatMap(({ podCidrs }) => podCidrs),
    ),
  );
  const [identity, straying, podBlocks, serviceCidrs, kubeadm, otherLoadBalancers] = await Promise.all([
    readIdentity(api, rights, signal),
    stray,
    listPodBlocks(api, nodes, stray, signal),
    listServiceCidrs(api, rights, signal),
    readKubeadm(api, rights, signal),
    listOtherLoadBalancers(api, pods, rights, signal),
    reviewRight(api, 'patch services/status', rights, signal),
    reviewRight(api, 'create events', rights, signal),
    allocations.then((record) => reviewWriting(api, record, rights, signal)),
  ]);
  const strange = [...serviceCidrs.strange, ...kubeadm.strange];
  return {
    identity,
    strayPods: straying,
    serviceCidrs: serviceCidrs.value,
    kubeadm: kubeadm.value,
    otherLoadBalancers,
    ...(podBlocks.length === 0 ? {} : { podBlocks }),
    ...(strange.length === 0 ? {} : { strange }),
  };
}
