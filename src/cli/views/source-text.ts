import { readFileSync, statSync } from 'node:fs';

/** Largest file that an excerpt is read from, in bytes: no spec is larger. */
const EXCERPT_LIMIT = 1024 * 1024;

/** The text of a file that a diagnostic is about, for its excerpt; null where it cannot be read. */
export function sourceTextOf(file: string): string | null {
  try {
    const stats = statSync(file);
    return !stats.isFile() || stats.size > EXCERPT_LIMIT ? null : readFileSync(file, 'utf8');
  } catch {
    // The excerpt is a courtesy: a diagnostic about a file that cannot be read says so itself.
    return null;
  }
}
