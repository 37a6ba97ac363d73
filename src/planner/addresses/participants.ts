import type { DesiredProfile, DesiredState } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedCluster, ObservedProfile, ObservedService } from '../../model/observed.ts';
import type { ObservedParticipant } from '../../model/participant.ts';
import { type LeaseChange, type ServiceStep, type ServiceSummary, serviceName } from '../../model/plan.ts';
import { shellWord } from '../../model/shell-word.ts';
import { judgeService } from './served.ts';
import { holders, keepersOf, sameServing, servingsOf, stayingOthers, usersOf } from './sharing.ts';

/**
 * Several mkplan on one cluster, each with a Lease (`kubernetes/leases.ts` says why these rules hold):
 *
 * | this spec      | other live participants | Services with our ingress that it does not serve | our Lease      |
 * |----------------|-------------------------|--------------------------------------------------|----------------|
 * | serves here    | whatever                |                                                  | join           |
 * |                | one is leaving          | refused, if it relies on what a Service shows    |                |
 * | leaves         | none, or all leave too  | cleared                                          | leave          |
 * | leaves         | some                    | kept                                             | leave          |
 * | leaves         | cannot be told          | kept: nothing is taken away unseen               | leave          |
 */

/** Whether a spec no longer gives addresses in a profile's cluster. */
function leaves(desired: DesiredState, profile: DesiredProfile): boolean {
  return desired.mode === 'absent' || profile.loadBalancer.assign === 'none';
}

/** Whether a profile that is left alone gives addresses in the same cluster. */
function sharesLease({ only }: DesiredState, together: readonly DesiredProfile[]): boolean {
  return (
    servingsOf(together.filter(({ name }) => only !== undefined && !only.names.includes(name))).length > 0
  );
}

function others(cluster: ObservedCluster): ObservedParticipant[] {
  return (cluster.participants ?? []).filter(({ own, live }) => live && !own);
}

/** Why a Service that this spec does not serve keeps its address; null where it is ours to clear. */
export function keptFor(service: ObservedService, cluster: ObservedCluster): string | null {
  if (cluster.participants === null) return 'who else uses it cannot be told';
  const users = usersOf(service, cluster);
  return users.length === 0 ? null : `still used by ${holders(users)}`;
}

function may(cluster: ObservedCluster, verb: 'create' | 'update' | 'delete'): boolean {
  return !cluster.missingRights.includes(`${verb} leases kube-system`);
}

/** What becomes of our Lease. */
export function leaseChange(
  desired: DesiredState,
  profile: DesiredProfile,
  { cluster }: ObservedProfile,
  planned: {
    readonly services: readonly ServiceSummary[];
    readonly steps: readonly ServiceStep[];
    /** The profiles of the spec in this cluster: they have one Lease. */
    readonly together: readonly DesiredProfile[];
  },
): LeaseChange[] {
  if (cluster === null || cluster.participants === null) return [];
  // One Lease speaks for all profiles of the spec that lead to this cluster: it stays with those that stay.
  if (desired.mode === 'absent' && sharesLease(desired, planned.together)) return [];
  const own = cluster.participants.find((one) => one.own) ?? null;
  const mayAnnounce = may(cluster, own === null ? 'create' : 'update');
  if (leaves(desired, profile)) {
    // Who never joined clears like anybody else, and has to say so like anybody else.
    const clears = planned.steps.some((step) => step.profile === profile.name && step.action === 'delete');
    const isDue = own !== null || clears;
    if (!isDue || !mayAnnounce || !may(cluster, 'delete')) return [];
    const said = { announced: own?.leaving === true, serves: own?.serves ?? [] };
    return [{ profile: profile.name, action: 'leave', ...said }];
  }
  const serves = planned.services.some((one) => one.profile === profile.name && one.state === 'served');
  const said = servingsOf(planned.together);
  const holds = own?.live === true && !own.leaving;
  // What it says of a pool binds others, whether we serve anything just now or not.
  const isDue = holds ? !sameServing(own.serves, said) : serves;
  if (!isDue || !mayAnnounce) return [];
  return [{ profile: profile.name, action: 'join', announced: false, serves: said }];
}

