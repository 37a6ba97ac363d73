import type { ServicePort } from '../../src/executor/services.ts';
import type { ServiceTarget } from '../../src/kubernetes/cluster.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type { ObservedService } from '../../src/model/observed.ts';
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
  /** By name: `refuse` before the write, or lose the `reply` after it. */
  readonly failing = new Map<string, 'refuse' | 'reply'>();
  /** Thrown by `list`; null while the API server answers. */
  down: Error | null = null;

  add(name: string, ingress: readonly string[] = []): ObservedService {
    const service = build.service(name, {
      ingress,
      ingressManager: ingress.length === 0 ? null : 'mkplan',
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

  ingress(name: string): readonly string[] | undefined {
    return this.#services.get(name)?.ingress;
  }

  async list(): Promise<readonly ObservedService[]> {
    if (this.down !== null) throw this.down;
    return [...this.#services.values()];
  }

  /** How often the record was written; `raced` times it is refused first, as changed by somebody else. */
  recorded = 0;
  raced = 0;

  async writeAllocations(): Promise<void> {
    this.faults.step('services.writeAllocations');
    if (this.raced-- > 0) throw new Failure('stale', [RACED]);
    this.recorded++;
  }

  async setIngress(_profile: string, target: ServiceTarget, addresses: readonly string[]): Promise<string> {
    this.faults.step(`services.setIngress ${target.name}`);
    const failing = this.failing.get(target.name);
    this.failing.delete(target.name);
    const found = this.#services.get(target.name);
    if (failing === 'refuse') throw refusal('HTTP status 500');
    if (found?.uid !== target.uid || found.resourceVersion !== target.resourceVersion) {
      throw refusal('HTTP status 409');
    }
    this.write(target.name, { ingress: addresses });
    if (failing === 'reply') throw refusal('no answer within 10000 ms');
    this.faults.step(`services.reply ${target.name}`);
    return this.#services.get(target.name)?.resourceVersion ?? '';
  }
}

function refusal(summary: string): Failure {
  return new Failure('error', [
    { code: 'cluster-error', severity: 'error', summary, cause: summary, fix: 'Try again.' },
  ]);
}
