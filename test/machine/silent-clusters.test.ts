import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServicePort } from '../../src/executor/services.ts';
import type { ApplyOutcome } from '../../src/machine/apply-ports.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type { Plan, ServiceStep } from '../../src/model/plan.ts';
import { create, planOf, route, serviceStep } from '../fakes/plans.ts';
import { FakeServices } from '../fakes/services.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { World } from '../fakes/world.ts';

const PROFILES = ['first', 'second'] as const;
const SERVICES = route('10.96.0.0/12');
/** What one call takes until its client gives it up, and what a cluster has for a phase beside its changes; milliseconds. */
const CALL_MS = 10_000;
const PHASE_MS = 10_000;
const CHANGE_MS = 100;
/** By how much the clock goes on at a time. */
const STEP_MS = 10;

/** Calls that write to a cluster. */
type Write = Exclude<keyof ServicePort, 'list' | 'giveUp'>;

/** How a cluster answers. */
interface Silence {
  /** Writes that are not answered. */
  readonly hangs?: readonly Write[];
  /** Whether what hangs is done all the same. */
  readonly isDone?: boolean;
  /** What each write takes; milliseconds. */
  readonly slowMs?: number;
  readonly lists?: 'hang';
}

function unanswered(): Failure {
  const words = { summary: 'no answer', cause: 'no answer', fix: 'wait' };
  return new Failure('error', [{ code: 'cluster-unreachable', severity: 'error', ...words }]);
}

/** A cluster of a profile that is silent in some way. */
class SilentCluster {
  readonly services = new FakeServices();
  readonly steps: ServiceStep[];
  readonly #silence: Silence;
  readonly #givenUp = new Set<() => void>();

  constructor(profile: string, count: number, silence: Silence) {
    this.#silence = silence;
    this.steps = Array.from({ length: count }, (_, index) => {
      const service = this.services.add(`${profile}-${index}`);
      return { ...serviceStep(service, [`10.200.0.${index + 1}`]), profile };
    });
  }

  giveUp(): void {
    for (const end of this.#givenUp) end();
  }

  async write<T>(what: Write, work: () => Promise<T>): Promise<T> {
    const { hangs, isDone, slowMs } = this.#silence;
    if (slowMs !== undefined) await this.#wait(slowMs);
    if (hangs?.includes(what) !== true) return await work();
    if (isDone === true) await work();
    await this.#wait(CALL_MS);
    throw unanswered();
  }

  async list(): ReturnType<ServicePort['list']> {
    if (this.#silence.lists === 'hang') {
      await this.#wait(CALL_MS);
      throw unanswered();
    }
    return await this.services.list();
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = () => {
        this.#givenUp.delete(end);
        clearTimeout(timer);
        reject(unanswered());
      };
      const timer = setTimeout(() => {
        this.#givenUp.delete(end);
        resolve();
      }, ms);
      this.#givenUp.add(end);
    });
  }
}

function portOf(clusters: Readonly<Record<string, SilentCluster>>): ServicePort {
  const of = (profile: string) => clusters[profile] ?? new SilentCluster(profile, 0, {});
  return {
    applyStatus: (profile, target, status) =>
      of(profile).write('applyStatus', () => of(profile).services.applyStatus(profile, target, status)),
    createEvent: (profile, target, event) =>
      of(profile).write('createEvent', () => of(profile).services.createEvent(profile, target, event)),
    writeAllocations: (change) =>
      of(change.profile).write('writeAllocations', () =>
        of(change.profile).services.writeAllocations(change),
      ),
    join: (profile, serves) => of(profile).write('join', () => of(profile).services.join(profile, serves)),
    announceLeaving: (profile) =>
      of(profile).write('announceLeaving', () => of(profile).services.announceLeaving()),
    leave: (profile) => of(profile).write('leave', () => of(profile).services.leave()),
    list: (profile) => of(profile).list(),
    giveUp: (profile) => of(profile).giveUp(),
  };
}

/** Applies a plan; how it ended, and how many milliseconds of the clock the lock was held. */
async function applied(
  plan: Plan,
  services: ServicePort,
): Promise<{ outcome: ApplyOutcome | Failure; heldMs: number; world: World }> {
  const world = new World(await temporaryDirectory());
  const begun = performance.now();
  let ended: ApplyOutcome | Failure | null = null;
  const run = world
    .applyWith({ ...world.ports(plan), services })
    .catch((thrown: unknown) => {
      if (!(thrown instanceof Failure)) throw thrown;
      return thrown;
    })
    .then((outcome) => {
      ended = outcome;
    });
  // Files are really written meanwhile, and the clock stands still for that: it goes on only where a cluster is waited for.
  while (ended === null) {
    await turn();
    if (vi.getTimerCount() > 0) await vi.advanceTimersByTimeAsync(STEP_MS);
  }
  await run;
  return { outcome: ended, heldMs: performance.now() - begun, world };
}

