/** Lines that belong together: a problem, an event, a row. */
export type Entry = readonly string[];

/** The first entries that fit into so many lines, each whole, and a line that says how many are left out. */
export function firstThatFit(
  entries: readonly Entry[],
  room: number,
  more: (left: number) => string,
): string[] {
  if (entries.flat().length <= room) return entries.flat();
  const lines: string[] = [];
  let shown = 0;
  for (const entry of entries) {
    if (lines.length + entry.length > room - 1) break;
    lines.push(...entry);
    shown++;
  }
  const [first = []] = entries;
  // Half of the first says more than how many there are.
  if (shown > 0) return [...lines, more(entries.length - shown)];
  if (room <= 1 || entries.length === 1) return first.slice(0, Math.max(room, 0));
  return [...first.slice(0, room - 1), more(entries.length - 1)];
}

/** The last entries that fit into so many lines, each whole; of the very last, its beginning at least. */
export function lastThatFit(entries: readonly Entry[], room: number): string[] {
  let lines: Entry = [];
  for (const entry of [...entries].reverse()) {
    if (lines.length + entry.length > room) break;
    lines = [...entry, ...lines];
  }
  return lines.length > 0 ? [...lines] : (entries.at(-1) ?? []).slice(0, Math.max(room, 0));
}

/** What wants lines: how many, and which share of what is left it may take before others have had theirs. */
export interface Claim {
  readonly need: number;
  readonly share: number;
}

/** Lines for each: first its share, at least one, in this order; then what is left, in this order again. */
export function allot(room: number, claims: readonly Claim[]): number[] {
  let left = room;
  const given = claims.map(({ need, share }) => {
    const lines = Math.min(need, Math.max(Math.floor(left * share), 1), left);
    left -= lines;
    return lines;
  });
  return given.map((lines, index) => {
    const more = Math.min((claims[index]?.need ?? 0) - lines, left);
    left -= more;
    return lines + more;
  });
}
