import { type DesiredProfile, type DesiredState, needsCluster } from '../model/desired.ts';

/**
 * Profiles whose Services a session gave addresses to, and that the spec has no pool for any more, as they were last.
 * A plan speaks of the profiles of its spec alone, so their Services would show these addresses for good.
 */
export class Dropped {
  readonly #profiles = new Map<string, DesiredProfile>();

  /** What is still to be taken back from. */
  get profiles(): readonly DesiredProfile[] {
    return [...this.#profiles.values()];
  }

  /** Notes what an edit of the spec leaves out, and what it brings back. */
  edited(before: DesiredState, after: DesiredState): void {
    const observed = new Set(after.profiles.filter(needsCluster).map(({ name }) => name));
    for (const profile of before.profiles) {
      if (profile.loadBalancer.assign !== 'none') this.#profiles.set(profile.name, profile);
    }
    for (const name of observed) this.#profiles.delete(name);
  }

  forget({ name }: DesiredProfile): void {
    this.#profiles.delete(name);
  }
}
