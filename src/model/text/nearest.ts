/** The candidate that a misspelt word most likely means, upper and lower case being one; null when none is near. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  let best: { candidate: string; distance: number } | null = null;
  for (const candidate of candidates) {
    const allowed = Math.min(2, Math.floor(candidate.length / 2));
    if (Math.abs(candidate.length - word.length) > allowed) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= allowed && (best === null || distance < best.distance)) best = { candidate, distance };
  }
  return best?.candidate ?? null;
}

/** Levenshtein distance, one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let at = 1; at <= a.length; at++) {
    const next = [at];
    for (let to = 1; to <= b.length; to++) {
      const substituted = (row[to - 1] ?? 0) + (a[at - 1] === b[to - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** Names that a message lists. */
const LISTED = 10;

/** The names that there are, for a message about one that there is not: the nearest first, and the list cut. */
export function thoseThatExist(word: string, names: readonly string[]): string {
  if (names.length === 0) return 'there are none';
  const meant = nearest(word, names);
  const more = names.length > LISTED ? `, and ${names.length - LISTED} more` : '';
  const list = `there ${names.length === 1 ? 'is' : 'are'} ${names.slice(0, LISTED).join(', ')}${more}`;
  return meant === null ? list : `did you mean ${meant}? ${list}`;
}
