import { Failure } from '../../model/diagnostic.ts';

/** What proc(5) would tell is not there. */
export function procUnreadable(file: string, cause: string): Failure {
  return new Failure('error', [
    {
      code: 'proc-unreadable',
      severity: 'error',
      summary: `cannot read ${file}`,
      cause,
      fix: 'Mount proc(5) on /proc: it tells processes, users and rights apart.',
      command: 'mount -t proc proc /proc',
    },
  ]);
}
