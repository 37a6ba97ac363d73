import type { RecordedTunnels } from '../minikube/profiles.ts';
import { type DesiredProfile, type DesiredState, needsCluster } from '../model/desired.ts';
import type { Answer, CriticalAddress, ObservedState } from '../model/observed.ts';
import type { HostPolicy } from '../model/policy.ts';
import { contains, parseAddress } from '../model/prefix.ts';
import type { HostChange, RouteEventStream, RouteEvents } from '../platform/route-events.ts';
import type { HostIdentity } from '../platform/route-table.ts';
import { addressesToAsk } from './answers.ts';
import { participantOf } from './host-identity.ts';
import { LiveNetwork } from './live-network.ts';
import { LiveProfile } from './live-profile.ts';
import { assemble, type ObservePorts, recordedState } from './observe.ts';
import { withoutCluster } from './profile.ts';
import { rememberAddresses } from './remembered-profiles.ts';

/** Everything that a snapshot is kept true with. */
export interface LivePorts extends ObservePorts {
  readonly routeEvents: RouteEvents;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
}

/** Open connections, DNS servers and minikube's tunnels have no events; they decide about conflicts only, never about what is there. */
const FACTS_TTL_MS = 5000;

/** A profile that was not asked for so long is of no spec any more. Milliseconds; a pass asks at least twice a minute. */
const UNASKED_MS = 300_000;

interface FollowedProfile {
  readonly name: string;
  readonly live: LiveProfile;
  /** When it was asked for last, in milliseconds of the clock. */
  askedAt: number;
}

/** What the host has no events for. */
interface Facts {
  readonly critical: readonly CriticalAddress[];
  readonly policy: HostPolicy;
  readonly recorded: RecordedTunnels;
  readonly at: number;
}

/** What is known at a moment; see `Sighting` of the machine. */
export interface LiveSnapshot {
  readonly observed: ObservedState;
  readonly unknown: ReadonlySet<string>;
}

/** Who hears of what may have changed. */
export interface LiveListener {
  kernel(): void;
  /** Something else is known of a profile. */
  cluster(): void;
}

/**
 * The snapshot, kept in memory, by source: the host, of which is read anew what an event may have touched, and each profile,
 * which nobody waits for. The same value is returned as long as nothing has changed, so that whoever plans from it can
 * tell.
 */
export class LiveObservation {
  readonly #ports: LivePorts;
  readonly #identity: Promise<HostIdentity>;
  readonly #answers = new Map<string, Answer | null>();
  /** By what of a profile in the spec decides what is seen of it. */
  readonly #profiles = new Map<string, FollowedProfile>();
  readonly #network: LiveNetwork;
  #facts: Facts | null = null;
  #last: { readonly parts: readonly unknown[]; readonly state: ObservedState } | null = null;
  #listener: LiveListener = { kernel: () => undefined, cluster: () => undefined };
  /** Counts what was heard, so that what was read meanwhile is used, but not kept. */
  #heard = 0;

  constructor(ports: LivePorts) {
    const { profiles, now } = ports;
    const onChange = () => this.#refreshAll();
    this.#ports = { ...ports, profiles: rememberAddresses({ profiles, now, onChange }) };
    this.#network = new LiveNetwork(ports.routeTable);
    this.#identity = ports.routeTable.identity();
    // Whoever observes awaits it, and is told.
    this.#identity.catch(() => undefined);
  }

  /** Begins to hear what may make the next snapshot differ; nothing of the kernel is missed once it is `ready`. */
  listen(listener: LiveListener): RouteEventStream {
    this.#listener = listener;
    return this.#ports.routeEvents.listen((change) => {
      this.#touch(change);
      listener.kernel();
    });
  }

  /** Everything of the host is read anew by the next snapshot, and every profile is looked at anew. */
  distrust(): void {
    this.#touch({ kind: 'everything' });
    this.#forgetUnasked();
    this.#refreshAll();
  }

  /** Connections to clusters are made anew: what is being asked through the old ones tells nothing. */
  doubtConnections(): void {
    for (const { live } of this.#profiles.values()) live.doubt();
  }

  /** Looks at the profiles of a spec; resolves once each has been seen, or cannot be. Rejects only by a fault of ours. */
  async look(desired: DesiredState): Promise<void> {
    const { spec } = desired;
    await Promise.all(desired.profiles.map((profile) => this.#liveProfile(profile, spec).refresh()));
  }

  /** Looks at a profile anew; resolves once that is over. Rejects only by a fault of ours. */
  async refresh(profile: string): Promise<void> {
    const all = [...this.#profiles.values()].filter(({ name }) => name === profile);
    await Promise.all(all.map(({ live }) => live.refresh()));
  }

  /** Looks at every profile that was asked for; what that rejects with ends the process, as any fault of ours. */
  #refreshAll(): void {
    for (const { live } of this.#profiles.values()) void live.refresh();
  }

  /** Profiles that no spec has had for long are not looked at any more. */
  #forgetUnasked(): void {
    for (const [key, { live, askedAt }] of this.#profiles) {
      if (this.#ports.now() - askedAt < UNASKED_MS) continue;
      live.stop();
      this.#profiles.delete(key);
    }
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
   * The host as it is, and the profiles as they were seen last. Throws a Failure when the host, the registry or the journal
   * cannot be read, or `signal` is aborted.
   */
  async observe(desired: DesiredState, signal: AbortSignal): Promise<LiveSnapshot> {
    const seen = desired.profiles.map((profile) => ({
      name: profile.name,
      live: this.#liveProfile(profile, desired.spec),
    }));
    const [identity, network, registry, facts] = await Promise.all([
      this.#identity,
      this.#network.read(signal),
      recordedState(this.#ports),
      this.#readFacts(),
    ]);
    const unknown = new Set(seen.filter(({ live }) => live.known === null).map(({ name }) => name));
    const profiles = seen.map(({ name, live }) => live.known ?? withoutCluster(name));
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
      const { capabilities } = this.#ports.routeTable;
      const state = assemble({ identity, capabilities, network, registry, ...facts, profiles, answers });
      this.#last = { parts, state };
    }
    return { observed: this.#last.state, unknown };
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

  /** What is known of a profile; it begins to be looked at when it is first asked for. */
  #liveProfile(profile: DesiredProfile, spec: string): LiveProfile {
    const key = JSON.stringify([profile.name, profile.context, profile.gateway.value, needsCluster(profile)]);
    const known = this.#profiles.get(key);
    const askedAt = this.#ports.now();
    if (known !== undefined) {
      known.askedAt = askedAt;
      return known.live;
    }
    const self = async () => participantOf(await this.#ports.host.identity(), spec).name;
    const live = new LiveProfile(profile, this.#ports, self, () => this.#listener.cluster());
    this.#profiles.set(key, { name: profile.name, live, askedAt });
    void live.refresh();
    return live;
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
