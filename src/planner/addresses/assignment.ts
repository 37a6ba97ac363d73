import { type Allocation, compareAllocations, MAX_RECORD_BYTES } from '../../model/allocation.ts';
import type { DesiredProfile } from '../../model/desired.ts';
import type { ObservedService } from '../../model/observed.ts';
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
import { familiesOf, requestOf, whyNotOfFamily } from './requests.ts';
import { isOurIngress } from './sharing.ts';

const RECORD_FULL = `the cluster's record of allocations is full: it holds at most ${MAX_RECORD_BYTES} bytes`;

interface Given {
  readonly address: string;
  readonly reason: string;
}

/** What addresses are given to and from, beside the pool. */
export interface AssignmentInput {
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

/** Gives addresses to the Services of one profile, rule by rule (`allocate.ts`). */
export class Assignment {
  readonly #profile: DesiredProfile;
  readonly #services: readonly ObservedService[];
  readonly #shared: ReadonlySet<ObservedService>;
  readonly #recorded: readonly Allocation[];
  readonly #holders: ReadonlyMap<string, string>;
  /** Services that exist, served or not. */
  readonly #existing: ReadonlySet<string>;
  readonly #free: FreeAddresses;
  readonly #given = new Map<ObservedService, Map<Family, Given>>();
  /** Why a Service is not given what is reserved for it or what it asks for, and so nothing but what it shows. */
  readonly #problems = new Map<ObservedService, string>();
  /** Services that the record has no room for. */
  readonly #unrecorded = new Set<ObservedService>();
  /** What a Service asks for and does not get, beside what is reserved for it. */
  readonly #overruled = new Map<ObservedService, string>();
  /** What a Service asks for, as far as it could be given at all: whole, or nothing of it. */
  readonly #wishes = new Map<ObservedService, ReadonlyMap<Family, string>>();
  /** Assignable addresses that are only remembered for Services which are gone. */
  readonly #forgotten: Prefix[] = [];
  /** Bytes that the lines of Services which exist may still get in the record. */
  #room: number;

  constructor(profile: DesiredProfile, { served, shared, recorded, room, all, others }: AssignmentInput) {
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
    for (const service of served) this.#wish(service);
    for (const service of served) this.#keep(service);
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
      this.#unrecorded.add(service);
      return;
    }
    this.#room -= bytes;
    this.#given.get(service)?.set(family, { address, reason });
  }

  /**
   * Rule 1. A reserved address is kept for its Service also while that does not exist. What cannot be had takes
   * nothing from a Service that a tunnel without this reservation would give the same again.
   */
  #reserve(): void {
    const { reservations } = this.#profile.loadBalancer;
    const reserved = [...reservations.values()].flat().map(({ value }) => formatAddress(value));
    const available = new Set(reserved.filter((text) => this.#free.take(text)));
    for (const service of this.#services) {
      const own = (reservations.get(serviceName(service)) ?? []).map(({ value }) => value);
      if (own.length === 0) continue;
      const texts = own.map(formatAddress);
      const taken = texts.find((text) => !available.has(text));
      if (taken !== undefined && this.#shared.has(service)) continue;
      const problem = this.#whyNotReserved(service, texts, taken);
      if (problem !== null) this.#problems.set(service, problem);
      for (const { family, text } of own.map((one) => ({ family: one.family, text: formatAddress(one) }))) {
        const mayHave = problem === null || (available.has(text) && isShown(service, text));
        if (mayHave) this.#give(service, family, text, 'reserved in tunnel.yaml');
      }
    }
  }

  #whyNotReserved(
    service: ObservedService,
    texts: readonly string[],
    taken: string | undefined,
  ): string | null {
    const misfit = whyNotOfFamily(service, texts);
    if (misfit !== null) return `${texts.join(', ')} is reserved for it in tunnel.yaml, but ${misfit}`;
    return taken === undefined ? null : `${taken} is reserved for it, but another Service shows it`;
  }

  /** Reads what a Service asks for, and refuses what could be given to no Service, or not to this one. */
  #wish(service: ObservedService): void {
    const { addresses, problem } = requestOf(service);
    const why = problem ?? this.#whyNotGiven(service, addresses);
    const given = this.#given.get(service) ?? new Map<Family, Given>();
    const overruled = [...addresses].find(
      ([family, text]) => given.has(family) && given.get(family)?.address !== text,
    );
    if (given.size > 0 && (why !== null || overruled !== undefined)) {
      const reserved = [...given.values()].map(({ address }) => address).join(', ');
      this.#overruled.set(
        service,
        why ?? `it asks for ${overruled?.[1]}, but tunnel.yaml reserves ${reserved} for it`,
      );
    } else if (why !== null) {
      if (!this.#problems.has(service)) this.#problems.set(service, why);
    } else if (!this.#problems.has(service)) {
      this.#wishes.set(service, addresses);
    }
  }

