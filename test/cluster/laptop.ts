import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Argv, CommandResult } from '../../src/platform/command.ts';
import { API_PORT, pathsOf, writeSandboxFiles } from '../../src/sandbox/files.ts';
import type { Access } from '../embedded-api/client.ts';
import { type FaultProxy, startFaultProxy } from '../faults/proxy.ts';
import { createHost, type Host, type Namespace } from '../kernel/netns.ts';
import { Daemon, waitUntil } from './daemon.ts';
import { mkplanArgv } from './user.ts';

const PROFILE = 'minikube';
/** Of the cluster's one node, on every laptop alike. */
export const NODE = { name: PROFILE, address: '192.168.39.10', podCidr: '10.244.0.0/24' };
const HOST_ADDRESS = '192.168.39.1';

/** A program that was started, with its children. */
export interface Run {
  /** SIGSTOP to all of it; returns once the kernel shows all of it stopped. */
  suspend(): Promise<void>;
  /** SIGCONT to what `suspend` stopped. */
  resume(): void;
  readonly end: Promise<Omit<CommandResult, 'timedOut'>>;
}

/** A host that reaches the API of a cluster at its node's address, by way of a proxy that injects faults. */
export class Laptop {
  readonly proxy: FaultProxy;
  readonly spec: string;
  readonly #host: Host;
  readonly #directory: string;
  readonly #door: Server;

  private constructor(host: Host, directory: string, proxy: FaultProxy, door: Server) {
    this.#host = host;
    this.#directory = directory;
    this.proxy = proxy;
    this.#door = door;
    this.spec = join(directory, 'tunnel.yaml');
  }

  /** Leaves nothing behind when it fails. */
  static async create(api: Access): Promise<Laptop> {
    const directory = await mkdtemp(join(tmpdir(), 'mkplan-laptop-'));
    const host = await createHost();
    const proxy = await startFaultProxy(api, NODE.address);
    const socket = join(directory, 'api.sock');
    const door = createServer((inside) => {
      const outside = connect(proxy.port, '127.0.0.1');
      inside.on('error', () => outside.destroy());
      outside.on('error', () => inside.destroy());
      inside.on('close', () => outside.destroy());
      outside.on('close', () => inside.destroy());
      inside.pipe(outside).pipe(inside);
    }).listen(socket);
    const laptop = new Laptop(host, directory, proxy, door);
    try {
      await once(door, 'listening');
      await openNode(await layLinks(host), socket);
      await writeUserFiles(directory, { ...api, ca: proxy.ca });
      return laptop;
    } catch (error) {
      await laptop.close();
      throw error;
    }
  }

  /** Where the user's kubeconfig is. */
  get kubeconfig(): string {
    return pathsOf(this.#directory).kubeconfig;
  }

  async writeSpec(yaml: string): Promise<void> {
    await writeFile(this.spec, yaml);
  }

  /** Runs mkplan to its end. */
  async mkplan(...args: readonly string[]): Promise<CommandResult> {
    return await this.#host.run(mkplanArgv(this.#directory, args), { timeoutMs: 60_000 });
  }

  /** Starts mkplan. */
  start(...args: readonly string[]): Run {
    const child = this.#host.spawn(mkplanArgv(this.#directory, args));
    const { pid, stdout, stderr } = child;
    if (pid === undefined || stdout === null || stderr === null) throw new Error('mkplan did not start');
    const said = Promise.all([text(stdout), text(stderr)]);
    const closed = once(child, 'close') as Promise<[number | null]>;
    let stopped: readonly number[] = [];
    return {
      suspend: async () => {
        stopped = await suspendTree(pid);
      },
      resume: () => {
        for (const one of stopped) process.kill(one, 'SIGCONT');
      },
      end: closed.then(async ([code]) => {
        const [out, err] = await said;
        return { code, stdout: out, stderr: err };
      }),
    };
  }

  /** The routes that mkplan made, a line each. */
  async routes(): Promise<string[]> {
    const table = await this.#host.must(['ip', '-4', 'route', 'show', 'table', 'all', 'proto', '109']);
    return table
      .split('\n')
      .map((line) => line.replaceAll(/\s+/g, ' ').trim())
      .filter((line) => line !== '');
  }

  async close(): Promise<void> {
    await this.#host.close();
    await this.proxy.close();
    this.#door.close();
    await rm(this.#directory, { recursive: true });
  }
}

async function layLinks(host: Host): Promise<Namespace> {
  await host.addNeighbour('router', {
    hostDevice: 'lan0',
    hostAddress: '192.168.1.10/24',
    address: '192.168.1.1/24',
  });
  await host.must(['ip', 'route', 'add', 'default', 'via', '192.168.1.1', 'dev', 'lan0', 'metric', '100']);
  return await host.addNeighbour(NODE.name, {
    hostDevice: 'vm0',
    hostAddress: `${HOST_ADDRESS}/24`,
    address: `${NODE.address}/24`,
  });
}

async function openNode(node: Namespace, socket: string): Promise<void> {
  const script = fileURLToPath(new URL('relay.mjs', import.meta.url));
  const argv: Argv = [process.execPath, script, `${NODE.address}:${API_PORT}`, socket];
  const relay = new Daemon('relay', node, argv);
  await relay.until('listens', () => relay.said.includes('ready'));
}

/** A profile directory and a kubeconfig as minikube leaves them. */
async function writeUserFiles(directory: string, api: Access): Promise<void> {
  const { address, name, podCidr } = NODE;
  const node = { name, device: 'vm0', addresses: [`${address}/24`], gateways: [HOST_ADDRESS] };
  const topology = {
    hostAddresses: [`${HOST_ADDRESS}/24`],
    lan: { address: '192.168.1.10/24', gateway: '192.168.1.1' },
    nodes: [{ ...node, podCidrs: [podCidr], controlPlane: true }],
  };
  const config = {
    directory,
    profile: PROFILE,
    context: PROFILE,
    topology,
    serviceCidrs: ['10.96.0.0/12'],
    objects: [],
    command: ['true'] as const,
    commandEnv: {},
    mkplan: null,
    self: ['true'] as const,
  };
  await writeSandboxFiles(config, { ...api, url: `https://${address}:${API_PORT}` }, new Date());
}

interface ProcessState {
  readonly pid: number;
  readonly parent: number;
  readonly state: string;
}

/** proc_pid_stat(5): the fields behind the command, which is in parentheses and may contain any. Null once it ended. */
async function stateOf(pid: number): Promise<ProcessState | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  const [state = '', parent = ''] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, parent: Number(parent), state };
}

/** A process and all below it. */
async function treeOf(root: number): Promise<ProcessState[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = (await Promise.all(pids.map(stateOf))).filter((one) => one !== null);
  const within = (pid: number): ProcessState[] =>
    all.filter((one) => one.parent === pid).flatMap((one) => [one, ...within(one.pid)]);
  return [...all.filter((one) => one.pid === root), ...within(root)];
}

/** Stops a process and all below it; a child that it started meanwhile is found by the next look. */
async function suspendTree(root: number): Promise<number[]> {
  const stopped = new Set<number>();
  await waitUntil(`${root} and its children are stopped`, async () => {
    const tree = await treeOf(root);
    if (tree.length === 0) throw new Error(`${root} has ended`);
    const running = tree.filter(({ state }) => state !== 'T' && state !== 'Z');
    for (const { pid } of running) {
      stopped.add(pid);
      process.kill(pid, 'SIGSTOP');
    }
    return running.length === 0;
  });
  return [...stopped];
}
