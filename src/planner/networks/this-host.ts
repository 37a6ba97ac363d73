import type { DesiredProfile } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedHost, ObservedNode, ObservedProfile } from '../../model/observed.ts';
import { parseAddress } from '../../model/prefix.ts';
import { isLoopback } from '../../model/scope.ts';
import { shellWord } from '../../model/shell-word.ts';
import type { Reach } from './reach.ts';

/**
 * Tells whether a cluster runs on this host itself, as k3s, microk8s, kubeadm and minikube's driver none do on a laptop:
 *
 * | InternalIP of the Node | boot id of its kernel | the Node is                                        |
 * |------------------------|-----------------------|----------------------------------------------------|
 * | this host's own        | this host's           | this host                                          |
 * | this host's own        | not told              | this host, if it is what the cluster is reached by |
 * | this host's own        | another               | another machine with the same address              |
 * | another                | whatever              | another machine, or a container of this host       |
 *
 * Private addresses are given over and over: every VM behind VirtualBox's NAT has 10.0.2.15, and so may this host. Containers
 * (kind, k3d, docker) have this host's kernel and addresses of their own. Where the API server answered tells nothing, since
 * that of a container or VM is often published on this host's loopback device.
 */
export class ThisHost {
  readonly #nodes: readonly ObservedNode[];
  readonly #reach: Reach;
  readonly #bootId: string;

  constructor({ cluster }: ObservedProfile, { bootId }: ObservedHost, reach: Reach) {
    this.#nodes = cluster?.nodes ?? [];
    this.#reach = reach;
    this.#bootId = bootId;
  }

  /** The address by which a Node certainly is this host; null where none is. */
  node(): { readonly address: string; readonly source: string } | null {
    for (const node of this.#nodes) {
      if (node.bootId !== this.#bootId) continue;
      const address = node.internalIps.find((ip) => this.#isOutward(ip));
      if (address !== undefined) return { address, source: `InternalIP of Node ${node.name}` };
    }
    return null;
  }

  /** Whether a cluster that is reached by an address runs on this host: nothing speaks against it. */
  isHere(address: string): boolean {
    if (!this.#isOutward(address)) return false;
    const holders = this.#nodes.filter(({ internalIps }) => internalIps.includes(address));
    if (holders.length > 0) return holders.some((node) => this.#mayBe(node));
    if (this.#nodes.length === 0) return true;
    return this.#nodes.some(
      (node) => this.#mayBe(node) && node.internalIps.some((ip) => this.#isOutward(ip)),
    );
  }

  /** Says that an address of this host does not lead to a cluster that runs elsewhere. */
  elsewhere(address: string, { name, context, gateway }: DesiredProfile): Diagnostic {
    const isGiven = gateway.value !== 'auto';
    const node = this.#nodes.find(({ internalIps }) => internalIps.includes(address));
    const cause =
      node === undefined
        ? 'none of its Nodes has an address of this host as InternalIP'
        : this.#isOutward(address)
          ? `Node ${node.name} has that address too, but another kernel (boot id ${node.bootId}; this host has ${this.#bootId})`
          : `Node ${node.name} gives that as its InternalIP, and every host has it for itself`;
    return {
      code: 'gateway-own',
      severity: 'error',
      summary: `profile ${name}: the gateway ${address} is this host's own address, but the cluster runs elsewhere`,
      cause,
      fix: isGiven
        ? 'Correct spec.profiles[].gateway: give the address of the VM, not that of this host on the same network.'
        : 'Give the node an address of its own on a network of this host, and start its kubelet with that as --node-ip.',
      command: `kubectl --context=${shellWord(context)} get nodes -o wide`,
      at: gateway.at,
    };
  }

  #mayBe({ bootId }: ObservedNode): boolean {
    return bootId === undefined || bootId === this.#bootId;
  }

  #isOutward(text: string): boolean {
    const address = parseAddress(text);
    return address !== null && !isLoopback(address) && this.#reach.isOwn(text);
  }
}
