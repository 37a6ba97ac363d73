import type { DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedProfile } from '../../model/observed.ts';
import { contains, formatPrefix, type Prefix, parseAddress, parseNetwork } from '../../model/prefix.ts';
import type { Network, Source } from './sources.ts';

/** Networks that container runtimes give their own bridges, where Kubernetes' network plugin is not asked. */
const BRIDGES: readonly (readonly [cidr: string, whose: string])[] = [
  ['172.17.0.0/16', 'docker’s own bridge docker0'],
  ['10.85.0.0/16', 'CRI-O’s default bridge'],
  ['10.88.0.0/16', 'podman’s default bridge'],
];

/** Why pods are where they are, and what helps. */
type Reason = Pick<Diagnostic, 'cause' | 'fix'>;

/** What tells of an address outside the networks that are routed. */
function reasonOf(address: Prefix, subnets: readonly Source[]): Reason {
  for (const { name, networks } of subnets) {
    const subnet = networks.find((network) => contains(network, address));
    if (subnet === undefined) continue;
    const cidr = formatPrefix(subnet);
    return {
      cause: `they are in the cluster's pod network ${cidr} (${name}), of which the network plugin gives each Node parts of its own choice, as Calico and Cilium do, and not its podCIDRs`,
      fix: `Write \`pods: [${cidr}]\` under cidrs: the gateway passes it on to the other Nodes.`,
    };
  }
  const bridge = BRIDGES.find(([cidr]) => {
    const network = parseNetwork(cidr);
    return network !== null && contains(network, address);
  });
  const list = 'List their network under cidrs.pods if nothing else on this host uses it.';
  return bridge === undefined
    ? {
        cause: 'the network plugin has a pool of its own, which neither a Node’s podCIDRs nor kubeadm tells',
        fix: list,
      }
    : { cause: `${bridge[1]} (${bridge[0]}) gave them addresses, not the network plugin`, fix: list };
}

/** Warns of running pods that no route leads to: one warning a cause. */
export function strayPods(
  profile: DesiredProfile,
  { cluster }: ObservedProfile,
  networks: readonly Network[],
  subnets: readonly Source[],
): Diagnostic[] {
  const byCause = new Map<string, { reason: Reason; pods: { address: string; node: string }[] }>();
  for (const pod of cluster?.strayPods ?? []) {
    const address = parseAddress(pod.address);
    if (address === null || networks.some((network) => contains(network.prefix, address))) continue;
    const reason = reasonOf(address, subnets);
    const known = byCause.get(reason.cause);
    if (known === undefined) byCause.set(reason.cause, { reason, pods: [pod] });
    else known.pods.push(pod);
  }
  return [...byCause.values()].flatMap(({ reason, pods }): Diagnostic[] => {
    const [first] = pods;
    if (first === undefined) return [];
    const count = pods.length === 1 ? '1 pod runs' : `${pods.length} pods run`;
    return [
      {
        code: 'pods-outside',
        severity: 'warning',
        summary: `profile ${profile.name}: ${count} outside the pod network, such as ${first.address} on ${first.node}`,
        ...reason,
        at: profile.pods.at,
      },
    ];
  });
}
