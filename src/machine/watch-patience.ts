import type { ServicePort } from '../executor/services.ts';
import { type DesiredState, needsCluster } from '../model/desired.ts';
import { Failure } from '../model/diagnostic.ts';
import type { ObservedProfile, ObservedState } from '../model/observed.ts';
import type { Clock, WatchPorts } from './watch-ports.ts';

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

  /** A snapshot in which silent clusters, and those that do not answer in time, are ones that cannot be reached. */
  async observe(desired: DesiredState, observe: WatchPorts['observe']): Promise<ObservedState> {
    const asked = desired.profiles.filter(({ name }) => !this.#silent.has(name));
    const silent = [...this.#silent].map(unobserved);
    const patience = new AbortController();
    const end = new AbortController();
    void this.#clock.wait(LEAVING_MS, end.signal).then(() => patience.abort(tooSlow('a cluster')));
    try {
      const observed = await observe(
        { ...desired, profiles: asked },
        new AbortController().signal,
        patience.signal,
      );
      if (patience.signal.aborted) this.#noteUnobserved({ ...desired, profiles: asked }, observed);
      return { ...observed, profiles: [...observed.profiles, ...silent] };
    } finally {
      end.abort();
    }
  }

  #noteUnobserved(desired: DesiredState, { profiles }: ObservedState): void {
    const seen = new Set(profiles.filter(({ cluster }) => cluster !== null).map(({ name }) => name));
    for (const profile of desired.profiles) {
      if (needsCluster(profile) && !seen.has(profile.name)) this.#silent.add(profile.name);
    }
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

function unobserved(name: string): ObservedProfile {
  const problems = [`its cluster did not answer within ${LEAVING_MS / 1000} s`];
  return { name, config: null, minikubeIp: null, context: null, cluster: null, problems };
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
