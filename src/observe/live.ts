import type { RecordedTunnels } from '../minikube/profiles.ts';
import type { DesiredProfile, DesiredState } from '../model/desired.ts';
import type { Answer, CriticalAddress, ObservedProfile, ObservedState } from '../model/observed.ts';
import type { HostPolicy } from '../model/policy.ts';
import { contains, parseAddress } from '../model/prefix.ts';
import type { HostChange, RouteEventStream, RouteEvents } from '../platform/route-events.ts';
import type { HostIdentity } from '../platform/route-table.ts';
import { addressesToAsk } from './answers.ts';
import { participantOf } from './host-identity.ts';
import { LiveNetwork } from './live-network.ts';
import { assemble, type ObservePorts, recordedState } from './observe.ts';
import { type ObserveOptions, observeProfile } from './profile.ts';
import { rememberAddresses } from './remembered-profiles.ts';

/** Everything that a snapshot is kept true with. */
export interface LivePorts extends ObservePorts {
  readonly routeEvents: RouteEvents;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

/** Open connections, DNS servers and minikube's tunnels have no events; they decide about conflicts only, never about what is there. */
const FACTS_TTL_MS = 5000;

/** What the host has no events for. */
interface Facts {
  readonly critical: readonly CriticalAddress[];
  readonly policy: HostPolicy;
  readonly recorded: RecordedTunnels;
  readonly at: number;
}

/**
 * The snapshot, kept in memory: read anew is what an event may have touched. The same value is returned as long as
 * nothing has changed, so that whoever plans from it can tell.
 */
export class LiveObservation {
  readonly #ports: LivePorts;
  readonly #identity: Promise<HostIdentity>;
  readonly #answers = new Map<string, Answer | null>();
  readonly #profiles = new Map<string, ObservedProfile>();
  readonly #network: LiveNetwork;
  #facts: Facts | null = null;
  #last: { readonly parts: readonly unknown[]; readonly state: ObservedState } | null = null;
  #onChange: () => void = () => undefined;
  /** Counts what was heard, so that what was read meanwhile is used, but not kept. */
  #heard = 0;

  constructor(ports: LivePorts) {
    const { profiles, now } = ports;
    const onChange = () => this.#onChange();
    this.#ports = { ...ports, profiles: rememberAddresses({ profiles, now, onChange }) };
    this.#network = new LiveNetwork(ports.routeTable);
    this.#identity = ports.routeTable.identity();
    // Whoever observes awaits it, and is told.
    this.#identity.catch(() => undefined);
  }

  /** Begins to hear the kernel. `onChange` hints that the next snapshot may differ; nothing is missed once it is `ready`. */
  listen(onChange: () => void): RouteEventStream {
    this.#onChange = onChange;
    return this.#ports.routeEvents.listen((change) => {
      this.#touch(change);
      onChange();
    });
  }

  /** Everything of the host is read anew by the next snapshot. */
  distrust(): void {
    this.#touch({ kind: 'everything' });
  }

  #touch(change: HostChange): void {
    this.#heard++;
    this.#network.touch(change);
    if (change.kind === 'everything') {
      this.#answers.clear();
      this.#facts = null;
      return;
    }
    for (const text of this.#answers.keys()) {
      const address = parseAddress(text);
      const isTouched = change.destinations.some((one) => address !== null && contains(one, address));
      if (isTouched) this.#answers.delete(text);
    }
  }

  /**
   * As `observe` does. A cluster that has not answered when `patience` is aborted counts as out of reach. Throws a Failure
   * when the host, the registry or the journal cannot be read, or `signal` is aborted.
   */
  async observe(desired: DesiredState, signal: AbortSignal, patience = signal): Promise<ObservedState> {
    const self = participantOf(await this.#ports.host.identity(), desired.spec).name;
    const [identity, network, registry, facts, profiles] = await Promise.all([
      this.#identity,
      this.#network.read(signal),
      recordedState(this.#ports),
      this.#readFacts(),
      Promise.all(desired.profiles.map((profile) => this.#readProfile(profile, { self, signal: patience }))),
    ]);
    const answers = await this.#ask(addressesToAsk(desired.profiles, profiles, network.rules), signal);
    const { critical, policy, recorded } = facts;
    const parts = [
      network,
      registry.claims,
      registry.open?.txid,
      critical,
      policy,
      recorded,
      ...profiles,
      ...answers,
    ];
    if (this.#last === null || !isSame(this.#last.parts, parts)) {
      const state = assemble({ identity, network, registry, ...facts, profiles, answers });
      this.#last = { parts, state };
    }
    return this.#last.state;
  }

  async #readFacts(): Promise<Facts> {
    const now = this.#ports.now();
    if (this.#facts === null || now - this.#facts.at >= FACTS_TTL_MS) {
      const { host, profiles } = this.#ports;
      const [critical, recorded] = await Promise.all([host.critical(), profiles.tunnels()]);
      this.#facts = { critical, policy: host.policy(), recorded, at: now };
    }
    return this.#facts;
  }

  /** The profile as it was seen last, where nothing about it has changed. */
  async #readProfile(profile: DesiredProfile, options: ObserveOptions): Promise<ObservedProfile> {
    const seen = await observeProfile(profile, this.#ports, options);
    const last = this.#profiles.get(profile.name);
    if (last !== undefined && last.cluster === seen.cluster && isEqualBeside(last, seen)) return last;
    this.#profiles.set(profile.name, seen);
    return seen;
  }

  async #ask(addresses: readonly string[], signal: AbortSignal): Promise<(Answer | null)[]> {
    const unknown = addresses.filter((address) => !this.#answers.has(address));
    const heard = this.#heard;
    const told = new Map<string, Answer | null>();
    for (const [index, answer] of (await this.#ports.routeTable.answers(unknown, signal)).entries()) {
      const address = unknown[index];
      if (address === undefined) continue;
      told.set(address, answer);
      if (heard === this.#heard) this.#answers.set(address, answer);
    }
    return addresses.map((address) => told.get(address) ?? this.#answers.get(address) ?? null);
  }
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((part, index) => part === b[index]);
}

/** Whether two observations of a profile are equal but for the cluster. */
function isEqualBeside(a: ObservedProfile, b: ObservedProfile): boolean {
  const text = (profile: ObservedProfile) => JSON.stringify({ ...profile, cluster: null });
  return text(a) === text(b);
}
