import { readFile, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type Diagnostic, Failure, messageOf } from '../model/diagnostic.ts';
import type { CommandRunner, CommandStream, CommandStreamer } from '../platform/command.ts';
import { API_PORT, type Credentials, pathsOf, sandboxEnvironment, writeSandboxFiles } from './files.ts';
import {
  type ForegroundExit,
  type ForegroundProcess,
  type ForegroundRunner,
  readLines,
} from './foreground.ts';
import { runIp } from './holdings.ts';
import {
  CONFIG_FILE,
  decodeLine,
  type FromHost,
  type FromNode,
  type SandboxConfig,
  type SandboxInfo,
  type ToHost,
  type ToNode,
} from './protocol.ts';
import { cableCommands, hostCommands, type TopologyNode } from './topology.ts';

/** What the host process does its work through. */
export interface HostPorts {
  readonly runner: CommandRunner & CommandStreamer;
  readonly foreground: ForegroundRunner;
  readonly env: NodeJS.ProcessEnv;
}

/** How long a node that was told to end may take before it is killed. */
const END_TIMEOUT_MS = 2000;

/** How long the command has after SIGTERM or SIGHUP before it is killed. */
const STOP_TIMEOUT_MS = 5000;

/** How the command ended, or why it did not begin. */
type Ending = Omit<Extract<FromHost, { type: 'ended' }>, 'type'>;

/** The exit code that shells give for a program that a signal ended. */
function exitCodeOf(exit: ForegroundExit): number {
  return exit.code ?? 128 + (exit.signal === null ? 0 : constants.signals[exit.signal]);
}

function nodeFailure(name: string, summary: string): Failure {
  return new Failure('error', [
    {
      code: 'sandbox-node',
      severity: 'error',
      summary: `node ${name}: ${summary}`,
      cause: 'a process of the sandbox ended before the command did',
      fix: 'run it again; report it if it happens each time',
    },
  ]);
}

/** What shells make of a command that cannot be started: 127 where it is not found, 126 where it is not a program. */
function notStarted(program: string, error: unknown): Ending {
  const { code = '' } = error as NodeJS.ErrnoException;
  const isMissing = code === 'ENOENT';
  const problem: Diagnostic = {
    code: 'sandbox-command',
    severity: 'error',
    summary: `cannot run ${program}: ${isMissing ? 'no such program' : messageOf(error)}`,
    cause: 'the sandbox runs one command and ends with it',
    fix: 'Name a program that is on PATH and may be run, after --.',
  };
  return { code: isMissing ? 127 : 126, problem };
}

/** A promise that is settled from outside. */
interface Milestone {
  readonly reached: Promise<void>;
  readonly reach: () => void;
}

function milestone(): Milestone {
  let reach = (): void => undefined;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return { reached, reach };
}

/** One node process, as the host sees it. */
class NodeHandle {
  readonly node: TopologyNode;
  readonly #stream: CommandStream;
  readonly #hello = milestone();
  readonly #ready = milestone();
  readonly #answering = milestone();

