import type { ServicePort } from '../../executor/services.ts';
import type { Cluster, Joining } from '../../kubernetes/cluster.ts';
import type { Owner } from '../../model/claim.ts';
import type { Participant, Serving } from '../../model/participant.ts';

/** A Lease of a session holds 40 seconds, so three renewals may get lost. */
const RENEW_MS = 10_000;

/** What a tunnel's Leases are made with. */
export interface LeaseAdapters {
  readonly mode: Owner['mode'];
  readonly self: () => Promise<Participant>;
  /** The cluster of a profile by that name. */
  readonly cluster: (profile: string) => Promise<Cluster>;
}

/** Renewals of one Lease: one at a time, until stopped. */
class Renewals {
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> = Promise.resolve();

  constructor(renew: () => Promise<void>) {
    this.#timer = setInterval(() => {
      // The next one comes soon. Should none get through, the session finds its Lease to have run out, and joins again.
      this.#running = this.#running.then(renew).catch(() => undefined);
    }, RENEW_MS);
    this.#timer.unref();
  }

  /** No other one begins. */
  end(): void {
    clearInterval(this.#timer);
  }

  /** Once this is over none is under way any more. */
  async stop(): Promise<void> {
    this.end();
    await this.#running;
  }
}

/** The Leases of one tunnel, by profile; those of a session are renewed until it leaves. */
export class TunnelLeases implements Pick<ServicePort, 'join' | 'announceLeaving' | 'leave'> {
  readonly #adapters: LeaseAdapters;
  readonly #renewed = new Map<string, { renewals: Renewals; serves: readonly Serving[] }>();

  constructor(adapters: LeaseAdapters) {
    this.#adapters = adapters;
  }

  async join(profile: string, serves: readonly Serving[]): Promise<void> {
    const { mode } = this.#adapters;
    // A renewal would say what was served before.
    await this.#stopRenewing(profile);
    await this.#join(profile, { mode, serves });
    if (mode === 'persistent') return;
    const renewals = new Renewals(() => this.#join(profile, { mode, serves }));
    this.#renewed.set(profile, { renewals, serves });
  }

  async announceLeaving(profile: string): Promise<void> {
    // A renewal takes back what is announced.
    await this.#stopRenewing(profile);
    const { cluster, self } = this.#adapters;
    await (await cluster(profile)).announceLeaving(await self());
  }

  async leave(profile: string): Promise<void> {
    const { cluster, self } = this.#adapters;
    await (await cluster(profile)).leave((await self()).name);
  }

  /** Has what this session joined hold until it is removed: nobody renews it from now on. Throws a Failure. */
  async keep(): Promise<void> {
    for (const [profile, { serves }] of [...this.#renewed]) {
      await this.#stopRenewing(profile);
      await this.#join(profile, { mode: 'persistent', serves });
    }
  }

  /** Ends renewals that are left, without waiting for one that is under way; their Leases run out. */
  close(): void {
    for (const { renewals } of this.#renewed.values()) renewals.end();
    this.#renewed.clear();
  }

  async #join(profile: string, as: Pick<Joining, 'mode' | 'serves'>): Promise<void> {
    const { cluster, self } = this.#adapters;
    await (await cluster(profile)).join({ ...(await self()), ...as });
  }

  async #stopRenewing(profile: string): Promise<void> {
    await this.#renewed.get(profile)?.renewals.stop();
    this.#renewed.delete(profile);
  }
}
