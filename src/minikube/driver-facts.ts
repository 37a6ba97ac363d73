import type { ProfileFile } from './config-file.ts';
import type { DriverFacts } from './routable.ts';

/** Where the facts about a driver come from. */
export interface DriverSources {
  readonly env: NodeJS.ProcessEnv;
  readonly platform: DriverFacts['platform'];
  /** The text of minikube's own settings; null where there are none. */
  settings(): Promise<string | null>;
  /** What a program printed, run with these variables beside its environment; empty where it failed. */
  ask(
    argv: readonly [string, ...string[]],
    timeoutMs: number,
    env: Readonly<Record<string, string>>,
  ): Promise<string>;
}

const ENGINE_TIMEOUT_MS = 5000;
const WSL_VARIABLES = ['WSL_DISTRO_NAME', 'WSLPATH', 'WSLENV'];

/** What tells the clients of docker and podman which engine to talk to. */
const DOCKER_VARIABLES = ['DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'];
const PODMAN_VARIABLES = ['CONTAINER_HOST', 'CONTAINER_SSHKEY'];

/** Whether DOCKER_HOST or CONTAINER_HOST is a URL with a host in it, as minikube judges it. */
function isRemote(url: string): boolean {
  return URL.canParse(url) && new URL(url).host !== '';
}

/** The variables that `minikube docker-env` and `minikube podman-env` took for themselves in this shell. */
function takenVariables(env: NodeJS.ProcessEnv): readonly string[] {
  const isSet = (name: string) => (env[name] ?? '') !== '';
  // podman-env sets CONTAINER_HOST, or since minikube 1.37 docker's own variables.
  const isOldPodman = isSet('CONTAINER_HOST');
  return [
    ...(isSet('MINIKUBE_ACTIVE_DOCKERD') ? DOCKER_VARIABLES : []),
    ...(isSet('MINIKUBE_ACTIVE_PODMAN') ? (isOldPodman ? PODMAN_VARIABLES : DOCKER_VARIABLES) : []),
  ];
}

/**
 * The variables of the user's own engine, which the driver uses: those that `docker-env` and `podman-env` changed have the value from
 * before (MINIKUBE_EXISTING_*), or none. minikube does the same before it talks to an engine.
 */
function ownEngine(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  return Object.fromEntries(
    takenVariables(env).map((name) => [name, env[`MINIKUBE_EXISTING_${name}`] ?? '']),
  );
}

/** Finds out what decides whether the network of a profile's driver can be routed to. Throws a Failure when minikube's settings cannot be read. */
export async function driverFacts(
  { driver, network }: Pick<ProfileFile, 'driver' | 'network'>,
  sources: DriverSources,
): Promise<DriverFacts> {
  const { env, platform } = sources;
  const wsl = platform === 'linux' && WSL_VARIABLES.some((name) => (env[name] ?? '') !== '');
  const own = ownEngine(env);
  const engineHost = { docker: 'DOCKER_HOST', podman: 'CONTAINER_HOST' }[driver];
  const remoteEngine = engineHost !== undefined && isRemote(own[engineHost] ?? env[engineHost] ?? '');
  const known = { driver, network, platform, wsl, remoteEngine, rootless: false, dockerDesktop: false };
  // Asking the engine costs a process, so only where its answer decides.
  if (platform !== 'linux' || remoteEngine) return known;
  if (driver === 'podman' && !wsl) return { ...known, rootless: await isMinikubeRootless(sources) };
  return driver === 'docker' ? { ...known, ...(await dockerFacts(sources, own, wsl)) } : known;
}

/** Podman tells an ordinary user that it is rootless, although minikube calls it by sudo unless told otherwise. */
async function isMinikubeRootless({ env, settings }: DriverSources): Promise<boolean> {
  const variable = env['MINIKUBE_ROOTLESS'];
  if (variable !== undefined && variable !== '') return variable === 'true' || variable === '1';
  const text = await settings();
  return text !== null && /"rootless"\s*:\s*(true|"true")/.test(text);
}

/** Under WSL, an engine that answers and is not Docker Desktop's runs in the distribution itself, with its networks. */
async function dockerFacts(
  sources: DriverSources,
  own: Readonly<Record<string, string>>,
  wsl: boolean,
): Promise<Pick<DriverFacts, 'wsl' | 'rootless' | 'dockerDesktop'>> {
  const format = '{{.OperatingSystem}}|{{json .SecurityOptions}}';
  const answer = await sources.ask(['docker', 'info', '--format', format], ENGINE_TIMEOUT_MS, own);
  return {
    wsl: wsl && answer === '',
    dockerDesktop: answer.startsWith('Docker Desktop'),
    rootless: answer.includes('name=rootless'),
  };
}