  constructor(
    node: TopologyNode,
    ports: HostPorts,
    self: readonly string[],
    onMessage: (message: FromNode) => void,
    onEnd: (failure: Failure) => void,
  ) {
    this.node = node;
    // A session of its own: a Ctrl-C at the terminal is for the command, not for the cluster.
    this.#stream = ports.runner.stream(['setsid', 'unshare', '--net', ...self, 'node'], (line) => {
      const message = decodeLine<FromNode>(line);
      if (message.type === 'hello') this.#hello.reach();
      if (message.type === 'ready') this.#ready.reach();
      if (message.type === 'answering') this.#answering.reach();
      onMessage(message);
    });
    this.#stream.exit.then(
      ({ stderr }) => onEnd(nodeFailure(node.name, stderr.trim() === '' ? 'it ended' : stderr.trim())),
      (error: unknown) => onEnd(nodeFailure(node.name, messageOf(error))),
    );
  }

  tell(message: ToNode): void {
    this.#stream.write(`${JSON.stringify(message)}\n`);
  }

  /** Once it is in its own namespace, plugs it in and configures it. */
  async configure(runner: CommandRunner, api: Extract<ToNode, { type: 'configure' }>['api']): Promise<void> {
    await this.#hello.reached;
    await runIp(runner, cableCommands(this.node, this.#stream.pid ?? 0));
    this.tell({ type: 'configure', node: this.node, api });
    await this.#ready.reached;
  }

  /** When the node has answered on the first table that it was told. */
  get answering(): Promise<void> {
    return this.#answering.reached;
  }

  /** Ends it, and waits until it is gone. */
  async end(): Promise<void> {
    this.#stream.end();
    const timer = setTimeout(() => {
      if (this.#stream.pid !== null) process.kill(this.#stream.pid, 'SIGKILL');
    }, END_TIMEOUT_MS);
    // How it ended is of no interest any more.
    await this.#stream.exit.catch(() => undefined);
    clearTimeout(timer);
  }
}

function apiFor(config: SandboxConfig, node: TopologyNode): Extract<ToNode, { type: 'configure' }>['api'] {
  const { topology, serviceCidrs, objects } = config;
  if (node !== topology.nodes.find((candidate) => candidate.controlPlane)) return null;
  const address = node.addresses[0]?.split('/', 1)[0] ?? '';
  return { address, port: API_PORT, serviceCidrs, objects, nodes: topology.nodes };
}

/** All nodes: laid, running, and told of every change of what they answer on. */
async function startNodes(
  config: SandboxConfig,
  ports: HostPorts,
  nodes: NodeHandle[],
  onFailure: (failure: Failure) => void,
): Promise<Credentials> {
  let credentials: Credentials | null = null;
  const onMessage = (message: FromNode): void => {
    if (message.type === 'failed') onFailure(new Failure('error', message.diagnostics));
    if (message.type === 'serving') credentials = message;
    if (message.type === 'answers') {
      for (const node of nodes) node.tell({ type: 'answer', answers: message.answers });
    }
  };
  await runIp(ports.runner, hostCommands(config.topology));
  nodes.push(
    ...config.topology.nodes.map((node) => new NodeHandle(node, ports, config.self, onMessage, onFailure)),
  );
  // The API last: it tells the first table when it is up, and every node must be there to hear it.
  const [serving, others] = [
    nodes.filter(({ node }) => apiFor(config, node) !== null),
    nodes.filter(({ node }) => apiFor(config, node) === null),
  ];
  await Promise.all(others.map((node) => node.configure(ports.runner, null)));
  await Promise.all(serving.map((node) => node.configure(ports.runner, apiFor(config, node.node))));
  await Promise.all(nodes.map((node) => node.answering));
  if (credentials === null) throw nodeFailure(serving[0]?.node.name ?? '', 'it did not serve the API');
  return credentials;
}

function infoOf(config: SandboxConfig, credentials: Credentials): SandboxInfo {
  const paths = pathsOf(config.directory);
  return {
    directory: config.directory,
    profile: config.profile,
    kubeconfig: paths.kubeconfig,
    minikubeHome: paths.minikubeHome,
    server: credentials.url,
    hostAddresses: config.topology.hostAddresses,
    nodes: config.topology.nodes.map(({ name, addresses, podCidrs }) => ({
      name,
      address: addresses[0]?.split('/', 1)[0] ?? '',
      podCidrs,
    })),
    serviceCidrs: config.serviceCidrs,
  };
}

function diagnosticsOf(error: unknown): readonly Diagnostic[] {
  if (error instanceof Failure) return error.diagnostics;
  return [
    {
      code: 'sandbox-host',
      severity: 'error',
      summary: messageOf(error),
      cause: 'the sandbox could not be set up',
      fix: 'check that iproute2 and util-linux are installed',
    },
  ];
}

/** Runs the command until it ends, is told to stop, or `failed` rejects. */
async function runCommand(
  config: SandboxConfig,
  ports: HostPorts,
  stopped: Promise<'SIGTERM' | 'SIGHUP'>,
  failed: Promise<never>,
): Promise<Ending> {
  const env = { ...sandboxEnvironment(ports.env, config.directory), ...config.commandEnv };
  const child: ForegroundProcess = ports.foreground.start(config.command, { env });
  let timer: NodeJS.Timeout | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    child.kill(signal);
    timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  };
  // Either promise may stay open for good; neither is waited for.
  void stopped.then(stop);
  try {
    const ended = child.exit.then(
      (exit): Ending => ({ code: exitCodeOf(exit) }),
      (error: unknown) => notStarted(config.command[0], error),
    );
    return await Promise.race([ended, failed]);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The host of the sandbox, in its user and network namespace: lays the network, starts the nodes, writes the files,
 * and runs the command when the other side says so. Resolves to the exit code; everything has ended by then.
 * The end of `channel` means that the process that started the sandbox is gone: then it all goes at once.
 */
export async function runSandboxHost(directory: string, channel: Socket, ports: HostPorts): Promise<number> {
  const config = JSON.parse(await readFile(join(directory, CONFIG_FILE), 'utf8')) as SandboxConfig;
  const tell = (message: FromHost): void => void channel.write(`${JSON.stringify(message)}\n`);
  const start = milestone();
  let stop: (signal: 'SIGTERM' | 'SIGHUP') => void = () => undefined;
  const stopped = new Promise<'SIGTERM' | 'SIGHUP'>((resolve) => {
    stop = resolve;
  });
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  // Also raced for below; this keeps a failure after the end from being an unhandled one.
  failed.catch(() => undefined);
  readLines(channel, (line) => {
    const message = decodeLine<ToHost>(line);
    if (message.type === 'start') start.reach();
    else stop(message.signal);
  });
  let over = false;
  channel.once('close', () => {
    if (over) return;
    rm(directory, { recursive: true, force: true }).then(
      () => process.exit(1),
      () => process.exit(1),
    );
  });
  const nodes: NodeHandle[] = [];
  try {
    const credentials = await Promise.race([startNodes(config, ports, nodes, fail), failed]);
    await writeSandboxFiles(config, credentials, new Date());
    tell({ type: 'ready', info: infoOf(config, credentials) });
    const stoppedEarly = await Promise.race([start.reached, stopped, failed]);
    if (stoppedEarly !== undefined) {
      tell({ type: 'ended', code: stoppedEarly === 'SIGTERM' ? 143 : 129 });
      return 1;
    }
    const ending = await runCommand(config, ports, stopped, failed);
    tell({ type: 'ended', ...ending });
    return ending.code;
  } catch (error) {
    tell({ type: 'failed', diagnostics: diagnosticsOf(error) });
    return 1;
  } finally {
    over = true;
    await Promise.all(nodes.map((node) => node.end()));
    await new Promise<void>((resolve) => channel.end(resolve));
  }
}
