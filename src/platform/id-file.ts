import { Failure, messageOf } from '../model/diagnostic.ts';
import { readBounded } from './bounded-file.ts';

/** Of the file that holds an id. */
const MAX_BYTES = 4096;

/**
 * The id of 32 hex digits that a file holds; null where there is no such file, or it holds none. Throws a Failure
 * (`host-identity`) when it cannot be read.
 */
export async function readIdFile(file: string): Promise<string | null> {
  try {
    const text = (await readBounded(file, { maxBytes: MAX_BYTES })).toString('utf8').trim();
    return /^[0-9a-f]{32}$/.test(text) ? text : null;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null;
    throw idUnreadable(file, thrown);
  }
}

/** The Failure for a file with an id that cannot be read or made. */
export function idUnreadable(file: string, thrown: unknown): Failure {
  return new Failure(
    'error',
    [
      {
        code: 'host-identity',
        severity: 'error',
        summary: `cannot tell which host this is: ${messageOf(thrown)}`,
        cause: 'Several mkplan on one cluster know each other by an id of their hosts.',
        fix: `Put ${file} right.`,
      },
    ],
    { cause: thrown },
  );
}
