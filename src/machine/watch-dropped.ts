import { type DesiredProfile, type DesiredState, needsCluster } from '../model/desired.ts';
import type { ClusterShare, Plan } from '../model/plan.ts';
import type { SetAside, WatchPorts } from './watch-ports.ts';

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

  /** Notes what an edit of the spec leaves out, and what it brings back. */
  edited(before: DesiredState, after: DesiredState): void {
    const observed = new Set(after.profiles.filter(needsCluster).map(({ name }) => name));
    for (const profile of before.profiles) {
      if (profile.loadBalancer.assign !== 'none') this.#profiles.set(profile.name, profile);
    }
    for (const name of observed) this.#profiles.delete(name);
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
    for (const profile of this.profiles) {
      const { name } = profile;
      const absent: DesiredState = { ...desired, mode: 'absent', profiles: [profile] };
      const { observed } = await observe(absent, signal);
      // Of a cluster that cannot be seen nothing can be taken back for now, and nothing waits for it.
      if (observed.profiles.every(({ cluster }) => cluster === null)) continue;
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

/** Whether Services are still to lose something, or others to be told that they will. */
function isShown({ leases, steps }: Plan): boolean {
  return (
    leases.some(({ announced }) => !announced) ||
    steps.some(({ kind, action }) => kind === 'service' && action !== 'none')
  );
}
