import { Failure } from '../model/diagnostic.ts';
import { shellWord } from '../model/shell-word.ts';

/**
 * Gives `work` so many milliseconds: then its signal is aborted with a Failure that says so, and `work` is to end with what
 * it has. `signal` aborts it as well. Nothing of it is left to keep the process from ending.
 */
export async function inTime<T>(
  profile: string,
  ms: number,
  signal: AbortSignal | undefined,
  work: (patience: AbortSignal) => Promise<T>,
): Promise<T> {
  const patience = new AbortController();
  const end = setTimeout(() => patience.abort(silence(profile, ms)), ms);
  try {
    return await work(signal === undefined ? patience.signal : AbortSignal.any([patience.signal, signal]));
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
      cause: 'its cluster is paused, overloaded or out of reach, or minikube or a credential program is slow',
      fix: `see what holds it up: \`minikube status -p ${shellWord(profile)}\``,
    },
  ]);
}
