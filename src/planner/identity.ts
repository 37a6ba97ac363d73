import type { Claim } from '../model/claim.ts';
import type { DesiredProfile, DesiredState } from '../model/desired.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ClusterIdentity, ObservedProfile, ObservedState } from '../model/observed.ts';
import type { Approval, PlannedCluster } from '../model/plan.ts';
import { shellWord } from '../model/shell-word.ts';

/**
 * Whose cluster answered. An address and a certificate authority do not tell: all minikube profiles share one, and a VM may get the
 * address that another had. The UID of namespace kube-system does, and the claims keep the one that was seen first:
 *
 * | UID now   | UID of the claims | evidence                                                   | standing    |
 * |-----------|-------------------|------------------------------------------------------------|-------------|
 * | known     | the same          |                                                            | `known`     |
 * | known     | another           | its own Nodes answer, in a cluster younger than the claims | `recreated` |
 * | known     | another           | anything else                                              | `another`   |
 * | known     | none              | no Node is called as config.json calls a control plane     | `strange`   |
 * | known     | none              | anything else                                              | `first`     |
 * | none      | any               | a cluster that had the namespace has it for ever           | `another`   |
 * | forbidden | whatever          | no Node is called as config.json calls a control plane     | `strange`   |
 * | unknown   | whatever          | anything else                                              | `untold`    |
 *
 * `another` and `strange` need approval before anything is written there. What was made in a cluster that is no more counts
 * for nothing, and `destroy` writes to no cluster but the one that the claims are of.
 */
type Standing = 'untold' | 'known' | 'recreated' | 'another' | 'strange' | 'first';

/** What a profile's cluster was found to be. */
export interface Identified {
  /** Null where it cannot be told. */
  readonly cluster: PlannedCluster | null;
  /** Whether what is recorded of the profile was, as far as is known, made in the cluster that answers. */
  readonly isSame: boolean;
  /** Whether nothing may be written there, since all that is wanted is to undo what was made in another one. */
  readonly isLeftAlone: boolean;
  readonly approvals: readonly Approval[];
  readonly diagnostics: readonly Diagnostic[];
}

/** So many Nodes are named of those that a cluster has. */
const MOST_NAMED = 5;

/** Tells whose cluster answered for a profile, by what was recorded when it was served last. */
export function identify(
  desired: DesiredState,
  profile: DesiredProfile,
  seen: ObservedProfile,
  observed: ObservedState,
): Identified {
  const claims = claimsOf(desired, profile, observed);
  const identity = seen.cluster?.identity ?? null;
  const former = formerOf(claims, identity);
  const standing = standingOf(claims, identity, former, seen);
  const isAbsent = desired.mode === 'absent';
  const isForeign = standing === 'another' || standing === 'recreated';
  const isLeftAlone = isAbsent && (isForeign || (standing === 'strange' && claims.length === 0));
  return {
    cluster: identity === null ? null : { profile: profile.name, uid: identity.uid, former },
    isSame: !isForeign,
    isLeftAlone,
    approvals: isAbsent ? [] : approvalsOf(standing, profile, seen, former),
    diagnostics: [
      ...(standing === 'recreated' && !isAbsent ? [recreated(profile, identity, former)] : []),
      ...(isLeftAlone && claims.length > 0 ? [leftAlone(profile, identity, former)] : []),
    ],
  };
}

/** What is recorded of a profile, but for what was made in another network namespace of this boot: that is not to be judged here. */
function claimsOf(
  { spec }: DesiredState,
  { name }: DesiredProfile,
  { host, registry }: ObservedState,
): Claim[] {
  return registry.claims.filter(
    ({ owner, profile }) =>
      owner.spec === spec &&
      profile === name &&
      (owner.bootId !== host.bootId || owner.networkNamespace === host.networkNamespace),
  );
}

function formerOf(claims: readonly Claim[], identity: ClusterIdentity | null): string | null {
  return claims.find(({ cluster }) => cluster !== undefined && cluster !== identity?.uid)?.cluster ?? null;
}

