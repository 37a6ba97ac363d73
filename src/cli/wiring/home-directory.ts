import { homedir, userInfo } from 'node:os';
import { isAbsolute } from 'node:path';
import { Failure, messageOf } from '../../model/diagnostic.ts';

/**
 * The user's home: HOME where it is an absolute path, else what passwd(5) says. An empty HOME would put the claims
 * wherever the command happens to be run. Throws a Failure where neither is known.
 */
export function homeDirectory(): string {
  for (const home of [homedir, () => userInfo().homedir]) {
    try {
      const found = home();
      if (isAbsolute(found)) return found;
    } catch (thrown) {
      // A user that passwd(5) does not list has no home in it; a container may run one.
      if (home !== homedir) throw unknown(messageOf(thrown));
    }
  }
  throw unknown('HOME is not an absolute path');
}

function unknown(cause: string): Failure {
  return new Failure('error', [
    {
      code: 'home-unknown',
      severity: 'error',
      summary: 'no home directory is known for this user',
      cause,
      fix: 'Set HOME to a directory of your own.',
      command: 'export HOME=/path/to/it',
    },
  ]);
}
