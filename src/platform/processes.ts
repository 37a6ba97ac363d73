import { Failure } from '../model/diagnostic.ts';

/** Which process: a pid alone proves nothing, since pids are used again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** As the kernel counts it; Linux: field 22 of proc_pid_stat(5), in clock ticks since boot. */
  readonly startTime: string;
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
}

/** What proc(5) would tell is not there. */
export function procUnreadable(file: string, cause: string): Failure {
  return new Failure('error', [
    {
      code: 'proc-unreadable',
      severity: 'error',
      summary: `cannot read ${file}`,
      cause,
      fix: 'Mount proc(5) on /proc: it tells processes, users and rights apart.',
      command: 'mount -t proc proc /proc',
    },
  ]);
}
