import { parseAddress } from '../../model/prefix.ts';
import { clusterOf, type Merged, minikubeProfile, readMerged } from './kubeconfig.ts';

/** A kubeconfig context, as far as a profile is found by it. */
export interface ListedContext {
  readonly name: string;
  /** The minikube profile that minikube wrote it for, whatever it is called by now; null for any other cluster's. */
  readonly minikube: string | null;
  /** Whether its server is on this host's loopback, as those of kind, k3d, Colima, Rancher Desktop and MicroK8s are. */
  readonly isLocal: boolean;
}

/** The contexts of the kubeconfig, in the order of its files. */
export interface Contexts {
  /** The one that kubectl takes where none is named; null where there is no such context. */
  readonly current: ListedContext | null;
  readonly all: readonly ListedContext[];
}

/** Names that lead to this host: Docker Desktop writes its own. */
const LOCAL_NAMES: ReadonlySet<string> = new Set(['localhost', 'kubernetes.docker.internal']);
/** 127.0.0.0/8, and what k3d writes: the address of no interface leads to this host, too. */
const LOCAL_ADDRESS = /^(?:127\.|0\.0\.0\.0$|::1?$)/;

function isLocal(server: unknown): boolean {
  if (typeof server !== 'string' || !URL.canParse(server)) return false;
  const host = new URL(server).hostname.replace(/^\[(.*)\]$/, '$1');
  return LOCAL_NAMES.has(host) || (parseAddress(host) !== null && LOCAL_ADDRESS.test(host));
}

function listedContext(merged: Merged, name: string): ListedContext {
  return {
    name,
    minikube: minikubeProfile(merged, name),
    isLocal: isLocal(clusterOf(merged, name)['server']),
  };
}

/** Lists all contexts, as kubectl would. Throws a Failure when a file cannot be read. */
export async function listContexts(env: NodeJS.ProcessEnv, home: string): Promise<Contexts> {
  const merged = await readMerged(env, home);
  const all = [...merged.sections.contexts.keys()].map((name) => listedContext(merged, name));
  return { current: all.find(({ name }) => name === merged.current) ?? null, all };
}
