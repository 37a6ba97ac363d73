import type { DesiredState } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { ObservedHost, ObservedState } from '../../model/observed.ts';
import type { Conflict, Plan, PlanShares, Step } from '../../model/plan.ts';
import type { Prefix } from '../../model/prefix.ts';
import type { Route } from '../../model/route.ts';
import type { ApplyPorts } from '../apply-ports.ts';

/** What is set aside, by kind and name, with the reason. */
export interface SetAside {
  readonly profiles: ReadonlyMap<string, string>;
  readonly services: ReadonlyMap<string, string>;
  readonly destinations: ReadonlyMap<string, string>;
}

/** The pure part, injected: planning, and leaving out of a plan what is set aside. */
export interface WatchPlanner {
  /** `lost`: destinations, as CIDR, whose missing routes are not made for now, and why. */
  plan(desired: DesiredState, observed: ObservedState, lost?: ReadonlyMap<string, string>): Plan;
  hold(plan: Plan, held: SetAside, host: ObservedHost): Plan;
  /** Why a plan is refused, by profile; the empty name for the plan as a whole. */
  refusals(plan: Plan): ReadonlyMap<string, string>;
  /** Destinations, as CIDR, that are refused for what appeared on the host: they alone are left. With the reason. */
  refusedDestinations(plan: Plan): ReadonlyMap<string, string>;
  /** Who likely keeps undoing a step, and how to resolve it; `taken` where a foreign route was seen in its place. */
  rival(step: Step, host: ObservedHost, taken: Conflict | null): string;
  /** What of a plan can be done now, by who does it; `busy` are profiles whose cluster is being asked for something. */
  share(plan: Plan, busy: ReadonlySet<string>): PlanShares;
  /** The same plan with its changes of routes alone. */
  routesAlone(plan: Plan): Plan;
  ofSession(plan: Plan, observed: ObservedState): Plan;
}

/** What is known at a moment. Nothing that a cluster has to say is waited for. */
export interface Sighting {
  /** The same value as long as nothing has changed. */
  readonly observed: ObservedState;
  /** Profiles that nothing is known of yet: `observed` has them without a cluster, and they are to be left alone. */
  readonly unknown: ReadonlySet<string>;
}

/** Everything that a session touches. */
export interface WatchPorts {
  /** What a transaction touches. Its owner is the session; its helper outlives the transaction. */
  readonly apply: Omit<ApplyPorts, 'observe' | 'seen'>;
  readonly planner: WatchPlanner;
  /** The spec as it is now. Throws a Failure when it cannot be used. */
  desired(): Promise<DesiredState>;
  /**
   * The host as it is, and its profiles as they were seen last. Throws a Failure when the host cannot be read, or `signal`
   * is aborted.
   */
  observe(desired: DesiredState, signal: AbortSignal): Promise<Sighting>;
  /** Looks at the profiles of a spec; resolves once each was seen, or turned out to be out of reach. Never rejects. */
  look(desired: DesiredState): Promise<void>;
  /** Looks at a profile anew; resolves once that is over, also where it cannot be seen. Never throws. */
  refresh(profile: string): Promise<void>;
  /** What is remembered of the host is no longer to be relied on, and every profile is looked at anew. */
  distrust(): void;
  /** Calls back whenever something may have changed, until it is stopped. */
  triggers(onTrigger: (source: TriggerSource) => void): {
    /** Resolves once nothing that happens from then on is missed. */
    readonly ready: Promise<void>;
    stop(): Promise<void>;
  };
  /** Why routes got lost. */
  readonly losses: {
    /** Whether somebody removed this route, or put another in its place; not so for links that went down. */
    isSomebodys(route: Route): boolean;
    /** What was heard of these destinations until now is counted, or was our own doing. */
    forget(destinations: readonly Prefix[]): void;
    /** How often a link came up, or got an address. */
    readonly returns: number;
  };
  /** What a suspension of the system or of this process leaves behind. */
  readonly suspensions: {
    /** How many there were, until now. */
    count(): number;
    /** Makes connections anew: after one they may be dead without a word. */
    renew(): Promise<void>;
  };
  readonly clock: Clock;
}

/** What may have changed. */
export type TriggerSource = 'spec' | 'profile' | 'kernel' | 'cluster' | 'timer' | 'asked' | 'resumed';

export interface Clock {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Resolves after so many milliseconds, or at once when the signal is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
  /** A number from 0 to 1. */
  random(): number;
}

export interface WatchOptions {
  /** The spec as it was when the user agreed to it. */
  readonly desired: DesiredState;
  /** Why a plan may not be carried out although nothing refuses it (approvals); null when it may. Of one profile's share. */
  unapproved(plan: Plan): ReadonlyMap<string, string>;
  /** Destinations, as CIDR, that a foreign route covers which nobody approved, with the reason; those that stood already count as approved. */
  uncovered(plan: Plan): ReadonlyMap<string, string>;
  /** Services, as `profile namespace/name`, whose ingress is still minikube's, and which nobody approved to take, with the reason. */
  untaken(plan: Plan): ReadonlyMap<string, string>;
  readonly waitMs: number;
  readonly doing: string;
  /** Whether what the session made stays when it ends. */
  readonly keep: boolean;
  /** Aborted to end the session. */
  readonly signal: AbortSignal;
}

/** How a session ended. */
export interface WatchOutcome {
  /** What could not be taken away, and why. */
  readonly diagnostics: readonly Diagnostic[];
  readonly left: readonly string[];
}
