import { isDeepStrictEqual } from 'node:util';
import type { ServicePort } from '../../src/executor/services.ts';
import type { ServiceTarget } from '../../src/kubernetes/cluster.ts';
import type { AllocationRecord } from '../../src/model/allocation.ts';
import type { ServiceEvent, ServiceStatus } from '../../src/model/condition.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type { ObservedService } from '../../src/model/observed.ts';
import type { ObservedParticipant, Serving } from '../../src/model/participant.ts';
import type { AllocationChange } from '../../src/model/plan.ts';
import * as build from '../planner/build.ts';
import { Faults } from './faults.ts';

const RACED = {
  code: 'allocations-changed',
  severity: 'error',
  summary: 'somebody else allocated addresses meanwhile',
  cause: 'the record is another one',
  fix: 'run the command again',
} as const;

/** The Services of one cluster, with the API server's optimistic concurrency. */
export class FakeServices implements ServicePort {
  faults = new Faults();
  readonly #services = new Map<string, ObservedService>();
  /** By name: `refuse` or be `unreachable` before the write, or lose the `reply` after it. */
  readonly failing = new Map<string, 'refuse' | 'unreachable' | 'reply'>();
  /** Names of the Services that were to be written. */
  readonly asked: string[] = [];
  /** Thrown by `list`; null while the API server answers. */
  down: Error | null = null;

  add(name: string, ingress: readonly string[] = [], ingressManager = 'mkplan'): ObservedService {
    const service = build.service(name, {
      ingress,
      ingressManager: ingress.length === 0 ? null : ingressManager,
    });
    this.#services.set(name, service);
    return service;
  }

  /** Somebody else's write. */
  write(name: string, change: Partial<ObservedService>): void {
    const service = this.#services.get(name);
    if (service === undefined) throw new RangeError(name);
    this.#services.set(name, { ...service, resourceVersion: `${service.resourceVersion}1`, ...change });
  }

  delete(name: string): void {
    this.#services.delete(name);
  }

  condition(name: string): ObservedService['condition'] | undefined {
    return this.#services.get(name)?.condition;
  }

  ingress(name: string): readonly string[] | undefined {
    return this.#services.get(name)?.ingress;
  }

  /** As the cluster has them, whoever asks. */
  all(): readonly ObservedService[] {
    return [...this.#services.values()];
  }

  /** Profiles whose cluster was given up, in order. */
  readonly givenUp: string[] = [];

  giveUp(profile: string): void {
    this.givenUp.push(profile);
  }

  async list(): Promise<readonly ObservedService[]> {
    this.faults.step('services.list');
    if (this.down !== null) throw this.down;
    return [...this.#services.values()];
  }

  /** How often the record was written; `raced` times it is refused first, as changed by somebody else. */
  recorded = 0;
  record: AllocationRecord = { resourceVersion: null, allocations: [] };
  raced = 0;

  async writeAllocations({ after }: Pick<AllocationChange, 'after'>): Promise<void> {
    this.faults.step('services.writeAllocations');
    if (this.raced-- > 0) throw new Failure('stale', [RACED]);
    this.record = { resourceVersion: String(++this.recorded), allocations: after };
    this.faults.step('services.reply allocations');
  }

  /** What was said to the cluster of our Lease, in order; `lease` is thrown instead, once. */
  readonly leases: ('join' | 'announce' | 'leave')[] = [];
  lease: Error | null = null;
  /** What our Lease says that we serve. */
  #serves: readonly Serving[] | null = null;
  /** Our Lease, as long as it is there. */
  readonly participants: ObservedParticipant[] = [];

  async join(_profile: string, serves: readonly Serving[]): Promise<void> {
    this.#serves = serves;
    this.#say('join');
  }

  async announceLeaving(): Promise<void> {
    this.#say('announce');
  }

  async leave(): Promise<void> {
    this.#say('leave');
  }

  #say(what: 'join' | 'announce' | 'leave'): void {
    this.faults.step(`services.${what}`);
    const thrown = this.lease;
    this.lease = null;
    if (thrown !== null) throw thrown;
    this.leases.push(what);
    this.participants.splice(
      0,
      1,
      ...(what === 'leave' ? [] : [{ ...build.OWN, leaving: what === 'announce', serves: this.#serves }]),
    );
  }

  /** Events that were written: Service, its resourceVersion, reason. */
  readonly events: string[] = [];

  async createEvent(_profile: string, target: ServiceTarget, { reason }: ServiceEvent): Promise<void> {
    this.faults.step(`services.createEvent ${target.name}`);
    if (this.down !== null) throw this.down;
    this.events.push(`${target.name}@${target.resourceVersion} ${reason}`);
  }

  async applyStatus(_profile: string, target: ServiceTarget, status: ServiceStatus): Promise<string> {
    this.faults.step(`services.applyStatus ${target.name}`);
    this.asked.push(target.name);
    const failing = this.failing.get(target.name);
    this.failing.delete(target.name);
    const found = this.#services.get(target.name);
    if (failing === 'unreachable') throw refusal('connect ECONNREFUSED', 'cluster-unreachable');
    if (failing === 'refuse') throw refusal('HTTP status 500');
    if (found?.uid !== target.uid || found.resourceVersion !== target.resourceVersion) {
      throw new Failure('stale', refusal('HTTP status 409').diagnostics);
    }
    const { addresses, condition, taken, returned } = status;
    if (taken !== undefined) {
      if (!isDeepStrictEqual(found.ingress, taken.addresses))
        throw new Failure('stale', refusal('HTTP status 422').diagnostics);
      this.write(target.name, { ingress: [], ingressManager: null });
      this.faults.step(`services.taken ${target.name}`);
    }
    const lastTransitionTime = condition?.lastTransitionTime ?? NOW;
    const own = { ingress: addresses, ingressManager: addresses.length === 0 ? null : 'mkplan' };
    this.write(target.name, {
      ...(returned === undefined ? own : { ingress: returned.addresses, ingressManager: returned.manager }),
      condition: condition === null ? null : { ...condition, lastTransitionTime, manager: 'mkplan' },
    });
    if (failing === 'reply') throw refusal('no answer within 10000 ms');
    this.faults.step(`services.reply ${target.name}`);
    return this.#services.get(target.name)?.resourceVersion ?? '';
  }
}

/** Of every write. */
const NOW = '2026-01-01T00:00:00Z';

function refusal(summary: string, code = 'cluster-error'): Failure {
  return new Failure('error', [{ code, severity: 'error', summary, cause: summary, fix: 'Try again.' }]);
}
