import { type DesiredProfile, needsCluster } from '../model/desired.ts';
import { Failure } from '../model/diagnostic.ts';
import type { ObservedProfile } from '../model/observed.ts';
import { observeProfile, obstacleOf, type ProfilePorts, withoutCluster } from './profile.ts';

/**
 * What is known of one profile. It is looked at by itself, and what was seen last stands meanwhile, so nobody waits for a
 * cluster that is slow to answer, or never does:
 *
 *                 ┌──────────── hint ◄────────────┐
 *     unknown ─► looking ─► known ─► looking anew ─► known …
 *                 └─ a hint meanwhile: once more ─┘
 *
 * That it cannot be reached is known, too.
 */
export class LiveProfile {
  readonly #profile: DesiredProfile;
  readonly #ports: ProfilePorts;
  readonly #self: () => Promise<string>;
  readonly #onChange: () => void;
  readonly #end = new AbortController();
  #known: ObservedProfile | null;
  #looking: Promise<void> | null = null;
  /** What the look under way is ended with. */
  #doubt = new AbortController();
  /** The look that follows the one under way, for those who ask meanwhile. */
  #next: Promise<void> | null = null;

  /** `self` gives the name of our own Lease. `onChange` hints that something else is known; what it throws is not caught. */
  constructor(
    profile: DesiredProfile,
    ports: ProfilePorts,
    self: () => Promise<string>,
    onChange: () => void,
  ) {
    this.#profile = profile;
    this.#ports = ports;
    this.#self = self;
    this.#onChange = onChange;
    this.#known = needsCluster(profile) ? null : withoutCluster(profile.name);
  }

  /** What was seen last, the same value as long as that has not changed; null before anything was. */
  get known(): ObservedProfile | null {
    return this.#known;
  }

  /**
   * Looks anew. Resolves once a look that began after this call has ended, or the profile is of interest no more. Rejects
   * only by a fault of ours.
   */
  refresh(): Promise<void> {
    if (!needsCluster(this.#profile)) return Promise.resolve();
    if (this.#looking === null) {
      this.#looking = this.#look().finally(() => {
        this.#looking = null;
      });
      return this.#looking;
    }
    this.#next ??= this.#looking.then(() => {
      this.#next = null;
      return this.refresh();
    });
    return this.#next;
  }

  /** The look under way tells nothing any more: what it asks may be dead. */
  doubt(): void {
    this.#doubt.abort(new Error('the connection is made anew'));
  }

  /** Looks no more. */
  stop(): void {
    this.#end.abort(new Error('the profile is not watched any more'));
  }

  async #look(): Promise<void> {
    this.#doubt = new AbortController();
    const signal = AbortSignal.any([this.#end.signal, this.#doubt.signal]);
    if (signal.aborted) return;
    const seen = await this.#observe(signal);
    if (seen === null || signal.aborted) return;
    const last = this.#known;
    if (last !== null && last.cluster === seen.cluster && isEqualBeside(last, seen)) return;
    this.#known = seen;
    this.#onChange();
  }

  /** Null where the look was ended. */
  async #observe(signal: AbortSignal): Promise<ObservedProfile | null> {
    try {
      return await observeProfile(this.#profile, this.#ports, { self: await this.#self(), signal });
    } catch (thrown) {
      if (signal.aborted) return null;
      // What needs an approval by now: nobody can be asked, so it is told as what keeps the profile from being seen.
      if (!(thrown instanceof Failure)) throw thrown;
      const obstacle = obstacleOf(thrown);
      return { ...withoutCluster(this.#profile.name), ...(obstacle === null ? {} : { obstacle }) };
    }
  }
}

/** Whether two observations of a profile are equal but for the cluster. */
function isEqualBeside(a: ObservedProfile, b: ObservedProfile): boolean {
  const text = (profile: ObservedProfile) => JSON.stringify({ ...profile, cluster: null });
  return text(a) === text(b);
}
