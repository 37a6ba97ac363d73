import { Failure } from '../model/diagnostic.ts';

/** How long something is waited for. */
export interface Patience {
  /** Aborted once it is over. */
  readonly signal: AbortSignal;
  /** Waits for what has a deadline of its own: its time does not count. */
  besides<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * Gives `work` so many milliseconds: then its signal is aborted with a Failure that says so, and `work` is to end with what
 * it has. `signal` aborts it as well. Nothing of it is left to keep the process from ending.
 */
export async function inTime<T>(
  profile: string,
  ms: number,
  signal: AbortSignal | undefined,
  work: (patience: Patience) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  let leftMs = ms;
  let begun = performance.now();
  const start = () => setTimeout(() => over.abort(silence(profile, ms)), leftMs);
  let end = start();
  const besides = async <R>(other: () => Promise<R>): Promise<R> => {
    clearTimeout(end);
    leftMs = Math.max(leftMs - (performance.now() - begun), 0);
    try {
      return await other();
    } finally {
      begun = performance.now();
      end = start();
    }
  };
  try {
    return await work({
      signal: signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]),
      besides,
    });
  } finally {
    clearTimeout(end);
  }
}

function silence(profile: string, ms: number): Failure {
  return new Failure('error', [
    {
      code: 'profile-silent',
      severity: 'error',
      summary: `profile ${profile} did not tell all within ${ms / 1000} s`,
      cause: 'Its API server answers too slowly, or only in part.',
      fix: 'Wait until the cluster is less busy, then run the command again.',
    },
  ]);
}
