import {
  addressOf,
  type Family,
  formatAddress,
  formatPrefix,
  overlaps,
  type Prefix,
  parsePrefix,
  samePrefix,
  truncate,
} from '../model/prefix.ts';
import type { Manifests } from './manifests/manifests.ts';
import type { ManifestNode } from './manifests/nodes.ts';

/** The network of a sandbox: a host with a LAN of its own, and nodes on a bridge, as on a laptop with minikube. */
export interface Topology {
  /** The host's addresses on the bridge, each `address/length`. */
  readonly hostAddresses: readonly string[];
  readonly nodes: readonly TopologyNode[];
  readonly lan: Lan;
}

export interface TopologyNode {
  readonly name: string;
  /** The host's end of the cable to this node. */
  readonly device: string;
  /** Each `address/length`; the first is where the node is known by. */
  readonly addresses: readonly string[];
  /** The host's addresses on the node's networks: the next hop of its default routes, one a family. */
  readonly gateways: readonly string[];
  readonly podCidrs: readonly string[];
  readonly controlPlane: boolean;
}

/** Where the host's own default route leads: foreign to mkplan, and nothing answers there. */
export interface Lan {
  /** `address/length`. */
  readonly address: string;
  readonly gateway: string;
}

const BRIDGE = 'mk0';
const LAN_DEVICE = 'lan0';
const LAN_PEER = 'lan0-router';

/** Length of the networks that nodes are put on: what minikube's drivers use, and a LAN of IPv6. */
const NETWORK_LENGTH: Readonly<Record<Family, number>> = { 4: 24, 6: 64 };

/** LANs as home routers hand them out; the first that the cluster does not use is taken. */
const LANS = ['192.168.1.0/24', '192.168.178.0/24', '10.0.0.0/24', '172.20.0.0/24'];

/** The nth address of a network, as text. */
function nth(network: Prefix, offset: bigint): string {
  const address = addressOf(network.family, BigInt(network.start) + offset);
  return address === null ? '' : formatAddress(address);
}

function networkOf(address: Prefix): Prefix {
  return truncate(address, NETWORK_LENGTH[address.family]);
}

/** The host's own address on a network: the first that no node has. */
function hostAddressOn(network: Prefix, nodes: readonly ManifestNode[]): string {
  const taken = new Set(nodes.flatMap((node) => node.internalIps.map(formatAddress)));
  for (let offset = 1n; ; offset++) {
    const address = nth(network, offset);
    if (!taken.has(address)) return address;
  }
}

function chooseLan(used: readonly Prefix[]): Lan {
  const candidates = LANS.map(parsePrefix).filter((prefix) => prefix !== null);
  const free = candidates.find((lan) => !used.some((prefix) => overlaps(lan, prefix))) ?? candidates[0];
  if (free === undefined) throw new RangeError('no LAN to choose from');
  return { address: `${nth(free, 10n)}/${free.length}`, gateway: nth(free, 1n) };
}

function withLength(address: Prefix): string {
  return `${formatAddress(address)}/${NETWORK_LENGTH[address.family]}`;
}

/** Lays out the network of the given Nodes. */
export function layOut(manifests: Manifests): Topology {
  const { nodes } = manifests;
  const networks: Prefix[] = [];
  for (const network of nodes.flatMap((node) => node.internalIps.map(networkOf))) {
    if (!networks.some((known) => samePrefix(known, network))) networks.push(network);
  }
  const host = new Map(networks.map((network) => [formatPrefix(network), hostAddressOn(network, nodes)]));
  const hostOn = (address: Prefix): string => host.get(formatPrefix(networkOf(address))) ?? '';
  const serviceCidrs = manifests.serviceCidrs.map(parsePrefix).filter((prefix) => prefix !== null);
  const used = [...networks, ...serviceCidrs, ...nodes.flatMap((node) => node.podCidrs)];
  return {
    hostAddresses: networks.map((network) => `${host.get(formatPrefix(network)) ?? ''}/${network.length}`),
    nodes: nodes.map((node, index) => ({
      name: node.name,
      device: `${BRIDGE}-n${index}`,
      addresses: node.internalIps.map(withLength),
      gateways: ([4, 6] as const)
        .map((family) => node.internalIps.find((address) => address.family === family))
        .filter((address) => address !== undefined)
        .map(hostOn),
      podCidrs: node.podCidrs.map(formatPrefix),
      controlPlane: node.controlPlane,
    })),
    lan: chooseLan(used),
  };
}

/** The default destination of an address's family, since a batch line cannot say -6. */
function defaultOf(address: string): string {
  return address.includes(':') ? '::/0' : '0.0.0.0/0';
}

/** Without duplicate address detection an IPv6 address can be used at once; there is nobody else on the network. */
function addressCommand(address: string, device: string): string {
  return `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`;
}

/** Lines for `ip -batch` that make the host's side: bridge, LAN and the foreign default route. */
export function hostCommands(topology: Topology): string[] {
  const { lan } = topology;
  return [
    'link set lo up',
    `link add ${BRIDGE} type bridge`,
    `link set ${BRIDGE} addrgenmode none`,
    ...topology.hostAddresses.map((address) => addressCommand(address, BRIDGE)),
    `link set ${BRIDGE} up`,
    // The far end stays here, up and without an address, so that the LAN has a carrier as a plugged cable has.
    `link add ${LAN_DEVICE} type veth peer name ${LAN_PEER}`,
    `link set ${LAN_DEVICE} addrgenmode none`,
    `link set ${LAN_PEER} addrgenmode none`,
    `link set ${LAN_PEER} up`,
    addressCommand(lan.address, LAN_DEVICE),
    `link set ${LAN_DEVICE} up`,
    `route add default via ${lan.gateway} dev ${LAN_DEVICE} proto dhcp metric 100`,
  ];
}

/** Lines for `ip -batch` that run a cable from the bridge to a node's namespace, named by the pid of its process. */
export function cableCommands(node: TopologyNode, pid: number): string[] {
  return [
    `link add ${node.device} type veth peer name eth0 netns ${pid}`,
    `link set ${node.device} addrgenmode none`,
    `link set ${node.device} master ${BRIDGE}`,
    `link set ${node.device} up`,
  ];
}

/** Lines for `ip -batch` that a node runs in its own namespace, once it has its cable. */
export function nodeCommands(node: TopologyNode): string[] {
  return [
    'link set lo up',
    'link set eth0 addrgenmode none',
    ...node.addresses.map((address) => addressCommand(address, 'eth0')),
    'link set eth0 up',
    ...node.gateways.map((gateway) => `route add ${defaultOf(gateway)} via ${gateway} dev eth0`),
  ];
}
