import { Failure } from '../model/diagnostic.ts';
import type { CommandRunner, CommandStreamer } from './command.ts';
import { createLinuxHelper } from './linux/helper/index.ts';
import { createLinux } from './linux/index.ts';
import type { HelperPlatform, Platform } from './platform.ts';

/** The system that mkplan runs on. Throws a Failure (`platform-unsupported`) where mkplan has no adapters for it. */
export function selectPlatform(
  runner: CommandRunner & CommandStreamer,
  system: NodeJS.Platform = process.platform,
): Platform {
  if (system === 'linux') return createLinux(runner);
  throw unsupported(system);
}

/** The system that the helper runs on. Throws a Failure (`platform-unsupported`) where mkplan has no adapters for it. */
export function selectHelperPlatform(): HelperPlatform {
  if (process.platform === 'linux') return createLinuxHelper();
  throw unsupported(process.platform);
}

function unsupported(system: NodeJS.Platform): Failure {
  return new Failure('error', [
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
