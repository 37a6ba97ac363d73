import type { Claim } from '../model/claim.ts';
import type { DesiredState } from '../model/desired.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ObservedHost, ObservedState } from '../model/observed.ts';
import type { Conflict, Plan, Step } from '../model/plan.ts';
import type { Prefix } from '../model/prefix.ts';
import type { Route } from '../model/route.ts';
import type { ApplyPorts } from './apply-ports.ts';

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
  /** Of a plan, what it does to Services. */
  servicesAlone(plan: Plan, host: ObservedHost): Plan;
  ofSession(plan: Plan, claims: readonly Claim[], host: ObservedHost): Plan;
}

/** Everything that a session touches. */
export interface WatchPorts {
  /** What a transaction touches. Its owner is the session; its helper outlives the transaction. */
  readonly apply: Omit<ApplyPorts, 'observe' | 'seen'>;
  readonly planner: WatchPlanner;
  /** The spec as it is now. Throws a Failure when it cannot be used. */
  desired(): Promise<DesiredState>;
  /**
   * A snapshot, the same value as long as nothing has changed. A cluster that has not answered when `patience` is aborted
   * counts as one that cannot be reached. Throws a Failure when the host cannot be read, or `signal` is aborted.
   */
  observe(desired: DesiredState, signal: AbortSignal, patience?: AbortSignal): Promise<ObservedState>;
  /** What the cache of snapshots holds is no longer to be relied on. */
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
