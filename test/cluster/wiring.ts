import { fileURLToPath } from 'node:url';
import type { Host, Namespace } from '../kernel/netns.ts';
import { Daemon } from './daemon.ts';

export const PROFILE = 'minikube';
/** What every pod listens on, TCP and UDP. */
export const POD_PORT = 8080;
/** The host on the network of the nodes. */
export const HOST_ADDRESS = '192.168.39.1';
export const BRIDGE = 'virbr1';
/** The host on its LAN. */
export const LAN_ADDRESS = '192.168.1.10';
/** The host itself as a node, as k3s, microk8s and kubeadm make it one; what its context is called, too. */
export const LAPTOP = 'laptop';

/** The default route, to a router that forwards nothing; and the bridge that the nodes are on. */
export async function layLan(host: Host): Promise<void> {
  await host.addNeighbour('router', {
    hostDevice: 'lan0',
    hostAddress: `${LAN_ADDRESS}/24`,
    address: '192.168.1.1/24',
  });
  await host.must(['ip', 'route', 'add', 'default', 'via', '192.168.1.1', 'dev', 'lan0', 'metric', '100']);
  await host.must(['ip', 'link', 'add', BRIDGE, 'type', 'bridge']);
  await host.must(['ip', 'link', 'set', BRIDGE, 'addrgenmode', 'none']);
  await host.must(['ip', 'address', 'add', `${HOST_ADDRESS}/24`, 'dev', BRIDGE]);
  await host.must(['ip', 'link', 'set', BRIDGE, 'up']);
}

/** A node before there is one. */
export interface NodePlan {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
}

/** The node that comes after `index` others. */
export function planNode(index: number): NodePlan {
  return {
    name: index === 0 ? PROFILE : `${PROFILE}-m${String(index + 1).padStart(2, '0')}`,
    address: `192.168.39.${10 + index}`,
    podCidr: `10.244.${index}.0/24`,
  };
}

/** A node's namespace, which forwards. */
export async function layNode(host: Host, { name, address }: NodePlan): Promise<Namespace> {
  const namespace = await host.addNeighbour(name, {
    hostDevice: deviceOf(address),
    hostAddress: [],
    address: `${address}/24`,
    bridge: BRIDGE,
  });
  // An address that is not the first of its network may stay when the first one goes; another network card is announced.
  await set(namespace, ['ip_forward', 'conf/eth0/promote_secondaries', 'conf/eth0/arp_notify']);
  await namespace.must(['ip', 'route', 'add', 'default', 'via', HOST_ADDRESS]);
  return namespace;
}

/** Has the host forward, as the node that it is. */
export async function layHostNode(host: Host): Promise<Namespace> {
  await set(host, ['ip_forward']);
  return host;
}

async function set(namespace: Namespace, settings: readonly string[]): Promise<void> {
  for (const setting of settings) {
    await namespace.must(['sh', '-c', `echo 1 > /proc/sys/net/ipv4/${setting}`]);
  }
}

/** The host's end of the link to the node that had this address first. */
export function deviceOf(address: string): string {
  return `vm-${address.split('.')[3]}`;
}

/** A pod's namespace behind its node, point to point, as kindnet wires it. */
export async function startPod(
  node: NodePlan & { readonly namespace: Namespace },
  { name, address, device }: { name: string; address: string; device: string },
): Promise<void> {
  const gateway = node.podCidr.replace(/0\/24$/, '1');
  const pod = await node.namespace.addNeighbour(name, {
    hostDevice: device,
    hostAddress: `${gateway}/32`,
    address: `${address}/32`,
  });
  await node.namespace.must(['ip', 'route', 'add', address, 'dev', device]);
  await pod.must(['ip', 'route', 'add', gateway, 'dev', 'eth0']);
  await pod.must(['ip', 'route', 'add', 'default', 'via', gateway]);
  const script = fileURLToPath(new URL('pod.mjs', import.meta.url));
  const server = new Daemon(name, pod, [process.execPath, script, name, node.name, String(POD_PORT)]);
  await server.until('listens', () => server.said.includes('ready'));
}
