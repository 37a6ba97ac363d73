import { Failure } from '../model/diagnostic.ts';

/** What Node says of a working directory that was removed: getcwd(3) has none to give. Null for every other error. */
export function goneDirectory(thrown: unknown): Failure | null {
  if (!(thrown instanceof Error && 'syscall' in thrown && thrown.syscall === 'uv_cwd')) return null;
  return new Failure(
    'error',
    [
      {
        code: 'working-directory',
        severity: 'error',
        summary: 'the working directory does not exist any more',
        cause: thrown.message,
        fix: 'Change to a directory that exists, and run the command again.',
        command: 'cd',
      },
    ],
    { cause: thrown },
  );
}
