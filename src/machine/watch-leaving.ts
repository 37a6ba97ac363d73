import { leftLines } from '../executor/residue.ts';
import type { DesiredState } from '../model/desired.ts';
import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import type { ObservedState } from '../model/observed.ts';
import type { Plan } from '../model/plan.ts';
import { diagnosticsOf, sessionLeft } from './endings.ts';
import { lostHelper, MAX_STALE, mayPass, type SessionTransactions } from './watch-apply.ts';
import type { Given } from './watch-given.ts';
import type { WatchOutcome, WatchPorts } from './watch-ports.ts';

/** How long leaving waits for a cluster before that counts as out of reach: by then an API server had time to answer. */
const LEAVING_MS = 10_000;

interface Leaving {
  readonly transactions: SessionTransactions;
  /** What the session has told Services. */
  readonly given: Given;
  /** All of its profiles, to be absent. */
  readonly desired: DesiredState;
}

/** Takes away what a session has made. Never throws: what could not be taken away is in what it returns. */
export async function leave(
  ports: WatchPorts,
  { transactions, given, desired }: Leaving,
): Promise<WatchOutcome> {
  const { planner } = ports;
  let remaining: readonly Diagnostic[] = [];
  const plan = async () => {
    const observed = await observeInTime(ports, desired);
    remaining = given.left(observed);
    return planner.ofSession(planner.plan(desired, observed), observed.registry.claims, observed.host);
  };
  const outcome = await takeAway(ports, transactions, plan).catch(
    (thrown: unknown): WatchOutcome => ({
      left: leftLines([sessionLeft()]),
      diagnostics: diagnosticsOf(thrown),
    }),
  );
  return {
    left: [...outcome.left, ...leftLines(remaining)],
    diagnostics: [...outcome.diagnostics, ...remaining],
  };
}

/** With a cluster that has not answered in time as one that cannot be reached: its routes go all the same. */
async function observeInTime({ observe, clock }: WatchPorts, desired: DesiredState): Promise<ObservedState> {
  const patience = new AbortController();
  const end = new AbortController();
  void clock.wait(LEAVING_MS, end.signal).then(() => patience.abort(tooSlow()));
  try {
    return await observe(desired, new AbortController().signal, patience.signal);
  } finally {
    end.abort();
  }
}

/**
 * Applies what takes everything away, anew where its facts had changed under it. Where a cluster cannot be told that we
 * leave our routes go all the same, and our Lease runs out.
 */
async function takeAway(
  ports: WatchPorts,
  transactions: SessionTransactions,
  plan: () => Promise<Plan>,
): Promise<WatchOutcome> {
  const untold = new Set<string>();
  const observe = async (): Promise<Plan> => {
    const planned = await plan();
    return { ...planned, leases: planned.leases.filter(({ profile }) => !untold.has(profile)) };
  };
  for (let attempt = 1; ; attempt++) {
    try {
      const outcome = await transactions.apply({ observe }, new AbortController().signal);
      if (outcome.kind === 'rolled-back' && lostHelper(outcome) && attempt < MAX_STALE) continue;
      const { kind, left, diagnostics, failed } = outcome;
      const isUndone = kind === 'rolled-back' || kind === 'interrupted';
      return {
        left: isUndone ? [...left, ...leftLines([sessionLeft()])] : left,
        diagnostics: [...failed.map(({ diagnostic }) => diagnostic), ...diagnostics],
      };
    } catch (thrown) {
      const isOver = thrown instanceof Failure && mayPass(thrown);
      const profile = transactions.unwritten;
      if (!isOver && profile !== null && !untold.has(profile)) untold.add(profile);
      else if (!isOver || attempt >= MAX_STALE) throw thrown;
      ports.distrust();
    }
  }
}

function tooSlow(): Failure {
  return new Failure('error', [
    {
      code: 'cluster-slow',
      severity: 'error',
      summary: 'the cluster did not answer while the session was leaving',
      cause: `nothing came within ${LEAVING_MS / 1000} s`,
      fix: '',
    },
  ]);
}
