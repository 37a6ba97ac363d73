import { parse } from 'yaml';
import { type Json, type JsonObject, objectAt, textAt, textsAt } from '../../embedded-api/objects/json.ts';
import { CONFIG_MAPS, SERVICE_CIDRS } from '../../embedded-api/resources.ts';
import { type Diagnostic, messageOf } from '../../model/diagnostic.ts';
import {
  addressBits,
  addressOf,
  formatPrefix,
  type Prefix,
  parsePrefix,
  truncate,
} from '../../model/prefix.ts';
import { type FoundObject, invalid } from './documents.ts';

/** The networks that the objects of a cluster tell. */
export interface ManifestNetworks {
  /** Canonical; of the ServiceCIDR objects, else of kubeadm's record, else 10.96.0.0/12. */
  readonly serviceCidrs: readonly string[];
  /** Of kubeadm's record; null where it names none. */
  readonly podSubnets: readonly Prefix[] | null;
}

/** kubeadm's default. */
const DEFAULT_SERVICE_CIDR = '10.96.0.0/12';

/** What a node's share of the pod subnet is (kube-controller-manager, --node-cidr-mask-size). */
const NODE_MASK = { 4: 24, 6: 64 } as const;

const FIX = 'Correct it: networks are written as CIDRs without host bits, such as 10.96.0.0/12.';

function readCidrs(
  texts: readonly string[],
  what: string,
  found: FoundObject,
  problems: Diagnostic[],
): Prefix[] {
  return texts.flatMap((text) => {
    const prefix = parsePrefix(text);
    if (prefix !== null) return [prefix];
    problems.push(
      invalid(
        `${what}: ${text} is not a canonical CIDR`,
        `${found.object['kind']} ${found.name} says so`,
        FIX,
        found.at,
      ),
    );
    return [];
  });
}

/** kubeadm's record of the networks that a cluster was made with. */
function kubeadmNetworking(found: FoundObject, problems: Diagnostic[]): JsonObject {
  const text = textAt(found.object, 'data', 'ClusterConfiguration') ?? '';
  try {
    const value = parse(text, { logLevel: 'error', maxAliasCount: 0 }) as Json;
    return objectAt(value, 'networking');
  } catch (error) {
    const summary = `kubeadm's ClusterConfiguration is not valid YAML: ${messageOf(error).split('\n', 1)[0]}`;
    const cause = 'the sandbox takes its networks from ConfigMap kube-system/kubeadm-config';
    problems.push(invalid(summary, cause, 'Correct data.ClusterConfiguration.', found.at));
    return {};
  }
}

/** Comma-separated CIDRs, as kubeadm writes both families. */
function split(text: string): string[] {
  return text
    .split(',')
    .map((cidr) => cidr.trim())
    .filter((cidr) => cidr !== '');
}

/** The networks that ServiceCIDR objects and kubeadm's record name. */
export function readNetworks(found: readonly FoundObject[], problems: Diagnostic[]): ManifestNetworks {
  const record = found.find(({ resource, name }) => resource === CONFIG_MAPS && name === 'kubeadm-config');
  const networking = record === undefined ? {} : kubeadmNetworking(record, problems);
  const subnets = (key: 'serviceSubnet' | 'podSubnet'): Prefix[] =>
    record === undefined ? [] : readCidrs(split(textAt(networking, key) ?? ''), key, record, problems);
  const objects = found
    .filter(({ resource }) => resource === SERVICE_CIDRS)
    .flatMap((item) => readCidrs(textsAt(item.object, 'spec', 'cidrs'), 'spec.cidrs', item, problems));
  const [services, pods] = [subnets('serviceSubnet'), subnets('podSubnet')];
  const chosen = (objects.length > 0 ? objects : services).map(formatPrefix);
  return {
    serviceCidrs: chosen.length > 0 ? chosen : [DEFAULT_SERVICE_CIDR],
    podSubnets: pods.length > 0 ? pods : null,
  };
}

/** The share of a pod subnet that the node of that index gets; null where the subnet has none left. */
function shareOf(subnet: Prefix, index: number): string | null {
  const length = Math.max(NODE_MASK[subnet.family], Math.min(subnet.length + 1, addressBits(subnet.family)));
  const size = 1n << BigInt(addressBits(subnet.family) - length);
  const address = addressOf(subnet.family, BigInt(subnet.start) + BigInt(index) * size);
  const share = address === null ? null : truncate(address, length);
  return share === null || truncate(share, subnet.length).start !== subnet.start ? null : formatPrefix(share);
}

/** A default Node, moved to the pod subnets that the manifests name. */
export function withPodCidrs(node: JsonObject, subnets: readonly Prefix[], index: number): JsonObject {
  const podCIDRs = subnets.map((subnet) => shareOf(subnet, index)).filter((share) => share !== null);
  const { podCIDR: _, ...spec } = objectAt(node, 'spec');
  const [podCIDR] = podCIDRs;
  return { ...node, spec: { ...spec, ...(podCIDR === undefined ? {} : { podCIDR, podCIDRs }) } };
}
