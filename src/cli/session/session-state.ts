import { type DesiredProfile, needsCluster } from '../../model/desired.ts';
import type { Diagnostic } from '../../model/diagnostic.ts';
import type { PassResult, WatchEvent, WatchState } from '../../model/event.ts';
import type { ObservedProfile } from '../../model/observed.ts';
import type { Plan } from '../../model/plan.ts';

/** A moment by both clocks: the first is for people, the second never jumps. */
export interface Moment {
  /** Milliseconds since the epoch. */
  readonly epochMs: number;
  /** Milliseconds of a clock that never goes back. */
  readonly steadyMs: number;
}

/** What was observed, and what is to be done about it: told by every pass that found anything new. */
export interface PlannedEvent {
  readonly type: 'session.planned';
  readonly plan: Plan;
  readonly profiles: readonly ProfileAnswer[];
}

/** Everything that a session's state follows from. */
export type SessionEvent = WatchEvent | PlannedEvent;

/** Whether the cluster of a profile answered; null where the profile needs none. */
export interface ProfileAnswer {
  readonly name: string;
  readonly answers: boolean | null;
}

/** Which facts may have changed since they were read. */
export interface Doubt {
  readonly routes: boolean;
  readonly services: boolean;
}

/** What a session is at. Everything that tells others of it derives from this one value. */
export interface SessionState {
  readonly state: WatchState;
  readonly lastPass: { readonly at: Moment; readonly result: PassResult } | null;
  readonly lastSuccess: Moment | null;
  /** Passes that ended, by what they came to. */
  readonly passes: Readonly<Record<PassResult, number>>;
  /** Changes of routes and Services. */
  readonly changes: { readonly done: number; readonly failed: number };
  /** What is set aside for now, and why. */
  readonly held: ReadonlyMap<string, string>;
  /** Since when each of these has been: what is known of it has been stale since then. */
  readonly heldSince: ReadonlyMap<string, Moment>;
  /** Why the last pass failed; empty where it did not. */
  readonly failure: readonly Diagnostic[];
  /** Why the spec cannot be used as it is now; empty where it can. */
  readonly specProblem: readonly Diagnostic[];
  /** Profiles of the spec, as the last plan found them. */
  readonly profiles: readonly ProfileAnswer[];
  readonly plan: Plan | null;
  /** What was heard of since the facts were read; `reading` is what the pass under way looks at again. */
  readonly heard: Doubt;
  readonly reading: Doubt;
  /** Whether the spec may have changed: since it was read, and as the pass under way reads it. */
  readonly spec: { readonly heard: boolean; readonly reading: boolean };
  /** What people were told, and still holds. */
  readonly told: Told;
  /** What the last event tells people: nothing where they were told the same before, and it still holds. */
  readonly news: readonly WatchEvent[];
}

/** What people were told of a session, by which news are told from repeats. */
export interface Told {
  /** Why a pass failed, and why the spec cannot be used; null where that is over. */
  readonly failure: string | null;
  readonly specProblem: string | null;
  /** What is set aside, and why. */
  readonly held: ReadonlyMap<string, string>;
}

/** What a session comes to between two passes. */
export const RESTING: ReadonlySet<WatchState> = new Set(['idle', 'fighting', 'suspended']);

const NOTHING: Doubt = { routes: false, services: false };
const EVERYTHING: Doubt = { routes: true, services: true };

/** A session before it has read anything. */
export const NEW_SESSION: SessionState = {
  state: 'settling',
  lastPass: null,
  lastSuccess: null,
  passes: { success: 0, suspended: 0, failure: 0 },
  changes: { done: 0, failed: 0 },
  held: new Map(),
  heldSince: new Map(),
  failure: [],
  specProblem: [],
  profiles: [],
  plan: null,
  heard: EVERYTHING,
  reading: NOTHING,
  spec: { heard: false, reading: false },
  told: { failure: null, specProblem: null, held: new Map() },
  news: [],
};

/** The state after an event that came at a moment. Pure: equal input gives an equal state. */
export function reduceSession(session: SessionState, event: SessionEvent, at: Moment): SessionState {
  const next = stateAfter(session, event, at);
  return { ...next, ...toldOf(next, event) };
}

