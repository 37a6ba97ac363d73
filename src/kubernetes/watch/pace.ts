/** How patient a watch is. Times are milliseconds. */
export interface WatchPace {
  /** A stream without a byte for this long is dead: kube-apiserver sends a bookmark about each minute. */
  readonly idleMs: number;
  /** Seconds after which the server is asked to end a stream, and up to as many again. */
  readonly streamSeconds: number;
  /** A stream that lasted this long was a success; one that ends before is not begun again at once. */
  readonly steadyMs: number;
  /** A server that was silent for as long is lost; until then what is in memory stands. */
  readonly lostMs: number;
  /** The first and the longest wait after failures in a row. */
  readonly backoffMs: number;
  readonly longestBackoffMs: number;
  /** After so many pages of a list each further one waits, so that an endless list takes little from other clusters. */
  readonly pagesAtOnce: number;
  /** Between two of those pages, of whichever list of the cluster. */
  readonly pageMs: number;
  /** How often a list is read again that may not be watched, or was not allowed to be read. */
  readonly pollMs: number;
  /** How old what is not watched may grow. */
  readonly slowMs: number;
  /** How long an event of what we wrote ourselves may keep us waiting. */
  readonly ownWriteMs: number;
  readonly now: () => number;
  /** From 0 to 1, as Math.random. */
  readonly random: () => number;
}

/** As it is but for tests. */
export const PACE: WatchPace = {
  idleMs: 150_000,
  streamSeconds: 300,
  steadyMs: 10_000,
  lostMs: 5_000,
  backoffMs: 500,
  longestBackoffMs: 30_000,
  pagesAtOnce: 20,
  pageMs: 3000,
  pollMs: 30_000,
  slowMs: 300_000,
  ownWriteMs: 30_000,
  now: () => performance.now(),
  random: Math.random,
};
