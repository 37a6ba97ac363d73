import { type Allocation, compareAllocations, MAX_RECORD_BYTES } from '../../model/allocation.ts';
import type { DesiredProfile } from '../../model/desired.ts';
import type { ObservedCluster, ObservedService } from '../../model/observed.ts';
import { type ServiceSummary, serviceName } from '../../model/plan.ts';
import {
  comparePrefixes,
  type Family,
  formatAddress,
  type Prefix,
  parseAddress,
} from '../../model/prefix.ts';
import { FreeAddresses, isAssignable } from './pool.ts';
import { boundedRemembered, lineBytes } from './record.ts';
import { byAge, isToTakeBack, judgeService } from './served.ts';
import { isOurIngress, rivalsOf } from './sharing.ts';

/** What allocation came to for one profile. */
export interface Allocated {
  readonly services: readonly ServiceSummary[];
  /** The cluster's record as it should be; null where it may not be read, and is so not written. */
  readonly record: readonly Allocation[] | null;
}

/**
 * Which address each LoadBalancer Service gets, per family of the Service:
 *
 * | order | rule                                                                     |
 * |-------|--------------------------------------------------------------------------|
 * | 1     | the reservation of tunnel.yaml                                           |
 * | 2     | the address it has, so that nothing is renumbered because another left   |
 * | 3     | the `mkplan/ip` annotation or `spec.loadBalancerIP`                      |
 * | 4     | the address that the cluster's record remembers for its name             |
 * | 5     | the lowest free one, the oldest Service first                            |
 * | 6     | the lowest that is only remembered for a Service which is gone           |
 *
 * A rule is worked through for all Services before the next begins. A Service that asks for an address and has
 * another gives up the one it has. What is recorded for a Service that exists is nobody else's, even while its status
 * does not show it: somebody may be about to write it. What cannot be given stays pending, with the reason; so does what
the record has no room for, since an address that is not recorded could be given twice.
 * `routed` are the LoadBalancer addresses that this spec has routes to.
 */
