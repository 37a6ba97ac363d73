/** Which process: a pid alone proves nothing, since pids are used again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** As the kernel counts it; Linux: field 22 of proc_pid_stat(5), in clock ticks since boot. */
  readonly startTime: string;
}

/** File descriptors of a process. */
export interface Descriptors {
  readonly open: number;
  /** How many may be open; infinite without a limit. */
  readonly most: number;
}

/** The processes of this host, as far as claims and locks need them. */
export interface Processes {
  /** This process. */
  self(): Promise<ProcessIdentity>;
  /** Whether the process with this pid is still the one that started then. */
  isAlive(pid: number, startTime: string): Promise<boolean>;
  /**
   * The name of the program that runs with this pid; null where none does. Linux: proc_pid_comm(5), its first 15 bytes.
   */
  nameOf(pid: number): Promise<string | null>;
  /** Those of this process; null where the system does not tell. */
  descriptors(): Descriptors | null;
}
