import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { JsonObject } from '../../src/embedded-api/objects/json.ts';
import { createEmbeddedApi, type EmbeddedApi } from '../../src/embedded-api/server.ts';
import type { Argv, CommandResult } from '../../src/platform/command.ts';
import { answersOf } from '../../src/sandbox/answers.ts';
import { API_PORT, pathsOf, writeSandboxFiles } from '../../src/sandbox/files.ts';
import type { FromNode, SandboxConfig, ToNode } from '../../src/sandbox/protocol.ts';
import { cableCommands, hostCommands, type Topology, type TopologyNode } from '../../src/sandbox/topology.ts';
import { post } from '../cluster/bed.ts';
import { Daemon, RELAY, waitUntil } from '../cluster/daemon.ts';
import { nodeAddresses, nodeObject } from '../cluster/objects.ts';
import { mkplanArgv } from '../cluster/user.ts';
import { TestClient } from '../embedded-api/client.ts';
import { createHost, type Host } from './netns.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** What the nodes of a sandbox run; `npm test` builds it first. */
const NODE_PROGRAM = join(root, 'dist', 'sandbox.js');

const PROFILE = 'minikube';
export const BRIDGE = 'mk0';
const HOST_ADDRESS = '192.168.49.1';
export const FIRST_ADDRESS = '192.168.49.2';
/** An address that the control-plane node may get instead. */
export const OTHER_ADDRESS = '192.168.49.77';
const SERVICE_CIDR = '10.96.0.0/12';
const NODES = '/api/v1/nodes';
const MERGE = 'application/merge-patch+json';
/** Milliseconds over which changes of the API are gathered into one table for the nodes, as in a sandbox. */
const GATHER_MS = 5;

/** One node: a process of the sandbox in a namespace of its own, and what the API says of it. */
interface WorldNode {
  readonly name: string;
  readonly address: string;
  readonly podCidr: string;
  readonly device: string;
  readonly child: ChildProcess & { readonly pid: number };
}

/** A spec of these profiles, written as in tunnel.yaml below `profiles:`. */
export function worldSpec(profiles: string): string {
  return `apiVersion: mkplan/v1alpha1\nkind: Tunnel\nmetadata: { name: world }\nspec:\n  profiles:${profiles}`;
}

function planNode(index: number) {
  return {
    name: index === 0 ? PROFILE : `${PROFILE}-m${String(index + 1).padStart(2, '0')}`,
    address: `192.168.49.${2 + index}`,
    podCidr: `10.244.${index}.0/24`,
    device: `${BRIDGE}-n${index}`,
  };
}

function topologyOf(nodes: readonly Omit<WorldNode, 'child'>[]): Topology {
  return {
    hostAddresses: [`${HOST_ADDRESS}/24`],
    lan: { address: '192.168.1.10/24', gateway: '192.168.1.1' },
    nodes: nodes.map(({ name, address, podCidr, device }, index) => ({
      name,
      device,
      addresses: [`${address}/24`],
      gateways: [HOST_ADDRESS],
      podCidrs: [podCidr],
      controlPlane: index === 0,
    })),
  };
}

/**
 * The world of `mkplan sandbox`, laid by the same means, but for the API: that one is in this process, behind a door in
 * the control-plane node, so that node, door and cluster can each go and come back.
 */
export class SandboxWorld {
  readonly host: Host;
  readonly spec: string;
  readonly #directory: string;
  readonly #socket: string;
  readonly #entrance: Server;
  #api: EmbeddedApi;
  #client: TestClient;
  #nodes: readonly WorldNode[] = [];
  #door: Daemon | null = null;

