import type { Diagnostic, SourcePosition } from '../../model/diagnostic.ts';
import type { ObservedNode } from '../../model/observed.ts';
import { type Family, parseAddress } from '../../model/prefix.ts';

/** The node's own address in the family; the first, as kubelet lists them. Null where it has none. */
export function nodeAddress(node: ObservedNode, family: Family): string | null {
  return node.internalIps.find((ip) => parseAddress(ip)?.family === family) ?? null;
}

/** What cannot be routed to, because the Node that it is on has no address. */
export interface Unaddressed {
  readonly node: ObservedNode;
  readonly family: Family;
  /** What has no route: `its pods (10.244.1.0/24)`, `Service default/web (10.200.0.10)`. */
  readonly what: string;
}

/** Says that a Node has no address that a route could lead to, and what its route would be for. */
export function withoutAddress(
  { node, family, what }: Unaddressed,
  profile: { readonly name: string; readonly context: string },
  at: SourcePosition,
): Diagnostic {
  const { name, internalIps } = node;
  const [lacks, listed] =
    internalIps.length === 0
      ? ['InternalIP', 'its status.addresses lists no InternalIP that is an IP address']
      : [`IPv${family} InternalIP`, `its only InternalIP is ${internalIps.join(', ')}`];
  return {
    code: 'node-address',
    severity: 'warning',
    profile: profile.name,
    summary: `profile ${profile.name}: Node ${name} has no ${lacks}, so ${what} have no route`,
    cause: `the next hop of that route is the node's own address, and ${listed}`,
    fix: `Start the kubelet of ${name} with its IPv${family} address as --node-ip, or delete the Node if no machine stands behind it.`,
    command: `kubectl --context ${profile.context} get nodes -o wide`,
    at,
  };
}
