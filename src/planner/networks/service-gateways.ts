import type { ObservedCluster, ObservedNode } from '../../model/observed.ts';
import { type ServiceSummary, serviceName } from '../../model/plan.ts';
import { parseAddress } from '../../model/prefix.ts';
import { type GatewayChoice, gatewayFor } from './gateway.ts';
import type { NodeAddresses } from './node-address.ts';

/** Where packets to an address of a Service go. */
export interface ServiceGateway {
  /** Canonical text; null where the node, or else the profile, has no address of the family. */
  readonly address: string | null;
  /** The node that it is the address of; null for the profile's gateway. */
  readonly node: ObservedNode | null;
}

/** Finds the node that the addresses of a Service go to. */
export class ServiceGateways {
  readonly #choice: GatewayChoice;
  readonly #addresses: NodeAddresses;
  readonly #nodes: readonly ObservedNode[];
  readonly #local: ReadonlySet<string>;
  readonly #ready: ReadonlyMap<string, Readonly<Record<string, number>>>;

  constructor(choice: GatewayChoice, addresses: NodeAddresses, cluster: ObservedCluster | null) {
    this.#choice = choice;
    this.#addresses = addresses;
    this.#nodes = [...(cluster?.nodes ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
    const local = (cluster?.services ?? []).filter((service) => service.externalTrafficPolicy === 'Local');
    this.#local = new Set(local.map(serviceName));
    this.#ready = new Map(
      (cluster?.endpoints ?? []).map((one) => [`${one.namespace}/${one.service}`, one.readyByNode]),
    );
  }

  /**
   * `externalTrafficPolicy: Local` needs a Ready node with a ready endpoint, the first by name that has an address of
   * the family that this host reaches; everything else goes through the profile's gateway.
   */
  of(service: ServiceSummary, address: string): ServiceGateway {
    const family = parseAddress(address)?.family ?? 4;
    const name = serviceName(service);
    if (this.#local.has(name)) {
      const ready = this.#ready.get(name) ?? {};
      const able = this.#nodes.filter((one) => one.ready && (ready[one.name] ?? 0) > 0);
      const node = able.find((one) => this.#addresses.of(one, family) !== null) ?? able[0];
      if (node !== undefined) return { address: this.#addresses.of(node, family), node };
    }
    return { address: gatewayFor(this.#choice, family)?.address ?? null, node: null };
  }
}
