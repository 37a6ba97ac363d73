/**
 * Hosts for tests: network namespaces of their own, made by unshare(1) as root or by an unprivileged user alike.
 * A holder process keeps each alive and ends with the test, whatever becomes of it, since it reads from a pipe to it.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type {
  Argv,
  CommandOptions,
  CommandResult,
  CommandRunner,
  CommandStreamer,
} from '../../src/platform/command.ts';
import { ProcessRunner } from '../../src/platform/process.ts';
import { asksForLines, checkedLines, LineCheck } from '../cli/json-lines.ts';

/** How namespaces are made, and how the holder's are entered. */
interface Kind {
  readonly unshare: Argv;
  readonly enter: Argv;
}

/** By whoever runs the test: root is root in there alone. */
const UNPRIVILEGED: Kind = {
  unshare: ['unshare', '--user', '--map-root-user', '--net'],
  enter: ['nsenter', '--preserve-credentials', '-U', '-n'],
};

/** By the real root, where every user is who they are; with mounts of its own. */
const PRIVILEGED: Kind = {
  unshare: ['unshare', '--net', '--mount'],
  enter: ['nsenter', '-n', '-m'],
};

/** Says that it is there, then waits for the end of its input. */
const HOLDER = ['sh', '-c', 'echo ready; exec cat'] as const;

interface RunOptions extends Partial<CommandOptions> {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A process group and session of its own: `process.kill(-child.pid, …)` reaches it and its children. */
  readonly detached?: boolean;
}

/** One network namespace. */
export interface Namespace {
  /** Of the holder: `nsenter -t PID` finds the namespaces by it. */
  readonly pid: number;
  /** The argv that runs `argv` in here; it replaces itself, so the process is the program. */
  enter(argv: Argv): Argv;
  /** Runs to the end; any exit code is a result. Time-out 30 s unless given. */
  run(argv: Argv, options?: RunOptions): Promise<CommandResult>;
  /** Runs to the end and returns what was printed; throws unless it exits with 0. */
  must(argv: Argv, options?: RunOptions): Promise<string>;
  /** Starts a program with its standard streams piped. Killed by `close` if it still runs then. */
  spawn(argv: Argv, options?: SpawnOptions): ChildProcess;
  /** The process seam of this namespace. */
  readonly processes: CommandRunner & CommandStreamer;
  /** Makes another namespace at the other end of a new link. */
  addNeighbour(name: string, options: NeighbourOptions): Promise<Namespace>;
}

interface NeighbourOptions {
  /** This end of the link. */
  readonly hostDevice: string;
  /** With prefix length; none on a port of a bridge. */
  readonly hostAddress: string | readonly string[];
  /** The neighbour's own on its `eth0`, with prefix length. */
  readonly address: string | readonly string[];
  /** A bridge of this namespace that this end becomes a port of. */
  readonly bridge?: string;
}

/** A namespace that stands for the host, with neighbours that stand for VMs. */
export interface Host extends Namespace {
  /** Takes all of it down. */
  close(): Promise<void>;
}

/** Why namespaces cannot be made here; null when they can. */
export function requireNamespaces(): string | null {
  const [program, ...args] = UNPRIVILEGED.unshare;
  const script = 'ip link add v0 type veth peer name v1';
  const tried = spawnSync(program, [...args, 'sh', '-c', script], { encoding: 'utf8' });
  if (tried.status === 0) return null;
  return `no network namespaces here: ${(tried.error?.message ?? tried.stderr).trim()}`;
}

function withEnv(argv: Argv, env: Readonly<Record<string, string>> | undefined): Argv {
  return env === undefined
    ? argv
    : ['env', ...Object.entries(env).map(([key, value]) => `${key}=${value}`), ...argv];
}

function describeFailure(argv: Argv, result: CommandResult): string {
  return `${argv.join(' ')}: exit ${result.code}${result.timedOut ? ', timed out' : ''}: ${result.stderr.trim()}`;
}

