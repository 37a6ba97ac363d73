import type { DesiredCidrs, DesiredProfile } from '../model/desired.ts';
import type { ObservedProfile, Rule } from '../model/observed.ts';
import {
  addressBits,
  addressOf,
  type Family,
  formatAddress,
  lastOf,
  type Prefix,
  parseAddress,
  parseNetwork,
} from '../model/prefix.ts';
import { prefixesOf } from '../model/range.ts';
import { LOCAL_TABLE } from '../model/route.ts';
import { rulesBeforeMain } from '../model/rule.ts';

/** The default service networks: that of kubeadm and minikube, and that of k3s. */
const DEFAULT_SERVICE_CIDRS = ['10.96.0.0/12', '10.43.0.0/16'];

/** The most that is asked: `ip route get` answers some ten thousand a second. */
export const MAX_ASKED = 4096;

function prefixes(cidrs: readonly (string | null | undefined)[]): Prefix[] {
  return cidrs
    .flatMap((cidr) => cidr?.split(',') ?? [])
    .map((cidr) => parseNetwork(cidr.trim()))
    .filter((prefix) => prefix !== null);
}

/** What `auto` may come to: every candidate, since which of them counts is the planner's to decide. */
function mayBe(desired: DesiredCidrs, candidates: readonly Prefix[]): readonly Prefix[] {
  if (desired === 'none') return [];
  return desired === 'auto' ? candidates : desired.map((cidr) => cidr.prefix);
}

/** Every prefix of a profile that a plan may route: networks, pools, and addresses that Services hold or ask for. */
function mayRoute(desired: DesiredProfile, observed: ObservedProfile): Prefix[] {
  const { cluster, config } = observed;
  const services = prefixes([
    ...(cluster?.serviceCidrs ?? []),
    cluster?.kubeadm?.apiServerRange,
    cluster?.kubeadm?.serviceSubnet,
    ...(cluster?.nodes.map(({ serviceRange }) => serviceRange) ?? []),
    config?.apiServerRange,
    config?.serviceCidr,
    ...DEFAULT_SERVICE_CIDRS,
  ]);
  const pods = prefixes([
    cluster?.kubeadm?.podSubnet,
    config?.podSubnet,
    ...(cluster?.nodes.flatMap((node) => node.podCidrs) ?? []),
    ...(cluster?.podBlocks?.map(({ cidr }) => cidr) ?? []),
  ]);
  const { pool, reservations, assign } = desired.loadBalancer;
  const held = (cluster?.services ?? []).flatMap((service) => [
    ...service.ingress,
    service.requestedIp,
    service.loadBalancerIp,
    ...Object.values(service.otherRequests),
  ]);
  return [
    ...mayBe(desired.services.value, services),
    ...mayBe(desired.pods.value, pods),
    ...pool.flatMap(prefixesOf),
    ...[...reservations.values()].flat().map((reservation) => reservation.value),
    ...(assign === 'none' ? [] : held.flatMap((text) => addressesIn(text ?? ''))),
  ];
}

/** The addresses of a list with commas. */
function addressesIn(text: string): Prefix[] {
  return text.split(',').flatMap((part) => parseAddress(part.trim()) ?? []);
}

/** The first usable address of a prefix and its last; one address where they are the same. */
function ends(prefix: Prefix): string[] {
  const spare = addressBits(prefix.family) - prefix.length;
  const first = BigInt(prefix.start) + (spare > 1 ? 1n : 0n);
  return [first, BigInt(lastOf(prefix))].flatMap((value) => {
    const address = addressOf(prefix.family, value);
    return address === null ? [] : [formatAddress(address)];
  });
}

/**
 * Whether anything but table local may answer before main does. Where nothing does, as on a host without policy routing,
 * main decides about every route of ours, and there is nothing to ask the kernel.
 */
function isUndecided(rules: readonly Rule[], family: Family): boolean {
  const ordered = rules.filter((rule) => rule.family === family);
  return rulesBeforeMain(ordered, 0).some((rule) => rule.table !== LOCAL_TABLE);
}

/**
 * Which addresses to ask the kernel about, under these rules: the first usable and the last of every range that a plan
 * may route, each once, at most {@link MAX_ASKED} (wide ranges first, then single addresses, as the spec and the clusters
 * list them).
 */
export function addressesToAsk(
  desired: readonly DesiredProfile[],
  observed: readonly ObservedProfile[],
  rules: readonly Rule[],
): string[] {
  const families = ([4, 6] as const).filter((family) => isUndecided(rules, family));
  if (families.length === 0) return [];
  const byName = new Map(observed.map((profile) => [profile.name, profile]));
  const ranges = desired
    .flatMap((profile) => {
      const seen = byName.get(profile.name);
      return seen === undefined ? [] : mayRoute(profile, seen);
    })
    .filter(({ family }) => families.includes(family));
  const isSingle = (prefix: Prefix) => prefix.length === addressBits(prefix.family);
  const ordered = [...ranges.filter((prefix) => !isSingle(prefix)), ...ranges.filter(isSingle)];
  return [...new Set(ordered.flatMap(ends))].slice(0, MAX_ASKED);
}
