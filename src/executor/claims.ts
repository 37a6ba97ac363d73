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

/**
 * The claims once a plan has been applied, of every spec: those of the routes it made or adopted are added, those of
 * the routes it deleted or forgot are gone. Verification has shown by then that the kernel has each claimed route by
 * exactly its key. A claim of another network namespace in this boot is never dropped: an equal key there is
 * another route. What was made to last lasts, also when a session mends or moves it.
 */
export function claimsAfter(claims: readonly Claim[], plan: Plan, owner: Owner, now: Date): Claim[] {
  const created = now.toISOString();
  const lasting = new Set(
    claims
      .filter((claim) => claim.owner.spec === owner.spec && claim.owner.mode === 'persistent')
      .map(({ route }) => formatPrefix(route.destination)),
  );
  const dropped = new Set<string>();
  const added = new Map<string, Claim>();
  for (const step of plan.steps) {
    if (step.kind !== 'route') continue;
    const change = claimChange(step);
    if (change.dropped !== null) dropped.add(keyOf(change.dropped));
    if (change.claimed !== null) {
      const key = keyOf(change.claimed);
      added.set(key, {
        profile: step.profile,
        purpose: step.purpose,
        route: change.claimed,
        owner: lasting.has(formatPrefix(change.claimed.destination))
          ? { ...owner, mode: 'persistent' }
          : owner,
        created,
      });
    }
  }
  const elsewhere = (claim: Claim) =>
    claim.owner.bootId === owner.bootId && claim.owner.networkNamespace !== owner.networkNamespace;
  const kept = claims.filter((claim) => {
    const key = claimKey(claim);
    return elsewhere(claim) || !(dropped.has(key) || added.has(key));
  });
  return [...kept, ...added.values()];
}
