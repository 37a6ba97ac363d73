import { readFile } from 'node:fs/promises';
import { Failure } from '../model/diagnostic.ts';
import type { CommandRunner } from '../platform/command.ts';

/**
 * A user namespace in which we are root, with a network of its own and nobody else's processes. Its first process
 * takes every other one with it, whoever started them, and is itself killed with unshare(1).
 */
export const NAMESPACE: readonly [string, ...string[]] = [
  'unshare',
  '--user',
  '--map-root-user',
  '--net',
  '--pid',
  '--mount-proc',
  '--fork',
  '--kill-child',
  '--',
];

const PROBE_TIMEOUT_MS = 10_000;
const APPARMOR = '/proc/sys/kernel/apparmor_restrict_unprivileged_userns';

const INSTEAD =
  'or plan from a recorded observation, which needs no namespace: mkplan plan tunnel.yaml --observed observed.yaml';

function unavailable(summary: string, cause: string, fix: string, command?: string): Failure {
  return new Failure('error', [
    {
      code: 'sandbox-unavailable',
      severity: 'error',
      summary,
      cause,
      fix: `${fix}; ${INSTEAD}`,
      ...(command === undefined ? {} : { command }),
    },
  ]);
}

async function isAppArmorRestricted(): Promise<boolean> {
  try {
    return (await readFile(APPARMOR, 'utf8')).trim() === '1';
  } catch {
    // No such sysctl: this kernel has no such rule.
    return false;
  }
}

/** Throws a Failure (`sandbox-unavailable`) where unprivileged namespaces cannot be made, with the reason. */
export async function checkNamespaces(runner: CommandRunner, platform: NodeJS.Platform): Promise<void> {
  if (platform !== 'linux') {
    throw unavailable(
      `the sandbox needs Linux; this is ${platform}`,
      'it is made of network namespaces',
      'run it in a Linux VM or in CI',
    );
  }
  const [program, ...args] = NAMESPACE;
  let result: Awaited<ReturnType<CommandRunner['run']>>;
  try {
    result = await runner.run([program, ...args, 'ip', 'link'], { timeoutMs: PROBE_TIMEOUT_MS });
  } catch (error) {
    const failure = unavailable(
      'unshare(1) is not installed',
      'the sandbox makes its namespaces with it',
      'install util-linux',
      'apt-get install util-linux',
    );
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? failure : error;
  }
  if (result.code === 0) return;
  const said = result.stderr.trim().split('\n', 1)[0] ?? '';
  if (/ip: (No such file|not found)|failed to execute ip/.test(result.stderr)) {
    throw unavailable(
      'ip(8) is not installed',
      'the sandbox lays its network with it',
      'install iproute2',
      'apt-get install iproute2',
    );
  }
  if (await isAppArmorRestricted()) {
    throw unavailable(
      'AppArmor forbids unprivileged user namespaces here',
      `kernel.apparmor_restrict_unprivileged_userns is 1 (${said})`,
      'allow them until the next boot',
      'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
    );
  }
  throw unavailable(
    'unprivileged namespaces cannot be made here',
    said === '' ? 'unshare(1) failed' : said,
    'outside of a container, or in one that may make user namespaces and mount /proc, it works',
  );
}
