import type { CommandRunner, CommandStreamer } from '../command.ts';
import type { Platform } from '../platform.ts';
import { LinuxElevation } from './elevation.ts';
import { FlockLocks } from './flock.ts';
import { LinuxHost } from './host.ts';
import { LinuxRouteEvents } from './monitor.ts';
import { LinuxProcesses } from './process-table.ts';
import { LinuxRouteTable } from './route-table.ts';

/** Linux, as iproute2, util-linux and proc(5) show it. */
export function createLinux(runner: CommandRunner & CommandStreamer): Platform {
  return {
    routeTable: new LinuxRouteTable(runner),
    routeEvents: new LinuxRouteEvents(runner),
    processes: new LinuxProcesses(),
    host: new LinuxHost(),
    locks: new FlockLocks(runner),
    elevation: new LinuxElevation(runner),
  };
}
