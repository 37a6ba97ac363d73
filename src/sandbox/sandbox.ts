import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Diagnostic, Failure, messageOf } from '../model/diagnostic.ts';
import { printableLine } from '../model/text/printable.ts';
import type { CommandRunner } from '../platform/command.ts';
import type { ForegroundProcess, ForegroundRunner } from './foreground.ts';
import { readManifests } from './manifests/manifests.ts';
import { describeSkipped } from './manifests/skipped.ts';
import { checkNamespaces, NAMESPACE } from './namespaces.ts';
import {
  CONFIG_FILE,
  decodeLine,
  type FromHost,
  type SandboxConfig,
  type SandboxInfo,
  type ToHost,
} from './protocol.ts';
import { type Shell, shellOf } from './shell.ts';
import { layOut } from './topology.ts';

export interface SandboxOptions {
  /** A directory of manifests, or one file; null gives two nodes and one LoadBalancer Service. */
  readonly manifests: string | null;
  /** Whether manifests that the sandbox has no use for are an error. */
  readonly failOnSkipped?: boolean;
  /** Hears in one line what was skipped, if anything was. */
  readonly onSkipped?: (line: string) => void;
  /** What to run in the sandbox; empty gives $SHELL. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** The minikube profile, and the context that leads to it; both `minikube` unless given. */
  readonly profile?: { readonly name: string; readonly context: string };
  /** argv of the sandbox's own entry (`node dist/sandbox.js`), to which the part that it plays is added. */
  readonly self: readonly [string, ...string[]];
  /** argv of mkplan, for the launcher on the command's PATH; null leaves it out. */
  readonly mkplan: readonly string[] | null;
  /** Hears why the command did not begin. */
  readonly onProblem?: (problem: Diagnostic) => void;
  /** Hears where everything is, before the command starts. */
  readonly onReady?: (info: SandboxInfo) => void;
}

/** What the sandbox does its work through. */
export interface SandboxPorts {
  readonly runner: CommandRunner;
  readonly foreground: ForegroundRunner;
}

/** Ctrl-C and Ctrl-\ are for the command, which has the terminal; the sandbox ends when the command does. */
const FOR_THE_COMMAND = ['SIGINT', 'SIGQUIT'] as const;
const STOPPING = ['SIGTERM', 'SIGHUP'] as const;

/** The lines to print before the command of a sandbox starts; `isShell`: whether that is a shell, which a person leaves. */
export function describeSandbox(info: SandboxInfo, isShell: boolean): string {
  const lines = [
    `sandbox: profile ${info.profile}, Kubernetes API ${info.server}, services ${info.serviceCidrs.join(', ')}`,
    ...info.nodes.map(
      (node) => `  node ${node.name} ${node.address}, pods ${node.podCidrs.join(', ') || 'none'}`,
    ),
    `  host ${info.hostAddresses.join(', ')}; KUBECONFIG, MINIKUBE_HOME and XDG_STATE_HOME are in ${info.directory}`,
    ...(isShell ? ['  leave it with exit; nothing of it stays'] : []),
  ];
  return lines.map((line) => `${printableLine(line)}\n`).join('');
}

function skippedManifests(skipped: string): Diagnostic {
  return {
    code: 'manifest-skipped',
    severity: 'error',
    summary: `the sandbox has no use for ${skipped}`,
    cause: 'with --fail-on-skipped every manifest has to be one that the sandbox uses',
    fix: 'Name a directory with the manifests of Nodes, Services and EndpointSlices alone, or leave --fail-on-skipped out.',
  };
}

