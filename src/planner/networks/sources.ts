import type { ConflictPolicy } from '../../model/desired.ts';
import type { SourcePosition } from '../../model/diagnostic.ts';
import type { ObservedNode, ObservedProfile } from '../../model/observed.ts';
import { formatPrefix, type Prefix, parseNetwork } from '../../model/prefix.ts';
import { isMinikube } from '../addresses/unclassed.ts';

/** A network of a profile and the way to it. */
export interface Network {
  readonly prefix: Prefix;
  /** Canonical text; null where the node, or else the profile, has no address of the family. */
  readonly gateway: string | null;
  /** The node that it is on; null where it is reached through the profile's gateway. */
  readonly node: ObservedNode | null;
  readonly source: string;
  readonly conflictPolicy: ConflictPolicy;
  readonly at: SourcePosition;
}

/** A place that tells networks of a cluster. */
export interface Source {
  /** For people: `kubeadm's ClusterConfiguration`; it has what was written there, where that is not canonical. */
  readonly name: string;
  readonly networks: readonly Prefix[];
  /** Whether it is what the cluster goes by, and not a record that may be of another time. */
  readonly isInForce: boolean;
  /** What is written there and is not a CIDR. */
  readonly strange: readonly string[];
  /** What helps where something there is not a CIDR. */
  readonly mend: string;
  /** The Node whose pods the networks are of; null where they are the whole cluster's. */
  readonly node: ObservedNode | null;
}

interface Place {
  readonly name: string;
  /** What is written there. */
  readonly texts: readonly string[];
  readonly mend: string;
  readonly isInForce?: boolean;
  readonly node?: ObservedNode | null;
}

/** Comma-separated CIDRs, as kubeadm writes both families. */
function split(cidrs: string | null | undefined): string[] {
  return (cidrs ?? '')
    .split(',')
    .map((cidr) => cidr.trim())
    .filter((cidr) => cidr !== '');
}

/** What a place tells; nothing where nothing is written there. */
function readPlace({ name, texts, mend, isInForce = false, node = null }: Place): Source[] {
  if (texts.length === 0) return [];
  const read = texts.map((text) => ({ text, network: parseNetwork(text) }));
  const rewritten = read.filter(({ text, network }) => network !== null && formatPrefix(network) !== text);
  return [
    {
      name:
        rewritten.length === 0 ? name : `${name} (written ${rewritten.map(({ text }) => text).join(', ')})`,
      networks: read.flatMap(({ network }) => network ?? []),
      strange: read.flatMap(({ text, network }) => (network === null ? [text] : [])),
      isInForce,
      mend,
      node,
    },
  ];
}

const KUBEADM = "kubeadm's ClusterConfiguration";
const MEND_KUBEADM = 'Correct it in ConfigMap kube-system/kubeadm-config';

/** Where a cluster's service network is told, the most trustworthy first. */
export function serviceSources({ name, cluster, config }: ObservedProfile): Source[] {
  const file = `config.json of profile ${name}`;
  const places: Place[] = [
    {
      name: 'ServiceCIDR object',
      texts: cluster?.serviceCidrs ?? [],
      mend: 'Replace that ServiceCIDR object',
      isInForce: true,
    },
    {
      name: `${KUBEADM}, apiServer.extraArgs`,
      texts: split(cluster?.kubeadm?.apiServerRange),
      mend: MEND_KUBEADM,
    },
    { name: KUBEADM, texts: split(cluster?.kubeadm?.serviceSubnet), mend: MEND_KUBEADM },
    ...(cluster?.nodes ?? []).map((node) => ({
      name: `arguments of the server on Node ${node.name}`,
      texts: split(node.serviceRange),
      mend: `Correct --service-cidr where the server on ${node.name} is started`,
    })),
    {
      name: `apiserver.service-cluster-ip-range in ${file}`,
      texts: split(config?.apiServerRange),
      mend: `Correct the option in KubernetesConfig.ExtraOptions of ${file}`,
    },
    {
      name: file,
      texts: split(config?.serviceCidr),
      mend: `Correct KubernetesConfig.ServiceCIDR in ${file}`,
    },
  ];
  return places.flatMap(readPlace);
}

/** Where the pod network of a whole cluster is told, the most trustworthy first. */
export function podSources({ name, cluster, config }: ObservedProfile): Source[] {
  const file = `config.json of profile ${name}`;
  const places: Place[] = [
    { name: KUBEADM, texts: split(cluster?.kubeadm?.podSubnet), mend: MEND_KUBEADM },
    {
      name: `kubeadm.pod-network-cidr in ${file}`,
      texts: split(config?.podSubnet),
      mend: `Correct the option in KubernetesConfig.ExtraOptions of ${file}`,
    },
  ];
  return places.flatMap(readPlace);
}

/**
 * The part of the pod network that each Node has, by its name: what the network plugin gave it, or else its podCIDRs, which such a
 * plugin does not go by.
 */
export function nodeSources({ cluster }: ObservedProfile): Source[] {
  const nodes = [...(cluster?.nodes ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
  const blocks = cluster?.podBlocks ?? [];
  return nodes.flatMap((node) => {
    const own = blocks.filter((block) => block.node === node.name);
    const [first] = own;
    if (first !== undefined) {
      const name = `${first.plugin}'s part for Node ${node.name}`;
      return readPlace({ name, texts: own.map(({ cidr }) => cidr), mend: '', node });
    }
    const mend = 'Give the Node anew to the cluster: its podCIDRs cannot be changed';
    return readPlace({ name: `podCIDRs of Node ${node.name}`, texts: node.podCidrs, mend, node });
  });
}

/**
 * A service network that is taken where nothing tells one: minikube's, or that of the distribution, by the version it gives itself.
 * Null for any other cluster: every installer has a default of its own.
 */
export function guessedServices(observed: ObservedProfile): Source | null {
  const isRancher = /\+(?:k3s|rke2)/.test(observed.cluster?.version ?? '');
  if (!isRancher && !isMinikube(observed)) return null;
  const [name, text] = isRancher ? ["k3s' default", '10.43.0.0/16'] : ["minikube's default", '10.96.0.0/12'];
  const networks = [parseNetwork(text)].filter((network) => network !== null);
  return { name, networks, isInForce: false, strange: [], mend: '', node: null };
}
