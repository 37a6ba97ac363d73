import {
  arrayAt,
  type Json,
  type JsonObject,
  objectAt,
  textAt,
  textsAt,
} from '../../embedded-api/objects/json.ts';
import { NODES } from '../../embedded-api/resources.ts';
import type { Diagnostic, SourcePosition } from '../../model/diagnostic.ts';
import { formatAddress, type Prefix, parseAddress, parsePrefix, samePrefix } from '../../model/prefix.ts';
import { type FoundObject, invalid } from './documents.ts';

/** A Node, as far as the sandbox's network is laid by it. */
export interface ManifestNode {
  readonly name: string;
  /** Full-length prefixes, in the Node's order; at least one. */
  readonly internalIps: readonly Prefix[];
  readonly podCidrs: readonly Prefix[];
  readonly controlPlane: boolean;
}

/** The Node with what every running cluster has filled in: a Ready condition, unless it says otherwise. */
export function completeNode(object: JsonObject): JsonObject {
  const status = objectAt(object, 'status');
  const conditions = arrayAt(status, 'conditions');
  if (conditions.some((condition) => textAt(condition, 'type') === 'Ready')) return object;
  const ready: Json = {
    type: 'Ready',
    status: 'True',
    reason: 'KubeletReady',
    message: 'kubelet is posting ready status',
  };
  return { ...object, status: { ...status, conditions: [...conditions, ready] } };
}

function internalIpsOf({ object, name, at }: FoundObject): Prefix[] | Diagnostic {
  const internalIps: Prefix[] = [];
  for (const entry of arrayAt(object, 'status', 'addresses')) {
    if (textAt(entry, 'type') !== 'InternalIP') continue;
    const address = parseAddress(textAt(entry, 'address') ?? '');
    if (address === null) {
      const summary = `node ${name}: ${String(textAt(entry, 'address'))} is not an IP address`;
      return invalid(summary, 'the node is given its InternalIPs', 'Correct it.', at);
    }
    internalIps.push(address);
  }
  if (internalIps.length > 0) return internalIps;
  const cause = 'the sandbox lays its network by status.addresses';
  const fix = 'Add { type: InternalIP, address: … }.';
  return invalid(`node ${name} has no InternalIP`, cause, fix, at);
}

function readNode(found: FoundObject): ManifestNode | Diagnostic {
  const { object, name, at } = found;
  const internalIps = internalIpsOf(found);
  if ('code' in internalIps) return internalIps;
  const many = textsAt(object, 'spec', 'podCIDRs');
  const one = textAt(object, 'spec', 'podCIDR');
  const podCidrs: Prefix[] = [];
  for (const text of many.length > 0 || one === undefined ? many : [one]) {
    const cidr = parsePrefix(text);
    if (cidr === null) {
      const summary = `node ${name}: ${text} is not a canonical CIDR`;
      return invalid(summary, 'podCIDRs are networks without host bits', 'Correct it.', at);
    }
    podCidrs.push(cidr);
  }
  const labels = objectAt(object, 'metadata', 'labels');
  const controlPlane =
    'node-role.kubernetes.io/control-plane' in labels || 'node-role.kubernetes.io/master' in labels;
  return { name, internalIps, podCidrs, controlPlane };
}

function sharedAddress(nodes: readonly ManifestNode[], node: ManifestNode, at: SourcePosition): Diagnostic[] {
  for (const address of node.internalIps) {
    const other = nodes.find(({ internalIps }) =>
      internalIps.some((present) => samePrefix(address, present)),
    );
    if (other === undefined) continue;
    const summary = `nodes ${other.name} and ${node.name} share the address ${formatAddress(address)}`;
    return [invalid(summary, 'each node is a host of its own', 'Give one of them another InternalIP.', at)];
  }
  return [];
}

/** The Nodes among the objects; the first is the control plane where no label says which is. */
export function readNodes(found: readonly FoundObject[], problems: Diagnostic[]): ManifestNode[] {
  const nodes: ManifestNode[] = [];
  for (const item of found.filter((candidate) => candidate.resource === NODES)) {
    const node = readNode(item);
    if ('code' in node) {
      problems.push(node);
    } else {
      problems.push(...sharedAddress(nodes, node, item.at));
      nodes.push(node);
    }
  }
  const [first, ...rest] = nodes;
  const named = first === undefined || nodes.some((node) => node.controlPlane);
  return named ? nodes : [{ ...first, controlPlane: true }, ...rest];
}