function stateAfter(session: SessionState, event: SessionEvent, at: Moment): SessionState {
  switch (event.type) {
    case 'session.planned':
      return { ...session, plan: event.plan, profiles: event.profiles, reading: NOTHING };
    case 'watch.trigger':
      return hearOf(session, event.source);
    case 'watch.state':
      return enter(session, event.state);
    case 'watch.pass':
      return endPass(session, event, at);
    case 'watch.spec-invalid':
      return { ...session, specProblem: event.diagnostics, spec: { ...session.spec, reading: false } };
    case 'watch.held':
      return {
        ...session,
        held: new Map(session.held).set(event.what, event.why),
        heldSince: new Map([[event.what, at], ...session.heldSince]),
      };
    case 'watch.released':
      return {
        ...session,
        held: without(session.held, event.what),
        heldSince: without(session.heldSince, event.what),
      };
    case 'change.done':
      return { ...session, changes: { ...session.changes, done: session.changes.done + 1 } };
    case 'change.failed':
      return { ...session, changes: { ...session.changes, failed: session.changes.failed + 1 } };
    default:
      return session;
  }
}

/** What an event tells people of a session that is in this state after it. */
function toldOf(session: SessionState, event: SessionEvent): Pick<SessionState, 'told' | 'news'> {
  const { told, held, specProblem } = session;
  switch (event.type) {
    // Told with what comes of it.
    case 'session.planned':
    // Told once the pass has ended: a second attempt may fail as well.
    case 'watch.held':
    case 'watch.released':
      return { told, news: [] };
    case 'watch.pass': {
      const problem = specProblem.length === 0 ? null : told.specProblem;
      return { told: { ...told, held, specProblem: problem }, news: heldNews(told.held, held) };
    }
    case 'watch.state':
      return { told: RESTING.has(event.state) ? { ...told, failure: null } : told, news: [event] };
    case 'watch.failed': {
      const failure = JSON.stringify(event.diagnostics);
      return { told: { ...told, failure }, news: failure === told.failure ? [] : [event] };
    }
    // An editor may save the same text several times.
    case 'watch.spec-invalid': {
      const problem = JSON.stringify(event.diagnostics);
      return {
        told: { ...told, specProblem: problem },
        news: problem === told.specProblem ? [] : [event],
      };
    }
    default:
      return { told, news: [event] };
  }
}

/**
 * What became set aside, and what no longer is, since people were told so last. Something that is tried again and fails
 * for the same reason is no news, whatever happened to it within the pass.
 */
function heldNews(told: ReadonlyMap<string, string>, held: ReadonlyMap<string, string>): WatchEvent[] {
  return [
    ...[...held]
      .filter(([what, why]) => told.get(what) !== why)
      .map(([what, why]) => ({ type: 'watch.held' as const, what, why })),
    ...[...told.keys()]
      .filter((what) => !held.has(what))
      .map((what) => ({ type: 'watch.released' as const, what })),
  ];
}

function without<V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> {
  return new Map([...map].filter(([one]) => one !== key));
}

function either(one: Doubt, other: Doubt): Doubt {
  return { routes: one.routes || other.routes, services: one.services || other.services };
}

/** A hint: what it may be about counts as unknown until it has been read again. */
function hearOf(session: SessionState, source: string): SessionState {
  const hint = source === 'kernel' || source === 'cluster' ? ONE_SOURCE[source] : EVERYTHING;
  const isOfSpec = source === 'spec' || source === 'asked';
  const spec = isOfSpec ? { ...session.spec, heard: true } : session.spec;
  return { ...session, heard: either(session.heard, hint), spec };
}

const ONE_SOURCE = {
  kernel: { routes: true, services: false },
  cluster: { routes: false, services: true },
} as const;

function enter(session: SessionState, state: WatchState): SessionState {
  if (state !== 'reconciling') return { ...session, state };
  const { heard, reading, spec } = session;
  return {
    ...session,
    state,
    heard: NOTHING,
    reading: either(heard, reading),
    spec: { heard: false, reading: spec.heard || spec.reading },
  };
}

function endPass(
  session: SessionState,
  { result, diagnostics }: WatchEvent & { type: 'watch.pass' },
  at: Moment,
): SessionState {
  const { passes, spec, specProblem } = session;
  const ended = {
    ...session,
    lastPass: { at, result },
    passes: { ...passes, [result]: passes[result] + 1 },
    failure: diagnostics,
  };
  // What a pass was to read it has read only if it did not fail.
  if (result === 'failure') return { ...ended, reading: EVERYTHING };
  return {
    ...ended,
    lastSuccess: result === 'success' ? at : session.lastSuccess,
    reading: NOTHING,
    specProblem: spec.reading ? [] : specProblem,
    spec: { ...spec, reading: false },
  };
}

/** What may differ by now from what was read last. */
export function doubtOf({ heard, reading }: SessionState): Doubt {
  return either(heard, reading);
}

/** Whether each profile's cluster answered. */
export function answersOf(
  desired: readonly DesiredProfile[],
  observed: readonly ObservedProfile[],
): ProfileAnswer[] {
  return desired.map((profile) => ({
    name: profile.name,
    answers: needsCluster(profile)
      ? observed.some(({ name, cluster }) => name === profile.name && cluster !== null)
      : null,
  }));
}
