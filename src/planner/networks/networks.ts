import type { ConflictPolicy, DesiredCidrs, DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic, SourcePosition } from '../../model/diagnostic.ts';
import type { ObservedNode, ObservedProfile } from '../../model/observed.ts';
import type { Approval } from '../../model/plan.ts';
import { contains, formatPrefix, type Prefix, parseAddress, parsePrefix } from '../../model/prefix.ts';
import { type GatewayChoice, gatewayFor } from './gateway.ts';
import { nodeAddress, withoutAddress } from './node-address.ts';

/** kubeadm's and minikube's service network when nobody says otherwise. */
const DEFAULT_SERVICE_CIDR = '10.96.0.0/12';

/** The widest prefix that a spec may route unasked. */
const WIDEST_UNASKED = 12;

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

export interface NetworkChoice {
  readonly networks: readonly Network[];
  readonly diagnostics: readonly Diagnostic[];
  readonly approvals: readonly Approval[];
}

interface Found {
  readonly cidr: string;
  readonly source: string;
  /** Where packets for it go: a node's own address by family, else the profile's gateway. */
  readonly node?: ObservedNode;
}

/** Comma-separated CIDRs, as kubeadm writes both families. */
function split(cidrs: string): string[] {
  return cidrs
    .split(',')
    .map((cidr) => cidr.trim())
    .filter((cidr) => cidr !== '');
}

function serviceFacts(observed: ObservedProfile): Found[] {
  const { cluster, config } = observed;
  const objects = (cluster?.serviceCidrs ?? []).map((cidr) => ({ cidr, source: 'ServiceCIDR object' }));
  if (objects.length > 0) return objects;
  if (cluster?.kubeadm?.serviceSubnet) {
    return split(cluster.kubeadm.serviceSubnet).map((cidr) => ({
      cidr,
      source: "kubeadm's ClusterConfiguration",
    }));
  }
  if (config?.serviceCidr) {
    return split(config.serviceCidr).map((cidr) => ({
      cidr,
      source: `config.json of profile ${observed.name}`,
    }));
  }
  return [];
}

