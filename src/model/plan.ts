import type { Allocation, AllocationRecord } from './allocation.ts';
import type { Condition, ServiceEvent } from './condition.ts';
import type { Diagnostic, SourcePosition } from './diagnostic.ts';
import type { Serving } from './participant.ts';
import type { ApprovalKind } from './policy.ts';
import type { Prefix } from './prefix.ts';
import type { Route } from './route.ts';
import type { System } from './system.ts';

export type Action = 'create' | 'replace' | 'delete' | 'adopt' | 'forget' | 'none';

/** What routes are for, in order of output. `guard` closes a LoadBalancer pool behind its allocated addresses. */
export const PURPOSES = ['services', 'pods', 'load-balancer', 'guard'] as const;

export type Purpose = (typeof PURPOSES)[number];

/** What must hold for a step to start, by `routeKey`. */
export interface Precondition {
  /** Routes that must be in the table, all of their key equal. */
  readonly present: readonly string[];
  /** Routes that must not. */
  readonly absent: readonly string[];
}

/** One thing to do to one route. `before` and `after` are what the kernel shows then. */
export interface RouteStep {
  readonly kind: 'route';
  readonly action: Action;
  readonly profile: string;
  readonly purpose: Purpose;
  /** For people; nothing steers by it. */
  readonly reason: string;
  readonly before: Route | null;
  readonly after: Route | null;
  /** What undoes it: the same change backwards. */
  readonly inverse: { readonly action: Action; readonly before: Route | null; readonly after: Route | null };
  readonly precondition: Precondition;
}

/**
 * One thing to do to the ingress of one Service, its condition with it. Addresses are canonical text, in the Service's
 * family order.
 */
export interface ServiceStep {
  readonly kind: 'service';
  readonly action: 'create' | 'replace' | 'delete' | 'none';
  readonly profile: string;
  readonly namespace: string;
  readonly name: string;
  /** The step is refused by the API server when the Service is another one by then. */
  readonly uid: string;
  readonly resourceVersion: string;
  readonly reason: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** The field manager of an ended `minikube tunnel`, whose ingress the step replaces; its inverse gives it back. */
  readonly takenFrom?: string;
  readonly inverse: {
    readonly action: ServiceStep['action'];
    readonly before: readonly string[];
    readonly after: readonly string[];
  };
  /** Undone, it is as before. */
  readonly condition: { readonly before: Condition | null; readonly after: Condition | null };
  /** Written once the plan is committed. */
  readonly events: readonly ServiceEvent[];
}

/**
 * A condition that is to be written, or given up, on a Service whose addresses stay as they are. Best effort, once
 * the plan is committed: it is news, not part of what is made so.
 */
export interface ServiceReport {
  readonly profile: string;
  readonly namespace: string;
  readonly name: string;
  /** Refused by the API server when the Service is another one by then. */
  readonly uid: string;
  readonly resourceVersion: string;
  /** Ours, which the same apply has to name: what it does not name is given up. */
  readonly addresses: readonly string[];
  readonly condition: ServiceStep['condition'];
  readonly events: readonly ServiceEvent[];
}

export type Step = RouteStep | ServiceStep;

/** One indivisible change, of the step at this index of the plan. A replace of a route is an add and a delete. */
export interface Change {
  readonly step: number;
  readonly op: 'clear' | 'add' | 'delete' | 'assign';
}

export type Relation =
  | 'conflict'
  | 'inside'
  | 'covers'
  | 'on-link'
  | 'gateway-inside'
  | 'preempted'
  | 'critical'
  | 'forbidden'
  | 'shared';

/** A wanted route that meets something that is not ours. */
export interface Conflict {
  readonly relation: Relation;
  readonly profile: string;
  readonly purpose: Purpose;
  readonly destination: Prefix;
  /** The foreign route, where a route is what stands in the way. */
  readonly foreign: Route | null;
  /** Who it likely belongs to, from its device and protocol; or what kind of critical address it is. */
  readonly owner: string;
  /** The addresses in dispute, as CIDR. */
  readonly disputed: string;
  /** Who gets those addresses if the plan is applied. */
  readonly winner: string;
  /** `refused` stops everything; `skipped` leaves this route out; `warned` goes on, once approved where `covers`. */
  readonly outcome: 'refused' | 'skipped' | 'warned';
  readonly summary: string;
  /** What to write, and on which line of the spec. */
  readonly resolution: string;
  readonly at?: SourcePosition;
}

/** Something that tunnel.yaml may not do unasked. */
export interface Approval {
  readonly kind: ApprovalKind;
  readonly profile: string;
  readonly subject: string;
  readonly why: string;
  /** Given by the host's own policy: nobody is asked any more. */
  readonly byPolicy?: true;
  /** A person gave it before, for exactly this, and it was remembered: when, RFC 3339, UTC. */
  readonly approvedOn?: string;
}

/** An approval that a person gave for a spec, as the plan showed it. */
export interface RememberedApproval extends Pick<Approval, 'kind' | 'profile' | 'subject' | 'why'> {
  /** Absolute path of the spec. */
  readonly spec: string;
  /** The kubeconfig context of the profile. */
  readonly context: string;
  /** UID of the cluster's namespace kube-system; null where it was not observed. */
  readonly cluster: string | null;
  /** When it was given: RFC 3339, UTC. */
  readonly approvedOn: string;
}

/** What a profile was resolved to, and from where. */
export interface ProfileSummary {
  readonly name: string;
  /** One per family that has one; this host's own address where the cluster runs on it. */
  readonly gateways: readonly { readonly address: string; readonly source: string }[];
  /** Its cluster runs on this host itself, so nothing of it is routed. */
  readonly onThisHost?: true;
  readonly services: readonly { readonly cidr: string; readonly source: string }[];
  readonly pods: readonly { readonly cidr: string; readonly source: string }[];
}

