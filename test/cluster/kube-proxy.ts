import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespace } from '../kernel/netns.ts';
import type { ControlPlane } from './control-plane.ts';
import { Daemon } from './daemon.ts';
import { plainKubeconfig } from './plain-kubeconfig.ts';
import { commandMissing, requirePrograms } from './programs.ts';

/** How kube-proxy programs the kernel. */
export type ProxyMode = 'iptables' | 'nftables' | 'ipvs';

/** What kube-proxy itself runs in each mode. */
const COMMAND = { iptables: 'iptables', nftables: 'nft', ipvs: 'ipset' } as const;

/** Why a mode cannot run on this machine; null when it can, or when only trying can tell. */
export function modeRefused(mode: ProxyMode): string | null {
  return commandMissing(COMMAND[mode]);
}

export interface KubeProxyOptions {
  readonly name: string;
  readonly namespace: Namespace;
  readonly controlPlane: ControlPlane;
  /** Of the API server, from the nodes. */
  readonly url: string;
  readonly mode: ProxyMode;
  readonly directory: string;
  /** The pods of the cluster: what comes from elsewhere to a clusterIP is masqueraded. */
  readonly clusterCidr: string;
}

/**
 * kubeproxy.config.k8s.io/v1alpha1, with nothing that only the machine's own root may set: conntrack's size is not
 * per namespace, and so it stays as it is.
 */
function configuration(options: KubeProxyOptions, kubeconfigFile: string): string {
  return JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: options.mode,
    hostnameOverride: options.name,
    clusterCIDR: options.clusterCidr,
    clientConnection: { kubeconfig: kubeconfigFile },
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    iptables: { minSyncPeriod: '0s', syncPeriod: '30s' },
    nftables: { minSyncPeriod: '0s', syncPeriod: '30s' },
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    oomScoreAdj: 0,
  });
}

/** Starts kube-proxy on a node as kubeadm does; it is not ready yet. */
export async function startKubeProxy(options: KubeProxyOptions): Promise<Daemon> {
  const { name, namespace, controlPlane, url, directory } = options;
  const access = await controlPlane.accessOf('CN=system:kube-proxy');
  const kubeconfigFile = join(directory, `${name}.kubeconfig`);
  const configFile = join(directory, `${name}.kube-proxy`);
  await writeFile(kubeconfigFile, plainKubeconfig('proxy', { ...access, url }), { mode: 0o600 });
  await writeFile(configFile, configuration(options, kubeconfigFile));
  return new Daemon(
    `kube-proxy on ${name}`,
    namespace,
    [requirePrograms()['kube-proxy'], `--config=${configFile}`],
    {
      // Older iptables takes a lock there, which is root's unless it is told otherwise.
      XTABLES_LOCKFILE: join(directory, `${name}.xtables.lock`),
    },
  );
}
