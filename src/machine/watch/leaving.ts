import { leaveAll } from '../../executor/leases.ts';
import { leftLines } from '../../executor/residue.ts';
import type { DesiredState } from '../../model/desired.ts';
import { type Diagnostic, Failure } from '../../model/diagnostic.ts';
import type { ObservedProfile, ObservedState } from '../../model/observed.ts';
import type { Plan } from '../../model/plan.ts';
import type { ApplyPorts } from '../apply-ports.ts';
import { diagnosticsOf, sessionLeft } from '../endings.ts';
import type { ClusterWork } from './clusters.ts';
import type { Given } from './given.ts';
import { Patience } from './patience.ts';
import type { WatchOutcome, WatchPorts } from './ports.ts';
import {
  lostHelper,
  MAX_STALE,
  mayPass,
  type SessionOutcome,
  type SessionTransactions,
} from './transactions.ts';

interface LeavingOptions {
  readonly transactions: SessionTransactions;
  readonly work: ClusterWork;
  /** What the session has told Services. */
  readonly given: Given;
  /** All of its profiles, to be absent, with those that the spec does not name any more. */
  readonly desired: DesiredState;
  readonly dropped: ReadonlySet<string>;
}

/** Takes away what a session has made. Never throws: what could not be taken away is in what it returns. */
export async function leave(ports: WatchPorts, options: LeavingOptions): Promise<WatchOutcome> {
  return await new Leaving(ports, options).leave();
}

/**
 * Services lose what they were given, in all clusters at the same time and no longer than patience lasts; then the routes
 * go; then our Leases. Where a cluster cannot be told, our routes go all the same, and our Lease runs out.
 */
class Leaving {
  readonly #ports: WatchPorts;
  readonly #options: LeavingOptions;
  readonly #patience: Patience;
  /** Profiles whose cluster could not be told that we leave. */
  readonly #untold = new Set<string>();
  readonly #failed: Diagnostic[] = [];

  constructor(ports: WatchPorts, options: LeavingOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#patience = new Patience(ports.clock);
  }

  async leave(): Promise<WatchOutcome> {
    const { given, desired, dropped } = this.#options;
    try {
      await Promise.all(desired.profiles.map(({ name }) => this.#withdraw(name)));
      const routes = await this.#removeRoutes();
      const { observed, plan } = await this.#plan();
      const { services } = this.#ports.apply;
      const leases = plan.leases.filter(({ announced }) => announced);
      const remaining = [
        ...given.left(observed, desired.spec, dropped),
        ...(await leaveAll(this.#patience.with(services), leases)),
      ];
      return {
        left: [...routes.left, ...leftLines(remaining)],
        diagnostics: [...this.#failed, ...routes.diagnostics, ...remaining],
      };
    } catch (thrown) {
      return { left: leftLines([sessionLeft()]), diagnostics: [...this.#failed, ...diagnosticsOf(thrown)] };
    }
  }

  /** What takes away all that this session made, where silent clusters are ones that cannot be reached. */
  async #plan(): Promise<{ readonly observed: ObservedState; readonly plan: Plan }> {
    const { planner, observe } = this.#ports;
    const { desired } = this.#options;
    const seen = (await observe(desired, new AbortController().signal)).observed;
    const { silent } = this.#patience;
    const profiles = seen.profiles.map((one) => (silent.has(one.name) ? unobserved(one) : one));
    const observed = { ...seen, profiles };
    const plan = planner.ofSession(planner.plan(desired, observed), observed);
    return {
      observed,
      plan: { ...plan, leases: plan.leases.filter(({ profile }) => !this.#untold.has(profile)) },
    };
  }

  /** Has the Services of a profile lose what they were given; what is refused is told, and left. */
  async #withdraw(profile: string): Promise<void> {
    const { work } = this.#options;
    const services = this.#patience.with(this.#ports.apply.services);
    await this.#patience.untilIdle(profile, work.idle([profile]));
    for (let attempt = 1; attempt <= MAX_STALE && !this.#patience.silent.has(profile); attempt++) {
      const { plan } = await this.#plan();
      const { clusters } = this.#ports.planner.share(plan, new Set());
      const share = clusters.find((one) => one.profile === profile);
      if (share === undefined) return;
      const asking = work.ask(share, services);
      await this.#patience.untilIdle(profile, asking);
      if (this.#patience.silent.has(profile)) return;
      const { failed, unanswered, thrown } = await asking;
      const isRefused = thrown !== null && share.leases.length === 0;
      if (thrown !== null) this.#untold.add(profile);
      if (isRefused) this.#failed.push(...diagnosticsOf(thrown));
      const wasOvertaken =
        unanswered === null && failed.every(({ diagnostic }) => diagnostic.code === 'service-changed');
      if (!isRefused && wasOvertaken && attempt < MAX_STALE) continue;
      this.#failed.push(...failed.map(({ diagnostic }) => diagnostic));
      if (unanswered !== null) this.#failed.push(unanswered);
      return;
    }
  }

  /** Anew where its facts had changed under it. Throws a Failure where nothing could be changed. */
  async #removeRoutes(): Promise<WatchOutcome> {
    const { planner } = this.#ports;
    const observe = async () => planner.routesAlone((await this.#plan()).plan);
    for (let attempt = 1; ; attempt++) {
      try {
        const outcome = await this.#options.transactions.apply({ observe }, new AbortController().signal);
        if (outcome.kind === 'rolled-back' && lostHelper(outcome) && attempt < MAX_STALE) continue;
        return leftBy(outcome);
      } catch (thrown) {
        if (!(thrown instanceof Failure && mayPass(thrown)) || attempt >= MAX_STALE) throw thrown;
        this.#ports.distrust();
      }
    }
  }
}

function unobserved({ name }: ObservedProfile): ObservedProfile {
  const problems = ['its cluster did not answer while the session was leaving'];
  return { name, config: null, minikubeIp: null, context: null, cluster: null, problems };
}

function leftBy({ kind, left, diagnostics }: SessionOutcome): WatchOutcome {
  const isUndone = kind === 'rolled-back' || kind === 'interrupted';
  return { left: isUndone ? [...left, ...leftLines([sessionLeft()])] : left, diagnostics };
}

export interface KeepOptions {
  /** Absolute path of the spec. */
  readonly spec: string;
  readonly doing: string;
  readonly waitMs: number;
}

/**
 * Makes what a session made last until `mkplan destroy`, as if `apply` had made it. Throws a Failure when the lock cannot
 * be had or the registry cannot be written.
 */
export async function makeLast(
  { lock, registry }: Pick<ApplyPorts, 'lock' | 'registry'>,
  { spec, doing, waitMs }: KeepOptions,
): Promise<void> {
  const held = await lock.acquire({ doing, waitMs, onWait: () => undefined });
  try {
    const claims = await registry.read();
    const isOwn = ({ owner }: (typeof claims)[number]) => owner.spec === spec && owner.mode === 'session';
    if (!claims.some(isOwn)) return;
    await registry.write(
      claims.map((claim) =>
        isOwn(claim) ? { ...claim, owner: { ...claim.owner, mode: 'persistent' } } : claim,
      ),
    );
  } finally {
    await held.release();
  }
}
