import { setImmediate } from 'node:timers/promises';
import type { AllocationRecord } from '../../src/model/allocation.ts';
import type { ServiceStatus } from '../../src/model/condition.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type { ClusterIdentity, ObservedProfile, ObservedService } from '../../src/model/observed.ts';
import type { ObservedParticipant, Serving } from '../../src/model/participant.ts';
import * as build from '../planner/build.ts';
import { shownCondition } from '../planner/simulate.ts';

export const failure = (code: string, summary: string, kind: 'error' | 'stale' = 'error') =>
  new Failure(kind, [{ code, severity: 'error', summary, cause: summary, fix: 'Try again.' }]);

/** A cluster of one node with an API server that refuses, is slow, is out of reach, and moves when a test says so. */
export class WatchedCluster {
  readonly services = new Map<string, ObservedService>();
  record: AllocationRecord = { resourceVersion: null, allocations: [] };
  /** The address of its VM. */
  vm: string = build.VM;
  #reach: 'up' | 'down' | 'mute' | 'hangs' = 'up';
  readonly #waiting: (() => void)[] = [];
  /** What tells it from others, also under another name; null where that may not be read. */
  identity: ClusterIdentity | null = null;
  /** How often it was asked for something, and gave no answer. */
  unanswered = 0;
  /** Turns of the event loop that each write takes. */
  slowness = 0;
  /** How many of the next writes meet an object that somebody else has just changed. */
  overtaken = 0;
  /** Names of Services whose every write fails. */
  readonly refusing = new Set<string>();
  /** How often the record of allocations is refused, as changed by somebody else or else. */
  recordRefusals: { left: number; stale: boolean } = { left: 0, stale: false };
  /** Our Lease, as long as it is there, and what was said of it; `leaseRefusals` times it is refused. */
  readonly participants: ObservedParticipant[] = [];
  readonly leases: ('join' | 'announce' | 'leave')[] = [];
  leaseRefusals = 0;
  /** Leases of other tunnels. */
  readonly others: ObservedParticipant[] = [];
  /** What our Lease says that we serve. */
  #serves: readonly Serving[] | null = null;
  #version = 1;

  /**
   * One that is `mute` answers no write, and is still known from memory; one that `hangs` cannot be observed, either. Both
   * answer once they are back, however late that is.
   */
  get reach(): 'up' | 'down' | 'mute' | 'hangs' {
    return this.#reach;
  }

  set reach(reach: 'up' | 'down' | 'mute' | 'hangs') {
    this.#reach = reach;
    for (const go of this.#waiting.splice(0)) go();
  }

  next(): string {
    return String(++this.#version);
  }

  observed(name: string): ObservedProfile {
    const { vm } = this;
    const isReached = this.reach === 'up' || this.reach === 'mute';
    const seen = build.observedProfile({
      name,
      minikubeIp: isReached ? vm : null,
      context: {
        name,
        server: `https://${name}.test:8443`,
        fromMinikube: true,
        answeredAt: isReached ? vm : null,
        program: null,
        proxy: null,
      },
      cluster: build.cluster({
        nodes: [build.node('minikube', [vm], ['10.244.0.0/24'])],
        services: [...this.services.values()],
        allocations: this.record,
        participants: [...this.participants, ...this.others],
        identity: this.identity,
      }),
    });
    return isReached ? seen : { ...seen, cluster: null };
  }

  async applyStatus(
    target: { readonly name: string; readonly resourceVersion: string },
    { addresses, condition }: ServiceStatus,
  ): Promise<string> {
    await this.#answer();
    const found = this.services.get(target.name);
    if (this.refusing.has(target.name)) throw failure('cluster-error', 'HTTP status 500');
    if (found?.resourceVersion !== target.resourceVersion || this.overtaken-- > 0)
      throw failure('service-changed', 'HTTP status 409', 'stale');
    const resourceVersion = this.next();
    this.services.set(target.name, {
      ...found,
      resourceVersion,
      ingress: addresses,
      ingressManager: addresses.length === 0 ? null : 'mkplan',
      condition: shownCondition(condition),
    });
    return resourceVersion;
  }

  async say(what: 'join' | 'announce' | 'leave', serves = this.#serves): Promise<void> {
    await this.#answer();
    if (this.leaseRefusals-- > 0) throw failure('cluster-error', 'the Lease was refused');
    this.#serves = serves;
    this.leases.push(what);
    this.participants.splice(
      0,
      1,
      ...(what === 'leave' ? [] : [{ ...build.OWN, leaving: what === 'announce', serves }]),
    );
  }

  async writeAllocations(before: AllocationRecord, after: AllocationRecord['allocations']): Promise<void> {
    await this.#answer();
    const { stale } = this.recordRefusals;
    if (this.recordRefusals.left-- > 0)
      throw failure('allocations-changed', 'the record was refused', stale ? 'stale' : 'error');
    if (before.resourceVersion !== this.record.resourceVersion)
      throw failure('allocations-changed', 'the record has changed', 'stale');
    this.record = { resourceVersion: this.next(), allocations: after };
  }

  async #answer(): Promise<void> {
    for (let turn = 0; turn < this.slowness; turn++) await setImmediate();
    while (this.reach === 'mute' || this.reach === 'hangs') {
      this.unanswered++;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.reach === 'down') throw failure('cluster-unreachable', 'ECONNREFUSED');
  }
}
