import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type JsonObject, textAt } from '../../src/embedded-api/objects/json.ts';
import type { CommandResult } from '../../src/platform/command.ts';
import { pathsOf, writeSandboxFiles } from '../../src/sandbox/files.ts';
import type { Access, TestClient } from '../embedded-api/client.ts';
import { createHost, type Host, type Namespace } from '../kernel/netns.ts';
import { API_PORT, ControlPlane } from './control-plane.ts';
import { Daemon, waitUntil } from './daemon.ts';
import { type ProxyMode, startKubeProxy } from './kube-proxy.ts';
import { nodeAddresses, nodeObject, podObject } from './objects.ts';
import { plainKubeconfig } from './plain-kubeconfig.ts';
import { mkplanArgv } from './user.ts';
import { HOST_ADDRESS, LAPTOP, layHostNode, layLan, layNode, PROFILE, planNode, startPod } from './wiring.ts';

const SERVICE_CIDR = '10.96.0.0/12';
const POD_CIDR = '10.244.0.0/16';
/** An address that the control-plane node may get instead of its first one. */
export const OTHER_ADDRESS = '192.168.39.77';
const NODES = '/api/v1/nodes';
/** Nothing listens there, which a node says of itself. */
const CLOSED_PORT = 9;

/** What a pod said, or the error that came instead (`ETIMEDOUT` after the time that was given). */
export type Heard =
  | { readonly pod: string; readonly node: string; readonly client: string; readonly error?: undefined }
  | { readonly error: string };

/** Whom to ask: transport, address and port. */
export type Question = readonly ['tcp' | 'udp', string, number];

export interface BedNode {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
  readonly namespace: Namespace;
  readonly proxy: Daemon;
}

/** Where a kubeconfig leads, and as whom; what is left out is as after the first `minikube start`. */
export interface Lead {
  readonly port?: number;
  readonly access?: Access;
}

export interface BedPod {
  readonly name: string;
  readonly node: string;
  readonly address: string;
}

export interface BedOptions {
  readonly nodes: 1 | 2;
  readonly mode: ProxyMode;
  /** The first node is the host itself, with this address of its own; and no minikube knows of the cluster. */
  readonly onHost?: string;
}

interface BedParts {
  readonly host: Host;
  readonly controlPlane: ControlPlane;
  readonly directory: string;
  readonly mode: ProxyMode;
  /** Boot id of the host that is the first node; empty where that is a VM. */
  readonly bootId: string;
}

/**
 * A laptop with a minikube cluster: a host with a LAN and a bridge, nodes behind the bridge that run the real
 * kube-proxy on their own kernel tables, the first of them etcd and kube-apiserver too, and pods behind the nodes.
 */
export class Bed {
  readonly host: Host;
  readonly directory: string;
  readonly spec: string;
  readonly #mode: ProxyMode;
  readonly #bootId: string;
  #controlPlane: ControlPlane;
  #nodes: readonly BedNode[] = [];
  #left: BedNode | null = null;
  #pods = 0;
  #clusters = 1;

  private constructor({ host, controlPlane, directory, mode, bootId }: BedParts) {
    this.host = host;
    this.directory = directory;
    this.spec = join(directory, 'tunnel.yaml');
    this.#controlPlane = controlPlane;
    this.#mode = mode;
    this.#bootId = bootId;
  }

  /** Leaves nothing behind when it fails. */
  static async create(options: BedOptions): Promise<Bed> {
    const host = await createHost();
    const directory = await mkdtemp(join(tmpdir(), 'mkplan-bed-'));
    try {
      return await Bed.#lay(host, directory, options);
    } catch (error) {
      await host.close();
      await rm(directory, { recursive: true });
      throw error;
    }
  }

