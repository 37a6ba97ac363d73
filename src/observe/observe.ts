import type { DesiredState } from '../model/desired.ts';
import type { ObservedState, OpenTransaction } from '../model/observed.ts';
import type { RouteTable } from '../platform/route-table.ts';
import type { Journal, Registry } from '../registry/registry.ts';
import { addressesToAsk } from './answers.ts';
import { apiServers, sortCritical, vpnEndpoints } from './critical.ts';
import type { HostFacts } from './host-facts.ts';
import { observeProfile, type ProfilePorts } from './profile.ts';

/** Everything that a snapshot is taken from. */
export interface ObservePorts extends ProfilePorts {
  readonly routeTable: RouteTable;
  readonly registry: Pick<Registry, 'read'>;
  readonly journal: Pick<Journal, 'open'>;
  readonly host: HostFacts;
}

async function openTransaction(journal: Pick<Journal, 'open'>): Promise<OpenTransaction | null> {
  const open = await journal.open();
  if (open === null) return null;
  const { txid, decided, changes, spec } = open;
  return { txid, decided, changes, spec };
}

/**
 * Takes one snapshot of everything that a plan for this spec rests on; changes nothing and needs no rights. Throws a
 * Failure when the host, the registry or the journal cannot be read. A profile or cluster that cannot be read stops
 * nothing: its `problems` say why.
 */
export async function observe(
  desired: DesiredState,
  ports: ObservePorts,
  signal?: AbortSignal,
): Promise<ObservedState> {
  const { routeTable } = ports;
  const [identity, network, claims, open, facts, profiles] = await Promise.all([
    routeTable.identity(),
    routeTable.snapshot(signal),
    ports.registry.read(),
    openTransaction(ports.journal),
    ports.host.critical(),
    Promise.all(desired.profiles.map((profile) => observeProfile(profile, ports, signal))),
  ]);
  const answers = await routeTable.answers(addressesToAsk(desired.profiles, profiles), signal);
  return {
    host: {
      platform: identity.platform,
      bootId: identity.bootId,
      networkNamespace: identity.networkNamespace,
      rules: network.rules,
      routes: network.routes,
      links: network.links,
      addresses: network.addresses,
      answers: answers.filter((answer) => answer !== null),
      critical: sortCritical([...facts, ...apiServers(profiles), ...vpnEndpoints(network.routes, claims)]),
    },
    registry: { claims, open },
    profiles,
  };
}