export type ServiceState = 'served' | 'pending' | 'foreign' | 'other-class' | 'unclassed';

/** What becomes of one LoadBalancer Service. */
export interface ServiceSummary {
  readonly profile: string;
  readonly namespace: string;
  readonly name: string;
  readonly state: ServiceState;
  /** Of one that is served, what it gets; of any other, all that its ingress shows. */
  readonly addresses: readonly string[];
  readonly reason: string;
  /** What one that is served asks for, or has reserved, and is not given: it keeps what it has meanwhile. For people. */
  readonly unmet?: string;
}

/**
 * A profile for which nothing is made, because that is known to fail or cannot be known; what stands for it stays.
 * `stopped`, `paused`: minikube says so; `silent`: its cluster did not answer; `unusable`: what was answered, or the kubeconfig,
 * does not let it be asked; `out-of-reach`: no way leads to its VM.
 * Of a plan that removes, its routes go all the same, and what its Services show stays.
 */
export interface Aside {
  readonly profile: string;
  readonly state: 'stopped' | 'paused' | 'silent' | 'unusable' | 'out-of-reach';
  /** For people. */
  readonly why: string;
}

/** What becomes of a cluster's record of allocations; written before anything else, by compare-and-swap. */
export interface AllocationChange {
  readonly profile: string;
  readonly before: AllocationRecord;
  readonly after: readonly Allocation[];
}

/**
 * What becomes of our Lease in a profile's cluster. `join`: it is made, holds again, or says something else. `leave`: it goes, after everything
 * else has; `announced` says that it tells so already, and that what is planned was observed after it did.
 */
export interface LeaseChange {
  readonly profile: string;
  readonly action: 'join' | 'leave';
  readonly announced: boolean;
  /** What our Lease is to say that we serve; of one that goes, what it says. */
  readonly serves: readonly Serving[];
}

/**
 * What of a plan one cluster can be asked for now. A session asks without the host's lock, and may stop after any part
 * of it.
 */
export interface ClusterShare {
  readonly profile: string;
  readonly leases: readonly LeaseChange[];
  readonly allocations: readonly AllocationChange[];
  /** Of Services, each with its index in the plan. */
  readonly changes: readonly { readonly change: Change; readonly step: ServiceStep }[];
  readonly reports: readonly ServiceReport[];
}

/** A plan, by who can carry out what of it now. */
export interface PlanShares {
  /** The same plan with the changes of routes alone that need not wait for a cluster. */
  readonly host: Plan;
  /** Of each profile whose cluster can be asked for anything. */
  readonly clusters: readonly ClusterShare[];
}

/** Whose cluster answered for a profile; kept with its claims once the plan is applied. */
export interface PlannedCluster {
  readonly profile: string;
  /** UID of its namespace kube-system. */
  readonly uid: string;
  /** That of the cluster that the profile's claims are of, where that is another one; else null. */
  readonly former: string | null;
}

/** A route that carries our protocol without a claim, or whose claim differs: shown as `?`, never touched. */
export interface Unproven {
  readonly route: Route;
  readonly reason: string;
}

/** The difference between desired and observed, and everything needed to make it so. A pure value. */
export interface Plan {
  readonly name: string;
  readonly spec: string;
  readonly mode: 'present' | 'absent';
  /** The host that the plan is for. */
  readonly platform: System;
  /** The profiles that were asked for; null where the whole spec was. */
  readonly only: readonly string[] | null;
  readonly profiles: readonly ProfileSummary[];
  /** One a profile whose cluster could be told. */
  readonly clusters: readonly PlannedCluster[];
  /** In spec order. */
  readonly aside: readonly Aside[];
  readonly services: readonly ServiceSummary[];
  /** One a profile whose cluster's record changes. */
  readonly allocations: readonly AllocationChange[];
  /** One a profile whose cluster we join or leave. */
  readonly leases: readonly LeaseChange[];
  /** Sorted; includes the steps whose action is `none`. */
  readonly steps: readonly Step[];
  /** Sorted by profile and Service. */
  readonly reports: readonly ServiceReport[];
  /** Changes in the order of execution; those of one wave are independent of each other. */
  readonly waves: readonly (readonly Change[])[];
  readonly conflicts: readonly Conflict[];
  readonly approvals: readonly Approval[];
  readonly unproven: readonly Unproven[];
  readonly diagnostics: readonly Diagnostic[];
  readonly localOverrides: readonly string[];
  /** SHA-256, hex, of the facts that the plan rests on and of those alone. */
  readonly fingerprint: string;
}

/** Whether applying the plan would change anything. */
export function isEmpty(plan: Plan): boolean {
  const { allocations, clusters, leases, reports, steps } = plan;
  return (
    allocations.length + leases.length + reports.length === 0 &&
    steps.every((step) => step.action === 'none') &&
    clusters.every(({ former }) => former === null)
  );
}

/** Whether something refuses the plan as a whole. */
export function isRefused(plan: Plan): boolean {
  return (
    plan.conflicts.some((conflict) => conflict.outcome === 'refused') ||
    plan.diagnostics.some((diagnostic) => diagnostic.severity === 'error')
  );
}

/** Whether every profile that a plan is to serve is set aside. */
export function servesNothing({ mode, profiles, aside }: Plan): boolean {
  return mode === 'present' && aside.length > 0 && aside.length === profiles.length;
}

/** `namespace/name`. */
export function serviceName(service: { readonly namespace: string; readonly name: string }): string {
  return `${service.namespace}/${service.name}`;
}
