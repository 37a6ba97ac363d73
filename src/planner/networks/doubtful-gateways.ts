import type { ObservedHost } from '../../model/observed.ts';
import type { Approval } from '../../model/plan.ts';
import { criticalPoints } from '../conflicts/critical.ts';
import { defaultRoutes } from '../conflicts/foreign.ts';
import type { WantedProfile } from './wanted.ts';

/** What the addresses are that this host already knows as something other than a node, by canonical text. */
function knownOtherwise(host: ObservedHost): Map<string, string> {
  const known = new Map<string, string>();
  for (const { kind, text, detail } of criticalPoints(host, defaultRoutes(host))) {
    // A node is one end of connections, and the API server's own address.
    if (kind !== 'live-peer' && kind !== 'api-server') known.set(text, detail);
  }
  return known;
}

/**
 * Approvals for gateways that this host knows as something else. Which machines are its nodes a cluster says itself,
 * and its word alone must not send packets to the router of the LAN.
 */
export function doubtfulGateways(profiles: readonly WantedProfile[], host: ObservedHost): Approval[] {
  const known = knownOtherwise(host);
  return profiles.flatMap(({ summary, routes, approvals }): Approval[] => {
    const asked = new Set(approvals.filter(({ kind }) => kind === 'gateway').map(({ subject }) => subject));
    const gateways = new Set(routes.map(({ gateway }) => gateway).filter((gateway) => gateway !== null));
    return [...gateways].flatMap((subject): Approval[] => {
      const what = known.get(subject);
      if (what === undefined || asked.has(subject)) return [];
      const why = `the cluster says that this is a node of its own, but it is ${what}`;
      return [{ kind: 'gateway', profile: summary.name, subject, why }];
    });
  });
}