  private constructor(host: Host, directory: string, api: EmbeddedApi) {
    this.host = host;
    this.spec = join(directory, 'tunnel.yaml');
    this.#directory = directory;
    this.#socket = join(directory, 'api.sock');
    this.#api = api;
    this.#client = this.#opened(api);
    this.#entrance = createServer((inside) => {
      const outside = connect(Number(new URL(this.#api.url).port), '127.0.0.1');
      inside.on('error', () => outside.destroy()).on('close', () => outside.destroy());
      outside.on('error', () => inside.destroy()).on('close', () => inside.destroy());
      inside.pipe(outside).pipe(inside);
    });
  }

  /** Two nodes and no Service. Leaves nothing behind when it fails. */
  static async create(): Promise<SandboxWorld> {
    const host = await createHost();
    const directory = await mkdtemp(join(tmpdir(), 'mkplan-world-'));
    const world = new SandboxWorld(host, directory, await startApi());
    try {
      await once(world.#entrance.listen(world.#socket), 'listening');
      // The loopback device of a host is up already.
      const lines = hostCommands(topologyOf([])).filter((line) => line !== 'link set lo up');
      await host.must(['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
      await world.addNode();
      await world.openDoor();
      await world.addNode();
      await world.writeUserFiles();
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  get client(): TestClient {
    return this.#client;
  }

  /** A node of the cluster; throws where there is none. */
  node(index: number): WorldNode {
    const node = this.#nodes[index];
    if (node === undefined) throw new RangeError(`no node ${index}`);
    return node;
  }

  #opened(api: EmbeddedApi): TestClient {
    let isGathering = false;
    api.store.subscribe(() => {
      if (isGathering) return;
      isGathering = true;
      setTimeout(() => {
        isGathering = false;
        this.#publish();
      }, GATHER_MS);
    });
    return new TestClient(api);
  }

  /** Tells the nodes what they answer on, as the node that serves the API of a sandbox does. */
  #publish(): void {
    const nodes: readonly TopologyNode[] = topologyOf(this.#nodes).nodes;
    const message: ToNode = { type: 'answer', answers: answersOf(this.#api.store, nodes) };
    for (const { child } of this.#nodes) child.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  /** Another node joins. minikube's files are as they were. */
  async addNode(): Promise<void> {
    const index = this.#nodes.length;
    const plan = planNode(index);
    const child = this.host.spawn(['unshare', '--net', process.execPath, NODE_PROGRAM, 'node']);
    const { pid, stdout } = child;
    // It is told of a change while it is being killed.
    child.stdin?.on('error', () => undefined);
    if (pid === undefined || stdout === null) throw new Error('a node did not start');
    const [topology] = topologyOf([plan]).nodes;
    if (topology === undefined) throw new RangeError('one node was asked for');
    const said = createInterface(stdout)[Symbol.asyncIterator]();
    const hears = async (type: FromNode['type']) => {
      const { value } = (await said.next()) as { value?: string };
      const message = JSON.parse(value ?? '{}') as Partial<FromNode>;
      if (message.type !== type) throw new Error(`${plan.name} did not say "${type}": ${value}`);
    };
    await hears('hello');
    await this.host.must(['ip', '-batch', '-'], { input: `${cableCommands(topology, pid).join('\n')}\n` });
    const configure: ToNode = {
      type: 'configure',
      node: { ...topology, controlPlane: index === 0 },
      api: null,
    };
    child.stdin?.write(`${JSON.stringify(configure)}\n`);
    await hears('ready');
    stdout.resume();
    // The kernel gives a link its own routes a moment after the other end is up.
    await waitUntil(`${plan.device} is up`, async () => {
      const routes = await this.host.must(['ip', '-6', 'route', 'show', 'table', 'all', 'dev', plan.device]);
      return routes.includes('ff00::/8');
    });
    this.#nodes = [...this.#nodes, { ...plan, child: Object.assign(child, { pid }) }];
    await post(this.client, NODES, nodeObject(plan, index === 0));
  }

  /** The last node leaves, and its machine with it. */
  async dropNode(): Promise<void> {
    const node = this.node(this.#nodes.length - 1);
    this.#nodes = this.#nodes.slice(0, -1);
    const { code } = await this.client.send('DELETE', `${NODES}/${node.name}`);
    if (code !== 200) throw new Error(`DELETE ${node.name}: ${code}`);
    const gone = once(node.child, 'exit');
    node.child.kill('SIGKILL');
    await gone;
    // Its end of the cable goes with the namespace, a moment after the last process in there.
    await waitUntil(`${node.device} is gone`, async () => {
      const { code: found } = await this.host.run(['ip', 'link', 'show', 'dev', node.device]);
      return found !== 0;
    });
  }

  /** Deletes the last Node and makes it anew with other pods. */
  async renumberPods(podCidr: string): Promise<void> {
    const node = this.node(this.#nodes.length - 1);
    await this.client.send('DELETE', `${NODES}/${node.name}`);
    const renumbered = { ...node, podCidr };
    this.#nodes = [...this.#nodes.slice(0, -1), renumbered];
    await post(this.client, NODES, nodeObject(renumbered, false));
  }

  /** Runs `ip` on a node. */
  async ipOn(index: number, ...args: readonly string[]): Promise<void> {
    await this.host.must(['nsenter', '-t', String(this.node(index).child.pid), '-n', 'ip', ...args]);
  }

  /** Lets the API be reached at the control-plane node's address. */
  async openDoor(port = API_PORT): Promise<void> {
    const { address } = this.node(0);
    const door = this.startOn(0, [process.execPath, RELAY, `${address}:${port}`, this.#socket]);
    await door.until('is open', () => door.said.includes('ready'));
    this.#door = door;
  }

  /** Starts a program on a node. */
  startOn(index: number, argv: Argv): Daemon {
    const { name, child } = this.node(index);
    return new Daemon(`on ${name}`, this.host, ['nsenter', '-t', String(child.pid), '-n', ...argv]);
  }

  /** The API is reached no more; whoever is connected notices. */
  async shutDoor(): Promise<void> {
    await this.#door?.kill();
  }

  /** The control-plane node has another address, and the old one no more: what a VM does that got another lease. */
  async moveTo(address: string): Promise<void> {
    const [first, ...others] = this.#nodes;
    if (first === undefined) throw new RangeError('a cluster has a node');
    await this.shutDoor();
    await this.ipOn(0, 'address', 'del', `${first.address}/24`, 'dev', 'eth0');
    await this.ipOn(0, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    // The kernel dropped it with the last address.
    await this.ipOn(0, 'route', 'add', 'default', 'via', HOST_ADDRESS);
    this.#nodes = [{ ...first, address }, ...others];
    const status = { addresses: nodeAddresses(this.node(0)) };
    const { code } = await this.client.send('PATCH', `${NODES}/${first.name}/status`, { status }, MERGE);
    if (code !== 200) throw new Error(`PATCH ${first.name}: ${code}`);
    await this.openDoor();
    await this.writeUserFiles();
  }

  /** Deletes the cluster and creates another one under its name: other certificates, other objects. The machines stay. */
  async recreateCluster(): Promise<void> {
    const next = await startApi();
    this.#client.close();
    await this.#api.close();
    this.#api = next;
    this.#client = this.#opened(next);
    for (const [index, node] of this.#nodes.entries()) {
      await post(this.client, NODES, nodeObject(node, index === 0));
    }
    await this.writeUserFiles();
  }

  /** A profile directory and a kubeconfig as minikube leaves them. */
  async writeUserFiles(port = API_PORT): Promise<void> {
    const config: SandboxConfig = {
      directory: this.#directory,
      profile: PROFILE,
      context: PROFILE,
      topology: topologyOf(this.#nodes),
      serviceCidrs: [SERVICE_CIDR],
      objects: [],
      command: ['true'],
      commandEnv: {},
      mkplan: null,
      self: ['true'],
    };
    const url = `https://${this.node(0).address}:${port}`;
    await writeSandboxFiles(config, { ...this.#api, url }, new Date());
  }

  async writeSpec(text: string): Promise<void> {
    await writeFile(this.spec, text);
  }

  /** Makes an object; throws unless that succeeds. */
  async post(path: string, object: JsonObject): Promise<void> {
    await post(this.client, path, object);
  }

  /** mkplan's state directory. */
  get state(): string {
    return join(pathsOf(this.#directory).state, 'mkplan');
  }

  /** Has the API take connections and requests, and answer none; or go on. */
  suspendApi(how: 'SIGSTOP' | 'SIGCONT'): void {
    this.#door?.signal(how);
  }

  /** The argv that runs mkplan as a user would. */
  argv(...args: readonly string[]): Argv {
    return mkplanArgv(this.#directory, args);
  }

  /** Runs mkplan on the host to its end. */
  async mkplan(...args: readonly string[]): Promise<CommandResult> {
    return await this.host.run(this.argv(...args), { timeoutMs: 60_000 });
  }

  /** Starts mkplan on the host as a user would. */
  startMkplan(...args: readonly string[]): Daemon {
    return new Daemon('mkplan', this.host, this.argv(...args));
  }

  async close(): Promise<void> {
    this.#client.close();
    await this.host.close();
    await this.#api.close();
    this.#entrance.close();
    await rm(this.#directory, { recursive: true });
  }
}

async function startApi(): Promise<EmbeddedApi> {
  return await createEmbeddedApi({
    address: '127.0.0.1',
    port: 0,
    serviceCidrs: [SERVICE_CIDR],
    subjects: [FIRST_ADDRESS, OTHER_ADDRESS],
  });
}
