import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Argv } from '../../src/platform/command.ts';
import { sandboxEnvironment } from '../../src/sandbox/files.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** The program as users get it; `npm test` builds it first. */
const MKPLAN = join(root, 'dist', 'main.js');

/** The argv that runs mkplan as the user whose files `writeSandboxFiles` wrote into a directory. */
export function mkplanArgv(directory: string, args: readonly string[]): Argv {
  const { KUBECONFIG, MINIKUBE_HOME, XDG_STATE_HOME } = sandboxEnvironment({}, directory);
  const env = { HOME: directory, KUBECONFIG, MINIKUBE_HOME, XDG_STATE_HOME, NO_COLOR: '1' };
  const words = Object.entries(env).map(([key, value]) => `${key}=${value ?? ''}`);
  // A test may have been started by sudo, which mkplan refuses.
  return ['env', '-u', 'SUDO_UID', '-u', 'SUDO_USER', ...words, process.execPath, MKPLAN, ...args];
}