export function allocate(
  profile: DesiredProfile,
  cluster: ObservedCluster,
  routed: ReadonlySet<string>,
): Allocated {
  const summaries: ServiceSummary[] = [];
  const served: ObservedService[] = [];
  for (const service of cluster.services.filter((one) => one.type === 'LoadBalancer')) {
    const verdict = judgeService(service, profile, cluster);
    if (verdict.state === 'served') served.push(service);
    else summaries.push(summary(profile.name, service, verdict.state, service.ingress, verdict.reason));
  }
  served.sort(byAge);
  const assign = profile.loadBalancer.assign;
  const recorded = cluster.allocations?.allocations ?? [];
  // What was given by others is theirs; what was by us and is no longer served is about to be taken back.
  const ours = new Set(served);
  const others = cluster.services
    .filter((one) => !ours.has(one) && !isToTakeBack(one, profile, cluster, routed))
    .flatMap((one) => one.ingress);
  const shared = new Set(
    served.filter((one) => isOurIngress(one) && rivalsOf(one, profile, cluster).length > 0),
  );
  const run =
    assign === 'pool'
      ? new Run(profile, {
          served,
          shared,
          recorded,
          room: cluster.allocations === null ? Number.POSITIVE_INFINITY : MAX_RECORD_BYTES,
          all: cluster.services,
          others,
        })
      : null;
  if (run !== null) summaries.push(...run.summaries());
  if (assign === 'clusterIP') {
    summaries.push(
      ...served.map((one) =>
        summary(profile.name, one, 'served', one.clusterIps, 'its ClusterIP serves as its address'),
      ),
    );
  }
  return {
    services: summaries.sort((a, b) => (serviceName(a) < serviceName(b) ? -1 : 1)),
    record: cluster.allocations === null ? null : (run?.record() ?? recorded),
  };
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

/** What addresses are given to and from, beside the pool. */
interface Input {
  readonly served: readonly ObservedService[];
  /** Those of them whose addresses another tunnel uses, too, which has another pool. */
  readonly shared: ReadonlySet<ObservedService>;
  readonly recorded: readonly Allocation[];
  /** Bytes that the lines of the record may have. */
  readonly room: number;
  /** Services that exist, served or not. */
  readonly all: readonly ObservedService[];
  /** Addresses that others show. */
  readonly others: readonly string[];
}

/** One run over the Services of one profile. */
class Run {
  readonly #profile: DesiredProfile;
  readonly #services: readonly ObservedService[];
  readonly #shared: ReadonlySet<ObservedService>;
  readonly #recorded: readonly Allocation[];
  readonly #holders: ReadonlyMap<string, string>;
  /** Services that exist, served or not. */
  readonly #existing: ReadonlySet<string>;
  readonly #free: FreeAddresses;
  readonly #given = new Map<ObservedService, Map<Family, Given>>();
  readonly #problems = new Map<ObservedService, string>();
  /** Assignable addresses that are only remembered for Services which are gone. */
  readonly #forgotten: Prefix[] = [];
  /** Bytes that the lines of Services which exist may still get in the record. */
  #room: number;

  constructor(profile: DesiredProfile, { served, shared, recorded, room, all, others }: Input) {
    this.#profile = profile;
    this.#services = served;
    this.#shared = shared;
    this.#recorded = recorded;
    this.#holders = new Map(recorded.map((one) => [one.address, one.service]));
    this.#existing = new Set(all.filter((one) => one.type === 'LoadBalancer').map(serviceName));
    this.#free = new FreeAddresses(profile.loadBalancer);
    this.#room = room - lineBytes(recorded.filter(({ service }) => this.#existing.has(service)));
    for (const service of served) this.#given.set(service, new Map());
    for (const address of others) this.#free.take(address);
    this.#reserve();
    this.#keep();
    this.#request();
    this.#remember();
    this.#fill();
  }

  summaries(): ServiceSummary[] {
    return this.#services.map((service) => this.#summarize(service));
  }

  /**
   * The record: what was given here replaces what it said of these Services and of these addresses. Of what is only
   * remembered, the oldest goes where it is too much.
   */
  record(): Allocation[] {
    const given = this.summaries().flatMap((summary) =>
      summary.addresses.map((address) => ({ address, service: serviceName(summary) })),
    );
    const addresses = new Set(given.map((one) => one.address));
    const services = new Set(given.map((one) => one.service));
    const others = this.#recorded.filter((one) => !addresses.has(one.address) && !services.has(one.service));
    const remembered = others.filter((one) => !this.#existing.has(one.service));
    const held = [...others.filter((one) => this.#existing.has(one.service)), ...given];
    return [...boundedRemembered(remembered, held), ...held.sort(compareAllocations)];
  }

  /** Gives an address, unless the record has no room for it; what a Service shows it keeps in any case. */
  #give(service: ObservedService, family: Family, address: string, reason: string): void {
    const name = serviceName(service);
    const bytes = this.#holders.get(address) === name ? 0 : lineBytes([{ address, service: name }]);
    if (bytes > this.#room && !service.ingress.includes(address)) {
      this.#problems.set(
        service,
        `the cluster's record of allocations is full: it holds at most ${MAX_RECORD_BYTES} bytes`,
      );
      return;
    }
    this.#room -= bytes;
    this.#given.get(service)?.set(family, { address, reason });
  }

  /**
   * Rule 1. A reserved address is kept for its Service also while that does not exist. One that cannot be had takes
   * nothing from a Service that a tunnel without this reservation would give the same again.
   */
  #reserve(): void {
    const { reservations } = this.#profile.loadBalancer;
    const available = new Set(
      [...reservations.values()]
        .map(({ value }) => formatAddress(value))
        .filter((text) => this.#free.take(text)),
    );
    for (const service of this.#services) {
      const address = reservations.get(serviceName(service))?.value;
      if (address === undefined) continue;
      if (!available.has(formatAddress(address))) {
        if (this.#shared.has(service)) continue;
        this.#problems.set(
          service,
          `${formatAddress(address)} is reserved for it, but another Service shows it`,
        );
        continue;
      }
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
      } else if (this.#holderOf(text, service) === null && this.#free.take(text)) {
        this.#give(service, address.family, text, 'it asks for this address');
      } else {
        this.#problems.set(service, `it asks for ${text}, which another Service has or has reserved`);
      }
    }
  }

  /** Another Service that exists and that the record has an address for; null when there is none. */
  #holderOf(address: string, service: ObservedService): string | null {
    const holder = this.#holders.get(address) ?? null;
    return holder !== null && holder !== serviceName(service) && this.#existing.has(holder) ? holder : null;
  }

  /** Rule 4; and whatever is remembered is no longer free for rule 5. */
  #remember(): void {
    const served = new Map(this.#services.map((service) => [serviceName(service), service]));
    for (const { address: text, service: name } of this.#recorded) {
      const address = parseAddress(text);
      if (address === null || !this.#free.take(text)) continue;
      const service = served.get(name);
      const assignable = isAssignable(this.#profile.loadBalancer, address);
      if (assignable && !this.#existing.has(name)) this.#forgotten.push(address);
      if (service === undefined || this.#problems.has(service)) continue;
      const wanted =
        familiesOf(service).includes(address.family) && !this.#given.get(service)?.has(address.family);
      if (wanted && assignable) {
        this.#give(service, address.family, text, 'it had this address before');
      } else {
        // It has another by now, so this one is free again.
        this.#free.release(text);
      }
    }
  }

  /** Rules 5 and 6. A Service whose wish failed is not given something else instead. */
  #fill(): void {
    this.#forgotten.sort(comparePrefixes);
    for (const service of this.#services) {
      if (this.#problems.has(service)) continue;
      for (const family of familiesOf(service)) {
        if (this.#given.get(service)?.has(family)) continue;
        const address = this.#free.lowest(family) ?? this.#reclaim(family);
        if (address !== null) this.#give(service, family, address, lowestReason(service, family));
      }
    }
  }

  /** Takes the lowest address of the family that is only remembered for a Service which is gone. */
  #reclaim(family: Family): string | null {
    const at = this.#forgotten.findIndex((address) => address.family === family);
    const [address] = at < 0 ? [] : this.#forgotten.splice(at, 1);
    return address === undefined ? null : formatAddress(address);
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
