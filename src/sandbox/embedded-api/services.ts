import {
  addressOf,
  contains,
  type Family,
  formatAddress,
  lastOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../model/prefix.ts';
import { arrayAt, isObject, type Json, type JsonObject, objectAt, textAt, textsAt } from './json.ts';
import { SERVICES } from './resources.ts';
import { invalid } from './status-error.ts';

/** Hands out clusterIPs of the cluster's service CIDRs, lowest first. */
export class ClusterIpAllocator {
  readonly #cidrs: readonly Prefix[];
  readonly #taken = new Set<string>();
  /** Per CIDR, an offset below which everything is taken. */
  readonly #from: bigint[];

  /** Throws a RangeError for a CIDR that is not canonical. */
  constructor(cidrs: readonly string[]) {
    this.#cidrs = cidrs.map((cidr) => {
      const prefix = parsePrefix(cidr);
      if (prefix === null) throw new RangeError(`not a canonical CIDR: ${cidr}`);
      return prefix;
    });
    // The network's own address is never handed out.
    this.#from = this.#cidrs.map(() => 1n);
  }

  /** Families in the order of the CIDRs: the first is the cluster's default. */
  families(): Family[] {
    return [...new Set(this.#cidrs.map((cidr) => cidr.family))];
  }

  /** The lowest free address of a family, now taken; null when there is none. */
  lowestFree(family: Family): string | null {
    for (const [index, cidr] of this.#cidrs.entries()) {
      if (cidr.family !== family) continue;
      const size = BigInt(lastOf(cidr)) - BigInt(cidr.start) + 1n;
      // The last IPv4 address of a network is its broadcast address; IPv6 has none.
      const end = family === 4 ? size - 1n : size;
      for (let offset = this.#from[index] ?? 1n; offset < end; offset++) {
        const address = addressOf(family, BigInt(cidr.start) + offset);
        const text = address === null ? '' : formatAddress(address);
        if (this.#taken.has(text)) continue;
        this.#taken.add(text);
        this.#from[index] = offset + 1n;
        return text;
      }
    }
    return null;
  }

  /** Takes the given address. Returns why it cannot be had, or null. */
  take(text: string): string | null {
    const address = parseAddress(text);
    if (address === null) return 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
    const canonical = formatAddress(address);
    if (!this.#cidrs.some((cidr) => contains(cidr, address))) {
      return `failed to allocate IP ${text}: the provided IP (${text}) is not in the valid range`;
    }
    if (this.#taken.has(canonical)) return `failed to allocate IP ${text}: provided IP is already allocated`;
    this.#taken.add(canonical);
    return null;
  }

  /** Gives addresses back. */
  release(addresses: readonly string[]): void {
    for (const text of addresses) {
      const address = parseAddress(text);
      if (address === null) continue;
      this.#taken.delete(formatAddress(address));
      for (const [index, cidr] of this.#cidrs.entries()) {
        if (!contains(cidr, address)) continue;
        const offset = BigInt(address.start) - BigInt(cidr.start);
        if (offset < (this.#from[index] ?? 1n)) this.#from[index] = offset;
      }
    }
  }
}

/** The clusterIPs that a Service holds; empty when it is headless or has none. */
export function clusterIpsOf(service: JsonObject): string[] {
  const many = textsAt(service, 'spec', 'clusterIPs');
  const one = textAt(service, 'spec', 'clusterIP');
  const held = many.length > 0 ? many : one === undefined || one === '' ? [] : [one];
  return held.filter((address) => address !== 'None');
}

function familyName(family: Family): string {
  return family === 4 ? 'IPv4' : 'IPv6';
}

/** The families that a new Service gets, by its policy (KEP-563, dual-stack). */
function familiesOf(spec: JsonObject, available: readonly Family[], name: string): Family[] {
  const asked = textsAt(spec, 'ipFamilies').map((text): Family => (text === 'IPv6' ? 6 : 4));
  const given = clusterIpsOf({ spec }).map((text): Family => (text.includes(':') ? 6 : 4));
  const policy =
    textAt(spec, 'ipFamilyPolicy') ??
    (Math.max(asked.length, given.length) > 1 ? 'RequireDualStack' : 'SingleStack');
  const wanted = [...new Set([...given, ...asked, ...available])];
  const missing = wanted.find((family) => !available.includes(family));
  if (missing !== undefined) {
    throw invalid(
      SERVICES,
      name,
      'spec.ipFamilies[0]',
      `Invalid value: "${familyName(missing)}": not configured on this cluster`,
    );
  }
  if (policy === 'RequireDualStack' && wanted.length < 2) {
    throw invalid(
      SERVICES,
      name,
      'spec.ipFamilyPolicy',
      'Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    );
  }
  return policy === 'SingleStack' ? wanted.slice(0, 1) : wanted;
}

function allocate(
  spec: JsonObject,
  families: readonly Family[],
  ips: ClusterIpAllocator,
  name: string,
): string[] {
  const given = clusterIpsOf({ spec });
  const taken: string[] = [];
  for (const [index, family] of families.entries()) {
    const asked = given[index];
    const problem = asked === undefined ? null : ips.take(asked);
    const address = asked ?? ips.lowestFree(family);
    if (problem !== null || address === null) {
      ips.release(taken);
      const why = problem ?? 'failed to allocate a serviceIP: range is full';
      throw invalid(SERVICES, name, 'spec.clusterIPs', `Invalid value: ${JSON.stringify(given)}: ${why}`);
    }
    taken.push(address);
  }
  return taken;
}

function portDefaults(port: Json): Json {
  if (!isObject(port)) return port;
  const targetPort = port['targetPort'];
  return {
    protocol: 'TCP',
    ...port,
    targetPort: targetPort === undefined || targetPort === 0 ? port['port'] : targetPort,
  };
}

function typeDefaults(type: string): JsonObject {
  if (type === 'LoadBalancer')
    return { allocateLoadBalancerNodePorts: true, externalTrafficPolicy: 'Cluster' };
  return type === 'NodePort' ? { externalTrafficPolicy: 'Cluster' } : {};
}

/**
 * The spec of a new Service with defaults and clusterIPs filled in, as kube-apiserver does; nodePorts are left out.
 * Throws a StatusError 422 when an address cannot be had.
 */
export function prepareNewService(service: JsonObject, ips: ClusterIpAllocator): JsonObject {
  const spec = objectAt(service, 'spec');
  const name = textAt(service, 'metadata', 'name') ?? '';
  const type = textAt(spec, 'type') ?? 'ClusterIP';
  if (type === 'ExternalName') return { ...service, spec: { sessionAffinity: 'None', ...spec, type } };
  const families = familiesOf(spec, ips.families(), name);
  const headless = textAt(spec, 'clusterIP') === 'None';
  const clusterIPs = headless ? ['None'] : allocate(spec, families, ips, name);
  return {
    ...service,
    spec: {
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ipFamilyPolicy: families.length > 1 ? 'RequireDualStack' : 'SingleStack',
      ...typeDefaults(type),
      ...spec,
      type,
      ...(spec['ports'] === undefined ? {} : { ports: arrayAt(spec, 'ports').map(portDefaults) }),
      ipFamilies: families.map(familyName),
      clusterIP: clusterIPs[0] ?? '',
      clusterIPs,
    },
  };
}

/**
 * The spec of a changed Service: what the server allocated stays where the writer left it out.
 * Throws a StatusError 422 when the writer names another clusterIP.
 */
export function prepareChangedService(live: JsonObject, next: JsonObject): JsonObject {
  const before = objectAt(live, 'spec');
  const spec = objectAt(next, 'spec');
  if (textAt(spec, 'type') === 'ExternalName') return next;
  const held = textAt(before, 'clusterIP');
  const asked = textAt(spec, 'clusterIP');
  if (held !== undefined && asked !== undefined && asked !== '' && asked !== held) {
    const name = textAt(next, 'metadata', 'name') ?? '';
    throw invalid(
      SERVICES,
      name,
      'spec.clusterIPs[0]',
      `Invalid value: ["${asked}"]: may not change once set`,
    );
  }
  const kept = [
    'clusterIP',
    'clusterIPs',
    'ipFamilies',
    'ipFamilyPolicy',
    'sessionAffinity',
    'internalTrafficPolicy',
  ];
  const carried = Object.fromEntries(
    kept.filter((key) => before[key] !== undefined).map((key) => [key, before[key]]),
  );
  const type = textAt(spec, 'type') ?? 'ClusterIP';
  return {
    ...next,
    spec: {
      ...carried,
      ...typeDefaults(type),
      ...spec,
      ...(held === undefined ? {} : { clusterIP: held, clusterIPs: before['clusterIPs'] }),
      type,
      ...(spec['ports'] === undefined ? {} : { ports: arrayAt(spec, 'ports').map(portDefaults) }),
    },
  };
}
