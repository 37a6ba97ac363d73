import { type DesiredProfile, type DesiredState, needsCluster } from '../../model/desired.ts';
import type { ObservedProfile } from '../../model/observed.ts';
import type { ClusterShare, Plan } from '../../model/plan.ts';
import type { SetAside, WatchPorts } from './ports.ts';

/** What is still to be done about profiles that the spec has dropped. */
export interface TakingBack {
  /** What their clusters can be asked for now. */
  readonly shares: readonly ClusterShare[];
  /** Those whose routes stay until their Services have lost the addresses. */
  readonly waiting: ReadonlySet<string>;
}

interface TakingBackOptions {
  readonly desired: DesiredState;
  readonly held: SetAside;
  /** Profiles whose cluster is being asked for something. */
  readonly busy: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

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

  /**
   * Notes what an edit of the spec leaves out, and what it brings back. Returns the profiles that lead elsewhere now: what their
   * former cluster shows can be taken back no more, since calls go by a profile's name.
   */
  edited(before: DesiredState, after: DesiredState): DesiredProfile[] {
    const observed = new Set(after.profiles.filter(needsCluster).map(({ name }) => name));
    for (const profile of before.profiles) {
      if (profile.loadBalancer.assign !== 'none') this.#profiles.set(profile.name, profile);
    }
    for (const name of observed) this.#profiles.delete(name);
    return before.profiles.filter((profile) =>
      after.profiles.some(({ name, context }) => name === profile.name && context !== profile.context),
    );
  }

  /**
   * What is left to take back, but for what is set aside for now. Profiles of which nothing is left are forgotten. Throws a
   * Failure when the host cannot be read.
   */
  async takeBack(
    { observe, planner }: WatchPorts,
    { desired, held, busy, signal }: TakingBackOptions,
  ): Promise<TakingBack> {
    const shares: ClusterShare[] = [];
    const waiting = new Set<string>();
    if (this.#profiles.size === 0) return { shares, waiting };
    const present = (await observe(desired, signal)).observed.profiles;
    for (const profile of this.profiles) {
      const { name } = profile;
      const absent: DesiredState = { ...desired, mode: 'absent', profiles: [profile] };
      const { observed } = await observe(absent, signal);
      // Of a cluster that cannot be seen nothing can be taken back for now, and nothing waits for it.
      const [seen] = observed.profiles;
      if (seen === undefined || seen.cluster === null) continue;
      // What one that stays serves there is its own to keep or to clear.
      if (present.some((one) => one.cluster !== null && isSameCluster(one, seen))) {
        this.#profiles.delete(name);
        continue;
      }
      const whole = planner.plan(absent, observed);
      const plan = planner.hold(whole, held, observed.host);
      const share = planner.share(plan, busy).clusters.find((one) => one.profile === name);
      if (share !== undefined) shares.push(share);
      if (busy.has(name) || isShown(plan)) waiting.add(name);
      else if (share === undefined && !isShown(whole) && whole.leases.length === 0)
        this.#profiles.delete(name);
    }
    return { shares, waiting };
  }
}

/** Whether two profiles lead to one cluster: by what it says of itself, else by the server that both contexts name. */
function isSameCluster(a: ObservedProfile, b: ObservedProfile): boolean {
  const [one, other] = [a.cluster?.identity?.uid, b.cluster?.identity?.uid];
  if (one !== undefined && other !== undefined) return one === other;
  return a.context !== null && b.context !== null && a.context.server === b.context.server;
}

/** Whether Services are still to lose something, or others to be told that they will. */
function isShown({ leases, steps }: Plan): boolean {
  return (
    leases.some(({ announced }) => !announced) ||
    steps.some(({ kind, action }) => kind === 'service' && action !== 'none')
  );
}
