import type { SourcePosition } from '../model/diagnostic.ts';
import { type AddressRange, formatRange, rangesOverlap } from '../model/range.ts';
import type { Context } from './context.ts';
import { errorAt, type Flaw } from './problem.ts';

/** A stretch of addresses that a spec lays claim to: an entry of a pool, or a CIDR of services or pods. */
export interface Stretch {
  readonly range: AddressRange;
  readonly kind: 'pool' | 'services' | 'pods';
  readonly profile: string;
  readonly at: SourcePosition;
}

interface Numbered extends Stretch {
  readonly order: number;
}

/**
 * Reports pools that overlap each other or any CIDR of services or pods, over all profiles. One sweep over the
 * sorted stretches, comparing each with the one that reaches farthest so far: every overlap shows at one of its ends.
 */
export function checkOverlaps(stretches: readonly Stretch[], context: Context): void {
  const sorted = stretches.map((stretch, order) => ({ ...stretch, order })).sort(byFirst);
  let pool: Numbered | null = null;
  let network: Numbered | null = null;
  for (const stretch of sorted) {
    if (pool !== null && rangesOverlap(pool.range, stretch.range)) reportPair(pool, stretch, context);
    if (stretch.kind === 'pool') {
      if (network !== null && rangesOverlap(network.range, stretch.range))
        reportPair(stretch, network, context);
      pool = farther(pool, stretch);
    } else {
      network = farther(network, stretch);
    }
  }
}

function byFirst(a: Numbered, b: Numbered): number {
  if (a.range.family !== b.range.family) return a.range.family - b.range.family;
  if (a.range.first !== b.range.first) return a.range.first < b.range.first ? -1 : 1;
  return a.order - b.order;
}

function farther(known: Numbered | null, next: Numbered): Numbered {
  const reaches =
    known !== null && known.range.family === next.range.family && known.range.last >= next.range.last;
  return reaches ? known : next;
}

/** Reports at the pool; of two pools, at the one that the spec gives later. */
function reportPair(pool: Numbered, other: Numbered, context: Context): void {
  if (other.kind !== 'pool') {
    context.problems.push(errorAt(pool.at, poolInNetwork(pool, other)));
    return;
  }
  const [earlier, later] = pool.order < other.order ? [pool, other] : [other, pool];
  context.problems.push(errorAt(later.at, poolOverlap(later, earlier)));
}

function place(stretch: Stretch): string {
  return `${formatRange(stretch.range)} of profile ${stretch.profile} (line ${stretch.at.line})`;
}

function poolOverlap(later: Stretch, earlier: Stretch): Flaw {
  return {
    code: 'pool-overlap',
    summary: `pool ${formatRange(later.range)} overlaps pool ${place(earlier)}`,
    cause: 'the addresses of both would be given out twice',
    fix: 'give each pool addresses of its own',
  };
}

function poolInNetwork(pool: Stretch, network: Stretch): Flaw {
  const what = network.kind === 'services' ? 'ClusterIP' : 'pod address';
  return {
    code: 'pool-in-network',
    summary: `pool ${formatRange(pool.range)} overlaps the ${network.kind} CIDR ${place(network)}`,
    cause: `the cluster could hand out the same address as a ${what}`,
    fix: `move the pool out of ${formatRange(network.range)}`,
  };
}
