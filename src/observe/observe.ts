import type { RecordedTunnels } from '../minikube/profiles.ts';
import type { DesiredProfile, DesiredState } from '../model/desired.ts';
import type {
  Answer,
  CriticalAddress,
  ObservedProfile,
  ObservedRegistry,
  ObservedState,
} from '../model/observed.ts';
import type { HostPolicy } from '../model/policy.ts';
import type { Capabilities } from '../model/system.ts';
import type { HostIdentity, NetworkSnapshot, RouteTable } from '../platform/route-table.ts';
import type { Journal, Registry } from '../registry/registry.ts';
import { addressesToAsk } from './answers.ts';
import { apiServers, clusterProxies, sortCritical, vpnEndpoints } from './critical.ts';
import type { HostFacts } from './host-facts.ts';
import { participantOf } from './host-identity.ts';
import { inTime, type Patience } from './patience.ts';
import { observeProfile, type ProfilePorts } from './profile.ts';

/** Everything that a snapshot is taken from. */
export interface ObservePorts extends ProfilePorts {
  readonly routeTable: RouteTable;
  readonly registry: Pick<Registry, 'read'>;
  readonly journal: Pick<Journal, 'open'>;
  readonly host: HostFacts;
}

/**
 * The claims, and what the journal says of a transaction that did not end. The claims of one that waits for confirmation
 * count meanwhile: what it made stands.
 */
export async function recordedState({
  registry,
  journal,
}: Pick<ObservePorts, 'registry' | 'journal'>): Promise<ObservedRegistry> {
  const [claims, open] = await Promise.all([registry.read(), journal.open()]);
  if (open === null) return { claims, open };
  const { txid, decided, awaiting, changes, spec } = open;
  return {
    claims: awaiting ? (open.claims ?? claims) : claims,
    open: { txid, decided, awaiting, changes, spec },
  };
}

/** What a snapshot is put together from. */
export interface SnapshotParts {
  readonly identity: HostIdentity;
  readonly capabilities: Capabilities;
  readonly network: NetworkSnapshot;
  readonly registry: ObservedRegistry;
  readonly critical: readonly CriticalAddress[];
  readonly recorded: RecordedTunnels;
  readonly policy: HostPolicy;
  readonly profiles: readonly ObservedProfile[];
  /** Of each address that was asked about; null where the kernel has no route. */
  readonly answers: readonly (Answer | null)[];
}

/** Puts a snapshot together. */
export function assemble(parts: SnapshotParts): ObservedState {
  const { identity, network, registry, critical, policy, recorded, profiles, answers } = parts;
  return {
    host: {
      platform: identity.platform,
      capabilities: parts.capabilities,
      bootId: identity.bootId,
      networkNamespace: identity.networkNamespace,
      rules: network.rules,
      routes: network.routes,
      links: network.links,
      addresses: network.addresses,
      answers: answers.filter((answer) => answer !== null),
      critical: sortCritical([
        ...critical,
        ...apiServers(profiles),
        ...clusterProxies(profiles),
        ...vpnEndpoints(network.routes, registry.claims),
      ]),
      minikubeTunnels: recorded.tunnels,
      ...(recorded.problems.length === 0 ? {} : { minikubeTunnelsUnknown: true }),
      problems: recorded.problems,
      policy,
    },
    registry,
    profiles,
  };
}

/** How a snapshot is taken. */
export interface ObservationOptions {
  /** Milliseconds that each profile has for everything that is asked about it; ten seconds unless given. */
  readonly patienceMs?: number;
  /** Hears which profiles have not answered yet, whenever that changes. */
  readonly onWait?: (profiles: readonly string[]) => void;
}

/** As long as one request may take. */
const PATIENCE_MS = 10_000;

/**
 * Takes one snapshot of everything that a plan for this spec rests on; changes nothing and needs no rights. Throws a
 * Failure when the host, the registry or the journal cannot be read, or a context needs approval. A profile or cluster that cannot be read, or
 * has not answered in time, stops nothing: its `problems` say why. Profiles are asked side by side.
 */
export async function observe(
  desired: DesiredState,
  ports: ObservePorts,
  signal?: AbortSignal,
  { patienceMs = PATIENCE_MS, onWait }: ObservationOptions = {},
): Promise<ObservedState> {
  const { routeTable } = ports;
  const self = participantOf(await ports.host.identity(), desired.spec).name;
  const waiting = new Set(desired.profiles.map(({ name }) => name));
  const observeOne = async (profile: DesiredProfile) => {
    const work = (patience: Patience) => observeProfile(profile, ports, { self, ...patience });
    const seen = await inTime(profile.name, patienceMs, signal, work);
    waiting.delete(profile.name);
    onWait?.([...waiting]);
    return seen;
  };
  onWait?.([...waiting]);
  const [identity, network, registry, critical, recorded, profiles] = await Promise.all([
    routeTable.identity(),
    routeTable.snapshot(signal),
    recordedState(ports),
    ports.host.critical(),
    ports.profiles.tunnels(),
    Promise.all(desired.profiles.map(observeOne)),
  ]);
  const answers = await routeTable.answers(addressesToAsk(desired.profiles, profiles, network.rules), signal);
  const policy = ports.host.policy();
  const { capabilities } = routeTable;
  return assemble({
    identity,
    capabilities,
    network,
    registry,
    critical,
    policy,
    recorded,
    profiles,
    answers,
  });
}