  static async #lay(host: Host, directory: string, { nodes: count, mode, onHost }: BedOptions): Promise<Bed> {
    await layLan(host);
    const isHost = onHost !== undefined;
    const first = isHost ? { ...planNode(0), name: LAPTOP, address: onHost } : planNode(0);
    const namespace = isHost ? await layHostNode(host) : await layNode(host, first);
    const bootId = isHost ? (await host.must(['cat', '/proc/sys/kernel/random/boot_id'])).trim() : '';
    const controlPlane = await startControlPlane(namespace, first.address, directory);
    const bed = new Bed({ host, controlPlane, directory, mode, bootId });
    await bed.#register({ ...first, namespace });
    while (bed.nodes.length < count) await bed.addNode();
    await bed.writeUserFiles();
    return bed;
  }

  /** The first is the control plane's. */
  get nodes(): readonly BedNode[] {
    return this.#nodes;
  }

  get controlPlane(): ControlPlane {
    return this.#controlPlane;
  }

  /** A node of the cluster; throws where there is none. */
  node(index: number): BedNode {
    const node = this.#nodes[index];
    if (node === undefined) throw new RangeError(`no node ${index}`);
    return node;
  }

  /** Another node joins. minikube's files are as they were. */
  async addNode(): Promise<void> {
    const plan = planNode(this.#nodes.length);
    const namespace = await layNode(this.host, plan);
    await this.#register({ ...plan, namespace });
  }

  /** The machine of the node that left last joins again. */
  async rejoinNode(podCidr: string): Promise<void> {
    if (this.#left === null) throw new RangeError('no node has left');
    await this.#register({ ...this.#left, podCidr });
  }

  /** The last node leaves; its machine stays, and runs nothing any more. */
  async dropNode(): Promise<void> {
    const node = this.node(this.#nodes.length - 1);
    const { code } = await this.client.send('DELETE', `${NODES}/${node.name}`);
    if (code !== 200) throw new Error(`DELETE ${node.name}: ${code}`);
    await node.proxy.kill();
    this.#nodes = this.#nodes.slice(0, -1);
    this.#left = node;
  }

  /** Makes the Node, and does on it what kindnet and kubeadm do. */
  async #register(wired: Omit<BedNode, 'proxy'>): Promise<void> {
    const isFirst = this.#nodes.length === 0;
    await post(this.client, NODES, nodeObject(wired, isFirst, isFirst ? this.#bootId : ''));
    const proxy = await this.#startProxy(wired, this.#nodes[0]?.address ?? wired.address);
    this.#nodes = [...this.#nodes, { ...wired, proxy }];
    await this.#meshPods();
  }

  /** Routes to the pods of the other nodes, as kindnet sets them. */
  async #meshPods(): Promise<void> {
    for (const { namespace, name } of this.#nodes) {
      for (const other of this.#nodes) {
        if (other.name === name) continue;
        await namespace.must(['ip', 'route', 'replace', other.podCidr, 'via', other.address]);
      }
    }
  }

  async #startProxy(node: Omit<BedNode, 'proxy'>, controlPlaneAddress: string): Promise<Daemon> {
    return await startKubeProxy({
      ...node,
      controlPlane: this.#controlPlane,
      url: `https://${controlPlaneAddress}:${API_PORT}`,
      mode: this.#mode,
      directory: this.directory,
      clusterCidr: POD_CIDR,
    });
  }

  /** kube-proxy ends on each node, and is started anew, as the kubelet does. */
  async restartProxies(): Promise<void> {
    const { address } = this.node(0);
    const nodes = [];
    for (const node of this.#nodes) {
      await node.proxy.kill();
      nodes.push({ ...node, proxy: await this.#startProxy(node, address) });
    }
    this.#nodes = nodes;
  }

  /** Gives the control-plane node an address on the network of the nodes; what it has stays. */
  async gainAddress(address: string): Promise<void> {
    const { namespace } = this.node(0);
    await namespace.must(['ip', 'address', 'add', `${address}/24`, 'dev', 'eth0']);
    // The kernel drops the routes of a link with its last address.
    await namespace.must(['ip', 'route', 'replace', 'default', 'via', HOST_ADDRESS]);
    await this.#meshPods();
  }

  async loseAddress(address: string): Promise<void> {
    await this.node(0).namespace.must(['ip', 'address', 'del', `${address}/24`, 'dev', 'eth0']);
  }

  /** The control-plane node goes off the network, and has no address there. */
  async unplug(): Promise<void> {
    const { namespace, address } = this.node(0);
    await this.loseAddress(address);
    await namespace.must(['ip', 'link', 'set', 'eth0', 'down']);
  }

  /**
   * It comes back with another network card, so that nobody reaches it by what they remember of the old one. Returns once
   * the host gets an answer from the address itself.
   */
  async plugIn(address: string, hardware: string): Promise<void> {
    const { namespace } = this.node(0);
    await namespace.must(['ip', 'link', 'set', 'eth0', 'up']);
    await this.gainAddress(address);
    // The kernel announces it to the neighbours, as a DHCP client does.
    await namespace.must(['ip', 'link', 'set', 'eth0', 'address', hardware]);
    await waitUntil(`${address} is there`, async () => {
      const [heard] = await this.ask(this.host, [['udp', address, CLOSED_PORT]], 500);
      return heard?.error === 'ECONNREFUSED';
    });
  }

  /** What the kubelet and `minikube start` do about an address that the control-plane node has by now, but for kube-proxy. */
  async adoptAddress(address: string): Promise<void> {
    const [first, ...others] = this.#nodes;
    if (first === undefined) throw new RangeError('a cluster has a node');
    this.#nodes = [{ ...first, address }, ...others];
    const status = { addresses: nodeAddresses(this.node(0)) };
    const path = `${NODES}/${first.name}/status`;
    const { code } = await this.client.send('PATCH', path, { status }, 'application/merge-patch+json');
    if (code !== 200) throw new Error(`PATCH ${path}: ${code}`);
    await this.writeUserFiles();
    await this.#meshPods();
  }

  /** Deletes the cluster and creates another one under its name: other certificates, other objects. The machines stay. */
  async recreateCluster(): Promise<void> {
    await this.#controlPlane.kill();
    this.#controlPlane.close();
    const directory = join(this.directory, `cluster-${++this.#clusters}`);
    await mkdir(directory);
    const { namespace, address } = this.node(0);
    this.#controlPlane = await startControlPlane(namespace, address, directory);
    for (const [index, node] of this.#nodes.entries()) {
      await post(this.client, NODES, nodeObject(node, index === 0));
    }
    await this.restartProxies();
    await this.writeUserFiles();
  }

  get client(): TestClient {
    return this.#controlPlane.client;
  }

  /** A profile directory and a kubeconfig as minikube leaves them; where the host is the node, a kubeconfig as k3s does. */
  async writeUserFiles({ port = API_PORT, access = this.#controlPlane.access }: Lead = {}): Promise<void> {
    if (this.#bootId !== '') {
      const local = { ...access, url: `https://127.0.0.1:${port}` };
      await writeFile(this.kubeconfig, plainKubeconfig(LAPTOP, local), { mode: 0o600 });
      return;
    }
    const url = `https://${this.node(0).address}:${port}`;
    const topology = {
      hostAddresses: [`${HOST_ADDRESS}/24`],
      lan: { address: '192.168.1.10/24', gateway: '192.168.1.1' },
      nodes: this.nodes.map(({ name, address, podCidr }, index) => ({
        name,
        device: `vm${index}`,
        addresses: [`${address}/24`],
        gateways: [HOST_ADDRESS],
        podCidrs: [podCidr],
        controlPlane: index === 0,
      })),
    };
    await writeSandboxFiles(
      {
        directory: this.directory,
        profile: PROFILE,
        context: PROFILE,
        topology,
        serviceCidrs: [SERVICE_CIDR],
        objects: [],
        command: ['true'],
        commandEnv: {},
        mkplan: null,
        self: ['true'],
      },
      { ...access, url },
      new Date(),
    );
  }

  /** Starts a pod on a node, and makes its object. */
  async addPod(name: string, nodeIndex: number): Promise<BedPod> {
    const node = this.node(nodeIndex);
    const index = this.#pods++;
    const address = node.podCidr.replace(/0\/24$/, String(index + 2));
    await startPod(node, { name, address, device: `pod${index}` });
    await post(this.client, '/api/v1/namespaces/default/pods', podObject(name, node.name, address));
    return { name, node: node.name, address };
  }

  /** Asks from within a namespace; answers come in the order of the questions. */
  async ask(from: Namespace, questions: readonly Question[], timeoutMs = 3_000): Promise<Heard[]> {
    const script = fileURLToPath(new URL('ask.mjs', import.meta.url));
    const args = questions.flatMap(([transport, address, port]) => [transport, address, String(port)]);
    const said = await from.must([process.execPath, script, String(timeoutMs), ...args]);
    return said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Heard);
  }

  /** Runs mkplan on the host as a user would. */
  async mkplan(...args: readonly string[]): Promise<CommandResult> {
    return await this.host.run(mkplanArgv(this.directory, args), { timeoutMs: 60_000 });
  }

  /** Starts mkplan on the host as a user would. */
  startMkplan(...args: readonly string[]): Daemon {
    return new Daemon('mkplan', this.host, mkplanArgv(this.directory, args));
  }

  /** Where the user's kubeconfig is. */
  get kubeconfig(): string {
    return pathsOf(this.directory).kubeconfig;
  }

  async writeSpec(text: string): Promise<void> {
    await writeFile(this.spec, text);
  }

  async close(): Promise<void> {
    this.#controlPlane.close();
    await this.host.close();
    await rm(this.directory, { recursive: true });
  }
}

/** Makes an object; throws unless that succeeds. */
export async function post(client: TestClient, path: string, object: JsonObject): Promise<JsonObject> {
  const { code, body } = await client.send('POST', path, object);
  if (code !== 201) throw new Error(`POST ${path}: ${code} ${JSON.stringify(body)}`);
  const status = object['status'];
  if (status === undefined) return body;
  const name = textAt(body, 'metadata', 'name') ?? '';
  const patched = await client.send(
    'PATCH',
    `${path}/${name}/status`,
    { status },
    'application/merge-patch+json',
  );
  if (patched.code !== 200) throw new Error(`PATCH ${path}/${name}/status: ${JSON.stringify(patched.body)}`);
  return patched.body;
}

async function startControlPlane(
  namespace: Namespace,
  address: string,
  directory: string,
): Promise<ControlPlane> {
  const otherAddresses = [planNode(0).address, OTHER_ADDRESS];
  return await ControlPlane.start({
    namespace,
    address,
    otherAddresses,
    directory,
    serviceCidrs: [SERVICE_CIDR],
  });
}
