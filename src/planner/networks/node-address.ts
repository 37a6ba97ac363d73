import type { Diagnostic, SourcePosition } from '../../model/diagnostic.ts';
import type { ObservedNode, ObservedProfile } from '../../model/observed.ts';
import { type Family, parseAddress } from '../../model/prefix.ts';
import type { Reach } from './reach.ts';

/** What cannot be routed to, because the Node that it is on has no address that this host reaches. */
export interface Unaddressed {
  readonly node: ObservedNode;
  readonly family: Family;
  /** What has no route: `its pods (10.244.1.0/24)`, `Service default/web (10.200.0.10)`. */
  readonly what: string;
}

/** Why a Node has no address to go through, in one family, and what helps. */
interface Lack {
  /** A clause about the Node. */
  readonly summary: string;
  readonly cause: string;
  readonly fix: string;
}

/**
 * The addresses of a profile's Nodes, as next hops of this host. A Node's own InternalIP is taken first; where this host does not
 * reach it, or two Nodes have the same, as behind VirtualBox's NAT (10.0.2.15), the address that config.json has for the Node. A Node
 * that names no InternalIP has none: its kubelet may never have run.
 */
export class NodeAddresses {
  readonly #nodes: readonly ObservedNode[];
  readonly #recorded: NonNullable<ObservedProfile['config']>['nodes'];
  readonly #reach: Reach;
  /** How many Nodes have an InternalIP. */
  readonly #holders = new Map<string, number>();
  readonly #found = new Map<string, string | null>();

  constructor({ cluster, config }: ObservedProfile, reach: Reach) {
    this.#nodes = cluster?.nodes ?? [];
    this.#recorded = config?.nodes ?? [];
    this.#reach = reach;
    for (const { internalIps } of this.#nodes) {
      for (const ip of new Set(internalIps)) this.#holders.set(ip, (this.#holders.get(ip) ?? 0) + 1);
    }
  }

  /** The address of the Node in the family that this host reaches; null where it reaches none. */
  of(node: ObservedNode, family: Family): string | null {
    const key = `${family} ${node.name}`;
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const found = this.#find(node, family);
    this.#found.set(key, found);
    return found;
  }

  #find(node: ObservedNode, family: Family): string | null {
    if (node.internalIps.length === 0) return null;
    const usable = [
      ...node.internalIps.filter((ip) => this.#holders.get(ip) === 1),
      ...this.#recorded
        .filter(({ name, ip }) => name === node.name && !this.#holders.has(ip))
        .map(({ ip }) => ip),
    ].filter((ip) => parseAddress(ip)?.family === family && this.#reach.isNextHop(ip));
    return usable.find((ip) => this.#reach.isNeighbour(ip)) ?? usable[0] ?? null;
  }

  /** Says why a Node has no such address, and what its route would be for. */
  missing(
    { node, family, what }: Unaddressed,
    profile: { readonly name: string; readonly context: string },
    at: SourcePosition,
  ): Diagnostic {
    const { summary, cause, fix } = this.#lackOf(node, family);
    return {
      code: 'node-address',
      severity: 'warning',
      profile: profile.name,
      summary: `profile ${profile.name}: ${summary}, so ${what} have no route`,
      cause: `the next hop of that route is the node's own address, and ${cause}`,
      fix,
      command: `kubectl --context ${profile.context} get nodes -o wide`,
      at,
    };
  }

  #lackOf(node: ObservedNode, family: Family): Lack {
    const { name, internalIps } = node;
    const own = internalIps.filter((ip) => parseAddress(ip)?.family === family);
    const [first] = own;
    if (first !== undefined) return this.#unreached(name, first, own);
    const [lacks, cause] =
      internalIps.length === 0
        ? ['InternalIP', 'its status.addresses lists no InternalIP that is an IP address']
        : [`IPv${family} InternalIP`, `its only InternalIP is ${internalIps.join(', ')}`];
    return {
      summary: `Node ${name} has no ${lacks}`,
      cause,
      fix: `Start the kubelet of ${name} with its IPv${family} address as --node-ip, or delete the Node if no machine stands behind it.`,
    };
  }

  #unreached(name: string, first: string, own: readonly string[]): Lack {
    const listed = own.join(', ');
    const fix = `Start the kubelet of ${name} with its address on a network of this host as --node-ip.`;
    const others = this.#nodes.filter((one) => one.name !== name && one.internalIps.includes(first));
    if (others.length > 0) {
      const names = others.map((one) => one.name).join(', ');
      const summary = `Node ${name} has its InternalIP ${first} in common with ${names}`;
      return { summary, cause: 'one address leads to one Node', fix };
    }
    if (this.#reach.isOwn(first)) {
      return {
        summary: `Node ${name} has the InternalIP ${first}, which is this host's own address`,
        cause: 'no route leads from this host to itself',
        fix: `Nothing needs to be done if ${name} is this host; else start its kubelet with another address as --node-ip.`,
      };
    }
    const summary = `Node ${name} has no InternalIP that this host reaches`;
    return { summary, cause: `${listed} is on no network of this host`, fix };
  }
}
