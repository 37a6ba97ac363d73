import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Failure, messageOf } from '../model/diagnostic.ts';
import type { MinikubeConfig } from '../model/observed.ts';
import { formatAddress, parseAddress } from '../model/prefix.ts';
import type { System } from '../model/system.ts';
import { readBounded, UnfitFile } from '../platform/bounded-file.ts';
import type { CommandResult, CommandRunner } from '../platform/command.ts';
import type { Processes } from '../platform/processes.ts';
import { type ProfileFile, parseProfileFile, strangeValues } from './config-file.ts';
import { driverFacts } from './driver-facts.ts';
import type { ProfileSettings, Profiles, RecordedTunnels, Rest } from './profiles.ts';
import { type DriverFacts, unroutableReason } from './routable.ts';
import { parseTunnels } from './tunnels-file.ts';

export interface ProfilesOptions {
  /** MINIKUBE_HOME, DOCKER_HOST and the like are read from it. */
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly runner: CommandRunner;
  readonly processes: Pick<Processes, 'nameOf'>;
  readonly platform: System;
}

/** Names that minikube itself accepts; no separator and no leading dot, so a name cannot leave the folder. */
const PROFILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const MAX_BYTES = 1024 * 1024;
/** `minikube ip` asks the hypervisor, which may be slow to answer. */
const MINIKUBE_TIMEOUT_MS = 20_000;

/** The folder that minikube keeps its state in: MINIKUBE_HOME, with `.minikube` added unless it ends so. */
export function minikubeHome(env: NodeJS.ProcessEnv, home: string): string {
  const configured = env['MINIKUBE_HOME'] ?? '';
  if (configured === '') return join(home, '.minikube');
  return basename(configured) === '.minikube' ? configured : join(configured, '.minikube');
}

/** The file that minikube keeps a profile in. Throws a Failure for a name that minikube would not accept. */
export function profileFile(env: NodeJS.ProcessEnv, home: string, name: string): string {
  checkName(name);
  return join(minikubeHome(env, home), 'profiles', name, 'config.json');
}

/** What helps with a file of minikube that is not JSON, is no file at all, or cannot be opened. */
function fixOf(error: unknown): string {
  if (error instanceof SyntaxError) return 'Correct the JSON in it, or put a copy of the file in its place.';
  if (error instanceof UnfitFile) return 'Put minikube’s own file in its place.';
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOTDIR') return 'Let MINIKUBE_HOME name a directory, or unset it.';
  return code === 'EACCES' || code === 'EPERM'
    ? 'Make the file readable for yourself, and the directories above it.'
    : 'Correct what keeps it from being read.';
}

function unreadable(file: string, error: unknown): Failure {
  return new Failure(
    'error',
    [
      {
        code: 'profile-unreadable',
        severity: 'error',
        summary: `cannot read the minikube profile in ${file}: ${messageOf(error)}`,
        cause: 'minikube writes that file, as JSON, when it starts the profile.',
        fix: fixOf(error),
      },
    ],
    { cause: error },
  );
}

/** Whether a path is a symlink; false where there is nothing. */
async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch {
    // Whatever keeps it from being looked at is told where it is read.
    return false;
  }
}

