import type { Claim } from '../model/claim.ts';
import type { OpenTransaction } from '../model/observed.ts';
import type { Change, Step } from '../model/plan.ts';

/** The claims of this user on this host. */
export interface Registry {
  /** Every claim, whatever its spec. Throws a Failure for a registry that is damaged or of a newer version. */
  read(): Promise<readonly Claim[]>;
  /** Replaces all claims: temp file, fsync, rename, directory fsync. */
  write(claims: readonly Claim[]): Promise<void>;
}

/** A change of a route as the journal holds it: the plan's step is needed to undo it after a crash. */
export interface IntendedChange {
  readonly change: Change;
  readonly step: Step & { readonly kind: 'route' };
}

/** An open transaction with all that recovery needs. */
export interface JournaledTransaction extends OpenTransaction {
  readonly bootId: string;
  readonly networkNamespace: string;
  /** In order of intent; each with what the journal knows of it. */
  readonly intents: readonly (IntendedChange & { readonly state: 'intended' | 'done' | 'undone' })[];
  /** The claims to write when rolled forward; null before DECIDED. */
  readonly claims: readonly Claim[] | null;
}

/** The write-ahead journal. Each method returns after fsync. */
export interface Journal {
  /** The open transaction, if there is one. A torn last line is dropped; damage elsewhere throws a Failure. */
  open(): Promise<JournaledTransaction | null>;
  begin(transaction: { txid: string; spec: string; bootId: string; networkNamespace: string }): Promise<void>;
  intend(txid: string, changes: readonly IntendedChange[]): Promise<void>;
  done(txid: string, changes: readonly IntendedChange[]): Promise<void>;
  undone(txid: string, changes: readonly IntendedChange[]): Promise<void>;
  /** The commit point: from here on the transaction is rolled forward. */
  decide(txid: string, claims: readonly Claim[]): Promise<void>;
  /** Ends the transaction, committed or undone, and empties the journal. */
  close(txid: string, outcome: 'committed' | 'undone'): Promise<void>;
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
   * Takes the lock, waiting up to `waitMs` (0: not at all); `onWait` hears who holds it, once.
   * Throws a Failure of kind `lock-held` when the time is over.
   */
  acquire(options: {
    doing: string;
    waitMs: number;
    onWait: (holder: LockHolder | null) => void;
    signal?: AbortSignal;
  }): Promise<HeldLock>;
}