function podFacts(observed: ObservedProfile): Found[] {
  const nodes = [...(observed.cluster?.nodes ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
  const [only, ...others] = nodes;
  const subnet = observed.cluster?.kubeadm?.podSubnet;
  if (only !== undefined && others.length === 0 && subnet) {
    return split(subnet).map((cidr) => ({ cidr, source: "kubeadm's ClusterConfiguration" }));
  }
  return nodes.flatMap((node) =>
    node.podCidrs.map((cidr) => ({ cidr, source: `podCIDRs of Node ${node.name}`, node })),
  );
}

function toNetworks(
  found: readonly Found[],
  profile: DesiredProfile,
  gateways: GatewayChoice,
  at: SourcePosition,
): Network[] {
  return found.flatMap((fact) => {
    const prefix = parsePrefix(fact.cidr);
    if (prefix === null) return [];
    const gateway =
      fact.node === undefined
        ? (gatewayFor(gateways, prefix.family)?.address ?? null)
        : nodeAddress(fact.node, prefix.family);
    const { node = null, source } = fact;
    return [{ prefix, gateway, node, source, conflictPolicy: profile.conflictPolicy.value, at }];
  });
}

/** Approvals for CIDRs that the spec lists: wider than /12, or confirmed by no fact of this cluster. */
function cidrApprovals(profile: string, networks: readonly Network[], facts: readonly Found[]): Approval[] {
  const known = facts.flatMap((fact) => parsePrefix(fact.cidr) ?? []);
  return networks.flatMap((network): Approval[] => {
    const subject = formatPrefix(network.prefix);
    if (network.prefix.length < WIDEST_UNASKED) {
      return [{ kind: 'wide', profile, subject, why: `wider than /${WIDEST_UNASKED}` }];
    }
    if (known.some((fact) => contains(fact, network.prefix))) return [];
    return [
      {
        kind: 'unconfirmed',
        profile,
        subject,
        why: 'no fact of this cluster confirms that this network is its own',
      },
    ];
  });
}

function listed(
  cidrs: Exclude<DesiredCidrs, 'auto' | 'none'>,
  profile: DesiredProfile,
  observed: ObservedProfile,
  gateways: GatewayChoice,
): NetworkChoice {
  const facts = [...serviceFacts(observed), ...podFacts(observed)];
  const nodeOf = new Map(
    podFacts(observed).flatMap((fact) => (fact.node ? [[fact.cidr, fact.node] as const] : [])),
  );
  const networks = cidrs.map((cidr): Network => {
    const node = nodeOf.get(formatPrefix(cidr.prefix));
    const own = node === undefined ? null : nodeAddress(node, cidr.prefix.family);
    return {
      prefix: cidr.prefix,
      gateway: own ?? gatewayFor(gateways, cidr.prefix.family)?.address ?? null,
      node: null,
      source: 'tunnel.yaml',
      conflictPolicy: cidr.conflictPolicy,
      at: cidr.at,
    };
  });
  return { networks, diagnostics: [], approvals: cidrApprovals(profile.name, networks, facts) };
}

/**
 * The service networks of a profile. `auto` takes ServiceCIDR objects, then kubeadm's ClusterConfiguration, then the
 * profile's config, then 10.96.0.0/12, which is a guess and so needs approval.
 */
export function chooseServices(
  profile: DesiredProfile,
  observed: ObservedProfile,
  gateways: GatewayChoice,
): NetworkChoice {
  const { value: desired, at } = profile.services;
  if (desired === 'none') return { networks: [], diagnostics: [], approvals: [] };
  if (desired !== 'auto') return listed(desired, profile, observed, gateways);
  const facts = serviceFacts(observed);
  const found = facts.length > 0 ? facts : [{ cidr: DEFAULT_SERVICE_CIDR, source: "minikube's default" }];
  const networks = toNetworks(found, profile, gateways, at);
  return { networks, diagnostics: [], approvals: cidrApprovals(profile.name, networks, facts) };
}

function strayPods(
  profile: DesiredProfile,
  observed: ObservedProfile,
  networks: readonly Network[],
): Diagnostic[] {
  const stray = (observed.cluster?.strayPods ?? []).filter((pod) => {
    const address = parseAddress(pod.address);
    return address !== null && !networks.some((network) => contains(network.prefix, address));
  });
  const [first] = stray;
  if (first === undefined) return [];
  return [
    {
      code: 'pods-outside',
      severity: 'warning',
      summary: `profile ${profile.name}: ${stray.length} pods run outside the pod network, such as ${first.address} on ${first.node}`,
      cause:
        "their container runtime's own bridge gave them addresses (docker0's 172.17.0.0/16 is such a one)",
      fix: 'they are not routed; list their network under cidrs.pods if nothing else on this host uses it',
      at: profile.pods.at,
    },
  ];
}

/** Nodes whose pods have no route, since there is no address to lead one to: one warning a node. */
function unaddressedNodes(profile: DesiredProfile, networks: readonly Network[]): Diagnostic[] {
  const byNode = new Map<string, Network[]>();
  for (const network of networks) {
    const { node, gateway } = network;
    if (node !== null && gateway === null) byNode.set(node.name, [...(byNode.get(node.name) ?? []), network]);
  }
  return [...byNode.values()].flatMap((lost) => {
    const [{ node, prefix } = { node: null, prefix: null }] = lost;
    if (node === null) return [];
    const what = `its pods (${lost.map((network) => formatPrefix(network.prefix)).join(', ')})`;
    return [withoutAddress({ node, family: prefix.family, what }, profile, profile.pods.at)];
  });
}

/**
 * The pod networks of a profile. `auto` on one node: the cluster's pod subnet through the gateway; on several: each
 * Node's podCIDRs through that Node's InternalIP (kindnet, flannel). What cannot be told is left out, and said.
 */
export function choosePods(
  profile: DesiredProfile,
  observed: ObservedProfile,
  gateways: GatewayChoice,
): NetworkChoice {
  const { value: desired, at } = profile.pods;
  if (desired === 'none') return { networks: [], diagnostics: [], approvals: [] };
  if (desired !== 'auto') {
    const choice = listed(desired, profile, observed, gateways);
    return { ...choice, diagnostics: strayPods(profile, observed, choice.networks) };
  }
  const networks = toNetworks(podFacts(observed), profile, gateways, at);
  const diagnostics = strayPods(profile, observed, networks);
  if (networks.length === 0) {
    diagnostics.push({
      code: 'pods-unknown',
      severity: 'warning',
      summary: `profile ${profile.name}: the pod network could not be determined, so pods are left out`,
      cause: 'neither kubeadm nor any Node names one',
      fix: 'list it under cidrs.pods, or write `pods: none`',
      at,
    });
  }
  // Without any gateway nothing is routed at all, and that is told elsewhere.
  if (gateways.ipv4 !== null || gateways.ipv6 !== null)
    diagnostics.push(...unaddressedNodes(profile, networks));
  return {
    networks: networks.filter(({ node, gateway }) => node === null || gateway !== null),
    diagnostics,
    approvals: cidrApprovals(profile.name, networks, podFacts(observed)),
  };
}
