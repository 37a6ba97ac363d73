import type { Claim } from '../model/claim.ts';
import type { FormerStatus } from '../model/condition.ts';
import type { OpenTransaction } from '../model/observed.ts';
import type { Change, RememberedApproval, Step } from '../model/plan.ts';

/** The claims of this user on this host. */
export interface Registry {
  /** Every claim, whatever its spec. Throws a Failure for a registry that is damaged or of a newer version. */
  read(): Promise<readonly Claim[]>;
  /** Replaces all claims: temp file, fsync, rename, directory fsync. */
  write(claims: readonly Claim[]): Promise<void>;
}

/** The approvals that this user gave on this host. */
export interface Approvals {
  /** All of them, whatever their spec. Throws a Failure for a file that is damaged or of a newer version. */
  read(): Promise<readonly RememberedApproval[]>;
  /** Replaces all of them: temp file, fsync, rename, directory fsync. Under the lock only. */
  write(approvals: readonly RememberedApproval[]): Promise<void>;
}

/** A change of a route as the journal holds it: the plan's step is needed to undo it after a crash. */
export interface IntendedChange {
  readonly change: Change;
  readonly step: Step & { readonly kind: 'route' };
}

/**
 * One change of the ingress of a Service. Only a transaction that needs confirmation journals these: the process that undoes it
 * knows neither its plan nor its spec.
 */
export interface JournaledIngress {
  readonly profile: string;
  /** The kubeconfig context of that profile's cluster. */
  readonly context: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly before: FormerStatus;
  /** The addresses that it shows after this change. */
  readonly after: readonly string[];
}

/** An open transaction with all that recovery needs. */
export interface JournaledTransaction extends OpenTransaction {
  readonly bootId: string;
  readonly networkNamespace: string;
  /** In order of execution; null where the transaction needs no confirmation. */
  readonly ingress: readonly JournaledIngress[] | null;
  /** Until when it may be confirmed, in milliseconds since boot, suspended time included; null before AWAITING. */
  readonly deadlineMs: number | null;
  /** In order of intent; each with what the journal knows of it. */
  readonly intents: readonly (IntendedChange & { readonly state: 'intended' | 'done' | 'undone' })[];
  /** The claims to write when rolled forward; null before DECIDED and AWAITING. */
  readonly claims: readonly Claim[] | null;
}

/** How a transaction ended that needed confirmation. */
export interface TransactionEnd {
  readonly txid: string;
  readonly outcome: 'committed' | 'undone';
  /** What could not be undone, a line each. */
  readonly left: readonly string[];
}

/** The write-ahead journal. Each method returns after fsync. */
export interface Journal {
  /** The open transaction, if there is one. A torn last line is dropped; damage elsewhere throws a Failure. */
  open(): Promise<JournaledTransaction | null>;
  /** How the last transaction ended, where that was kept; null once another has begun. */
  last(): Promise<TransactionEnd | null>;
  /** With `ingress`, the transaction needs confirmation. */
  begin(transaction: {
    txid: string;
    spec: string;
    bootId: string;
    networkNamespace: string;
    ingress?: readonly JournaledIngress[];
  }): Promise<void>;
  intend(txid: string, changes: readonly IntendedChange[]): Promise<void>;
  done(txid: string, changes: readonly IntendedChange[]): Promise<void>;
  undone(txid: string, changes: readonly IntendedChange[]): Promise<void>;
  /** Everything is made and verified, and waits for {@link decide} until the deadline, in milliseconds since boot. */
  awaitConfirmation(txid: string, claims: readonly Claim[], deadlineMs: number): Promise<void>;
  /** The commit point: from here on the transaction is rolled forward. */
  decide(txid: string, claims: readonly Claim[]): Promise<void>;
  /**
   * Ends the transaction, committed or undone, and empties the journal. With `left`, its end is kept for {@link last}
   * instead, for the process that waited for it elsewhere.
   */
  close(txid: string, outcome: TransactionEnd['outcome'], left?: readonly string[] | null): Promise<void>;
}

/** Who holds the lock. */
export interface LockHolder {
  readonly pid: number;
  /** RFC 3339, UTC. */
  readonly since: string;
  /** The command line's verb and its spec. */
  readonly doing: string;
}

export interface HeldLock {
  release(): Promise<void>;
}

/** One writer at a time, on this host and for this user. Freed by the kernel with its last holder. */
export interface Lock {
  /**
   * Takes the lock, waiting up to `waitMs` (0: not at all), and until no helper of an earlier mkplan runs; `onWait` hears
   * who holds it, once. `takeHelper` says, with the lock held, whether our own helper keeps every other from changing
   * routes: then there is nothing to wait for. Throws a Failure of kind `lock-held` when the time is over.
   */
  acquire(options: {
    doing: string;
    waitMs: number;
    onWait: (holder: LockHolder | null) => void;
    signal?: AbortSignal;
    takeHelper?: () => Promise<boolean>;
  }): Promise<HeldLock>;
}

/** A session that keeps a tunnel true, as it writes of itself for others to read. */
export interface SessionRecord {
  /** Absolute path of the spec. */
  readonly spec: string;
  readonly pid: number;
  /** The process's start time as the kernel counts it: a pid alone proves nothing. */
  readonly startTime: string;
  readonly bootId: string;
  readonly networkNamespace: string;
  /** RFC 3339, UTC; `lastPass` likewise. */
  readonly since: string;
  /** As the watch machine calls it. */
  readonly state: string;
  /** When the last pass ended, and what it came to; null before the first has. */
  readonly lastPass: { readonly at: string; readonly result: string } | null;
  /** What is left as it is for now, and why. */
  readonly held: readonly { readonly what: string; readonly why: string }[];
  /** LoadBalancer Services without an address, and why. */
  readonly pending: readonly { readonly what: string; readonly why: string }[];
}

/** What sessions say of themselves: for people and for the start of a second one. Routes are judged by claims alone. */
export interface Sessions {
  /** What is recorded of a spec's session, whether it lives or not; null where nothing is. */
  read(spec: string): Promise<SessionRecord | null>;
  /** Every session that is recorded, by spec. */
  list(): Promise<readonly SessionRecord[]>;
  /** Throws a Failure when it cannot be written, or the file is a symbolic link. */
  write(record: SessionRecord): Promise<void>;
  remove(spec: string): Promise<void>;
}