/** The text of a file of bounded size; null when there is none. Throws the system's own error, and an UnfitFile for a dangling symlink. */
async function boundedText(file: string): Promise<string | null> {
  try {
    return (await readBounded(file, { maxBytes: MAX_BYTES })).toString('utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    if (await isLink(file)) throw new UnfitFile('kind', 'it is a symlink to nothing');
    return null;
  }
}

/** The same for a file of a profile. Throws a Failure when it cannot be read. */
async function readOwn(file: string): Promise<string | null> {
  try {
    return await boundedText(file);
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Whether there is such a file, if only one that cannot be read. */
async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

function checkName(name: string): void {
  if (PROFILE_NAME.test(name)) return;
  throw new Failure('error', [
    {
      code: 'profile-name',
      severity: 'error',
      summary: `${JSON.stringify(name)} is not the name of a minikube profile`,
      cause: 'A name has letters, digits, dots, dashes and underscores, and begins with a letter or digit.',
      fix: 'Name a profile that exists.',
      command: 'minikube profile list',
    },
  ]);
}

/**
 * What `minikube status --output json` printed, an object a node or a list of them, says of the whole: every VM is stopped, or a
 * control plane is paused. Workers have no API server (`Irrelevant`).
 */
function restOf(text: string): Rest | null {
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    // Whatever it says instead is not evidence.
    return null;
  }
  const nodes: readonly unknown[] = Array.isArray(told) ? told : [told];
  const says = (node: unknown, field: string) =>
    typeof node === 'object' && node !== null ? (Reflect.get(node, field) as unknown) : null;
  if (nodes.length === 0) return null;
  if (nodes.every((node) => says(node, 'Host') === 'Stopped')) return 'stopped';
  const servers = nodes.map((node) => says(node, 'APIServer')).filter((state) => state !== 'Irrelevant');
  return servers.length > 0 && servers.every((state) => state === 'Paused') ? 'paused' : null;
}

class MinikubeFiles implements Profiles, ProfileSettings {
  readonly #options: ProfilesOptions;
  readonly #folder: string;

  constructor(options: ProfilesOptions) {
    this.#options = options;
    this.#folder = minikubeHome(options.env, options.home);
  }

  async config(name: string): Promise<MinikubeConfig | null> {
    checkName(name);
    const file = join(this.#folder, 'profiles', name, 'config.json');
    const text = await readOwn(file);
    if (text === null) return null;
    let profile: ProfileFile;
    try {
      profile = parseProfileFile(name, text);
    } catch (error) {
      throw unreadable(file, error);
    }
    const { network, networks, ...config } = profile;
    return { ...config, unroutable: unroutableReason(await this.#factsOf(profile)) };
  }

  async ip(name: string, signal?: AbortSignal): Promise<string | null> {
    checkName(name);
    const result = await this.#run(['minikube', 'ip', '-p', name], MINIKUBE_TIMEOUT_MS, signal);
    if (result?.code !== 0) return null;
    const address = parseAddress(result.stdout.trim());
    return address === null ? null : formatAddress(address);
  }

  async rest(name: string, signal?: AbortSignal): Promise<Rest | null> {
    checkName(name);
    const argv = ['minikube', 'status', '-p', name, '--output', 'json'] as const;
    // Its exit code counts what does not run, as bits; what it printed says it by name.
    const result = await this.#run(argv, MINIKUBE_TIMEOUT_MS, signal);
    return result === null || result.timedOut ? null : restOf(result.stdout);
  }

  async list(): Promise<readonly string[]> {
    const folder = join(this.#folder, 'profiles');
    let names: string[];
    try {
      names = await readdir(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw unreadable(folder, error);
    }
    const valid = names.filter((name) => PROFILE_NAME.test(name)).sort((a, b) => (a < b ? -1 : 1));
    const there = await Promise.all(valid.map((name) => isThere(join(folder, name, 'config.json'))));
    return valid.filter((_, index) => there[index]);
  }

  get place(): string {
    const isSet = (this.#options.env['MINIKUBE_HOME'] ?? '') !== '';
    return `${join(this.#folder, 'profiles')}${isSet ? ', since MINIKUBE_HOME is set' : ''}`;
  }

  async current(): ReturnType<ProfileSettings['current']> {
    const named = this.#options.env['MINIKUBE_PROFILE'] ?? '';
    if (named !== '') return { profile: { name: named, source: 'MINIKUBE_PROFILE' }, problem: null };
    const file = join(this.#folder, 'config', 'config.json');
    let settings: unknown;
    try {
      settings = JSON.parse((await boundedText(file)) ?? 'null');
    } catch (error) {
      return { profile: null, problem: `${file} could not be read: ${messageOf(error)}` };
    }
    const name = typeof settings === 'object' && settings !== null ? Reflect.get(settings, 'profile') : null;
    const profile = typeof name === 'string' && name !== '' ? { name, source: file } : null;
    return { profile, problem: null };
  }

  async networks(name: string): ReturnType<ProfileSettings['networks']> {
    const file = join(this.#folder, 'profiles', name, 'config.json');
    try {
      const text = await boundedText(file);
      if (text === null) return { networks: [], problem: null };
      const read = parseProfileFile(name, text);
      const strange = strangeValues(read);
      const problem = strange.length === 0 ? null : `${file} has ${strange.join(', ')}, which makes no sense`;
      return { networks: read.networks, problem };
    } catch (error) {
      // A profile that cannot be read must not stop another one.
      return { networks: [], problem: `${file} could not be read: ${messageOf(error)}` };
    }
  }

  async tunnels(): Promise<RecordedTunnels> {
    const file = join(this.#folder, 'tunnels.json');
    let read: ReturnType<typeof parseTunnels>;
    try {
      const text = await boundedText(file);
      if (text === null) return { tunnels: [], problems: [] };
      read = parseTunnels(text, (name) => PROFILE_NAME.test(name));
    } catch (error) {
      return {
        tunnels: [],
        problems: [`whether a \`minikube tunnel\` runs is not known: ${file}: ${messageOf(error)}`],
      };
    }
    const { entries, strange } = read;
    const tunnels = await Promise.all(
      entries.map(async (entry) => ({ ...entry, alive: await this.#isMinikube(entry.pid) })),
    );
    const problems = strange === 0 ? [] : [`${file}: ${strange} of its entries were not understood`];
    return { tunnels, problems };
  }

  /** minikube looks at the pid alone, and so takes any process for its own; its binaries are called minikube*. */
  async #isMinikube(pid: number): Promise<boolean> {
    const name = await this.#options.processes.nameOf(pid);
    return name?.startsWith('minikube') ?? false;
  }

  async #factsOf(profile: ProfileFile): Promise<DriverFacts> {
    const { env, platform } = this.#options;
    return await driverFacts(profile, {
      env,
      platform,
      settings: () => readOwn(join(this.#folder, 'config', 'config.json')),
      ask: async (argv, timeoutMs, extra) => {
        const result = await this.#run(argv, timeoutMs, undefined, extra);
        return result?.code === 0 ? result.stdout : '';
      },
    });
  }

  /** Null where there is no such program: what it would have said is then not known. */
  async #run(
    argv: readonly [string, ...string[]],
    timeoutMs: number,
    signal?: AbortSignal,
    env: Readonly<Record<string, string>> = {},
  ): Promise<CommandResult | null> {
    try {
      const options = { timeoutMs, env, ...(signal === undefined ? {} : { signal }) };
      return await this.#options.runner.run(argv, options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }
}

/** Reads minikube's own files, and asks the `minikube` program where there is one. */
export function createProfiles(options: ProfilesOptions): Profiles & ProfileSettings {
  return new MinikubeFiles(options);
}
