import { type DesiredProfile, type DesiredState, needsCluster } from '../model/desired.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ObservedProfile } from '../model/observed.ts';
import type { Aside } from '../model/plan.ts';
import type { Prefix } from '../model/prefix.ts';
import type { Ownership } from './conflicts/foreign.ts';
import type { Identified } from './identity.ts';
import type { WantedProfile } from './networks/wanted.ts';
import { obstacleDiagnostic, obstacleState } from './obstacles.ts';

/**
 * What is known beforehand not to work is set aside, profile by profile, and the rest is planned whole:
 *
 * | what is known of a profile                    | it is set aside as |
 * |-----------------------------------------------|--------------------|
 * | its cluster could not be observed             | as `obstacles.ts` says |
 * | no address of its VM is known                 | out-of-reach       |
 * | its gateway is this host's, the cluster not   | out-of-reach       |
 * | every gateway is on no network of this host   | out-of-reach       |
 * | its driver's network cannot be routed to      | out-of-reach, but refused where nothing else is served |
 *
 * What stands for such a profile, and for one that this command does not ask for, is left alone: no other profile of
 * the spec takes its place. Conflicts and errors of the spec are no such thing: they refuse the plan as a whole.
 */
export interface Judged {
  readonly aside: readonly Aside[];
  /** What each profile asks for; nothing, where it is set aside. */
  readonly wanted: readonly WantedProfile[];
  /** Whether what stands for a profile is left alone. */
  readonly isLeft: (profile: string) => boolean;
  /** What is to be said of each profile whose cluster could not be observed, by its name. */
  readonly blind: ReadonlyMap<string, readonly Diagnostic[]>;
}

/** A profile as it is asked for, and as it was seen. */
interface Asked {
  readonly profile: DesiredProfile;
  readonly seen: ObservedProfile;
  /** The LoadBalancer addresses that this spec has routes to. */
  readonly routed: ReadonlySet<string>;
  /** Of whose cluster it is: one that is left alone on purpose is not missed. */
  readonly identified: Pick<Identified, 'isLeftAlone'>;
}

/** What keeps all routes of a profile from being made, beside its cluster's silence. */
const OUT_OF_REACH: ReadonlySet<string> = new Set(['gateway-own', 'gateway-unknown', 'network-unroutable']);

/** What destroy adds: the routes need no cluster, the statuses of Services do. */
const ABSENT =
  'Its routes are removed all the same, but its Services show their addresses until `mkplan destroy` runs once more.';

/** What follows from a cluster that is unobserved, or does not matter then. */
const OF_BLINDNESS: ReadonlySet<string> = new Set([
  'gateway-disagreement',
  'gateway-family',
  'gateway-off-link',
  'gateway-unknown',
  'pods-unknown',
  'services-unknown',
]);

/** Judges which profiles are set aside. `asking`: what each of them asks for; empty where all is to be removed. */
export function judgeAside(
  desired: DesiredState,
  asked: readonly Asked[],
  asking: readonly WantedProfile[],
): Judged {
  const blind = unobservedIn(desired, asked);
  const { only, mode } = desired;
  const found = asked.flatMap((one): Aside[] => {
    const { name } = one.profile;
    // Its routes go, so nothing is left of a profile that gave no address.
    if (mode === 'absent' && one.routed.size === 0) return [];
    const wants = asking.find(({ summary }) => summary.name === name);
    return asideOf(one, blind.get(name) ?? [], wants);
  });
  const isNothingServed = found.length === asked.length;
  const aside = found.filter(({ profile }) => !(isNothingServed && isUnroutable(asking, profile)));
  const names = new Set(aside.map(({ profile }) => profile));
  const wanted = asking.map((one) => {
    const { name } = one.summary;
    const told = blind.has(name)
      ? one.diagnostics.filter(({ code }) => !OF_BLINDNESS.has(code))
      : one.diagnostics;
    return names.has(name) ? withoutAnything(one, told) : { ...one, diagnostics: told };
  });
  return {
    aside,
    wanted,
    isLeft: (profile) =>
      (mode === 'present' && names.has(profile)) || (only !== undefined && !only.names.includes(profile)),
    blind,
  };
}

function isUnroutable(asking: readonly WantedProfile[], profile: string): boolean {
  const one = asking.find(({ summary }) => summary.name === profile);
  return one?.diagnostics.some(({ code }) => code === 'network-unroutable') ?? false;
}

function asideOf(
  { profile, seen }: Asked,
  [silent]: readonly Diagnostic[],
  wants: WantedProfile | undefined,
): Aside[] {
  const { name } = profile;
  if (silent !== undefined) {
    return [{ profile: name, state: obstacleState(profile, seen), why: silent.summary }];
  }
  const unreached = wants?.diagnostics.find(
    ({ code }) => OUT_OF_REACH.has(code) || (code === 'gateway-off-link' && isOffLink(wants)),
  );
  return unreached === undefined ? [] : [{ profile: name, state: 'out-of-reach', why: unreached.summary }];
}

/** Whether the kernel would refuse every route, since no next hop is on a network of this host. */
function isOffLink({ routes }: WantedProfile): boolean {
  return routes.every(({ type, device }) => type !== 'unicast' || device === null);
}

/** Nothing is made for a profile that is set aside, and what refused it refuses the others no more. */
function withoutAnything({ summary }: WantedProfile, diagnostics: readonly Diagnostic[]): WantedProfile {
  const told = diagnostics.map((one): Diagnostic => ({ ...one, severity: 'warning' }));
  return {
    summary,
    routes: [],
    services: [],
    record: null,
    approvals: [],
    diagnostics: told,
    unsure: new Set(),
    here: [],
  };
}

/** A route of this spec that stands and is left alone. */
export interface Standing {
  readonly profile: string;
  readonly destination: Prefix;
}

/** What is owned without what is left alone, and the routes of that which stand. */
export function leaveAlone(
  ownership: Ownership,
  isLeft: (profile: string) => boolean,
): { readonly ownership: Ownership; readonly standing: readonly Standing[] } {
  const owned = [...ownership.owned];
  return {
    ownership: {
      ...ownership,
      owned: new Map(owned.filter(([, { claim }]) => !isLeft(claim.profile))),
      lost: ownership.lost.filter(({ profile }) => !isLeft(profile)),
    },
    standing: owned.flatMap(([, { claim, route }]) =>
      isLeft(claim.profile) ? [{ profile: claim.profile, destination: route.destination }] : [],
    ),
  };
}

/** What is to be said of each profile whose cluster could not be observed, by its name. */
function unobservedIn(
  desired: DesiredState,
  profiles: readonly Asked[],
): ReadonlyMap<string, readonly Diagnostic[]> {
  const told = profiles.map(
    ({ profile, seen, identified }) =>
      [profile.name, identified.isLeftAlone ? [] : unobserved(desired, profile, seen)] as const,
  );
  return new Map(told.filter(([, diagnostics]) => diagnostics.length > 0));
}

/**
 * What cannot be seen must not look like what is not there: a plan made without the cluster would take away the
 * routes of its pods and Services.
 */
function unobserved(desired: DesiredState, profile: DesiredProfile, seen: ObservedProfile): Diagnostic[] {
  if (seen.cluster !== null || !needsCluster(profile)) return [];
  if (profile.pods.value !== 'auto' && profile.loadBalancer.assign === 'none') return [];
  const told = obstacleDiagnostic(profile, seen);
  return [desired.mode === 'absent' ? { ...told, fix: `${told.fix} ${ABSENT}` } : told];
}
