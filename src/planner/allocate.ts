import type { DesiredProfile } from '../model/desired.ts';
import type { ObservedCluster, ObservedService } from '../model/observed.ts';
import { type ServiceSummary, serviceName } from '../model/plan.ts';
import { type Family, formatAddress, type Prefix, parseAddress } from '../model/prefix.ts';
import { FreeAddresses, isAssignable } from './pool.ts';
import { byAge, isOurIngress, judgeService } from './served.ts';

/**
 * Which address each LoadBalancer Service gets, per family of the Service:
 *
 * | order | rule                                                                     |
 * |-------|--------------------------------------------------------------------------|
 * | 1     | the reservation of tunnel.yaml                                           |
 * | 2     | the address it has, so that nothing is renumbered because another left   |
 * | 3     | the `mkplan/ip` annotation or `spec.loadBalancerIP`                      |
 * | 4     | the lowest free one, the oldest Service first                            |
 *
 * A rule is worked through for all Services before the next begins. A Service that asks for an address and has
 * another gives up the one it has. What cannot be given stays pending, with the reason.
 */
export function allocate(profile: DesiredProfile, cluster: ObservedCluster): ServiceSummary[] {
  const summaries: ServiceSummary[] = [];
  const served: ObservedService[] = [];
  for (const service of cluster.services.filter((one) => one.type === 'LoadBalancer')) {
    const verdict = judgeService(service, profile, cluster);
    if (verdict.state === 'served') served.push(service);
    else summaries.push(summary(profile.name, service, verdict.state, service.ingress, verdict.reason));
  }
  served.sort(byAge);
  const assign = profile.loadBalancer.assign;
  if (assign === 'pool') summaries.push(...new Allocation(profile, served).run());
  if (assign === 'clusterIP') {
    summaries.push(
      ...served.map((one) =>
        summary(profile.name, one, 'served', one.clusterIps, 'its ClusterIP serves as its address'),
      ),
    );
  }
  return summaries.sort((a, b) => (serviceName(a) < serviceName(b) ? -1 : 1));
}

function summary(
  profile: string,
  service: ObservedService,
  state: ServiceSummary['state'],
  addresses: readonly string[],
  reason: string,
): ServiceSummary {
  return { profile, namespace: service.namespace, name: service.name, state, addresses, reason };
}

/** What a Service asks for itself, or why its wish cannot be read. */
function requestOf(service: ObservedService): { address: Prefix | null; problem: string | null } {
  const { requestedIp, loadBalancerIp } = service;
  if (requestedIp !== null && loadBalancerIp !== null && requestedIp !== loadBalancerIp) {
    return {
      address: null,
      problem: `mkplan/ip (${requestedIp}) and spec.loadBalancerIP (${loadBalancerIp}) differ`,
    };
  }
  const text = requestedIp ?? loadBalancerIp;
  if (text === null) return { address: null, problem: null };
  const address = parseAddress(text);
  return { address, problem: address === null ? `it asks for ${text}, which is no address` : null };
}

interface Given {
  readonly address: string;
  readonly reason: string;
}

/** One run over the Services of one profile. */
class Allocation {
  readonly #profile: DesiredProfile;
  readonly #services: readonly ObservedService[];
  readonly #free: FreeAddresses;
  readonly #given = new Map<ObservedService, Map<Family, Given>>();
  readonly #problems = new Map<ObservedService, string>();

  constructor(profile: DesiredProfile, services: readonly ObservedService[]) {
    this.#profile = profile;
    this.#services = services;
    this.#free = new FreeAddresses(profile.loadBalancer);
    for (const service of services) this.#given.set(service, new Map());
  }

  run(): ServiceSummary[] {
    this.#reserve();
    this.#keep();
    this.#request();
    this.#fill();
    return this.#services.map((service) => this.#summarize(service));
  }

