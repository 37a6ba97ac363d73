import { uptime } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RecoveryPorts } from '../../executor/recover.ts';
import { HelperClient } from '../../helper/client.ts';
import { inheritHelper } from '../../helper/inherit.ts';
import type { Cluster } from '../../kubernetes/cluster.ts';
import type { Contexts } from '../../kubernetes/kubeconfig/contexts.ts';
import type { KubeContext } from '../../kubernetes/kubeconfig/kubeconfig.ts';
import { createProfiles, profileFile } from '../../minikube/files.ts';
import type { ProfileSettings, Profiles } from '../../minikube/profiles.ts';
import { type DesiredProfile, needsCluster, type ProfileContext } from '../../model/desired.ts';
import { isServerOf } from '../../model/observed.ts';
import { createHostFacts } from '../../observe/host-facts.ts';
import type { ObservePorts } from '../../observe/observe.ts';
import type { FileEvents } from '../../platform/file-events.ts';
import { readHostPolicy } from '../../platform/host-policy.ts';
import type { Platform } from '../../platform/platform.ts';
import { ProcessRunner } from '../../platform/process.ts';
import type { Processes } from '../../platform/processes.ts';
import type { RouteEvents } from '../../platform/route-events.ts';
import type { RouteChanger } from '../../platform/route-table.ts';
import { selectPlatform } from '../../platform/select.ts';
import { createApprovals } from '../../registry/approvals-file.ts';
import { createRegistry } from '../../registry/claims-file.ts';
import { createJournal } from '../../registry/journal-file.ts';
import { createLock, HELPER_LOCK } from '../../registry/lock-file.ts';
import type { Approvals, Journal, Lock, Registry, Sessions } from '../../registry/registry.ts';
import { createSessions } from '../../registry/session-files.ts';
import { ensureStateDirectory, stateDirectory } from '../../registry/state-directory.ts';
import type { Terminal } from '../terminal.ts';
import type { Approved } from '../transaction/approval.ts';
import { type Guard, startGuard } from '../transaction/guard-process.ts';
import { Clusters } from './clusters.ts';
import { homeDirectory } from './home-directory.ts';
import { ProgramApprovals } from './programs.ts';
import { statusPort } from './status-port.ts';

