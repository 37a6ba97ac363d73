import type { RecoveryPorts } from '../executor/recover.ts';
import type { ServicePort } from '../executor/services.ts';
import type { Owner } from '../model/claim.ts';
import type { Diagnostic, Failure } from '../model/diagnostic.ts';
import type { Plan } from '../model/plan.ts';
import type { Route } from '../model/route.ts';
import type { Lock } from '../registry/registry.ts';

/** Everything that a transaction touches. */
export interface ApplyPorts extends RecoveryPorts {
  readonly lock: Lock;
  readonly services: ServicePort;
  /** Observes anew, under the lock, and plans from that. */
  observe(): Promise<Plan>;
  /**
   * The routes that the last plan rests on, where they may stand for reading them once more before the first wave: what is
   * added is added only where nothing is in its place, and what appeared meanwhile is found by the reread behind it.
   */
  readonly seen?: () => readonly Route[];
  now(): Date;
  /** A name for the transaction that no other has. */
  txid(): string;
  owner(): Promise<Owner>;
}

/** What `--confirm-within` asks for. */
export interface Confirmation {
  /** From when everything is made and verified. */
  readonly withinMs: number;
  /** The kubeconfig context of a profile. */
  contextOf(profile: string): string;
  /**
   * Before anything is changed: sees to it that the transaction is undone if this process ends too early or nobody
   * confirms. Throws a Failure where that cannot be.
   */
  guard(txid: string): Promise<void>;
}

export interface ApplyOptions {
  /** Of the plan that was shown or saved; another one under the lock is a Failure of kind `stale`. Null where none was. */
  readonly fingerprint: string | null;
  /** Refuses a plan with refused conflicts or unapproved approvals; null lets it pass. */
  approve(plan: Plan): Failure | null;
  /** How long to wait for the lock, in milliseconds; 0 for not at all. */
  readonly waitMs: number;
  /** What the next waiter is told: the verb and the spec. */
  readonly doing: string;
  /** Aborted by the first Ctrl-C: the wave under way is finished, then all is rolled back. */
  readonly signal: AbortSignal;
  /** Null where the plan is final once it is applied. */
  readonly confirmation: Confirmation | null;
}

/** How a plan that could be applied ended. */
export interface ApplyOutcome {
  readonly kind: 'done' | 'nothing' | 'awaiting' | 'rolled-back' | 'residue' | 'interrupted';
  readonly plan: Plan;
  /** Null where nothing was begun. */
  readonly txid: string | null;
  /** What went wrong, and each thing that was left. */
  readonly diagnostics: readonly Diagnostic[];
  /** What was left, a line each, with the command that puts it right. */
  readonly left: readonly string[];
}
