import type { Right } from '../model/observed.ts';
import type { ObservedParticipant, Participant } from '../model/participant.ts';
import type { ApiClient } from './client/http.ts';
import type { Joining } from './cluster.ts';
import { deleteLease, joinLease, LeaseJudge, markLeaving, readParticipants, reviewLease } from './leases.ts';
import { MissingRights } from './rights.ts';

/** Who is in a cluster, and which of the rights to know and to say so are missing. */
export interface Present {
  /** Null where it may not be read. */
  readonly participants: readonly ObservedParticipant[] | null;
  readonly missingRights: readonly Right[];
}

/**
 * How long a watched cluster's answer is believed. Nobody clears because of an old one: whoever leaves says so first, and
 * what was read before own writes is forgotten with them.
 */
const KNOWN_MS = 10_000;

/** What was read, by whom, when (milliseconds that never go backwards), and after how many writes of our own. */
interface Answer {
  readonly self: string | null;
  readonly at: number;
  readonly writes: number;
  readonly present: Present;
}

/** The tunnels in one cluster, as one client of it knows them. */
export class Participants {
  readonly #api: ApiClient;
  readonly #judge = new LeaseJudge({ wall: () => Date.now(), monotonic: () => performance.now() });
  #last: Answer | null = null;
  /** Counts our own writes: what was read while one was made may be older than it. */
  #writes = 0;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** As the API server says now, the same value as long as that has not changed; `self` is the name of our own Lease. */
  async read(self: string | null, signal?: AbortSignal): Promise<Present> {
    const writes = this.#writes;
    const rights = new MissingRights();
    const participants = await readParticipants(this.#api, this.#judge, rights, { self, signal });
    await reviewLease(this.#api, participants, rights, signal);
    const read: Present = { participants, missingRights: rights.list() };
    const last = this.#last?.present;
    const present = last !== undefined && JSON.stringify(last) === JSON.stringify(read) ? last : read;
    this.#last = { self, at: performance.now(), writes, present };
    return present;
  }

  /** As the API server said a moment ago. */
  async recall(self: string | null, signal?: AbortSignal): Promise<Present> {
    const last = this.#last;
    if (last === null || last.self !== self || last.writes !== this.#writes)
      return await this.read(self, signal);
    return performance.now() - last.at < KNOWN_MS ? last.present : await this.read(self, signal);
  }

  async join(self: Joining): Promise<void> {
    await this.#writing(joinLease(this.#api, Date.now, self));
  }

  async announceLeaving(self: Participant): Promise<void> {
    await this.#writing(markLeaving(this.#api, Date.now, self));
  }

  async leave(name: string): Promise<void> {
    await this.#writing(deleteLease(this.#api, name));
  }

  async #writing(work: Promise<void>): Promise<void> {
    try {
      await work;
    } finally {
      this.#writes++;
    }
  }
}
