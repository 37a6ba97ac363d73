import type { ObservedCluster, ObservedNode } from '../model/observed.ts';
import type { ApiClient } from './client/http.ts';
import { canonicalCidr, compareText, isShaped, type Shape, type Wire } from './client/wire.ts';

type PodBlock = NonNullable<ObservedCluster['podBlocks']>[number];

/** Where the group is not served, and where we may not look: the pods outside are then named, at least. */
const otherwise = (): void => undefined;

/** Calico gives each node blocks of its pools as they are needed (IPAM's BlockAffinity). */
interface BlockAffinity {
  readonly spec?: {
    readonly cidr?: string;
    readonly node?: string;
    readonly state?: string;
    readonly deleted?: string;
  };
}

/** Cilium's operator gives each node its part of the pool (ipam: cluster-pool). */
interface CiliumNode {
  readonly metadata?: { readonly name?: string };
  readonly spec?: { readonly ipam?: { readonly podCIDRs?: readonly string[] } };
}

const AFFINITY: Shape = { spec: { cidr: 'text', node: 'text', state: 'text', deleted: 'text' } };
const CILIUM_NODE: Shape = { metadata: { name: 'text' }, spec: { ipam: { podCIDRs: ['text'] } } };

/** A block that is being given up holds pods until it is. Nothing of one of another shape: what is known without it still holds. */
function blockOf(affinity: Wire<BlockAffinity>): PodBlock[] {
  if (!isShaped(affinity, AFFINITY)) return [];
  const { cidr: text = '', node = '', state } = affinity.spec ?? {};
  const cidr = canonicalCidr(text);
  return cidr === null || node === '' || state === 'pending' ? [] : [{ cidr, node, plugin: 'Calico' }];
}

function partsOf(ciliumNode: Wire<CiliumNode>): PodBlock[] {
  if (!isShaped(ciliumNode, CILIUM_NODE)) return [];
  const { metadata, spec } = ciliumNode;
  const node = metadata?.name ?? '';
  return (spec?.ipam?.podCIDRs ?? []).flatMap((text) => {
    const cidr = canonicalCidr(text);
    return cidr === null || node === '' ? [] : [{ cidr, node, plugin: 'Cilium' }];
  });
}

/**
 * Whether the Nodes' podCIDRs do not tell where pods are: some are elsewhere, or no Node has any. One Node's pods are all behind the
 * gateway.
 */
function isElsewhere(nodes: readonly ObservedNode[], strayPods: ObservedCluster['strayPods']): boolean {
  return nodes.length > 1 && (strayPods.length > 0 || nodes.every(({ podCidrs }) => podCidrs.length === 0));
}

/** The parts of the pod network that Calico or Cilium gave the Nodes, by Node; asked only where the Nodes' podCIDRs do not tell. */
export async function listPodBlocks(
  api: ApiClient,
  nodes: Promise<readonly ObservedNode[]>,
  strayPods: Promise<ObservedCluster['strayPods']>,
  signal?: AbortSignal,
): Promise<PodBlock[]> {
  if (!isElsewhere(await nodes, await strayPods)) return [];
  const quiet = { onNotFound: otherwise, onForbidden: otherwise, signal };
  const [affinities, parts] = await Promise.all([
    api.collect(
      {
        resource: 'blockaffinities.crd.projectcalico.org',
        path: '/apis/crd.projectcalico.org/v1/blockaffinities',
        type: { apiVersion: 'crd.projectcalico.org/v1', kind: 'BlockAffinity', namespace: null },
        ...quiet,
      },
      blockOf,
    ),
    api.collect(
      {
        resource: 'ciliumnodes.cilium.io',
        path: '/apis/cilium.io/v2/ciliumnodes',
        type: { apiVersion: 'cilium.io/v2', kind: 'CiliumNode', namespace: null },
        ...quiet,
      },
      partsOf,
    ),
  ]);
  return [...(affinities?.values ?? []), ...(parts?.values ?? [])]
    .flat()
    .sort((a, b) => compareText(a.node, b.node) || compareText(a.cidr, b.cidr));
}