const COUNT = 60;

describe('a cluster that goes silent under the lock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function worldOf(silence: Silence, count = COUNT) {
    const clusters = Object.fromEntries(
      PROFILES.map((name) => [name, new SilentCluster(name, count, silence)]),
    ) as Readonly<Record<(typeof PROFILES)[number], SilentCluster>>;
    const steps = PROFILES.flatMap((name) => clusters[name].steps);
    const allocations = PROFILES.map((profile) => ({
      profile,
      before: { resourceVersion: null, allocations: [] },
      after: [],
    }));
    return { clusters, plan: planOf([create(SERVICES), ...steps], { allocations }) };
  }

  const ONE_PHASE_MS = PHASE_MS + COUNT * CHANGE_MS;
  /** What the steps of the clock may add. */
  const SLACK_MS = 1_000;

  it.each<[string, Silence, number]>([
    ['the writing of Services hangs', { hangs: ['applyStatus'] }, CALL_MS],
    ['it hangs, and was done all the same', { hangs: ['applyStatus'], isDone: true }, 2 * CALL_MS],
    ['it hangs, and nothing can be listed either', { hangs: ['applyStatus'], lists: 'hang' }, 2 * CALL_MS],
    ['every write takes two seconds', { slowMs: 2_000 }, ONE_PHASE_MS + PHASE_MS + COUNT * CHANGE_MS],
  ])('rolls back within one deadline a phase where %s', async (_, silence, boundMs) => {
    const { clusters, plan } = worldOf(silence);
    const { outcome, heldMs, world } = await applied(plan, portOf(clusters));
    expect(outcome).toMatchObject({ kind: expect.stringMatching(/^(rolled-back|residue)$/) });
    expect(heldMs).toBeLessThan(boundMs + SLACK_MS);
    expect(world.lock).toMatchObject({ taken: 1, released: 1 });
    expect(world.kernel.keys()).toEqual([]);
  });

  it('says it once for each profile, however many Services it is', async () => {
    const { clusters, plan } = worldOf({ hangs: ['applyStatus'] });
    const { outcome } = await applied(plan, portOf(clusters));
    if (outcome instanceof Failure) throw outcome;
    expect(outcome.kind).toBe('rolled-back');
    expect(outcome.diagnostics.map(({ code }) => code)).toEqual(PROFILES.map(() => 'cluster-unreachable'));
    expect(outcome.diagnostics.map(({ summary }) => summary)).toEqual(
      PROFILES.map((name) => `profile ${name}: ${COUNT} Services could not be written: no answer`),
    );
  });

  it('asks several clusters for their record side by side, and changes nothing where one is silent', async () => {
    const { clusters, plan } = worldOf({ hangs: ['writeAllocations'] });
    const { outcome, heldMs, world } = await applied(plan, portOf(clusters));
    expect(outcome).toBeInstanceOf(Failure);
    expect(heldMs).toBeLessThan(CALL_MS + SLACK_MS);
    expect(world.kernel.tried).toEqual([]);
  });

  it('serves a cluster whole that answers slowly, but in time', async () => {
    const { clusters, plan } = worldOf({ slowMs: 500 });
    const { outcome } = await applied(plan, portOf(clusters));
    expect(outcome).toMatchObject({ kind: 'done' });
  });

  it('sends nothing more to a cluster that was given up, and has it asked anew to undo', async () => {
    const { clusters, plan } = worldOf({ slowMs: 2_000 });
    const { outcome } = await applied(plan, portOf(clusters));
    if (outcome instanceof Failure) throw outcome;
    expect(outcome.kind).toBe('rolled-back');
    for (const name of PROFILES) {
      for (const { ingress } of clusters[name].services.all()) expect(ingress).toEqual([]);
    }
  });

  it('waits for Events that are not taken no longer than for anything else', async () => {
    const told = { events: [{ type: 'Normal', reason: 'IPAllocated', message: 'given' }] } as const;
    const { clusters } = worldOf({ hangs: ['createEvent'] });
    const steps = PROFILES.flatMap((name) => clusters[name].steps.map((step) => ({ ...step, ...told })));
    const { outcome, heldMs } = await applied(planOf([create(SERVICES), ...steps]), portOf(clusters));
    expect(outcome).toMatchObject({ kind: 'done' });
    expect(heldMs).toBeLessThan(CALL_MS + SLACK_MS);
  });
});
