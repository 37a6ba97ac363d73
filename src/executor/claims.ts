import { type Claim, claimKey, type Owner } from '../model/claim.ts';
import type { Plan, RouteStep } from '../model/plan.ts';
import { formatPrefix } from '../model/prefix.ts';
import type { Route } from '../model/route.ts';
import { keyOf } from './key.ts';

/** The route that a step gives up, and the one that it claims. */
function claimChange(step: RouteStep): { readonly dropped: Route | null; readonly claimed: Route | null } {
  switch (step.action) {
    case 'create':
    case 'replace':
      return { dropped: step.before, claimed: step.after };
    case 'adopt':
      return { dropped: null, claimed: step.after ?? step.before };
    case 'delete':
    case 'forget':
      return { dropped: step.before ?? step.after, claimed: null };
    case 'none':
      return { dropped: null, claimed: null };
  }
}

/** The UID of each profile's cluster once a plan has been applied; what the plan cannot tell stays unchanged. */
function clustersAfter(claims: readonly Claim[], plan: Plan, { spec }: Owner): ReadonlyMap<string, string> {
  const known = claims.flatMap(({ owner, profile, cluster }): [string, string][] =>
    owner.spec === spec && cluster !== undefined ? [[profile, cluster]] : [],
  );
  return new Map([...known, ...plan.clusters.map(({ profile, uid }): [string, string] => [profile, uid])]);
}

/** A claim with the cluster that its profile leads to now. */
function inCluster(claim: Claim, clusters: ReadonlyMap<string, string>): Claim {
  const cluster = clusters.get(claim.profile);
  return cluster === undefined || cluster === claim.cluster ? claim : { ...claim, cluster };
}

/**
 * The claims once a plan has been applied, of every spec: those of the routes it made or adopted are added, those of
 * the routes it deleted or forgot are gone. Verification has shown by then that the kernel has each claimed route by
 * exactly its key. A claim of another network namespace in this boot is never dropped: an equal key there is
 * another route. What was made to last lasts, also when a session mends or moves it. All of a profile are of the cluster that it leads to
 * by then.
 */
export function claimsAfter(claims: readonly Claim[], plan: Plan, owner: Owner, now: Date): Claim[] {
  const created = now.toISOString();
  const lasting = new Set(
    claims
      .filter((claim) => claim.owner.spec === owner.spec && claim.owner.mode === 'persistent')
      .map(({ route }) => formatPrefix(route.destination)),
  );
  const clusters = clustersAfter(claims, plan, owner);
  const dropped = new Set<string>();
  const added = new Map<string, Claim>();
  for (const step of plan.steps) {
    if (step.kind !== 'route') continue;
    const change = claimChange(step);
    if (change.dropped !== null) dropped.add(keyOf(change.dropped));
    if (change.claimed !== null) {
      const { profile, purpose } = step;
      const lasts = lasting.has(formatPrefix(change.claimed.destination));
      const made = lasts ? { ...owner, mode: 'persistent' as const } : owner;
      const claim = { profile, purpose, route: change.claimed, owner: made, created };
      added.set(keyOf(change.claimed), inCluster(claim, clusters));
    }
  }
  const elsewhere = (claim: Claim) =>
    claim.owner.bootId === owner.bootId && claim.owner.networkNamespace !== owner.networkNamespace;
  const kept = claims.filter((claim) => {
    const key = claimKey(claim);
    return elsewhere(claim) || !(dropped.has(key) || added.has(key));
  });
  const followed = kept.map((claim) =>
    claim.owner.spec === owner.spec && !elsewhere(claim) ? inCluster(claim, clusters) : claim,
  );
  return [...followed, ...added.values()];
}
