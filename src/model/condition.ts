/** The condition of a Service that is mkplan's (a domain of its own: Kubernetes API conventions, "Typical status properties"). */
export const CONDITION_TYPE = 'mkplan/IPAllocated';

/** What mkplan says of a Service in its status. */
export interface Condition {
  readonly status: 'True' | 'False' | 'Unknown';
  /** A word in CamelCase, for machines. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
  /** RFC 3339, UTC: since when the status is this one; null for the moment at which it is written. */
  readonly lastTransitionTime: string | null;
}

/** A condition as the cluster shows it. */
export interface ObservedCondition extends Condition {
  /** The field manager that owns it, another than mkplan where several do. */
  readonly manager: string;
}

/** Whether both say the same; since when is not part of what they say. */
export function sameCondition(a: Condition | null, b: Condition | null): boolean {
  if (a === null || b === null) return a === b;
  return a.status === b.status && a.reason === b.reason && a.message === b.message;
}

/** The ingress of a Service as another field manager has it. */
export interface OthersIngress {
  readonly manager: string;
  /** Canonical text. */
  readonly addresses: readonly string[];
}

/** The whole of what mkplan owns of a Service's status, to be put back unchanged. */
export interface FormerStatus {
  /** Canonical text, in the Service's family order. */
  readonly addresses: readonly string[];
  readonly condition: Condition | null;
  /** What was taken from an ended `minikube tunnel`: it is put back once ours is given up. */
  readonly returned?: OthersIngress;
}

/** The whole of what mkplan owns of a Service's status, to be written. */
export interface ServiceStatus extends FormerStatus {
  /** What an ended `minikube tunnel` left: it is removed first, unless it has changed. */
  readonly taken?: OthersIngress;
}

/** An Event about a Service (core/v1). */
export interface ServiceEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: 'IPAllocated' | 'AllocationFailed' | 'ClearAssignment';
  /** For people. */
  readonly message: string;
}
