import type { Approval, Plan, RememberedApproval } from '../model/plan.ts';

/** The context of a profile by the spec; null for a profile that the spec does not have. */
export type ContextOf = (profile: string) => string | null;

/** The contexts that a spec names. */
export function contextsOf(
  profiles: readonly { readonly name: string; readonly context: string }[],
): ContextOf {
  const contexts = new Map(profiles.map(({ name, context }) => [name, context]));
  return (profile) => contexts.get(profile) ?? null;
}

/** Whether a person still has to give an approval. */
export function isOpen({ byPolicy, approvedOn }: Approval): boolean {
  return byPolicy !== true && approvedOn === undefined;
}

/** What of a plan can be remembered: what it shows as open. A cleanup is of no spec, and nothing of it can be. */
export function rememberable(plan: Plan, contextOf: ContextOf, approvedOn: string): RememberedApproval[] {
  if (plan.spec === '') return [];
  return plan.approvals.filter(isOpen).flatMap(({ kind, profile, subject, why }) => {
    const context = contextOf(profile);
    if (context === null) return [];
    return [{ spec: plan.spec, profile, context, cluster: null, kind, subject, why, approvedOn }];
  });
}

/**
 * A plan whose approvals that are remembered say so. One counts only for exactly what was shown: another spec, context,
 * subject or reason is another approval, and so is that of a cluster that cannot be told here.
 */
export function withRemembered(
  plan: Plan,
  contextOf: ContextOf,
  remembered: readonly RememberedApproval[],
): Plan {
  if (remembered.length === 0 || plan.approvals.length === 0) return plan;
  const given = new Map(
    remembered.filter(({ cluster }) => cluster === null).map((one) => [approvalKey(one), one.approvedOn]),
  );
  const approvals = plan.approvals.map((approval) => {
    const context = contextOf(approval.profile);
    if (!isOpen(approval) || context === null) return approval;
    const approvedOn = given.get(approvalKey({ ...approval, spec: plan.spec, context, cluster: null }));
    return approvedOn === undefined ? approval : { ...approval, approvedOn };
  });
  return { ...plan, approvals };
}

/** Equal for two approvals of the same thing. */
export function approvalKey(approval: Omit<RememberedApproval, 'approvedOn'>): string {
  const { spec, profile, context, cluster, kind, subject, why } = approval;
  return JSON.stringify([spec, profile, context, cluster, kind, subject, why]);
}