  #whyNotGiven(service: ObservedService, addresses: ReadonlyMap<Family, string>): string | null {
    const texts = [...addresses.values()];
    const misfit = whyNotOfFamily(service, texts);
    if (misfit !== null) return `it asks for ${texts.join(', ')}, but ${misfit}`;
    const outside = texts.find((text) => {
      const address = parseAddress(text);
      return address === null || !isAssignable(this.#profile.loadBalancer, address);
    });
    return outside === undefined ? null : `it asks for ${outside}, which the pool does not have`;
  }

  /** What a Service asks for and does not have yet. */
  #openWishes(service: ObservedService): [Family, string][] {
    const wishes = this.#wishes.get(service) ?? [];
    return [...wishes].filter(([family]) => !this.#given.get(service)?.has(family));
  }

  /** Rule 2, for the families of which a Service does not ask for another address. */
  #keep(service: ObservedService): void {
    if (!isOurIngress(service)) return;
    const wishes = this.#wishes.get(service);
    for (const text of service.ingress) {
      const address = parseAddress(text);
      if (address === null || this.#given.get(service)?.has(address.family)) continue;
      const wish = wishes?.get(address.family) ?? text;
      if (wish !== text || !isAssignable(this.#profile.loadBalancer, address)) continue;
      if (this.#free.take(text)) this.#give(service, address.family, text, 'it has this address');
    }
  }

  /**
   * Rule 3. A Service that does not get what it asks for keeps what it has, which may be what another one asks for: so who is
   * refused is settled before anything is given.
   */
  #request(): void {
    let asking = this.#services.filter((service) => this.#openWishes(service).length > 0);
    for (;;) {
      const refused = this.#refusedOf(asking);
      if (refused.size === 0) break;
      for (const [service, text] of refused) {
        this.#problems.set(service, `it asks for ${text}, which another Service has or has reserved`);
        this.#wishes.delete(service);
        this.#keep(service);
      }
      asking = asking.filter((service) => !refused.has(service));
    }
    for (const service of asking) {
      for (const [family, text] of this.#openWishes(service)) {
        this.#free.take(text);
        this.#give(service, family, text, 'it asks for this address');
      }
    }
  }

  /** Of those who ask, in order, the ones whose address is taken or asked for by one before them. */
  #refusedOf(asking: readonly ObservedService[]): ReadonlyMap<ObservedService, string> {
    const promised = new Set<string>();
    const refused = new Map<ObservedService, string>();
    for (const service of asking) {
      const wishes = this.#openWishes(service).map(([, text]) => text);
      const taken = wishes.find(
        (text) => promised.has(text) || this.#free.isTaken(text) || this.#holderOf(text, service) !== null,
      );
      if (taken !== undefined) refused.set(service, taken);
      else for (const text of wishes) promised.add(text);
    }
    return refused;
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
      if (service === undefined || this.#isRefused(service)) continue;
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
      if (this.#isRefused(service)) continue;
      for (const family of familiesOf(service)) {
        if (this.#given.get(service)?.has(family)) continue;
        const address = this.#free.lowest(family) ?? this.#reclaim(family);
        if (address !== null) this.#give(service, family, address, lowestReason(service, family));
      }
    }
  }

  #isRefused(service: ObservedService): boolean {
    return this.#problems.has(service) || this.#unrecorded.has(service);
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
    const addresses = families.flatMap((family) => given.get(family)?.address ?? []);
    const isRecorded = !this.#unrecorded.has(service);
    // One that is refused what it asks for has nothing but what it shows, and keeps that.
    const isWhole = missing.length === 0 || !needsAll || problem !== undefined;
    if (addresses.length === 0 || !isRecorded || !isWhole) {
      const why = isRecorded ? missing.map((family) => this.#exhausted(family)).join('; ') : RECORD_FULL;
      return summaryOf(this.#profile.name, service, 'pending', [], problem ?? why);
    }
    const reasons = new Set(families.flatMap((family) => given.get(family)?.reason ?? []));
    const unmet = problem ?? this.#overruled.get(service);
    const reason = [...reasons, ...(unmet === undefined ? [] : [unmet])].join('; ');
    const summary = summaryOf(this.#profile.name, service, 'served', addresses, reason);
    return unmet === undefined ? summary : { ...summary, unmet };
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

function isShown(service: ObservedService, text: string): boolean {
  return isOurIngress(service) && service.ingress.includes(text);
}

/** What becomes of a Service. */
export function summaryOf(
  profile: string,
  service: ObservedService,
  state: ServiceSummary['state'],
  addresses: readonly string[],
  reason: string,
): ServiceSummary {
  return { profile, namespace: service.namespace, name: service.name, state, addresses, reason };
}