/** What a user has to know of the others. */
export function participantDiagnostics(
  desired: DesiredState,
  profile: DesiredProfile,
  { cluster }: ObservedProfile,
  steps: readonly ServiceStep[],
): Diagnostic[] {
  if (cluster === null) return [];
  const ofProfile = steps.filter((step) => step.profile === profile.name);
  if (leaves(desired, profile)) return leftTo(profile, cluster, ofProfile);
  const leaving = others(cluster).filter((one) => one.leaving);
  const relies = ofProfile.some((step) => step.before.some((address) => step.after.includes(address)));
  return [
    ...(leaving.length > 0 && relies ? [whileLeaving(profile, leaving)] : []),
    ...ofOtherPools(profile, cluster),
  ];
}

/** So many Services are named of those that another tunnel keeps. */
const MOST_NAMED = 10;

/** The Services that this spec would serve, and leaves to tunnels with another pool. */
function ofOtherPools(profile: DesiredProfile, cluster: ObservedCluster): Diagnostic[] {
  const kept = cluster.services
    .filter(({ type }) => type === 'LoadBalancer')
    .flatMap((service) => {
      const { state } = judgeService(service, profile, cluster);
      const keepers = state === 'foreign' ? keepersOf(service, profile, cluster) : [];
      return keepers.length === 0 ? [] : [{ name: serviceName(service), keepers }];
    });
  if (kept.length === 0) return [];
  const names = kept.map(({ name }) => name).sort();
  const more = names.length - MOST_NAMED;
  const list = [...names.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
  const keepers = cluster.participants?.filter((one) =>
    kept.some((service) => service.keepers.includes(one)),
  );
  return [otherPool(profile, list, keepers ?? [])];
}

function otherPool(
  profile: DesiredProfile,
  services: string,
  keepers: readonly ObservedParticipant[],
): Diagnostic {
  return {
    code: 'services-of-other-pool',
    severity: 'warning',
    summary: `profile ${profile.name}: left to ${holders(keepers)}, which serves them from another pool: ${services}`,
    cause: "Two tunnels that took each other's addresses from a Service would renumber it for ever.",
    fix: 'Give both specs the same pool, or let one of them serve another `class`, with `unclassed: false`. Should the other one be gone for good, remove its Lease.',
    command: removal(profile, keepers),
    at: profile.loadBalancer.at,
  };
}

/** The others who stay when this spec leaves a cluster with Services of ours. */
function leftTo(
  profile: DesiredProfile,
  cluster: ObservedCluster,
  steps: readonly ServiceStep[],
): Diagnostic[] {
  const kept = new Set(steps.filter(({ action }) => action === 'none').map(({ uid }) => uid));
  const users = new Set(
    cluster.services.filter(({ uid }) => kept.has(uid)).flatMap((service) => usersOf(service, cluster)),
  );
  const stay = stayingOthers(cluster).filter((one) => users.has(one));
  if (stay.length === 0) return [];
  return [
    {
      code: 'services-shared',
      severity: 'warning',
      summary: `profile ${profile.name}: its Services keep their addresses, still in use by ${holders(stay)}`,
      cause: 'Several mkplan route to these Services, and the last one out clears them.',
      fix: 'Nothing needs to be done. Should one of them be gone for good, remove its Lease and run this again.',
      command: removal(profile, stay),
      at: profile.at,
    },
  ];
}

function whileLeaving(profile: DesiredProfile, leaving: readonly ObservedParticipant[]): Diagnostic {
  return {
    code: 'participant-leaving',
    severity: 'error',
    summary: `profile ${profile.name}: ${holders(leaving)} is leaving, and may be clearing Services that this plan relies on`,
    cause: 'The last mkplan to leave a cluster clears what Services show.',
    fix: 'Run this again in a moment. Should it have been cut off, run `mkplan destroy` there, or remove its Lease.',
    command: removal(profile, leaving),
    at: profile.at,
  };
}

function removal({ context }: DesiredProfile, participants: readonly ObservedParticipant[]): string {
  const names = participants.map(({ name }) => shellWord(name)).join(' ');
  return `kubectl --context=${shellWord(context)} -n kube-system delete lease ${names}`;
}
