export interface LockOptions {
  /** Milliseconds that the lock is waited for; 0 unless given. */
  readonly waitMs?: number;
  /** Ends the wait; the promise then rejects with its reason. */
  readonly signal?: AbortSignal;
}

/** Exclusive locks on open files, which no Ctrl-C at the terminal ends the wait for. */
export interface FileLocks {
  /**
   * Locks the file of a descriptor, until the last process that holds a copy of the descriptor has closed it or is gone.
   * False when another still has the lock once the wait is over. Throws a Failure (`lock-unavailable`) where the file
   * cannot be locked.
   */
  tryLock(descriptor: number, options?: LockOptions): Promise<boolean>;
}
