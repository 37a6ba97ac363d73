import { Failure } from '../model/diagnostic.ts';

const DESCRIPTORS = {
  summary: 'mkplan may open no more files',
  fix: 'Let it open more, in the shell that starts it, and run the command again.',
  command: 'ulimit -n 1024',
};

/** What to do about each limit of the system (errno(3)). */
const LIMITS: Readonly<
  Record<string, { readonly summary: string; readonly fix: string; readonly command: string }>
> = {
  EMFILE: DESCRIPTORS,
  ENFILE: {
    summary: 'this host has no more open files to give',
    fix: 'End what has so many of them open, or raise the limit of the host.',
    command: 'sysctl fs.file-nr',
  },
  EAGAIN: {
    summary: 'the system starts no further process',
    fix: 'End some of your processes, or raise the limit, and run the command again.',
    command: 'ulimit -u',
  },
  ENOMEM: {
    summary: 'the system has no memory left',
    fix: 'End something that uses much of it, and run the command again.',
    command: 'free -h',
  },
};

/** What a system call failed with: how many files, processes or bytes may be had. Null for every other error. */
export function limitFailure(thrown: unknown): Failure | null {
  if (!(thrown instanceof Error) || !('code' in thrown)) return null;
  const limit = LIMITS[String(thrown.code)];
  if (limit === undefined) return null;
  const { message: cause } = thrown;
  return new Failure('error', [{ code: 'system-limit', severity: 'error', cause, ...limit }], {
    cause: thrown,
  });
}
