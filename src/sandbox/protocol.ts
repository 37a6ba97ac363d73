import type { Diagnostic } from '../model/diagnostic.ts';
import type { Answering } from './answers.ts';
import type { Manifest } from './manifests/manifests.ts';
import type { Topology, TopologyNode } from './topology.ts';

/** What the processes of a sandbox tell each other: one JSON value a line. */

/** What the host process is started with: the file `sandbox.json` of the sandbox's directory. */
export interface SandboxConfig {
  /** The sandbox's own directory. */
  readonly directory: string;
  readonly profile: string;
  /** The kubeconfig context that leads to the cluster. */
  readonly context: string;
  readonly topology: Topology;
  readonly serviceCidrs: readonly string[];
  readonly objects: readonly Manifest[];
  readonly command: readonly [string, ...string[]];
  /** What the command finds in its environment beside what every command in a sandbox does. */
  readonly commandEnv: Readonly<Record<string, string>>;
  /** argv of mkplan itself, for the launcher on PATH; null leaves it out. */
  readonly mkplan: readonly string[] | null;
  /** argv to which `host DIRECTORY` or `node` is added. */
  readonly self: readonly [string, ...string[]];
}

/** Where everything of a running sandbox is. */
export interface SandboxInfo {
  readonly directory: string;
  readonly profile: string;
  readonly kubeconfig: string;
  readonly minikubeHome: string;
  /** URL of the Kubernetes API. */
  readonly server: string;
  readonly hostAddresses: readonly string[];
  readonly nodes: readonly {
    readonly name: string;
    readonly address: string;
    readonly podCidrs: readonly string[];
  }[];
  readonly serviceCidrs: readonly string[];
}

/** To the node processes, on standard input. */
export type ToNode =
  | {
      readonly type: 'configure';
      readonly node: TopologyNode;
      /** What the API holds and where it listens, on the node that serves it; null on the others. */
      readonly api: {
        readonly address: string;
        readonly port: number;
        readonly serviceCidrs: readonly string[];
        readonly objects: readonly Manifest[];
        readonly nodes: readonly TopologyNode[];
      } | null;
    }
  | { readonly type: 'answer'; readonly answers: readonly Answering[] };

/** From the node processes, on standard output. */
export type FromNode =
  | { readonly type: 'hello' }
  | { readonly type: 'ready' }
  | {
      readonly type: 'serving';
      readonly url: string;
      readonly ca: string;
      readonly clientCert: string;
      readonly clientKey: string;
    }
  | { readonly type: 'answers'; readonly answers: readonly Answering[] }
  | { readonly type: 'answering' }
  | { readonly type: 'failed'; readonly diagnostics: readonly Diagnostic[] };

/** From the host process, on descriptor 3. */
export type FromHost =
  | { readonly type: 'ready'; readonly info: SandboxInfo }
  /** How the command ended, or why it did not begin. */
  | { readonly type: 'ended'; readonly code: number; readonly problem?: Diagnostic }
  | { readonly type: 'failed'; readonly diagnostics: readonly Diagnostic[] };

/** To the host process, on descriptor 3. Its end means that everything has to end. */
export type ToHost =
  | { readonly type: 'start' }
  | { readonly type: 'stop'; readonly signal: 'SIGTERM' | 'SIGHUP' };

/** The name of the file in the sandbox's directory that the host process reads. */
export const CONFIG_FILE = 'sandbox.json';

/** Reads a line that our own other half wrote. */
export function decodeLine<T>(line: string): T {
  return JSON.parse(line) as T;
}