function standingOf(
  claims: readonly Claim[],
  identity: ClusterIdentity | null,
  former: string | null,
  seen: ObservedProfile,
): Standing {
  if (seen.cluster === null) return 'untold';
  if (identity === null) {
    if (mayNotBeTold(seen)) return isStrange(seen) ? 'strange' : 'untold';
    return former === null ? 'untold' : 'another';
  }
  if (former !== null) return isMadeAnew(claims, identity, seen) ? 'recreated' : 'another';
  if (claims.some(({ cluster }) => cluster === identity.uid)) return 'known';
  return isStrange(seen) ? 'strange' : 'first';
}

/** Whether it was asked and not told; an observation of an earlier mkplan did not ask. */
function mayNotBeTold({ cluster }: ObservedProfile): boolean {
  return cluster?.missingRights.includes('get namespaces kube-system') ?? false;
}

/**
 * The names that config.json has for the control planes of a profile; none where they say nothing of a cluster's. Workers do not
 * count: the second Node of profile `dev` is called as the only one of profile `dev-m02` is.
 */
function recordedNames({ config, context }: ObservedProfile): readonly string[] {
  // A kubelet of driver none goes by the host's name; and another context is that of another cluster.
  if (config === null || config.driver === 'none' || context?.fromMinikube !== true) return [];
  return config.nodes.filter(({ controlPlane }) => controlPlane).map(({ name }) => name);
}

/** Evidence against a cluster, no proof: kubelet's `hostname-override` changes names as well. */
function isStrange(seen: ObservedProfile): boolean {
  const names = recordedNames(seen);
  const nodes = seen.cluster?.nodes ?? [];
  return names.length > 0 && nodes.length > 0 && !nodes.some(({ name }) => names.includes(name));
}

/** Whether the profile was deleted and made anew: its own Nodes answer, in a cluster that was not there when the claims were made. */
function isMadeAnew(claims: readonly Claim[], { created }: ClusterIdentity, seen: ObservedProfile): boolean {
  const names = recordedNames(seen);
  if (!(seen.cluster?.nodes ?? []).some(({ name }) => names.includes(name))) return false;
  return claims.every((claim) => Date.parse(claim.created) < Date.parse(created));
}

function approvalsOf(
  standing: Standing,
  { name: profile }: DesiredProfile,
  seen: ObservedProfile,
  former: string | null,
): Approval[] {
  const nodes = seen.cluster?.nodes.map(({ name }) => name) ?? [];
  const subject = seen.cluster?.identity?.uid ?? named(nodes);
  if (standing === 'another') {
    const why = `another cluster answers than the one that this profile served until now (kube-system ${former})`;
    return [{ kind: 'identity', profile, subject, why }];
  }
  if (standing !== 'strange') return [];
  const why = `the Nodes of the cluster that answers are ${named(nodes)}; config.json of this profile has ${named(recordedNames(seen))}`;
  return [{ kind: 'identity', profile, subject, why }];
}

function named(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return [...names.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

function recreated(
  profile: DesiredProfile,
  identity: ClusterIdentity | null,
  former: string | null,
): Diagnostic {
  return {
    code: 'cluster-recreated',
    severity: 'warning',
    summary: `profile ${profile.name}: its cluster was made anew`,
    cause: `What mkplan recorded is of the cluster with kube-system ${former}; the one that answers was made later, on ${identity?.created}. Addresses that the old one gave count for nothing.`,
    fix: 'Nothing needs to be done if you deleted the profile and started it again.',
    at: profile.at,
  };
}

function leftAlone(
  profile: DesiredProfile,
  identity: ClusterIdentity | null,
  former: string | null,
): Diagnostic {
  return {
    code: 'cluster-another',
    severity: 'warning',
    summary: `profile ${profile.name}: another cluster answers than the one that it served, so nothing is cleared there`,
    cause: `What mkplan recorded is of the cluster with kube-system ${former}; ${identity?.uid} answers.`,
    fix: 'Its routes are removed all the same. See whose cluster that is, if you do not know it.',
    command: `kubectl --context=${shellWord(profile.context)} get nodes -o wide`,
    at: profile.at,
  };
}