/** The adapters that reading takes. Whoever composes them closes them. */
export interface ReadAdapters extends ObservePorts {
  readonly registry: Registry;
  readonly profiles: Profiles & ProfileSettings;
  readonly journal: Journal;
  readonly approvals: Approvals;
  readonly programs: Pick<ProgramApprovals, 'approve' | 'unapproved'>;
  readonly sessions: Sessions;
  readonly processes: Processes;
  readonly routeEvents: RouteEvents;
  readonly runner: ProcessRunner;
  cluster(profile: ProfileContext): Promise<Cluster>;
  /** Ends what is under way in a profile's cluster; the next request connects anew. */
  giveUpCluster(profile: ProfileContext): void;
  /** Milliseconds since boot, suspended time included: Linux, /proc/uptime. */
  uptimeMs(): number;
  /** Where claims and the journal are; may not exist yet. */
  readonly stateDirectory: string;
  /** The contexts of the kubeconfig. Throws a Failure when it cannot be read. */
  contexts(): Promise<Contexts>;
  /** The kubeconfig may be another one by now. */
  doubtClusters(): void;
  /** Connections to clusters may be dead without a word: they are made anew. */
  renewClusters(): Promise<void>;
  /** The files that profiles and their clusters are known from, whether they exist or not. */
  filesBehind(profiles: readonly DesiredProfile[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** The adapters that changing takes, the elevated helper included; it starts with the transaction. */
export interface ChangeAdapters extends ReadAdapters, Pick<RecoveryPorts, 'servicesIn'> {
  readonly lock: Lock;
  readonly routeChanger: RouteChanger;
  /** Starts what undoes the transaction unless it is confirmed. Throws a Failure where that, or the helper, does not start. */
  startGuard(txid: string): Promise<Guard>;
}

/** Wires what observing takes. Throws a Failure on a system whose routes cannot be read. */
export function composeReading(terminal: Terminal, approved: Approved): ReadAdapters {
  const runner = new ProcessRunner();
  return readAdapters(terminal, approved, runner, selectPlatform(runner, terminal.platform));
}

function readAdapters(
  terminal: Terminal,
  approved: Approved,
  runner: ProcessRunner,
  { routeTable, processes, routeEvents, host }: Platform,
): ReadAdapters {
  const env = { ...terminal.env };
  const home = homeDirectory();
  const { platform } = terminal;
  const directory = stateDirectory(env, platform, home);
  const profiles = createProfiles({
    env,
    home,
    runner,
    processes,
    platform: platform === 'darwin' || platform === 'win32' ? platform : 'linux',
  });
  const approvals = createApprovals(directory);
  const programs = new ProgramApprovals({
    approved,
    approvals,
    profiles,
    findContext: async ({ context, name }) => {
      const { readKubeContext } = await import('../../kubernetes/kubeconfig/kubeconfig.ts');
      return await readKubeContext({ context, profile: name, env, home });
    },
  });
  const clusters = new Clusters(async ({ context, name }) => {
    const { findCluster } = await import('../../kubernetes/connect.ts');
    const mayRun = (found: KubeContext) => programs.mayRun(name, found);
    const policy = { runner, mayRun, approval: approved.command };
    const isOwnNode = async (server: URL) => isServerOf(server.origin, await profiles.config(name));
    return await findCluster({ context, profile: name, env, home, programs: policy, isOwnNode });
  });
  return {
    routeTable,
    processes,
    routeEvents,
    runner,
    uptimeMs: () => uptime() * 1000,
    stateDirectory: directory,
    registry: createRegistry(directory),
    journal: createJournal(directory),
    approvals,
    programs,
    sessions: createSessions(directory),
    host: createHostFacts({ env, stateDirectory: directory, policy: readHostPolicy, sources: host }),
    profiles,
    cluster: (profile) => clusters.of(profile),
    giveUpCluster: (profile) => clusters.giveUp(profile),
    contexts: async () => {
      const { listContexts } = await import('../../kubernetes/kubeconfig/contexts.ts');
      return await listContexts(env, home);
    },
    doubtClusters: () => clusters.doubt(),
    renewClusters: () => clusters.renew(),
    filesBehind: async (listed) => {
      const { kubeconfigFiles } = await import('../../kubernetes/kubeconfig/kubeconfig.ts');
      const asked = listed.filter(needsCluster).map(({ name }) => profileFile(env, home, name));
      if (asked.length === 0) return [];
      return [...asked, ...kubeconfigFiles(env, home).map((file) => resolve(terminal.cwd, file))];
    },
    close: () => clusters.close(),
  };
}

/** Wires what changing takes, and makes the state directory. `inherited`: the helper is one that another mkplan passed on. */
export async function composeChanging(
  terminal: Terminal,
  approved: Approved,
  { inherited } = { inherited: false },
): Promise<ChangeAdapters> {
  const runner = new ProcessRunner();
  const platform = selectPlatform(runner, terminal.platform);
  const { locks, elevation } = platform;
  const reading = readAdapters(terminal, approved, runner, platform);
  const { stateDirectory: directory } = reading;
  await ensureStateDirectory(directory);
  const routeChanger = new HelperClient({
    command: entryCommand('helper.js'),
    lockPath: join(directory, HELPER_LOCK),
    elevation: inherited ? inheritHelper((onLine) => runner.inherited(onLine), elevation) : elevation,
    locks,
  });
  return {
    ...reading,
    lock: createLock(directory, locks),
    routeChanger,
    servicesIn: (contexts) => {
      const profileOf = (name: string) => ({ name, context: contexts.get(name) ?? name });
      return statusPort(
        (name) => reading.cluster(profileOf(name)),
        (name) => reading.giveUpCluster(profileOf(name)),
      );
    },
    startGuard: (txid) =>
      startGuard(entryCommand('main.js'), runner, routeChanger, { txid, kinds: approved.kinds }),
    close: async () => {
      await routeChanger.close();
      await reading.close();
    },
  };
}

/** What hears files being written; its package is loaded then. */
export async function composeFileEvents(): Promise<FileEvents> {
  const { ChokidarFileEvents } = await import('../../platform/chokidar.ts');
  return new ChokidarFileEvents();
}

/** argv of an entry of the bundle, which stands beside the program that this is a part of. */
function entryCommand(file: 'main.js' | 'helper.js' | 'sandbox.js'): readonly [string, string] {
  return [process.execPath, fileURLToPath(new URL(`./${file}`, import.meta.url))];
}

/** What a sandbox is run with: its own entry, mkplan as its commands call it, and the seams to other processes. */
export async function composeSandbox() {
  const { TerminalRunner } = await import('../../sandbox/foreground.ts');
  return {
    self: entryCommand('sandbox.js'),
    mkplan: entryCommand('main.js'),
    ports: { runner: new ProcessRunner(), foreground: new TerminalRunner() },
  };
}