async function configOf(options: SandboxOptions, directory: string): Promise<SandboxConfig> {
  const manifests = await readManifests(options.manifests);
  const skipped = describeSkipped(manifests.skipped);
  if (skipped !== null) {
    if (options.failOnSkipped === true) throw new Failure('error', [skippedManifests(skipped)]);
    options.onSkipped?.(`skipped ${skipped}\n`);
  }
  const [program, ...args] = options.command;
  const { argv, env }: Shell =
    program === undefined ? await shellOf(options.env, directory) : { argv: [program, ...args], env: {} };
  return {
    directory,
    profile: options.profile?.name ?? 'minikube',
    context: options.profile?.context ?? 'minikube',
    topology: layOut(manifests),
    serviceCidrs: manifests.serviceCidrs,
    objects: manifests.objects,
    command: argv,
    commandEnv: env,
    mkplan: options.mkplan,
    self: options.self,
  };
}

/** Runs the host process to its end, and passes on what it says and what we are told. */
async function runHost(options: SandboxOptions, ports: SandboxPorts, directory: string): Promise<number> {
  let problems: readonly Diagnostic[] | null = null;
  let ended: number | null = null;
  const tell = (child: ForegroundProcess, message: ToHost): void => child.send(JSON.stringify(message));
  const [program, ...args] = NAMESPACE;
  const child = ports.foreground.start([program, ...args, ...options.self, 'host', directory], {
    env: options.env,
    onLine: (line) => {
      const message = decodeLine<FromHost>(line);
      if (message.type === 'failed') {
        problems = message.diagnostics;
      } else if (message.type === 'ended') {
        ended = message.code;
        if (message.problem !== undefined) options.onProblem?.(message.problem);
      } else {
        options.onReady?.(message.info);
        tell(child, { type: 'start' });
      }
    },
  });
  const ignore = (): void => undefined;
  const stop = (signal: NodeJS.Signals): void =>
    tell(child, { type: 'stop', signal: signal === 'SIGHUP' ? 'SIGHUP' : 'SIGTERM' });
  for (const signal of FOR_THE_COMMAND) process.on(signal, ignore);
  for (const signal of STOPPING) process.on(signal, stop);
  try {
    const { code, signal } = await child.exit;
    if (problems !== null) throw new Failure('error', problems);
    // Without its last word the host did not end by itself, whatever unshare(1) makes of that.
    if (ended === null)
      throw new Error(`the sandbox was ended from outside (${signal ?? `exit code ${String(code)}`})`);
    return ended;
  } finally {
    for (const signal of FOR_THE_COMMAND) process.off(signal, ignore);
    for (const signal of STOPPING) process.off(signal, stop);
  }
}

/** A directory of the sandbox's own. Throws a Failure where there is no room for one, or no place. */
async function makeDirectory(): Promise<string> {
  const parent = tmpdir();
  try {
    return await mkdtemp(join(parent, 'mkplan-sandbox-'));
  } catch (thrown) {
    throw new Failure(
      'error',
      [
        {
          code: 'sandbox-host',
          severity: 'error',
          summary: `the sandbox cannot make a directory in ${parent}`,
          cause: messageOf(thrown),
          fix: 'Set TMPDIR to a directory that you can write to and that has room.',
          command: 'TMPDIR=/var/tmp mkplan sandbox',
        },
      ],
      { cause: thrown },
    );
  }
}

/**
 * Runs a command beside a cluster that is not there: a host and nodes in namespaces of their own, and a Kubernetes API
 * in one of them. Needs no root. Resolves to the command's exit code when nothing of it is left.
 * Throws a Failure: `sandbox-unavailable`, `manifest-…`, or what went wrong in it.
 */
export async function runSandbox(options: SandboxOptions, ports: SandboxPorts): Promise<number> {
  await checkNamespaces(ports.runner, process.platform);
  const directory = await makeDirectory();
  try {
    const config = await configOf(options, directory);
    await writeFile(join(directory, CONFIG_FILE), JSON.stringify(config), { mode: 0o600 });
    return await runHost(options, ports, directory);
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(
      'error',
      [
        {
          code: 'sandbox-host',
          severity: 'error',
          summary: messageOf(error),
          cause: 'the sandbox could not be run',
          fix: 'run it again; report it if it happens each time',
        },
      ],
      { cause: error },
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
