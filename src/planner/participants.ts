import type { DesiredProfile, DesiredState } from '../model/desired.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ObservedCluster, ObservedProfile } from '../model/observed.ts';
import type { ObservedParticipant } from '../model/participant.ts';
import type { LeaseChange, ServiceStep, ServiceSummary } from '../model/plan.ts';
import { shellWord } from '../model/shell-word.ts';

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

function others(cluster: ObservedCluster): ObservedParticipant[] {
  return (cluster.participants ?? []).filter(({ own, live }) => live && !own);
}

/** The others that stay. */
function staying(cluster: ObservedCluster): ObservedParticipant[] {
  return others(cluster).filter(({ leaving }) => !leaving);
}

/** Why a Service that this spec does not serve keeps its address; null where it is ours to clear. */
export function keptFor(cluster: ObservedCluster): string | null {
  if (cluster.participants === null) return 'who else uses it cannot be told';
  const stay = staying(cluster);
  return stay.length === 0 ? null : `still used by ${stay.map(({ holder }) => holder).join(' and ')}`;
}

function may(cluster: ObservedCluster, verb: 'create' | 'update' | 'delete'): boolean {
  return !cluster.missingRights.includes(`${verb} leases kube-system`);
}

/** What becomes of our Lease. */
export function leaseChange(
  desired: DesiredState,
  profile: DesiredProfile,
  { cluster }: ObservedProfile,
  planned: { readonly services: readonly ServiceSummary[]; readonly steps: readonly ServiceStep[] },
): LeaseChange[] {
  if (cluster === null || cluster.participants === null) return [];
  const own = cluster.participants.find((one) => one.own) ?? null;
  const mayAnnounce = may(cluster, own === null ? 'create' : 'update');
  if (leaves(desired, profile)) {
    // Who never joined clears like anybody else, and has to say so like anybody else.
    const clears = planned.steps.some((step) => step.profile === profile.name && step.action === 'delete');
    const isDue = own !== null || clears;
    if (!isDue || !mayAnnounce || !may(cluster, 'delete')) return [];
    return [{ profile: profile.name, action: 'leave', announced: own?.leaving === true }];
  }
  const serves = planned.services.some((one) => one.profile === profile.name && one.state === 'served');
  const holds = own?.live === true && !own.leaving;
  if (!serves || holds || !mayAnnounce) return [];
  return [{ profile: profile.name, action: 'join', announced: false }];
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
  return leaving.length > 0 && relies ? [whileLeaving(profile, leaving)] : [];
}

/** The others who stay when this spec leaves a cluster with Services of ours. */
function leftTo(
  profile: DesiredProfile,
  cluster: ObservedCluster,
  steps: readonly ServiceStep[],
): Diagnostic[] {
  const stay = staying(cluster);
  if (stay.length === 0 || !steps.some(({ action }) => action === 'none')) return [];
  return [
    {
      code: 'services-shared',
      severity: 'warning',
      summary: `profile ${profile.name}: its Services keep their addresses, which ${holders(stay)} still use`,
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

function holders(participants: readonly ObservedParticipant[]): string {
  return participants.map(({ holder }) => holder).join(' and ');
}

function removal({ context }: DesiredProfile, participants: readonly ObservedParticipant[]): string {
  const names = participants.map(({ name }) => shellWord(name)).join(' ');
  return `kubectl --context=${shellWord(context)} -n kube-system delete lease ${names}`;
}
