import { isServerOf, type ObservedContext, type ObservedProfile } from '../model/observed.ts';
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

/** That a program of the kubeconfig is run to have the credentials of a context which a spec chose, for its server. */
export function programApproval(
  profile: string,
  { name, server }: { readonly name: string; readonly server: string },
  program: string,
): Approval {
  const why = `the kubeconfig has this program make the credentials of context ${name} (${server}), which the spec names`;
  return { kind: 'credentials', profile, subject: program, why };
}

/** What speaks against a context as the one that minikube wrote for a profile. */
function againstContext({ name, config, problems }: ObservedProfile, context: ObservedContext): string {
  const server = `its server is ${context.server}`;
  if (config === null) {
    const record =
      problems.length === 0
        ? `minikube has no profile ${name}`
        : `minikube’s record of profile ${name} could not be read`;
    return `${record}, and ${server}`;
  }
  if (isServerOf(context.server, config)) return `minikube did not write it for profile ${name}; ${server}`;
  const own = [...config.nodes.map(({ ip }) => ip), ...(config.servers ?? [])];
  const known = own.length === 0 ? 'no address' : own.join(', ');
  return `${server}, and minikube’s config.json of profile ${name} has ${known}`;
}

/** Approvals for a context that minikube did not write for the profile, or whose server is not the profile's own. */
export function contextApprovals(observed: ObservedProfile): Approval[] {
  const { name: profile, context } = observed;
  if (context === null || context.fromMinikube) return [];
  const why = againstContext(observed, context);
  return [
    { kind: 'context', profile, subject: context.name, why },
    ...(context.program === null ? [] : [programApproval(profile, context, context.program)]),
  ];
}

/** What is remembered of an approval: whatever is another then is another approval. */
type Remembering = Omit<RememberedApproval, 'approvedOn'>;

/**
 * What would be remembered of a plan's approval; null where nothing can be: a cleanup is of no spec. That a program may run is
 * approved before the cluster can be known.
 */
function remembering(plan: Plan, contextOf: ContextOf, approval: Approval): Remembering | null {
  const { kind, profile, subject, why } = approval;
  const context = contextOf(profile);
  if (plan.spec === '' || context === null) return null;
  const found = plan.clusters.find((one) => one.profile === profile)?.uid ?? null;
  const cluster = kind === 'credentials' ? null : found;
  return { spec: plan.spec, profile, context, cluster, kind, subject, why };
}

/** What of a plan can be remembered: what it shows as open. */
export function rememberable(plan: Plan, contextOf: ContextOf, approvedOn: string): RememberedApproval[] {
  return plan.approvals.filter(isOpen).flatMap((approval) => {
    const found = remembering(plan, contextOf, approval);
    return found === null ? [] : [{ ...found, approvedOn }];
  });
}

/**
 * A plan whose approvals that are remembered say so. One counts only for exactly what was shown: another spec, context, cluster,
 * subject or reason is another approval.
 */
export function withRemembered(
  plan: Plan,
  contextOf: ContextOf,
  remembered: readonly RememberedApproval[],
): Plan {
  if (remembered.length === 0 || plan.approvals.length === 0) return plan;
  const given = new Map(remembered.map((one) => [approvalKey(one), one.approvedOn]));
  const approvals = plan.approvals.map((approval) => {
    const asked = isOpen(approval) ? remembering(plan, contextOf, approval) : null;
    const approvedOn = asked === null ? undefined : given.get(approvalKey(asked));
    return approvedOn === undefined ? approval : { ...approval, approvedOn };
  });
  return { ...plan, approvals };
}

/** Equal for two approvals of the same thing. */
export function approvalKey(approval: Remembering): string {
  const { spec, profile, context, cluster, kind, subject, why } = approval;
  return JSON.stringify([spec, profile, context, cluster, kind, subject, why]);
}
