import type { Plan } from '../../model/plan.ts';
import { formatPrefix } from '../../model/prefix.ts';

/**
 * The destinations that stood in this session, by profile: what was agreed to for them stays agreed to, whatever appears on the
 * host afterwards and however often a link takes their routes along.
 */
export class Standing {
  readonly #destinations = new Map<string, Set<string>>();

  /** Notes a plan that was carried out. What it takes away is new when it comes again, unless its VM has merely stopped. */
  note({ profiles, steps }: Plan): void {
    const planned = new Set(profiles.map(({ name }) => name));
    for (const step of steps) {
      if (step.kind !== 'route') continue;
      const { profile, before, after } = step;
      const standing = this.#destinations.get(profile) ?? new Set();
      this.#destinations.set(profile, standing);
      if (after !== null) standing.add(formatPrefix(after.destination));
      else if (before !== null && planned.has(profile)) standing.delete(formatPrefix(before.destination));
    }
  }

  /** Of destinations, by CIDR, those that never stood. */
  without<T>(destinations: ReadonlyMap<string, T>): Map<string, T> {
    const all = [...this.#destinations.values()];
    return new Map([...destinations].filter(([cidr]) => !all.some((standing) => standing.has(cidr))));
  }
}
