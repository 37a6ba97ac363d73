import type { ServicePort } from '../../executor/services.ts';
import { Failure } from '../../model/diagnostic.ts';
import type { Clock } from './ports.ts';

/** How long leaving waits for a cluster before that counts as out of reach: by then an API server had time to answer. */
const LEAVING_MS = 10_000;

/**
 * How long a session that leaves waits for clusters. All of them are asked at the same time, and one that did not answer
 * in time is asked for nothing more: however many hang, they cost what one does.
 */
export class Patience {
  readonly #clock: Clock;
  /** Profiles whose cluster did not answer in time. */
  readonly #silent = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Profiles whose cluster did not answer in time. */
  get silent(): ReadonlySet<string> {
    return this.#silent;
  }

  /** Waits for something that never rejects, no longer than patience lasts. Says whether it ended. */
  async until(work: Promise<unknown>): Promise<boolean> {
    const ended = new AbortController();
    const isOver = this.#clock.wait(LEAVING_MS, ended.signal).then(() => ended.signal.aborted);
    const done = work.then(() => {
      ended.abort();
      return true;
    });
    return await Promise.race([done, isOver]);
  }

  /** Waits for a cluster; one that takes longer than patience lasts is silent from then on. */
  async untilIdle(profile: string, work: Promise<unknown>): Promise<void> {
    if (!(await this.until(work))) this.#silent.add(profile);
  }

  /** The same clusters; a call that is not answered in time fails, whatever becomes of it later. */
  with(services: ServicePort): ServicePort {
    return {
      applyStatus: (profile, target, status) =>
        this.#ask(profile, () => services.applyStatus(profile, target, status)),
      createEvent: (profile, target, event) => services.createEvent(profile, target, event),
      list: (profile) => this.#ask(profile, () => services.list(profile)),
      writeAllocations: (change) => this.#ask(change.profile, () => services.writeAllocations(change)),
      join: (profile, serves) => this.#ask(profile, () => services.join(profile, serves)),
      announceLeaving: (profile) => this.#ask(profile, () => services.announceLeaving(profile)),
      giveUp: (profile) => services.giveUp(profile),
      leave: (profile) => this.#ask(profile, () => services.leave(profile)),
    };
  }

  /** Throws a Failure when no answer came in time, and at once where none did before. */
  async #ask<T>(profile: string, call: () => Promise<T>): Promise<T> {
    if (this.#silent.has(profile)) throw tooSlow(`the cluster of profile ${profile}`);
    const answered = new AbortController();
    const end = this.#clock.wait(LEAVING_MS, answered.signal).then(() => {
      if (!answered.signal.aborted) this.#silent.add(profile);
      throw tooSlow(`the cluster of profile ${profile}`);
    });
    try {
      return await Promise.race([call(), end]);
    } finally {
      answered.abort();
    }
  }
}

function tooSlow(who: string): Failure {
  return new Failure('error', [
    {
      code: 'cluster-slow',
      severity: 'error',
      summary: `${who} did not answer while the session was leaving`,
      cause: `nothing came within ${LEAVING_MS / 1000} s`,
      fix: '',
    },
  ]);
}
