import { existsSync } from 'node:fs';
import { ALL_CAPABILITIES } from '../../../model/system.ts';
import type { HelperPlatform } from '../../platform.ts';
import { ProcessRunner } from '../../process.ts';
import { FlockLocks } from '../flock.ts';
import { whyExposed } from './exposure.ts';
import { prepareBatches } from './perform.ts';

/** Where ip(8) is. Not PATH: root would run whatever a user put there. */
const IP_PATHS: readonly string[] = [
  '/usr/sbin/ip',
  '/sbin/ip',
  '/usr/bin/ip',
  '/bin/ip',
  '/run/current-system/sw/bin/ip',
];

/**
 * All that programs are started with. Where sudo(8) has no `secure_path`, PATH is the user's, and root would run
 * whatever a user called `flock`.
 */
const CHILD_ENV = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/run/wrappers/bin:/run/current-system/sw/bin' };

function findIp(): string {
  const path = IP_PATHS.find((candidate) => existsSync(candidate));
  if (path === undefined) throw new Error(`no ip(8) at ${IP_PATHS.join(', ')}`);
  return path;
}

/** Linux as the helper has it: iproute2 and util-linux where root put them, and what sudo(8) says of its caller. */
export function createLinuxHelper(): HelperPlatform {
  const runner = new ProcessRunner(CHILD_ENV);
  const own = process.getuid?.();
  const { SUDO_UID: uid, SUDO_USER: user } = process.env;
  return {
    capabilities: ALL_CAPABILITIES,
    locks: new FlockLocks(runner),
    // To anyone but root SUDO_UID is a variable that some earlier sudo left behind.
    caller: own === 0 ? Number(uid ?? own) : own,
    whyExposed: async (helper) => {
      if (own !== 0 || uid === undefined || user === undefined || uid === '0') return null;
      const [, script = helper, ...args] = process.argv;
      return await whyExposed({ runner, node: process.execPath, helper, called: [script, ...args], user });
    },
    changing: (lock) => {
      const ip = findIp();
      return (changes) => prepareBatches(changes, { runner, ip, lock });
    },
  };
}
