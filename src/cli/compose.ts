import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HelperClient } from '../helper/client.ts';
import { elevatedCommand, needsElevation } from '../helper/elevation.ts';
import type { Cluster } from '../kubernetes/cluster.ts';
import type { KubeContext } from '../kubernetes/kubeconfig.ts';
import { createProfiles } from '../minikube/files.ts';
import type { Profiles } from '../minikube/profiles.ts';
import type { DesiredProfile } from '../model/desired.ts';
import { Failure } from '../model/diagnostic.ts';
import { createHostFacts } from '../observe/host-facts.ts';
import type { ObservePorts } from '../observe/observe.ts';
import { isServerOf } from '../observe/profile.ts';
import type { Argv, CommandRunner } from '../platform/command.ts';
import { readHostPolicy } from '../platform/host-policy.ts';
import { ProcessRunner } from '../platform/process.ts';
import type { Processes } from '../platform/processes.ts';
import type { RouteEvents } from '../platform/route-events.ts';
import type { RouteChanger } from '../platform/route-table.ts';
import { selectPlatform } from '../platform/select.ts';
import { createRegistry } from '../registry/claims-file.ts';
import { createLock, HELPER_LOCK } from '../registry/flock-lock.ts';
import { createJournal } from '../registry/journal-file.ts';
import type { Journal, Lock, Registry } from '../registry/registry.ts';
import { ensureStateDirectory, stateDirectory } from '../registry/state-directory.ts';
import type { Approved } from './approval.ts';
import type { Terminal } from './terminal.ts';

/** The adapters that reading takes. Whoever composes them closes them. */
export interface ReadAdapters extends ObservePorts {
  readonly registry: Registry;
  readonly journal: Journal;
  readonly processes: Processes;
  readonly routeEvents: RouteEvents;
  readonly runner: ProcessRunner;
  /** Where claims and the journal are; may not exist yet. */
  readonly stateDirectory: string;
  close(): Promise<void>;
}

/** The adapters that changing takes, the elevated helper included; it starts with the transaction. */
export interface ChangeAdapters extends ReadAdapters {
  readonly lock: Lock;
  readonly routeChanger: RouteChanger;
}

/** Wires what observing takes. Throws a Failure on a system whose routes cannot be read. */
export function composeReading(terminal: Terminal, approved: Approved): ReadAdapters {
  const runner = new ProcessRunner();
  const { routeTable, processes, routeEvents } = selectPlatform(runner, terminal.platform);
  const env = { ...terminal.env };
  const home = homedir();
  const { platform } = terminal;
  const directory = stateDirectory(env, platform, home);
  const profiles = createProfiles({
    env,
    home,
    runner,
    processes,
    platform: platform === 'darwin' || platform === 'win32' ? platform : 'linux',
  });
  const clusters = new Clusters({ env, home, runner, profiles, approved });
  return {
    routeTable,
    processes,
    routeEvents,
    runner,
    stateDirectory: directory,
    registry: createRegistry(directory),
    journal: createJournal(directory),
    host: createHostFacts({ env, policy: readHostPolicy }),
    profiles,
    cluster: (profile) => clusters.of(profile),
    close: () => clusters.close(),
  };
}

/** Wires what changing takes, and makes the state directory. */
export async function composeChanging(terminal: Terminal, approved: Approved): Promise<ChangeAdapters> {
  const reading = composeReading(terminal, approved);
  const { runner, stateDirectory: directory } = reading;
  await ensureStateDirectory(directory);
  const routeChanger = new HelperClient({
    command: helperCommand(),
    lockPath: join(directory, HELPER_LOCK),
    processes: runner,
  });
  return {
    ...reading,
    lock: createLock(directory, runner),
    routeChanger,
    close: async () => {
      await routeChanger.close();
      await reading.close();
    },
  };
}

/** argv of an entry of the bundle, which stands beside the program that this is a part of. */
function entryCommand(file: 'main.js' | 'helper.js' | 'sandbox.js'): readonly [string, string] {
  return [process.execPath, fileURLToPath(new URL(`./${file}`, import.meta.url))];
}

/** What a sandbox is run with: its own entry, mkplan as its commands call it, and the seams to other processes. */
export async function composeSandbox() {
  const { TerminalRunner } = await import('../sandbox/foreground.ts');
  return {
    self: entryCommand('sandbox.js'),
    mkplan: entryCommand('main.js'),
    ports: { runner: new ProcessRunner(), foreground: new TerminalRunner() },
  };
}

function helperCommand(): Argv {
  const [node, helper] = entryCommand('helper.js');
  return needsElevation() ? elevatedCommand(node, helper) : [node, helper];
}

interface ClustersOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly runner: CommandRunner;
  readonly profiles: Profiles;
  readonly approved: Approved;
}

/** One client a context, made when it is first needed; its module is loaded then. */
class Clusters {
  readonly #options: ClustersOptions;
  readonly #open = new Map<string, Promise<Cluster>>();

  constructor(options: ClustersOptions) {
    this.#options = options;
  }

  of(profile: DesiredProfile): Promise<Cluster> {
    const key = `${profile.context}\n${profile.name}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const cluster = this.#connect(profile);
    this.#open.set(key, cluster);
    return cluster;
  }

  async #connect({ context, name }: DesiredProfile): Promise<Cluster> {
    const { connectCluster } = await import('../kubernetes/connect.ts');
    const { env, home, runner, profiles, approved } = this.#options;
    // What a spec may name unasked: the context that minikube wrote for the profile, whose server is that profile's.
    const mayRun = async ({ writtenByMinikube, server }: KubeContext) =>
      [...approved.kinds, ...readHostPolicy().allow].includes('context') ||
      (writtenByMinikube && isServerOf(server.origin, await profiles.config(name)));
    const programs = { runner, mayRun, approval: approved.command };
    return await connectCluster({ context, profile: name, env, home, programs });
  }

  async close(): Promise<void> {
    const settled = await Promise.allSettled(this.#open.values());
    for (const one of settled) {
      if (one.status === 'fulfilled') await one.value.close();
      // A connection that never came to be was reported where it was asked for, and has nothing to close.
      else if (!(one.reason instanceof Failure)) throw one.reason;
    }
  }
}
