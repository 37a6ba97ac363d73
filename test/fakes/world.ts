import type { ApplyOptions, ApplyOutcome, ApplyPorts } from '../../src/machine/apply-ports.ts';
import { recover, runApply } from '../../src/machine/run.ts';
import type { Claim } from '../../src/model/claim.ts';
import { claimKey } from '../../src/model/claim.ts';
import type { RunEvent } from '../../src/model/event.ts';
import type { Plan } from '../../src/model/plan.ts';
import type { Route } from '../../src/model/route.ts';
import { createRegistry } from '../../src/registry/claims-file.ts';
import { createJournal } from '../../src/registry/journal-file.ts';
import type { Lock } from '../../src/registry/registry.ts';
import { Faults } from './faults.ts';
import { FakeKernel } from './kernel.ts';
import { OWNER } from './plans.ts';
import { FakeServices } from './services.ts';

/** A lock that is always free; how often it was taken and let go. */
class FreeLock implements Lock {
  taken = 0;
  released = 0;

  async acquire(): Promise<{ release(): Promise<void> }> {
    this.taken++;
    return {
      release: async () => {
        this.released++;
      },
    };
  }
}

/** A host and a cluster that outlive the processes working on them: fakes, but for the files. */
export class World {
  readonly kernel: FakeKernel;
  readonly services = new FakeServices();
  readonly lock = new FreeLock();
  readonly events: RunEvent[] = [];
  /** Milliseconds since boot. */
  uptimeMs = 1_000_000;
  readonly dir: string;

  constructor(dir: string, routes: readonly Route[] = []) {
    this.dir = dir;
    this.kernel = new FakeKernel(routes);
  }

  /** The ports of a new process. */
  ports(plan: Plan, faults = new Faults()): ApplyPorts {
    this.kernel.faults = faults;
    this.services.faults = faults;
    let count = 0;
    return {
      lock: this.lock,
      journal: faults.wrap('journal', createJournal(this.dir)),
      registry: faults.wrap('registry', createRegistry(this.dir)),
      routeTable: this.kernel,
      routeChanger: this.kernel,
      services: this.services,
      servicesIn: () => this.services,
      uptimeMs: () => this.uptimeMs,
      observe: async () => {
        faults.step('observe');
        return plan;
      },
      now: () => new Date('2026-01-01T00:00:00Z'),
      txid: () => `tx-${++count}`,
      owner: async () => OWNER,
    };
  }

  apply(plan: Plan, options: Partial<ApplyOptions> = {}, faults?: Faults): Promise<ApplyOutcome> {
    return this.applyWith(this.ports(plan, faults), options);
  }

  applyWith(ports: ApplyPorts, options: Partial<ApplyOptions> = {}): Promise<ApplyOutcome> {
    const { signal = new AbortController().signal, ...rest } = options;
    return runApply(
      ports,
      {
        fingerprint: null,
        approve: () => null,
        waitMs: 0,
        doing: 'apply',
        signal,
        confirmation: null,
        ...rest,
      },
      (event) => this.events.push(event),
    );
  }

  recover(plan: Plan, faults?: Faults) {
    return recover(this.ports(plan, faults), (event) => this.events.push(event));
  }

  claims(): Promise<readonly Claim[]> {
    return createRegistry(this.dir).read();
  }

  open() {
    return createJournal(this.dir).open();
  }

  async claim(...routes: readonly Route[]): Promise<void> {
    await createRegistry(this.dir).write(
      routes.map((route) => ({
        profile: 'minikube',
        purpose: 'services',
        route,
        owner: OWNER,
        created: '2025-01-01T00:00:00.000Z',
      })),
    );
  }

  /** Everything that a transaction may change, comparable. */
  async state(): Promise<{ routes: string[]; claims: string[] }> {
    const claims = (await this.claims()).map(claimKey);
    return { routes: this.kernel.keys(), claims: claims.sort((a, b) => (a < b ? -1 : 1)) };
  }

  types(): string[] {
    return this.events.map(({ type }) => type);
  }
}
