import type { AllocationRecord } from './allocation.ts';
import type { Claim } from './claim.ts';
import type { ObservedCondition } from './condition.ts';
import type { Obstacle } from './diagnostic.ts';
import type { ObservedParticipant } from './participant.ts';
import type { HostPolicy } from './policy.ts';
import { formatAddress, type Prefix, parseAddress } from './prefix.ts';
import type { Route } from './route.ts';
import type { Capabilities, System } from './system.ts';

/** mkplan's field manager (server-side apply): what it owns of a Service's status is what it may change. */
export const FIELD_MANAGER = 'mkplan';

/**
 * Whether a field manager is a minikube program: client-go names it after its file, `minikube`, `minikube.exe` or, as it is
 * downloaded, `minikube-linux-amd64`.
 */
export function isMinikube(manager: string): boolean {
  return manager === 'minikube' || manager === 'minikube.exe' || manager.startsWith('minikube-');
}

/** What a policy rule does with what it matches: asks its table, or rejects. `other`: goto and whatever is not modelled. */
export const RULE_ACTIONS = ['lookup', 'unreachable', 'prohibit', 'blackhole', 'other'] as const;

/** One policy rule (ip-rule(8)), as far as it decides about what this host itself sends. */
export interface Rule {
  readonly family: 4 | 6;
  /** Lower is asked first. */
  readonly priority: number;
  readonly action: (typeof RULE_ACTIONS)[number];
  /** The table asked, when the action is a lookup; null for every other. */
  readonly table: number | null;
  /** `suppress_prefixlength`: answers of this length or shorter are discarded; null where unset. */
  readonly suppressPrefixLength: number | null;
  /** Where the address has to lie; null for anywhere. */
  readonly to: Prefix | null;
  /** Whether everything else that it matches by (source, mark, interface …) holds for what the invoking user sends. */
  readonly applies: 'always' | 'never' | 'unknown';
  /** It matches whatever it would not match without this, `to` included. */
  readonly not: boolean;
  /** All that it matches by, and does where that is not a lookup, as ip-rule(8) words it; empty for `from all`. For people. */
  readonly selector: string;
}

export interface Link {
  readonly name: string;
  readonly up: boolean;
}

/** An address that the host itself has; the prefix is the network that it is on. */
export interface HostAddress {
  /** Canonical text. */
  readonly address: string;
  readonly network: Prefix;
  readonly device: string;
}

/** What the kernel answered when asked who gets an address (`ip route get`). */
export interface Answer {
  /** Canonical text of the address asked about. */
  readonly address: string;
  /** The table the answer came from; null where the system does not say. */
  readonly table: number | null;
  readonly type: Route['type'];
  readonly gateway: string | null;
  readonly device: string | null;
}

export type CriticalKind =
  | 'dns-server'
  | 'api-server'
  | 'ssh-client'
  | 'vpn-endpoint'
  | 'proxy'
  | 'live-peer';

/** An address that must not change its way. Default gateways are read off the routes. */
export interface CriticalAddress {
  readonly kind: CriticalKind;
  readonly address: string;
  /** For people: the file or connection that says so. */
  readonly detail: string;
}

/** An entry of minikube's own tunnels.json: one `minikube tunnel`. Its file is never written. */
export interface MinikubeTunnel {
  /** The name of its machine, which is that of its profile. */
  readonly profile: string;
  readonly pid: number;
  /** Whether the process with that pid is alive, and a minikube: pids are used again. */
  readonly alive: boolean;
  readonly destination: Prefix;
  /** Canonical text. */
  readonly gateway: string;
}

export interface ObservedHost {
  readonly platform: System;
  readonly capabilities: Capabilities;
  readonly bootId: string;
  readonly networkNamespace: string;
  readonly rules: readonly Rule[];
  /** All tables, both families. */
  readonly routes: readonly Route[];
  readonly links: readonly Link[];
  readonly addresses: readonly HostAddress[];
  /** One for the first and the last address of every range that the plan may route. */
  readonly answers: readonly Answer[];
  readonly critical: readonly CriticalAddress[];
  /** In the order of the file. */
  readonly minikubeTunnels: readonly MinikubeTunnel[];
  /** Whether a `minikube tunnel` may run that is not among them: the file could not be read, or not all of it. */
  readonly minikubeTunnelsUnknown?: boolean;
  /** What of the host could not be observed although the plan goes on without it, for people. */
  readonly problems: readonly string[];
  readonly policy: HostPolicy;
}

/** A transaction that did not end: the journal's record of it. */
export interface OpenTransaction {
  readonly txid: string;
  /** Whether DECIDED was written: rolled forward if so, undone if not. */
  readonly decided: boolean;
  /** Whether everything is made and only waits to be confirmed: undone if that does not come in time. */
  readonly awaiting: boolean;
  /** Number of changes that the journal intends. */
  readonly changes: number;
  readonly spec: string;
}

export interface ObservedRegistry {
  readonly claims: readonly Claim[];
  readonly open: OpenTransaction | null;
}

