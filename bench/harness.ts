/** Times work against its floor, in pairs, and tells both as ratios. */

/** One way of doing something: prepares untimed, then returns how many milliseconds the thing itself took. */
export type Timed = () => Promise<number>;

/** One pair of runs, next to each other in time, so that a busy machine slows both. Milliseconds. */
export interface Pair {
  readonly work: number;
  readonly floor: number;
}

/** One line of the table. */
export interface Figure {
  readonly work: string;
  readonly floor: string;
  /** The most that work may take, as a multiple of the floor. */
  readonly budget: number;
  readonly pairs: readonly Pair[];
}

export interface Benchmark {
  /** What `npm run bench -- NAME` calls it. */
  readonly name: string;
  /** Whether it changes routes, and so needs network namespaces of its own. */
  readonly needsNamespaces: boolean;
  run(setting: Setting): Promise<readonly Figure[]>;
}

/** Where things are, and how to tell how far a benchmark has come. */
export interface Setting {
  /** The built command line. */
  readonly mkplan: string;
  /** The programs of this folder as they were bundled, by name. */
  readonly program: (
    name:
      | 'api'
      | 'load'
      | 'churn-load'
      | 'floor-list'
      | 'floor-large'
      | 'floor-apply'
      | 'floor-serve'
      | 'floor-restore',
  ) => string;
  /** A directory that is removed in the end. */
  readonly scratch: string;
  readonly progress: (text: string) => void;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Few pairs already tell a ratio; more of them are taken while there is time. */
const LEAST_PAIRS = 3;
const MOST_PAIRS = 9;

/** The time that the pairs of one figure may take, in milliseconds. */
const PAIRS_LIMIT_MS = 30_000;

/** Median, least and greatest of some numbers. Throws a RangeError for none at all. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (min === undefined || max === undefined || low === undefined || high === undefined) {
    throw new RangeError('there is no median of nothing');
  }
  return { median: (low + high) / 2, min, max };
}

/** The value that this share of them does not exceed, as nearly as so many can tell; NaN for none at all. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}

/** The ratios of work to floor, pair by pair. */
export function ratioOf(pairs: readonly Pair[]): Spread {
  return spreadOf(pairs.map(({ work, floor }) => work / floor));
}

/** Runs each once to warm up, then both by turns until there are enough pairs or the time is over. */
export async function measurePairs(
  work: Timed,
  floor: Timed,
  progress: Setting['progress'],
): Promise<Pair[]> {
  await floor();
  await work();
  const pairs: Pair[] = [];
  const end = performance.now() + PAIRS_LIMIT_MS;
  while (pairs.length < LEAST_PAIRS || (pairs.length < MOST_PAIRS && performance.now() < end)) {
    // Which of them goes first alternates too: whatever one leaves behind then meets both.
    const isFloorFirst = pairs.length % 2 === 0;
    const first = isFloorFirst ? await floor() : await work();
    const second = isFloorFirst ? await work() : await floor();
    const pair = isFloorFirst ? { floor: first, work: second } : { work: first, floor: second };
    pairs.push(pair);
    const ratio = (pair.work / pair.floor).toFixed(2);
    progress(`work ${pair.work.toFixed(1)} ms, floor ${pair.floor.toFixed(1)} ms: ${ratio}`);
  }
  return pairs;
}

/**
 * Repeats something short until it has taken enough processor time to tell how much one time takes. Milliseconds of
 * this process's own, so that others on the machine do not count.
 */
export function timeShort(work: () => unknown, atLeastMs: number): number {
  const start = process.cpuUsage();
  for (let times = 1; ; times++) {
    work();
    const { user, system } = process.cpuUsage(start);
    const spent = (user + system) / 1000;
    if (spent >= atLeastMs) return spent / times;
  }
}
