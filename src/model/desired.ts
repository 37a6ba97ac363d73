import type { SourcePosition } from './diagnostic.ts';
import type { Prefix } from './prefix.ts';
import type { AddressRange } from './range.ts';

/** What to do when a destination meets a foreign route. */
export type ConflictPolicy = 'abort' | 'skip' | 'carve' | 'shadow';

/** A value together with where the spec gives it, so that a conflict can name the line that resolves it. */
export interface Sourced<T> {
  readonly value: T;
  readonly at: SourcePosition;
}

/** One CIDR that the spec lists under `services` or `pods`. */
export interface DesiredCidr {
  readonly prefix: Prefix;
  readonly conflictPolicy: ConflictPolicy;
  readonly at: SourcePosition;
}

/** Which networks of one kind to route: found out, none, or exactly these. */
export type DesiredCidrs = 'auto' | 'none' | readonly DesiredCidr[];

/** Literal gateways by family, canonical text; `auto` finds the VM's address. */
export type DesiredGateway = 'auto' | { readonly ipv4: string | null; readonly ipv6: string | null };

export interface DesiredLoadBalancer {
  readonly assign: 'pool' | 'clusterIP' | 'none';
  /** In spec order, which is allocation order. Empty unless `assign` is `pool`. */
  readonly pool: readonly AddressRange[];
  readonly exclude: readonly AddressRange[];
  /** The `spec.loadBalancerClass` that is served. */
  readonly class: string;
  /** Whether Services that name no class are served; `auto`: in minikube's clusters, unless another implementation serves them. */
  readonly unclassed: 'auto' | boolean;
  /** `unclassed: auto` came to false, because the cluster is not minikube's: the planner fills this in. */
  readonly isElsewhere?: true;
  /** `namespace/name` to its addresses, at most one of each family. */
  readonly reservations: ReadonlyMap<string, readonly Sourced<Prefix>[]>;
  readonly at: SourcePosition;
}

export interface DesiredProfile {
  /** The minikube profile, or what any other cluster is called. */
  readonly name: string;
  /** The kubeconfig context. */
  readonly context: string;
  readonly via: 'auto' | 'route' | 'forward';
  readonly gateway: Sourced<DesiredGateway>;
  readonly conflictPolicy: Sourced<ConflictPolicy>;
  readonly services: Sourced<DesiredCidrs>;
  readonly pods: Sourced<DesiredCidrs>;
  readonly loadBalancer: DesiredLoadBalancer;
  readonly at: SourcePosition;
}

/** A profile, as far as its cluster is found by it. */
export type ProfileContext = Pick<DesiredProfile, 'name' | 'context'>;

/** Some profiles of a spec, chosen by name. */
export interface OnlyProfiles {
  /** In spec order. */
  readonly names: readonly string[];
  /** Every profile of the spec, in its order. */
  readonly spec: readonly DesiredProfile[];
}

/** What a spec asks for. `absent` is the same spec undone: `mkplan destroy`. */
export interface DesiredState {
  /** The profiles that a command asks for alone (`--profile`); whatever stands for any other is left alone. */
  readonly only?: OnlyProfiles;
  readonly name: string;
  /** Absolute path of tunnel.yaml: the owner of every claim made for it. */
  readonly spec: string;
  readonly mode: 'present' | 'absent';
  /** Linux route protocol for new routes, 5 to 255. */
  readonly protocol: number;
  readonly profiles: readonly DesiredProfile[];
  /** Dotted paths of the values that came from tunnel.local.yaml, sorted. */
  readonly localOverrides: readonly string[];
}

/** Every profile of the spec: also those that the command does not ask for. */
export function specProfiles({ profiles, only }: DesiredState): readonly DesiredProfile[] {
  return only?.spec ?? profiles;
}

/**
 * Whether anything of the profile has to be asked of minikube or the cluster. A literal gateway, explicit
 * CIDRs and `assign: none` need neither.
 */
export function needsCluster(profile: DesiredProfile): boolean {
  return (
    profile.gateway.value === 'auto' ||
    profile.services.value === 'auto' ||
    profile.pods.value === 'auto' ||
    profile.loadBalancer.assign !== 'none'
  );
}
