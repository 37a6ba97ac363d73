import type { Capabilities } from '../model/system.ts';
import type { Elevation } from './elevation.ts';
import type { FileLocks } from './file-locks.ts';
import type { HostSources } from './host-sources.ts';
import type { Processes } from './processes.ts';
import type { RouteEvents } from './route-events.ts';
import type { ChangeFailure, RouteChange, RouteTable } from './route-table.ts';

/** Everything that mkplan takes from one operating system. Each has a folder that implements it. */
export interface Platform {
  readonly routeTable: RouteTable;
  readonly routeEvents: RouteEvents;
  readonly processes: Processes;
  readonly host: HostSources;
  readonly locks: FileLocks;
  readonly elevation: Elevation;
}

/**
 * Makes changes ready at once, so that this overlaps with those before. What it returns tries each, in order, and tells of
 * those that the system refused; it throws where none of them was tried.
 */
export type PrepareChanges = (changes: readonly RouteChange[]) => () => Promise<readonly ChangeFailure[]>;

/** Everything that the helper takes from the system. It believes nothing that mkplan says of it, and holds no package. */
export interface HelperPlatform {
  readonly capabilities: Capabilities;
  readonly locks: FileLocks;
  /** The user whom the helper works for; undefined on a system whose users have no number. */
  readonly caller: number | undefined;
  /** Why a helper of this file must not serve that user, for people: the user could change what it runs. Null when it may. */
  whyExposed(helper: string): Promise<string | null>;
  /**
   * Changes routes. Whatever tries a change holds the locked descriptor that it asks for, until it can change nothing any
   * more. Throws an Error on a host that lacks what that takes.
   */
  changing(lock: () => Promise<number>): PrepareChanges;
}
