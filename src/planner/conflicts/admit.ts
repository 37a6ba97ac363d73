import type { Conflict } from '../../model/plan.ts';
import { contains, formatPrefix, overlaps } from '../../model/prefix.ts';
import { PrefixIndex } from '../../model/prefix-index.ts';
import { PrefixSet } from '../../model/prefix-set.ts';
import type { Standing } from '../aside.ts';
import type { Admitted } from '../diff.ts';
import type { WantedRoute } from '../networks/wanted.ts';
import type { ConflictCheck, Finding } from './conflict.ts';

/** The wanted routes, told apart by what stands against them. */
export interface Admission {
  readonly admitted: readonly Admitted[];
  /** Refused: the plan as a whole is not applied, so what is owned there stays. */
  readonly refused: readonly WantedRoute[];
  readonly conflicts: readonly Conflict[];
}

/**
 * Decides which wanted routes may be made. Profiles come in spec order: a network that two of them want goes to the
 * first, and the other is warned. What is `standing`, and left alone, is taken before all of them.
 */
export function admit(
  profiles: readonly (readonly WantedRoute[])[],
  check: ConflictCheck,
  standing: readonly Standing[],
): Admission {
  const admitted: Admitted[] = [];
  const refused: WantedRoute[] = [];
  const conflicts: Conflict[] = [];
  const earlier: Standing[] = [...standing];
  for (const routes of profiles) {
    const unique = withoutDuplicates(routes);
    const clear = clearGuards(unique, check);
    const taken = new PrefixSet(earlier.map((wanted) => wanted.destination));
    for (const wanted of unique) {
      if (taken.overlaps(wanted.destination)) {
        conflicts.push(shared(wanted, earlier, standing));
        continue;
      }
      const inClearPool =
        wanted.purpose === 'load-balancer' &&
        clear.ancestors(wanted.destination).length > 0 &&
        check.mayPass(wanted.gateway);
      const finding = inClearPool ? null : check.of(wanted);
      conflicts.push(...(finding?.conflicts ?? []));
      const outcomes = finding?.conflicts.map((conflict) => conflict.outcome) ?? [];
      if (outcomes.includes('refused')) refused.push(wanted);
      else if (!outcomes.includes('skipped'))
        admitted.push({ wanted, satisfiedBy: finding?.satisfiedBy ?? null });
    }
    earlier.push(...unique);
  }
  return { admitted, refused, conflicts };
}

function withoutDuplicates(routes: readonly WantedRoute[]): WantedRoute[] {
  const seen = new Set<string>();
  return routes.filter(({ destination }) => {
    const key = formatPrefix(destination);
    return !seen.has(key) && seen.add(key);
  });
}

/**
 * Guards with nothing foreign at or inside them: an address of such a pool cannot meet anything that its guard did
 * not, so ten thousand of them need not be looked at one by one.
 */
function clearGuards(routes: readonly WantedRoute[], check: ConflictCheck): PrefixIndex<WantedRoute> {
  const guards = routes.filter((wanted) => wanted.purpose === 'guard');
  const clear = guards.filter((guard) => isClean(check.of(guard)) && check.isClear(guard.destination));
  return new PrefixIndex(clear, (wanted) => wanted.destination);
}

function isClean(finding: Finding): boolean {
  return finding.conflicts.every((conflict) => conflict.relation === 'covers');
}

function shared(wanted: WantedRoute, earlier: readonly Standing[], standing: readonly Standing[]): Conflict {
  const holder = earlier.find((one) => overlaps(one.destination, wanted.destination)) ?? wanted;
  const narrower = contains(holder.destination, wanted.destination) ? wanted.destination : holder.destination;
  return {
    relation: 'shared',
    profile: wanted.profile,
    purpose: wanted.purpose,
    destination: wanted.destination,
    foreign: null,
    owner: `profile ${holder.profile}`,
    disputed: formatPrefix(narrower),
    winner: standing.includes(holder)
      ? `profile ${holder.profile}, whose route stands and is left alone`
      : `profile ${holder.profile}, being first in the spec`,
    outcome: 'warned',
    summary: `profile ${holder.profile} has ${formatPrefix(holder.destination)}, so ${formatPrefix(wanted.destination)} of profile ${wanted.profile} is left out`,
    resolution: 'reach its Services by LoadBalancer addresses, or write `none` here',
    at: wanted.at,
  };
}
