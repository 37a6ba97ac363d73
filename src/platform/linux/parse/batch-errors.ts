/** A line that `ip` takes for no command at all; its complaint proves that every line before was worked off. */
export const END_OF_BATCH = 'end';

/** A line of a batch that failed, with what was said about it. */
export interface BatchFailure {
  /** Counts from 1. */
  readonly line: number;
  readonly message: string;
}

/**
 * Reads the standard error of `ip -force -batch -`: `Command failed -:N` after each line that failed, preceded by
 * what was said about it. `ip` leaves a batch at once on a line that it cannot parse, without telling which.
 */
export function parseBatchErrors(stderr: string): BatchFailure[] {
  const failures: BatchFailure[] = [];
  let said: string[] = [];
  for (const line of stderr.split('\n')) {
    const failed = /^Command failed -:(\d+)$/.exec(line);
    if (failed === null) {
      if (line.trim() !== '') said.push(line.trim());
    } else {
      failures.push({ line: Number(failed[1]), message: said.join('; ') });
      said = [];
    }
  }
  return failures;
}
