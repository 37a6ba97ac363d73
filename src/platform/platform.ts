import type { System } from '../model/system.ts';
import type { Elevation } from './elevation.ts';
import type { FileLocks } from './file-locks.ts';
import type { HostSources } from './host-sources.ts';
import type { Processes } from './processes.ts';
import type { RouteEvents } from './route-events.ts';
import type { RouteTable } from './route-table.ts';

/** Everything that mkplan takes from one operating system. Each has a folder that implements it. */
export interface Platform {
  readonly name: System;
  readonly routeTable: RouteTable;
  readonly routeEvents: RouteEvents;
  readonly processes: Processes;
  readonly host: HostSources;
  readonly locks: FileLocks;
  readonly elevation: Elevation;
}
