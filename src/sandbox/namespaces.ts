import { readFile } from 'node:fs/promises';
import { Failure } from '../model/diagnostic.ts';
import type { CommandRunner } from '../platform/command.ts';

/**
 * A user namespace in which we are root, with a network of its own and nobody else's processes. Its first process
 * takes every other one with it, its children or not, and is itself killed with unshare(1).
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
const INSTEAD =
  'or plan from a recorded observation, which needs no namespace: mkplan plan tunnel.yaml --observed observed.yaml.';

function unavailable(summary: string, cause: string, fix: string, command?: string): Failure {
  return new Failure('error', [
    {
      code: 'sandbox-unavailable',
      severity: 'error',
      summary,
      cause,
      fix: `${fix}, ${INSTEAD}`,
      ...(command === undefined ? {} : { command }),
    },
  ]);
}

/** A setting of the kernel that forbids what the sandbox is made of. */
interface Restriction {
  readonly path: string;
  /** Whether the file's content forbids it. */
  readonly forbids: (content: string) => boolean;
  readonly summary: string;
  readonly cause: string;
  readonly fix: string;
  readonly command: string;
}

/** Most namespaces of each kind that the kernel lets a user have (namespaces(7)); the sandbox makes one of each. */
const LIMITED = ['user', 'net', 'pid', 'mnt'] as const;
const ENOUGH = 1000;

const RESTRICTIONS: readonly Restriction[] = [
  ...LIMITED.map((kind) => ({
    path: `/proc/sys/user/max_${kind}_namespaces`,
    forbids: (content: string) => content === '0',
    summary: `the kernel allows no ${kind} namespaces here`,
    cause: `user.max_${kind}_namespaces is 0`,
    fix: 'Allow them until the next boot',
    command: `sudo sysctl -w user.max_${kind}_namespaces=${ENOUGH}`,
  })),
  {
    // Debian's and Arch's own setting.
    path: '/proc/sys/kernel/unprivileged_userns_clone',
    forbids: (content) => content === '0',
    summary: 'the kernel forbids unprivileged user namespaces here',
    cause: 'kernel.unprivileged_userns_clone is 0',
    fix: 'Allow them until the next boot',
    command: 'sudo sysctl -w kernel.unprivileged_userns_clone=1',
  },
  {
    path: '/proc/sys/kernel/apparmor_restrict_unprivileged_userns',
    forbids: (content) => content === '1',
    summary: 'AppArmor forbids unprivileged user namespaces here',
    cause: 'kernel.apparmor_restrict_unprivileged_userns is 1',
    fix: 'Allow them until the next boot',
    command: 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  },
  {
    // proc_pid_status(5): 2 is a filter, such as container runtimes set.
    path: '/proc/self/status',
    forbids: (content) => /^Seccomp:\s*2$/m.test(content),
    summary: 'unprivileged namespaces cannot be made in this container',
    cause: 'a seccomp filter is set, as container runtimes do',
    fix: 'Start the container without that filter, and with all of /proc',
    command: 'docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined …',
  },
];

/** Reads a file of /proc; null where this kernel has no such file. */
export type ReadProc = (path: string) => Promise<string | null>;

async function readProc(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // No such setting here, or one that we may not read: then it is not known to forbid anything.
    return null;
  }
}

async function restrictionOf(read: ReadProc): Promise<Restriction | undefined> {
  const contents = await Promise.all(RESTRICTIONS.map(({ path }) => read(path)));
  return RESTRICTIONS.find(({ forbids }, index) => forbids(contents[index]?.trim() ?? ''));
}

/** Throws a Failure (`sandbox-unavailable`) where unprivileged namespaces cannot be made, with the reason. */
export async function checkNamespaces(
  runner: CommandRunner,
  platform: NodeJS.Platform,
  read: ReadProc = readProc,
): Promise<void> {
  if (platform !== 'linux') {
    throw unavailable(
      `the sandbox needs Linux; this is ${platform}`,
      'it is made of network namespaces',
      'Run it in a Linux VM or in CI',
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
      'Install util-linux',
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
      'Install iproute2',
      'apt-get install iproute2',
    );
  }
  const restriction = await restrictionOf(read);
  if (restriction !== undefined) {
    const { summary, cause, fix, command } = restriction;
    throw unavailable(summary, said === '' ? cause : `${cause} (${said})`, fix, command);
  }
  throw unavailable(
    'unprivileged namespaces cannot be made here',
    said === '' ? 'unshare(1) failed' : said,
    'Run it outside of a container, or in one that may make user namespaces and mount /proc',
  );
}
