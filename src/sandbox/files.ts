import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { stringify } from 'yaml';
import { KUBERNETES_VERSION } from '../embedded-api/discovery.ts';
import type { SandboxConfig } from './protocol.ts';
import type { TopologyNode } from './topology.ts';

/** What the node that serves the API hands out. */
export interface Credentials {
  readonly url: string;
  readonly ca: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** Where the files of a sandbox are, below its directory. */
export interface SandboxPaths {
  readonly kubeconfig: string;
  /** Named `.minikube`, since minikube appends that name to a MINIKUBE_HOME that ends otherwise. */
  readonly minikubeHome: string;
  readonly state: string;
  readonly bin: string;
}

export const API_PORT = 8443;

/** The minikube release whose files are written. */
const MINIKUBE_VERSION = 'v1.36.0';

/** The paths of a sandbox. */
export function pathsOf(directory: string): SandboxPaths {
  return {
    kubeconfig: join(directory, 'kubeconfig'),
    minikubeHome: join(directory, '.minikube'),
    state: join(directory, 'state'),
    bin: join(directory, 'bin'),
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** A kubeconfig with one context, as `minikube start --embed-certs` writes it. */
function kubeconfigOf({ profile, context }: SandboxConfig, credentials: Credentials, written: Date): string {
  const mark = (name: string) => ({
    name,
    extension: {
      'last-update': written.toUTCString(),
      provider: 'minikube.sigs.k8s.io',
      version: MINIKUBE_VERSION,
    },
  });
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    preferences: {},
    clusters: [
      {
        name: profile,
        cluster: {
          'certificate-authority-data': base64(credentials.ca),
          extensions: [mark('cluster_info')],
          server: credentials.url,
        },
      },
    ],
    contexts: [
      {
        name: context,
        context: {
          cluster: profile,
          extensions: [mark('context_info')],
          namespace: 'default',
          user: profile,
        },
      },
    ],
    'current-context': context,
    users: [
      {
        name: profile,
        user: {
          'client-certificate-data': base64(credentials.clientCert),
          'client-key-data': base64(credentials.clientKey),
        },
      },
    ],
  });
}

/** minikube leaves the first node's name empty: its machine is named as the profile, the others PROFILE-NAME. */
function minikubeNodeName(profile: string, name: string): string {
  if (name === profile) return '';
  return name.startsWith(`${profile}-`) ? name.slice(profile.length + 1) : name;
}

function addressOf(node: TopologyNode): string {
  return node.addresses[0]?.split('/', 1)[0] ?? '';
}

/** profiles/NAME/config.json as minikube writes it for the kvm2 driver, whose VMs are routed to like these nodes. */
function profileConfigOf(config: SandboxConfig): string {
  const { profile, topology, serviceCidrs } = config;
  const document = {
    Name: profile,
    KeepContext: false,
    EmbedCerts: true,
    Memory: 3072,
    CPUs: 2,
    DiskSize: 20000,
    Driver: 'kvm2',
    KubernetesConfig: {
      KubernetesVersion: KUBERNETES_VERSION,
      ClusterName: profile,
      Namespace: 'default',
      APIServerName: 'minikubeCA',
      APIServerNames: null,
      APIServerIPs: null,
      DNSDomain: 'cluster.local',
      ContainerRuntime: 'containerd',
      CRISocket: '',
      NetworkPlugin: 'cni',
      FeatureGates: '',
      ServiceCIDR: serviceCidrs[0] ?? '',
      ImageRepository: '',
      LoadBalancerStartIP: '',
      LoadBalancerEndIP: '',
      ExtraOptions: null,
      ShouldLoadCachedImages: true,
      EnableDefaultCNI: false,
      CNI: '',
    },
    Nodes: topology.nodes.map((node) => ({
      Name: minikubeNodeName(profile, node.name),
      IP: addressOf(node),
      Port: API_PORT,
      KubernetesVersion: KUBERNETES_VERSION,
      ContainerRuntime: 'containerd',
      ControlPlane: node.controlPlane,
      Worker: true,
    })),
    MultiNodeRequested: topology.nodes.length > 1,
  };
  return `${JSON.stringify(document, null, '\t')}\n`;
}

/** A word that sh(1) reads back as it is. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Writes everything that a command in the sandbox finds its way by. Throws what writing throws. */
export async function writeSandboxFiles(
  config: SandboxConfig,
  credentials: Credentials,
  now: Date,
): Promise<void> {
  const paths = pathsOf(config.directory);
  const profileDirectory = join(paths.minikubeHome, 'profiles', config.profile);
  for (const directory of [profileDirectory, paths.state, paths.bin]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
  await writeFile(paths.kubeconfig, kubeconfigOf(config, credentials, now), { mode: 0o600 });
  await writeFile(join(profileDirectory, 'config.json'), profileConfigOf(config), { mode: 0o600 });
  if (config.mkplan === null) return;
  const launcher = join(paths.bin, 'mkplan');
  await writeFile(launcher, `#!/bin/sh\nexec ${config.mkplan.map(quote).join(' ')} "$@"\n`);
  await chmod(launcher, 0o700);
}

/** Nothing outside is reachable from the sandbox, a proxy least of all. */
const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'all_proxy'];

/** The environment of a command in the sandbox. */
export function sandboxEnvironment(env: NodeJS.ProcessEnv, directory: string): NodeJS.ProcessEnv {
  const paths = pathsOf(directory);
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => !PROXIES.includes(name)));
  return {
    ...kept,
    KUBECONFIG: paths.kubeconfig,
    MINIKUBE_HOME: paths.minikubeHome,
    XDG_STATE_HOME: paths.state,
    MKPLAN_SANDBOX: '1',
    PATH: [paths.bin, env['PATH'] ?? ''].filter((part) => part !== '').join(delimiter),
  };
}
