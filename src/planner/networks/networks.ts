import type { DesiredCidrs, DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic, SourcePosition } from '../../model/diagnostic.ts';
import type { ObservedNode, ObservedProfile } from '../../model/observed.ts';
import type { Approval } from '../../model/plan.ts';
import { contains, formatPrefix } from '../../model/prefix.ts';
import {
  type ClusterIp,
  clusterIpsOf,
  outsideOf,
  servicesOutside,
  servicesUnknown,
  servicesUntold,
} from './cluster-ips.ts';
import { type GatewayChoice, gatewayFor } from './gateway.ts';
import type { NodeAddresses } from './node-address.ts';
import {
  guessedServices,
  type Network,
  nodeSources,
  podSources,
  type Source,
  serviceSources,
} from './sources.ts';
import { strayPods } from './stray-pods.ts';

/** The widest prefix that a spec may route unasked. */
const WIDEST_UNASKED = 12;

export interface NetworkChoice {
  readonly networks: readonly Network[];
  readonly diagnostics: readonly Diagnostic[];
  readonly approvals: readonly Approval[];
  /** Something that may tell more of these networks could not be read: what stands of them stays meanwhile. */
  readonly isUnsure: boolean;
}

const NOTHING: NetworkChoice = { networks: [], diagnostics: [], approvals: [], isUnsure: false };

/** What the networks of a profile are chosen by. */
export interface Facts {
  readonly profile: DesiredProfile;
  readonly observed: ObservedProfile;
  readonly gateways: GatewayChoice;
  readonly addresses: NodeAddresses;
  /** Something that was found of the profile could not be understood. */
  readonly isUnsure: boolean;
}

function toNetworks(sources: readonly Source[], facts: Facts, at: SourcePosition): Network[] {
  const { profile, gateways, addresses } = facts;
  const conflictPolicy = profile.conflictPolicy.value;
  return sources.flatMap(({ name: source, networks, node }) =>
    networks.map((prefix) => {
      const gateway =
        node === null
          ? (gatewayFor(gateways, prefix.family)?.address ?? null)
          : addresses.of(node, prefix.family);
      return { prefix, gateway, node, source, conflictPolicy, at };
    }),
  );
}

