import type { AllocationRecord } from '../../src/model/allocation.ts';
import type { ServiceStatus } from '../../src/model/condition.ts';
import type { ObservedService } from '../../src/model/observed.ts';
import type { ObservedParticipant } from '../../src/model/participant.ts';
import * as build from './build.ts';
import { shownCondition } from './simulate.ts';

/** An API server as far as addresses go: optimistic concurrency, and one owner of an ingress. */
export class Api {
  readonly services = new Map<string, ObservedService>();
  record: AllocationRecord = { resourceVersion: null, allocations: [] };
  /** Leases, by name. */
  readonly leases = new Map<string, Pick<ObservedParticipant, 'leaving' | 'live' | 'serves'>>();
  #version = 0;

  next(): string {
    return String(++this.#version);
  }

  put(name: string, change: Partial<ObservedService>): void {
    const known = this.services.get(name) ?? build.service(name, { uid: `uid-${this.next()}` });
    this.services.set(name, { ...known, ...change, resourceVersion: this.next() });
  }

  /** Compare-and-swap; false for whoever saw another record. */
  swap(before: AllocationRecord, after: AllocationRecord['allocations']): boolean {
    if (before.resourceVersion !== this.record.resourceVersion) return false;
    this.record = { resourceVersion: this.next(), allocations: after };
    return true;
  }

  /** Server-side apply by mkplan, not forced, with uid and resourceVersion; false when refused. */
  apply(name: string, uid: string, resourceVersion: string, status: ServiceStatus): boolean {
    const { addresses: ingress, condition } = status;
    const service = this.services.get(name);
    if (service === undefined || service.uid !== uid || service.resourceVersion !== resourceVersion)
      return false;
    const isForeign = service.ingress.length > 0 && service.ingressManager !== 'mkplan';
    if (isForeign && ingress.length > 0) return false;
    const own = isForeign ? {} : { ingress, ingressManager: ingress.length > 0 ? 'mkplan' : null };
    this.put(name, { ...own, condition: shownCondition(condition) });
    return true;
  }

  /** As the tunnel with the Lease `self` observes them. */
  participants(self: string): ObservedParticipant[] {
    return [...this.leases].map(([name, lease]) => ({ name, holder: name, own: name === self, ...lease }));
  }
}
