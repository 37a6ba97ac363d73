import { randomUUID } from 'node:crypto';
import type { ApplyPorts } from '../../machine/apply-ports.ts';
import type { Owner } from '../../model/claim.ts';
import type { DesiredState } from '../../model/desired.ts';
import { participantOf } from '../../observe/host-identity.ts';
import type { ChangeAdapters } from '../wiring/compose.ts';
import { statusPort } from '../wiring/status-port.ts';
import { TunnelLeases } from './tunnel-leases.ts';

/**
 * What a transaction touches, but for how it observes. Claims are made for `spec` in the given mode; `desired` gives
 * the profiles as they are when they are needed.
 */
export function transactionPorts(
  adapters: ChangeAdapters,
  spec: string,
  mode: Owner['mode'],
  desired: () => DesiredState,
): Omit<ApplyPorts, 'observe'> & { readonly leases: TunnelLeases } {
  const profileOf = (name: string) => {
    const profile = desired().profiles.find((candidate) => candidate.name === name);
    if (profile === undefined) throw new TypeError(`no profile ${name} in the spec`);
    return profile;
  };
  const clusterOf = async (name: string) => await adapters.cluster(profileOf(name));
  const leases = new TunnelLeases({
    mode,
    self: async () => participantOf(await adapters.host.identity(), spec),
    cluster: clusterOf,
  });
  return {
    ...adapters,
    leases,
    services: {
      ...statusPort(clusterOf, (name) => adapters.giveUpCluster(profileOf(name))),
      join: (profile, serves) => leases.join(profile, serves),
      announceLeaving: (profile) => leases.announceLeaving(profile),
      leave: (profile) => leases.leave(profile),
      createEvent: async (profile, target, event) =>
        await (await clusterOf(profile)).createEvent(target, event),
      writeAllocations: async ({ profile, before, after }) =>
        await (await clusterOf(profile)).writeAllocations(before, after),
    },
    now: () => new Date(),
    txid: () => randomUUID(),
    owner: async () => {
      const [{ bootId, networkNamespace }, process] = await Promise.all([
        adapters.routeTable.identity(),
        adapters.processes.self(),
      ]);
      return { spec, mode, ...process, bootId, networkNamespace };
    },
  };
}
