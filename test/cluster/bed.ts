import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommandResult } from '../../src/platform/command.ts';
import { type JsonObject, textAt } from '../../src/sandbox/embedded-api/json.ts';
import { pathsOf, sandboxEnvironment, writeSandboxFiles } from '../../src/sandbox/files.ts';
import { createHost, type Host, type Namespace } from '../kernel/netns.ts';
import type { TestClient } from '../sandbox/embedded-api/client.ts';
import { ControlPlane } from './control-plane.ts';
import { Daemon } from './daemon.ts';
import { type ProxyMode, startKubeProxy } from './kube-proxy.ts';
import { nodeObject, podObject } from './objects.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The program as users get it; `npm test` builds it first. */
const MKPLAN = join(root, 'dist', 'main.js');

export const PROFILE = 'minikube';
const SERVICE_CIDR = '10.96.0.0/12';
const POD_CIDR = '10.244.0.0/16';
/** What every pod listens on, TCP and UDP. */
export const POD_PORT = 8080;
/** The host on the network of the nodes. */
export const HOST_ADDRESS = '192.168.39.1';
const BRIDGE = 'virbr1';

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

export interface BedPod {
  readonly name: string;
  readonly node: string;
  readonly address: string;
}

export interface BedOptions {
  readonly nodes: 1 | 2;
  readonly mode: ProxyMode;
}

/**
 * A laptop with a minikube cluster: a host with a LAN and a bridge, nodes behind the bridge that run the real
 * kube-proxy on their own kernel tables, the first of them etcd and kube-apiserver too, and pods behind the nodes.
 */
export class Bed {
  readonly host: Host;
  readonly nodes: readonly BedNode[];
  readonly controlPlane: ControlPlane;
  readonly directory: string;
  readonly spec: string;
  #pods = 0;

  private constructor(host: Host, nodes: readonly BedNode[], controlPlane: ControlPlane, directory: string) {
    this.host = host;
    this.nodes = nodes;
    this.controlPlane = controlPlane;
    this.directory = directory;
    this.spec = join(directory, 'tunnel.yaml');
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

  static async #lay(host: Host, directory: string, { nodes: count, mode }: BedOptions): Promise<Bed> {
    await layLan(host);
    const plans = [PROFILE, `${PROFILE}-m02`].slice(0, count).map((name, index) => ({
      name,
      address: `192.168.39.${10 + index}`,
      podCidr: `10.244.${index}.0/24`,
    }));
    const wired = [];
    for (const plan of plans) wired.push({ ...plan, namespace: await layNode(host, plan, plans) });
    const [first] = wired;
    if (first === undefined) throw new RangeError('a cluster has a node');
    const { namespace, address } = first;
    const serviceCidrs = [SERVICE_CIDR];
    const controlPlane = await ControlPlane.start({ namespace, address, directory, serviceCidrs });
    const nodes = [];
    for (const [index, plan] of wired.entries()) {
      await post(controlPlane.client, '/api/v1/nodes', nodeObject(plan, index === 0));
      const proxy = await startKubeProxy({ ...plan, controlPlane, mode, directory, clusterCidr: POD_CIDR });
      nodes.push({ ...plan, proxy });
    }
    const bed = new Bed(host, nodes, controlPlane, directory);
    await bed.#writeUserFiles();
    return bed;
  }

  get client(): TestClient {
    return this.controlPlane.client;
  }

  /** A profile directory and a kubeconfig as minikube leaves them. */
  async #writeUserFiles(): Promise<void> {
    const { access, url } = this.controlPlane;
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
        topology,
        serviceCidrs: [SERVICE_CIDR],
        objects: [],
        command: ['true'],
        mkplan: null,
        self: ['true'],
      },
      { ...access, url },
      new Date(),
    );
  }

  /** Starts a pod on a node, and makes its object. */
  async addPod(name: string, nodeIndex: number): Promise<BedPod> {
    const node = this.nodes[nodeIndex];
    if (node === undefined) throw new RangeError(`no node ${nodeIndex}`);
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

  /** Runs mkplan on the host as a user would; a test may have been started by sudo, which mkplan refuses. */
  async mkplan(...args: readonly string[]): Promise<CommandResult> {
    const { KUBECONFIG, MINIKUBE_HOME, XDG_STATE_HOME } = sandboxEnvironment({}, this.directory);
    const env = { HOME: this.directory, KUBECONFIG, MINIKUBE_HOME, XDG_STATE_HOME, NO_COLOR: '1' };
    const words = Object.entries(env).map(([key, value]) => `${key}=${value ?? ''}`);
    return await this.host.run(
      ['env', '-u', 'SUDO_UID', '-u', 'SUDO_USER', ...words, process.execPath, MKPLAN, ...args],
      { timeoutMs: 60_000 },
    );
  }

  /** Where the user's kubeconfig is. */
  get kubeconfig(): string {
    return pathsOf(this.directory).kubeconfig;
  }

  async writeSpec(text: string): Promise<void> {
    await writeFile(this.spec, text);
  }

  async close(): Promise<void> {
    this.controlPlane.close();
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

/** The default route, to a router that forwards nothing; and the bridge that the nodes are on. */
async function layLan(host: Host): Promise<void> {
  await host.addNeighbour('router', {
    hostDevice: 'lan0',
    hostAddress: '192.168.1.10/24',
    address: '192.168.1.1/24',
  });
  await host.must(['ip', 'route', 'add', 'default', 'via', '192.168.1.1', 'dev', 'lan0', 'metric', '100']);
  await host.must(['ip', 'link', 'add', BRIDGE, 'type', 'bridge']);
  await host.must(['ip', 'link', 'set', BRIDGE, 'addrgenmode', 'none']);
  await host.must(['ip', 'address', 'add', `${HOST_ADDRESS}/24`, 'dev', BRIDGE]);
  await host.must(['ip', 'link', 'set', BRIDGE, 'up']);
}

interface NodePlan {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
}

/** A node's namespace: forwarding, and routes to the pods of the other nodes, as kindnet sets them. */
async function layNode(host: Host, plan: NodePlan, all: readonly NodePlan[]): Promise<Namespace> {
  const namespace = await host.addNeighbour(plan.name, {
    hostDevice: `vm-${plan.address.split('.')[3]}`,
    hostAddress: [],
    address: `${plan.address}/24`,
    bridge: BRIDGE,
  });
  await namespace.must(['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
  await namespace.must(['ip', 'route', 'add', 'default', 'via', HOST_ADDRESS]);
  for (const other of all) {
    if (other === plan) continue;
    await namespace.must(['ip', 'route', 'add', other.podCidr, 'via', other.address]);
  }
  return namespace;
}

/** A pod's namespace behind its node, point to point, as kindnet wires it. */
async function startPod(
  node: BedNode,
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