/** The profile's own config.json. Believed only where nothing better answers. */
export interface MinikubeConfig {
  readonly driver: string;
  /** Whether the driver's network can be routed to from this host, with the reason when it cannot. */
  readonly unroutable: string | null;
  readonly nodes: readonly { readonly name: string; readonly ip: string; readonly controlPlane: boolean }[];
  /** `KubernetesConfig.ServiceCIDR`; null when absent. */
  readonly serviceCidr: string | null;
  /** What else its API server is reached by: addresses in canonical text, names in lower case. Absent for nothing. */
  readonly servers?: readonly string[];
  /** `--extra-config=apiserver.service-cluster-ip-range`; absent where it was not given. */
  readonly apiServerRange?: string;
  /** `--extra-config=kubeadm.pod-network-cidr`; absent where it was not given. */
  readonly podSubnet?: string;
  /** Values of it that cannot be what their key says, as `KEY VALUE`; for people. Absent for none. */
  readonly strange?: readonly string[];
}

/** The host of a server's URL: canonical text of an address, or a name in lower case; empty for what is not a URL. */
function hostOf(server: string): string {
  const host = URL.canParse(server) ? new URL(server).hostname.replace(/^\[(.*)\]$/, '$1') : '';
  const address = parseAddress(host);
  return address === null ? host : formatAddress(address);
}

/**
 * Whether an API server's URL leads to the profile: its host is the address of one of its nodes, or what config.json says that its API
 * server is reached by (the virtual address of `--ha`, `--apiserver-name`, `--apiserver-ips`).
 */
export function isServerOf(server: string, config: MinikubeConfig | null): boolean {
  const host = hostOf(server);
  if (host === '' || config === null) return false;
  return config.nodes.some(({ ip }) => ip === host) || (config.servers ?? []).includes(host);
}

/** A kubeconfig context, without secrets. */
export interface ObservedContext {
  readonly name: string;
  readonly server: string;
  /** Whether minikube wrote it for this profile and its server is that profile's. */
  readonly fromMinikube: boolean;
  /** The address behind `server` that answered with a certificate the context's CA vouches for; null if none did. */
  readonly answeredAt: string | null;
  /** The program that makes its credentials, as a person would type it; null where none does. */
  readonly program: string | null;
  /** The address of the proxy that the server is reached through; null for none, and where only its name is known. */
  readonly proxy: string | null;
}

export interface ObservedNode {
  readonly name: string;
  readonly ready: boolean;
  readonly controlPlane: boolean;
  /** Canonical text, in the Node's order. */
  readonly internalIps: readonly string[];
  /** Canonical CIDRs. */
  readonly podCidrs: readonly string[];
  /** What made its machine: `minikube`, or the scheme of its providerID (`kind`, `k3s`, `aws`). Absent where it does not say. */
  readonly provider?: string;
  /** The service network that its k3s or RKE2 server was started with, with commas between both families. Absent for any other Node. */
  readonly serviceRange?: string;
  /** Boot id of the kernel that its kubelet runs on; Linux: /proc/sys/kernel/random/boot_id. Absent where it does not tell. */
  readonly bootId?: string;
  /** Addresses and CIDRs of it that are none, as `KIND VALUE`; for people. Absent for none. */
  readonly strange?: readonly string[];
}

export interface ObservedService {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly type: string;
  readonly loadBalancerClass: string | null;
  readonly clusterIps: readonly string[];
  readonly ipFamilies: readonly ('IPv4' | 'IPv6')[];
  readonly ipFamilyPolicy: string | null;
  readonly externalTrafficPolicy: string | null;
  /** `spec.loadBalancerIP`, deprecated but honoured. */
  readonly loadBalancerIp: string | null;
  /** The `mkplan/ip` annotation. */
  readonly requestedIp: string | null;
  /** Annotations by which other implementations are asked for addresses, by their names; only those that are not empty. */
  readonly otherRequests: Readonly<Record<string, string>>;
  /** `status.loadBalancer.ingress[].ip`. */
  readonly ingress: readonly string[];
  /** What else `status.loadBalancer.ingress` shows: host names, and addresses that cannot be read. */
  readonly ingressNames: readonly string[];
  /**
   * The field manager that owns `status.loadBalancer.ingress`; null when none does. Of several, the first that is neither
   * mkplan nor minikube, then minikube.
   */
  readonly ingressManager: string | null;
  /** Of mkplan's type; null when there is none. */
  readonly condition: ObservedCondition | null;
  /** RFC 3339; the tie-break of allocation, before namespace/name. */
  readonly created: string;
  /** Whether it selects pods: without a selector its endpoints are made by hand, or not at all. */
  readonly hasSelector: boolean;
  /** `port/transport`, such as `80/TCP`, in the Service's order. */
  readonly ports: readonly string[];
  /** A cloud's service controller, or one like it, serves this Service (`service.kubernetes.io/load-balancer-cleanup`). Absent for no. */
  readonly hasController?: boolean;
}

