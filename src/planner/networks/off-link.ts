import type { DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedHost, ObservedProfile } from '../../model/observed.ts';
import { contains, parseAddress, parseNetwork } from '../../model/prefix.ts';
import { ASK_ROUTE, type Capabilities } from '../../model/system.ts';

/** Why an address is on no network of this host, and what helps. */
interface Lack {
  /** A clause: what the address is. */
  readonly why: string;
  readonly fix: string;
}

/** A network that exists inside a virtual machine alone: every one behind such a NAT has the same addresses. */
interface Nat {
  readonly cidr: string;
  /** For people. */
  readonly whose: string;
  /** What helps there; null where that depends on what started the VM. */
  readonly mend: ((capabilities: Capabilities) => string) | null;
}

const NATS: readonly Nat[] = [
  { cidr: '10.0.2.0/24', whose: 'the NAT of QEMU and VirtualBox', mend: null },
  {
    cidr: '192.168.5.0/24',
    whose: 'the NAT of Lima, Colima and Rancher Desktop',
    mend: ({ hostContainers }) =>
      hostContainers
        ? 'Use a cluster that needs no such VM: kind, k3d, or minikube with driver docker or kvm2.'
        : 'Give the VM an address on a network of this host: `colima start --network-address`, or Administrative Access in Rancher Desktop’s preferences.',
  },
];

function natOf(gateway: string): Nat | null {
  const address = parseAddress(gateway);
  if (address === null) return null;
  const found = NATS.find(({ cidr }) => {
    const network = parseNetwork(cidr);
    return network !== null && contains(network, address);
  });
  return found ?? null;
}

/** Whether the nodes are containers: kind’s by their providerID, k3d’s by their names. */
function areContainers({ cluster }: ObservedProfile): boolean {
  const nodes = cluster?.nodes ?? [];
  return nodes.some(
    ({ name, provider }) => provider === 'kind' || (provider === 'k3s' && name.startsWith('k3d-')),
  );
}

function lackOf(gateway: string, observed: ObservedProfile, capabilities: Capabilities): Lack {
  const nat = natOf(gateway);
  if (nat !== null) {
    const another =
      observed.config === null
        ? 'Give its VM an address on a network of this host, by the settings of the program that started it.'
        : 'Start the profile with a driver or `--network` that gives its VM an address on a network of this host, such as driver kvm2 on Linux or vfkit on macOS.';
    return {
      why: `, and ${gateway} is the address that ${nat.whose} gives a VM on its inside`,
      fix: nat.mend?.(capabilities) ?? another,
    };
  }
  if (areContainers(observed)) {
    return {
      why: `, and ${gateway} is the address of a container whose network is not on this host: the engine is rootless, in a VM as Docker Desktop’s is, or on another host`,
      fix: capabilities.hostContainers
        ? 'Create the cluster with an engine that root runs on this host itself.'
        : 'Use a cluster whose VM has an address on a network of this host: minikube with driver vfkit on macOS or hyperv on Windows.',
    };
  }
  return {
    why: '; the network of the VM may be down, or it has another address by now',
    fix: 'See that the network of the VM is up on this host.',
  };
}

/** Says that no route can lead through a gateway, since no network of this host has it, and what helps in that case. */
export function offLink(
  gateway: string,
  profile: DesiredProfile,
  observed: ObservedProfile,
  { platform, capabilities }: Pick<ObservedHost, 'platform' | 'capabilities'>,
): Diagnostic {
  const isGiven = profile.gateway.value !== 'auto';
  const { why, fix } = lackOf(gateway, observed, capabilities);
  return {
    code: 'gateway-off-link',
    severity: 'warning',
    summary: `profile ${profile.name}: the gateway ${gateway} is on no network of this host`,
    cause: `a next hop has to be directly reachable${why}`,
    fix: isGiven
      ? 'Correct spec.profiles[].gateway: it has to be an address on a network of this host.'
      : fix,
    command: `${ASK_ROUTE[platform]} ${gateway}`,
    at: profile.gateway.at,
  };
}
