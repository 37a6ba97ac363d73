import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { Failure, messageOf } from '../model/diagnostic.ts';
import { decodePolicy, type HostPolicy, NO_POLICY, POLICY_PATH, PolicyError } from '../model/policy.ts';
import { knowsEveryUser } from './linux/user-namespace.ts';

/** Bytes that a policy may have. */
const MAX_BYTES = 65_536;

/** Who the kernel shows as the owner of files of users that a user namespace does not know (proc_sys_kernel(5)). */
const OVERFLOW_UID = 65_534;

function untrusted(cause: string): Failure {
  return new Failure('error', [
    {
      code: 'policy-untrusted',
      severity: 'error',
      summary: `${POLICY_PATH} is not believed`,
      cause,
      fix: 'let root own the file and its directory, and let nobody else write to them',
      command: `sudo chown root: /etc/mkplan ${POLICY_PATH} && sudo chmod go-w /etc/mkplan ${POLICY_PATH}`,
    },
  ]);
}

function invalid(cause: string): Failure {
  return new Failure('error', [
    {
      code: 'policy-invalid',
      severity: 'error',
      summary: `${POLICY_PATH} is not understood`,
      cause,
      fix: 'correct it as root; what it may hold is in docs/policy.md',
    },
  ]);
}

function requireRoots(what: string, { uid, mode }: Stats): void {
  if (uid !== 0) throw untrusted(`${what} belongs to user ${uid}, not to root`);
  if ((mode & 0o022) !== 0) throw untrusted(`${what} can be written to by others than root`);
}

/**
 * The policy of this host: what only root can have written to `POLICY_PATH`. Without a file nothing is allowed.
 * Throws a Failure for a file that anybody else could have written, or that is not wholly understood: to go on without
 * it would undo what it allows.
 */
export function readHostPolicy(): HostPolicy {
  if (process.platform === 'win32') return NO_POLICY;
  const directory = lookAt(dirname(POLICY_PATH));
  if (directory === null) return NO_POLICY;
  const file = openPolicy();
  if (file === null) return NO_POLICY;
  try {
    const stats = fstatSync(file);
    // In a user namespace that does not know the host's root, such as the sandbox's, its policy says nothing: what is
    // changed in there are the namespace's own routes.
    const isLinux = process.platform === 'linux';
    if (isLinux && stats.uid === OVERFLOW_UID && !knowsEveryUser()) return NO_POLICY;
    if (!directory.isDirectory()) throw untrusted(`${dirname(POLICY_PATH)} is not a directory`);
    requireRoots(dirname(POLICY_PATH), directory);
    if (!stats.isFile()) throw untrusted('it is not a regular file');
    requireRoots('it', stats);
    if (stats.size > MAX_BYTES) throw invalid(`it is larger than ${MAX_BYTES} bytes`);
    return decode(readFileSync(file, 'utf8'));
  } finally {
    closeSync(file);
  }
}

function lookAt(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    if (isMissing(error)) return null;
    throw invalid(messageOf(error));
  }
}

function openPolicy(): number | null {
  try {
    // Neither through a link, nor waiting for a writer to a pipe of that name.
    return openSync(POLICY_PATH, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (isMissing(error)) return null;
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw untrusted('it is a symbolic link');
    throw invalid(`it cannot be read: ${messageOf(error)}`);
  }
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function decode(text: string): HostPolicy {
  try {
    return decodePolicy(JSON.parse(text));
  } catch (error) {
    if (error instanceof PolicyError || error instanceof SyntaxError) throw invalid(error.message);
    throw error;
  }
}
