import { Failure } from '../model/diagnostic.ts';
import type { CommandRunner, CommandStreamer } from './command.ts';
import type { HostSources } from './host-sources.ts';
import { LinuxHost } from './linux/host.ts';
import { LinuxRouteEvents } from './linux/monitor.ts';
import { LinuxProcesses } from './linux/process-table.ts';
import { LinuxRouteTable } from './linux/route-table.ts';
import type { Processes } from './processes.ts';
import type { RouteEvents } from './route-events.ts';
import type { RouteTable } from './route-table.ts';

/** What one operating system offers. */
export interface Platform {
  readonly routeTable: RouteTable;
  readonly processes: Processes;
  readonly routeEvents: RouteEvents;
  readonly host: HostSources;
}

/** The adapters of the system that mkplan runs on. Throws a Failure (`platform-unsupported`) where there are none. */
export function selectPlatform(
  runner: CommandRunner & CommandStreamer,
  system: NodeJS.Platform = process.platform,
): Platform {
  if (system === 'linux') {
    return {
      routeTable: new LinuxRouteTable(runner),
      processes: new LinuxProcesses(),
      routeEvents: new LinuxRouteEvents(runner),
      host: new LinuxHost(),
    };
  }
  throw new Failure('error', [
    {
      code: 'platform-unsupported',
      severity: 'error',
      summary: `routes cannot be read or changed on ${system}`,
      cause: 'this version knows the routing table of Linux alone',
      fix: 'plan from a recorded observation, which works on every system',
      command: 'mkplan plan tunnel.yaml --observed observed.yaml',
    },
  ]);
}
