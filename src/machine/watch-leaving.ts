import { leftLines } from '../executor/residue.ts';
import type { DesiredState } from '../model/desired.ts';
import { type Diagnostic, Failure } from '../model/diagnostic.ts';
import type { Plan } from '../model/plan.ts';
import { diagnosticsOf, sessionLeft } from './endings.ts';
import {
  lostHelper,
  MAX_STALE,
  mayPass,
  type SessionOutcome,
  type SessionTransactions,
} from './watch-apply.ts';
import type { Given } from './watch-given.ts';
import { Patience } from './watch-patience.ts';
import type { WatchOutcome, WatchPorts } from './watch-ports.ts';

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
  const patience = new Patience(ports.clock);
  let remaining: readonly Diagnostic[] = [];
  const plan = async () => {
    const observed = await patience.observe(desired, ports.observe);
    remaining = given.left(observed);
    return planner.ofSession(planner.plan(desired, observed), observed.registry.claims, observed.host);
  };
  const outcome = await takeAway(ports, transactions, patience, plan).catch(
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

/**
 * Applies what takes everything away, anew where its facts had changed under it. Where a cluster cannot be told that we
 * leave our routes go all the same, and our Lease runs out.
 */
async function takeAway(
  ports: WatchPorts,
  transactions: SessionTransactions,
  patience: Patience,
  plan: () => Promise<Plan>,
): Promise<WatchOutcome> {
  const untold = new Set<string>();
  const observe = async (): Promise<Plan> => {
    const planned = await plan();
    return { ...planned, leases: planned.leases.filter(({ profile }) => !untold.has(profile)) };
  };
  for (let attempt = 1; ; attempt++) {
    try {
      const outcome = await transactions.apply({ observe }, new AbortController().signal, patience);
      if (outcome.kind === 'rolled-back' && lostHelper(outcome) && attempt < MAX_STALE) continue;
      return leftBy(outcome);
    } catch (thrown) {
      const isOver = thrown instanceof Failure && mayPass(thrown);
      const news = isOver ? [] : [...transactions.unwritten.keys()].filter((profile) => !untold.has(profile));
      if (news.length === 0 && (!isOver || attempt >= MAX_STALE)) throw thrown;
      for (const profile of news) untold.add(profile);
      ports.distrust();
    }
  }
}

function leftBy({ kind, left, diagnostics, failed }: SessionOutcome): WatchOutcome {
  const isUndone = kind === 'rolled-back' || kind === 'interrupted';
  return {
    left: isUndone ? [...left, ...leftLines([sessionLeft()])] : left,
    diagnostics: [...failed.map(({ diagnostic }) => diagnostic), ...diagnostics],
  };
}