/** Approvals for CIDRs that are wider than /12, or confirmed by no fact of this cluster. */
function cidrApprovals(
  profile: string,
  networks: readonly Network[],
  confirming: readonly Source[],
): Approval[] {
  const known = confirming.flatMap((source) => source.networks);
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

/** The networks that the spec lists: what is exactly a Node's part goes to that Node. */
function listed(cidrs: Exclude<DesiredCidrs, 'auto' | 'none'>, facts: Facts): NetworkChoice {
  const { profile, observed, gateways, addresses } = facts;
  const parts = nodeSources(observed);
  const nodeOf = new Map(
    parts.flatMap(({ networks, node }) => networks.map((one) => [formatPrefix(one), node])),
  );
  const networks = cidrs.map(({ prefix, conflictPolicy, at }): Network => {
    const node = nodeOf.get(formatPrefix(prefix)) ?? null;
    const own = node === null ? null : addresses.of(node, prefix.family);
    const gateway = own ?? gatewayFor(gateways, prefix.family)?.address ?? null;
    return { prefix, gateway, node: null, source: 'tunnel.yaml', conflictPolicy, at };
  });
  const confirming = [...serviceSources(observed), ...podSources(observed), ...parts];
  return { ...NOTHING, networks, approvals: cidrApprovals(profile.name, networks, confirming) };
}

/** What is written in a source and is not a CIDR: the next source is asked, and nothing that stands is taken away for it. */
function unreadable(sources: readonly Source[], kind: 'services' | 'pods', { profile }: Facts): Diagnostic[] {
  return sources.flatMap(({ name, strange, mend }) =>
    strange.map((text) => ({
      code: 'fact-unreadable',
      severity: 'warning' as const,
      summary: `profile ${profile.name}: ${name} has ${JSON.stringify(text)}, which is not a CIDR`,
      cause: 'That value tells nothing, so other sources are asked, and routes that stand stay.',
      fix: `${mend}, or list the network under cidrs.${kind}.`,
      at: profile[kind].at,
    })),
  );
}

/**
 * The source that is taken for the service network: ServiceCIDR objects, by which the API server hands out addresses; or the first
 * record that no ClusterIP speaks against; or else the first.
 */
function chosenSource(sources: readonly Source[], clusterIps: readonly ClusterIp[]): Source | undefined {
  const telling = sources.filter(({ networks }) => networks.length > 0);
  if (telling[0]?.isInForce === true) return telling[0];
  return telling.find(({ networks }) => outsideOf(networks, clusterIps).length === 0) ?? telling[0];
}

/**
 * The service networks of a profile. `auto` takes ServiceCIDR objects, then what kubeadm recorded, then the profile's config, then
 * minikube's or k3s' default, which is a guess and so needs approval; no other cluster's is guessed. ClusterIPs outside a network are evidence against it.
 */
export function chooseServices(facts: Facts): NetworkChoice {
  const { profile, observed } = facts;
  const { value: desired, at } = profile.services;
  if (desired === 'none') return NOTHING;
  if (desired !== 'auto') return listed(desired, facts);
  const sources = serviceSources(observed);
  const strange = unreadable(sources, 'services', facts);
  const clusterIps = clusterIpsOf(observed);
  const told = chosenSource(sources, clusterIps);
  const source = told ?? guessedServices(observed);
  const isUnsure = facts.isUnsure || strange.length > 0;
  if (source === null) {
    return { ...NOTHING, isUnsure: true, diagnostics: [...strange, servicesUntold(profile, clusterIps)] };
  }
  const [outside] = outsideOf(source.networks, clusterIps);
  if (told === undefined && outside !== undefined) {
    return { ...NOTHING, isUnsure, diagnostics: [...strange, servicesUnknown(profile, source, outside)] };
  }
  const networks = toNetworks([source], facts, at);
  return {
    networks,
    diagnostics: [...strange, ...servicesOutside(profile, source, clusterIps)],
    approvals: cidrApprovals(profile.name, networks, told === undefined ? [] : [told]),
    isUnsure,
  };
}

/** Nodes whose pods have no route, since there is no address to lead one to: one warning a node. */
function unaddressedNodes(networks: readonly Network[], { profile, addresses }: Facts): Diagnostic[] {
  const byNode = new Map<ObservedNode, Network[]>();
  for (const network of networks) {
    const { node, gateway } = network;
    if (node === null || gateway !== null) continue;
    byNode.set(node, [...(byNode.get(node) ?? []), network]);
  }
  return [...byNode].flatMap(([node, lost]) => {
    const [first] = lost;
    if (first === undefined) return [];
    const what = `its pods (${lost.map((network) => formatPrefix(network.prefix)).join(', ')})`;
    return [addresses.missing({ node, family: first.prefix.family, what }, profile, profile.pods.at)];
  });
}

function podsUnknown({ profile }: Facts, subnets: readonly Source[]): Diagnostic {
  const known = subnets.flatMap(({ networks }) => networks.map(formatPrefix));
  const [first] = subnets;
  return {
    code: 'pods-unknown',
    severity: 'warning',
    summary: `profile ${profile.name}: the pod network could not be determined, so pods are left out`,
    ...(first === undefined || known.length === 0
      ? {
          cause: 'neither kubeadm nor any Node names one',
          fix: 'list it under cidrs.pods, or write `pods: none`',
        }
      : {
          cause: `${first.name} has ${known.join(', ')}, but no Node says which part of that is its own`,
          fix: `write \`pods: [${known.join(', ')}]\` under cidrs: the gateway passes it on to the other Nodes; or \`pods: none\``,
        }),
    at: profile.pods.at,
  };
}

/** Where pods are told to be. On one node everything is behind the gateway; on several, each has its part. */
function podsOf({ observed }: Facts): {
  readonly asked: readonly Source[];
  readonly chosen: readonly Source[];
} {
  const subnets = podSources(observed);
  const parts = nodeSources(observed);
  if (observed.cluster?.nodes.length !== 1) return { asked: parts, chosen: parts };
  const asked = [...subnets, ...parts.map((part) => ({ ...part, node: null }))];
  const found = asked.find(({ networks }) => networks.length > 0);
  return { asked, chosen: found === undefined ? [] : [found] };
}

/**
 * The pod networks of a profile. `auto` on one node: the cluster's pod subnet through the gateway; on several: each
 * Node's podCIDRs through that Node's address (kindnet, flannel). What cannot be told is left out, and said.
 */
export function choosePods(facts: Facts): NetworkChoice {
  const { profile, observed, gateways } = facts;
  const { value: desired, at } = profile.pods;
  if (desired === 'none') return NOTHING;
  const subnets = podSources(observed);
  if (desired !== 'auto') {
    const choice = listed(desired, facts);
    return { ...choice, diagnostics: strayPods(profile, observed, choice.networks, subnets) };
  }
  const { asked, chosen } = podsOf(facts);
  const networks = toNetworks(chosen, facts, at);
  const strange = unreadable(asked, 'pods', facts);
  const isRouted = gateways.ipv4 !== null || gateways.ipv6 !== null;
  return {
    networks: networks.filter(({ node, gateway }) => node === null || gateway !== null),
    diagnostics: [
      ...strange,
      ...strayPods(profile, observed, networks, subnets),
      ...(networks.length === 0 ? [podsUnknown(facts, subnets)] : []),
      // Without any gateway nothing is routed at all, and that is told elsewhere.
      ...(isRouted ? unaddressedNodes(networks, facts) : []),
    ],
    approvals: cidrApprovals(profile.name, networks, chosen),
    isUnsure: facts.isUnsure || strange.length > 0,
  };
}