  #give(service: ObservedService, family: Family, address: string, reason: string): void {
    this.#given.get(service)?.set(family, { address, reason });
  }

  /** Rule 1. A reserved address is kept for its Service also while that does not exist. */
  #reserve(): void {
    const { reservations } = this.#profile.loadBalancer;
    for (const reservation of reservations.values()) this.#free.take(formatAddress(reservation.value));
    for (const service of this.#services) {
      const address = reservations.get(serviceName(service))?.value;
      if (address !== undefined)
        this.#give(service, address.family, formatAddress(address), 'reserved in tunnel.yaml');
    }
  }

  /** Rule 2, for Services that do not ask for another. */
  #keep(): void {
    for (const service of this.#services) {
      if (!isOurIngress(service)) continue;
      const request = requestOf(service).address;
      for (const text of service.ingress) {
        const address = parseAddress(text);
        if (address === null || this.#given.get(service)?.has(address.family)) continue;
        const asksForOther = request?.family === address.family && formatAddress(request) !== text;
        if (asksForOther || !isAssignable(this.#profile.loadBalancer, address)) continue;
        if (this.#free.take(text)) this.#give(service, address.family, text, 'it has this address');
      }
    }
  }

  /** Rule 3. */
  #request(): void {
    for (const service of this.#services) {
      const { address, problem } = requestOf(service);
      if (problem !== null) this.#problems.set(service, problem);
      if (address === null || this.#given.get(service)?.has(address.family)) continue;
      const text = formatAddress(address);
      if (!isAssignable(this.#profile.loadBalancer, address)) {
        this.#problems.set(service, `it asks for ${text}, which the pool does not have`);
      } else if (this.#free.take(text)) {
        this.#give(service, address.family, text, 'it asks for this address');
      } else {
        this.#problems.set(service, `it asks for ${text}, which another Service has or has reserved`);
      }
    }
  }

  /** Rule 4. A Service whose wish failed is not given something else instead. */
  #fill(): void {
    for (const service of this.#services) {
      if (this.#problems.has(service)) continue;
      for (const family of familiesOf(service)) {
        if (this.#given.get(service)?.has(family)) continue;
        const address = this.#free.lowest(family);
        if (address !== null) this.#give(service, family, address, lowestReason(service, family));
      }
    }
  }

  #summarize(service: ObservedService): ServiceSummary {
    const given = this.#given.get(service) ?? new Map<Family, Given>();
    const families = familiesOf(service);
    const missing = families.filter((family) => !given.has(family));
    const problem = this.#problems.get(service);
    const needsAll = service.ipFamilyPolicy === 'RequireDualStack';
    if (problem !== undefined || missing.length === families.length || (needsAll && missing.length > 0)) {
      const reason = problem ?? missing.map((family) => this.#exhausted(family)).join('; ');
      return summary(this.#profile.name, service, 'pending', [], reason);
    }
    const addresses = families.flatMap((family) => given.get(family)?.address ?? []);
    const reasons = families.flatMap((family) => given.get(family)?.reason ?? []);
    return summary(this.#profile.name, service, 'served', addresses, [...new Set(reasons)].join('; '));
  }

  #exhausted(family: Family): string {
    const size = this.#free.size(family);
    return size === 0n
      ? `the pool has no IPv${family} address`
      : `all ${size} IPv${family} addresses of the pool are in use`;
  }
}

function lowestReason(service: ObservedService, family: Family): string {
  const left = isOurIngress(service)
    ? service.ingress.find((text) => parseAddress(text)?.family === family)
    : undefined;
  return left === undefined ? 'lowest free address' : `lowest free address; ${left} can no longer be kept`;
}

/** The families that a Service asks for, in its own order; IPv4 where the API server has not said. */
function familiesOf(service: ObservedService): Family[] {
  if (service.ipFamilies.length === 0) return [4];
  return service.ipFamilies.map((family) => (family === 'IPv4' ? 4 : 6));
}
