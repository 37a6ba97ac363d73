import type { CriticalAddress } from '../model/observed.ts';

/** What a system tells of its host besides its routes. */
export interface HostSources {
  /**
   * The id that the system gave this machine, the same after a reboot; null where it gave none. It is a secret of the host:
   * nothing shows it. Throws a Failure when it cannot be read.
   */
  machineId(): Promise<string | null>;
  /**
   * The DNS servers that the host asks, and the other ends of its open TCP connections; loopback is left out. Throws a
   * Failure when they cannot be read.
   */
  critical(): Promise<readonly CriticalAddress[]>;
}