/** Endpoints of one Service on one node, from its EndpointSlices. */
export interface ObservedEndpoints {
  readonly namespace: string;
  readonly service: string;
  /** How many EndpointSlices the Service has. */
  readonly slices: number;
  /** Ready endpoints by node name. */
  readonly readyByNode: Readonly<Record<string, number>>;
  /** Ready endpoints that name no node, such as those outside the cluster. */
  readonly readyElsewhere: number;
}

/** What mkplan asks of a cluster that its user may have no right to (RBAC: verb, resource, name); docs/rights.md. */
export const RIGHTS = [
  'list nodes',
  'watch nodes',
  'list services',
  'watch services',
  'list endpointslices',
  'watch endpointslices',
  'list pods',
  'list servicecidrs',
  'list ipaddresspools',
  'list ciliumloadbalancerippools',
  'get namespaces kube-system',
  'get configmaps kube-system/kubeadm-config',
  'get configmaps kube-system/mkplan-allocations',
  'list configmaps kube-system/mkplan-allocations',
  'watch configmaps kube-system/mkplan-allocations',
  'create configmaps kube-system',
  'update configmaps kube-system/mkplan-allocations',
  'list leases kube-system',
  'create leases kube-system',
  'update leases kube-system',
  'delete leases kube-system',
  'patch services/status',
  'create events',
] as const;

export type Right = (typeof RIGHTS)[number];

/**
 * What tells one cluster from another: its namespace kube-system, which is made with the cluster and never again.
 * Profiles share one certificate authority, and addresses go from VM to VM.
 */
export interface ClusterIdentity {
  readonly uid: string;
  /** When it was made: RFC 3339, UTC. */
  readonly created: string;
}

export interface ObservedCluster {
  readonly version: string;
  /** Null where it may not be read. */
  readonly identity: ClusterIdentity | null;
  readonly nodes: readonly ObservedNode[];
  /** From ServiceCIDR objects; empty where the API has none. */
  readonly serviceCidrs: readonly string[];
  /** From kubeadm's ClusterConfiguration; null where it cannot be read. */
  readonly kubeadm: {
    readonly serviceSubnet: string | null;
    readonly podSubnet: string | null;
    /** `service-cluster-ip-range` of apiServer.extraArgs; absent where it is not given. */
    readonly apiServerRange?: string;
  } | null;
  /** What of these could not be understood, as `WHAT VALUE`; for people. Absent for nothing. */
  readonly strange?: readonly string[];
  /** Other LoadBalancer implementations that have a pool here (MetalLB, Cilium), or run here (kube-vip, k3s' ServiceLB). */
  readonly otherLoadBalancers: readonly string[];
  /** Only Services of type LoadBalancer, and those that still show an ingress or a condition of ours. */
  readonly services: readonly ObservedService[];
  /** Null where the API server does not serve EndpointSlices of v1. */
  readonly endpoints: readonly ObservedEndpoints[] | null;
  /** Null where it may not be read: then the Services' own status is all that is known. */
  readonly allocations: AllocationRecord | null;
  /** Every tunnel that has a Lease here, ours too, by name. Null where they may not be read, or are not served. */
  readonly participants: readonly ObservedParticipant[] | null;
  /** Pod addresses that lie outside every Node's podCIDRs, with the node they run on; host-network pods left out. */
  readonly strayPods: readonly { readonly address: string; readonly node: string }[];
  /** The parts of the pod network that the network plugin gave the Nodes, where their podCIDRs do not tell. Absent for none. */
  readonly podBlocks?: readonly {
    /** Canonical. */
    readonly cidr: string;
    readonly node: string;
    /** For people. */
    readonly plugin: string;
  }[];
  /** In the order of `RIGHTS`. What needs one of them was not read, or cannot be written. */
  readonly missingRights: readonly Right[];
}

export interface ObservedProfile {
  readonly name: string;
  readonly config: MinikubeConfig | null;
  /** What `minikube ip -p NAME` said; null where there is no such program or it had no answer. */
  readonly minikubeIp: string | null;
  readonly context: ObservedContext | null;
  readonly cluster: ObservedCluster | null;
  /** Its cluster did not answer, and minikube says that its VM is stopped. */
  readonly stopped?: boolean;
  /** Its cluster did not answer, and minikube says that it is paused. */
  readonly paused?: boolean;
  /** Why its cluster could not be observed; absent where it was, and where nobody had to ask it. */
  readonly obstacle?: Obstacle;
  /** What else of this profile could not be observed, for people. */
  readonly problems: readonly string[];
}

/** Everything of a profile that could not be observed, its cluster first; for people. */
export function unobservedOf({
  obstacle,
  problems,
}: Pick<ObservedProfile, 'obstacle' | 'problems'>): readonly string[] {
  return [...(obstacle === undefined ? [] : [obstacle.summary]), ...problems];
}

/** One snapshot of everything that a plan rests on. */
export interface ObservedState {
  readonly host: ObservedHost;
  readonly registry: ObservedRegistry;
  readonly profiles: readonly ObservedProfile[];
}