/** Starts a holder and waits until its namespaces are there. Its pid is that of the program in the end. */
async function hold(argv: Argv): Promise<ChildProcess & { pid: number }> {
  const [program, ...args] = argv;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ready = once(child.stdout, 'data');
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${argv.join(' ')}: ended at once`);
  });
  await Promise.race([ready, ended]);
  // From here on, its end is what `close` waits for.
  ended.catch(() => undefined);
  if (child.pid === undefined) throw new Error(`${argv.join(' ')}: no pid`);
  return Object.assign(child, { pid: child.pid });
}

/** What is wrong with a line is thrown at nobody: the run of all tests fails by it, whatever the test was about. */
function checkLinesOf(child: ChildProcess): void {
  const check = new LineCheck();
  child.stdout?.on('data', (chunk: Buffer | string) => check.take(chunk));
  child.once('close', (code) => {
    // A signal that mkplan cannot hear, or a test that stopped reading, leaves no end to look at.
    if (code !== null && child.stdout?.readableEnded === true) check.end(code);
  });
}

class HeldNamespace implements Namespace {
  readonly pid: number;
  readonly processes: CommandRunner & CommandStreamer;
  readonly #kind: Kind;
  readonly #children: ChildProcess[];

  constructor(holder: ChildProcess & { pid: number }, kind: Kind, children: ChildProcess[]) {
    this.pid = holder.pid;
    this.#kind = kind;
    this.#children = children;
    children.push(holder);
    const runner = new ProcessRunner();
    this.processes = {
      run: (argv, options) => runner.run(this.enter(argv), options),
      stream: (argv, onLine, options) => runner.stream(this.enter(argv), onLine, options),
    };
  }

  enter(argv: Argv): Argv {
    return [...this.#kind.enter, '-t', String(this.pid), '--', ...argv];
  }

  async run(argv: Argv, { env, ...options }: RunOptions = {}): Promise<CommandResult> {
    const result = await this.processes.run(withEnv(argv, env), { timeoutMs: 30_000, ...options });
    if (asksForLines(argv)) checkedLines(result.stdout, result.code);
    return result;
  }

  async must(argv: Argv, options?: RunOptions): Promise<string> {
    const result = await this.run(argv, options);
    if (result.code !== 0) throw new Error(describeFailure(argv, result));
    return result.stdout;
  }

  spawn(argv: Argv, { env, detached = false }: SpawnOptions = {}): ChildProcess {
    const [program, ...args] = this.enter(withEnv(argv, env));
    const child = spawn(program, args, { stdio: 'pipe', detached });
    this.#children.push(child);
    if (asksForLines(argv)) checkLinesOf(child);
    return child;
  }

  async addNeighbour(name: string, options: NeighbourOptions): Promise<Namespace> {
    // Its network namespace belongs to this one's user namespace, so that it may be given one end of a link.
    const neighbour = new HeldNamespace(
      await hold(this.enter(['unshare', '--net', '--', ...HOLDER])),
      this.#kind,
      this.#children,
    );
    const { hostDevice, hostAddress, address, bridge } = options;
    const peer = ['peer', 'name', 'eth0', 'netns', String(neighbour.pid)];
    await this.must(['ip', 'link', 'add', hostDevice, 'alias', name, 'type', 'veth', ...peer]);
    if (bridge !== undefined) await this.must(['ip', 'link', 'set', hostDevice, 'master', bridge]);
    await linkUp(neighbour, 'lo', []);
    await linkUp(neighbour, 'eth0', [address].flat());
    await linkUp(this, hostDevice, [hostAddress].flat());
    // The kernel notices within a second that the other end is up, and adds IPv6 routes of the link only then.
    await settled(this, hostDevice, [hostAddress].flat());
    await settled(neighbour, 'eth0', [address].flat());
    return neighbour;
  }
}

class HeldHost extends HeldNamespace implements Host {
  readonly #held: ChildProcess[];

  constructor(holder: ChildProcess & { pid: number }, kind: Kind, children: ChildProcess[]) {
    super(holder, kind, children);
    this.#held = children;
  }

  async close(): Promise<void> {
    for (const child of this.#held.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
  }
}

async function linkUp(namespace: Namespace, device: string, addresses: readonly string[]): Promise<void> {
  // No link-local address of its own: those come and settle seconds later, and with them routes that no test made.
  await namespace.must(['ip', 'link', 'set', device, 'addrgenmode', 'none']);
  for (const address of addresses) {
    // Without `nodad`, an IPv6 address cannot be used for about a second.
    const flags = address.includes(':') ? ['nodad'] : [];
    await namespace.must(['ip', 'address', 'add', address, 'dev', device, ...flags]);
  }
  await namespace.must(['ip', 'link', 'set', device, 'up']);
}

/** Waits until a link has a carrier and all that the kernel makes of its addresses, the local IPv6 routes last. */
async function settled(namespace: Namespace, device: string, addresses: readonly string[]): Promise<void> {
  const own = addresses.filter((address) => address.includes(':')).map((address) => address.split('/')[0]);
  for (let attempt = 0; attempt < 500; attempt++) {
    const links = await namespace.must(['ip', 'link', 'show', 'dev', device]);
    const local =
      own.length === 0 ? '' : await namespace.must(['ip', '-6', 'route', 'show', 'table', 'local']);
    if (
      links.includes('state UP') &&
      own.every((address) => local.includes(`local ${address} dev ${device} `))
    )
      return;
    await setTimeout(10);
  }
  throw new Error(`${device}: no carrier, or not all of its addresses`);
}

async function create(kind: Kind): Promise<Host> {
  const host = new HeldHost(await hold([...kind.unshare, '--', ...HOLDER]), kind, []);
  await linkUp(host, 'lo', []);
  return host;
}

/** Makes a host with nothing but its loopback device, which is up. */
export async function createHost(): Promise<Host> {
  return await create(UNPRIVILEGED);
}

/** The same as the real root, with mounts of its own: what is mounted in there, nobody else sees. */
export async function createPrivilegedHost(): Promise<Host> {
  return await create(PRIVILEGED);
}
