import type { Diagnostic } from './diagnostic.ts';
import type { Change, Plan, Step } from './plan.ts';

/** Everything that happens while a plan is applied. Emitted by executor and machine, printed by the CLI alone. */
export type RunEvent =
  | { readonly type: 'lock.waiting'; readonly holder: string }
  | { readonly type: 'lock.acquired' }
  | {
      readonly type: 'recovered';
      readonly txid: string;
      readonly direction: 'forward' | 'back';
      readonly changes: number;
      /** What was neither before nor after, and so was left. */
      readonly left: readonly string[];
    }
  | { readonly type: 'transaction.started'; readonly txid: string; readonly changes: number }
  | {
      readonly type: 'wave.started';
      readonly txid: string;
      readonly wave: number;
      readonly waves: number;
      readonly changes: number;
    }
  | { readonly type: 'change.done'; readonly txid: string; readonly change: Change; readonly step: Step }
  | {
      readonly type: 'change.failed';
      readonly txid: string;
      readonly change: Change;
      readonly step: Step;
      readonly diagnostic: Diagnostic;
    }
  | { readonly type: 'verifying'; readonly txid: string; readonly routes: number }
  | { readonly type: 'rollback.started'; readonly txid: string; readonly changes: number }
  | { readonly type: 'rollback.done'; readonly txid: string; readonly left: readonly string[] }
  /** Everything is made and verified; undone unless it is confirmed within so many milliseconds. */
  | { readonly type: 'awaiting'; readonly txid: string; readonly withinMs: number }
  | { readonly type: 'committed'; readonly txid: string }
  /** Something that was not done once it was committed, and that nothing depends on. */
  | { readonly type: 'warning'; readonly txid: string; readonly diagnostic: Diagnostic };

/** Where events go. */
export type EmitRunEvent = (event: RunEvent) => void;

/** What a session can be at, as the watch machine calls it. */
export const WATCH_STATES = [
  'settling',
  'reconciling',
  'asking',
  'idle',
  'fighting',
  'suspended',
  'backingOff',
  'stopping',
  'stopped',
] as const;

export type WatchState = (typeof WATCH_STATES)[number];

/** What a pass came to; `suspended` is one in which no profile could be served. */
export const PASS_RESULTS = ['success', 'suspended', 'failure'] as const;

export type PassResult = (typeof PASS_RESULTS)[number];

/** Everything that happens while a tunnel is watched, beside what happens in each of its transactions. */
export type WatchEvent =
  | RunEvent
  /** The session rests, works, or ends. */
  | { readonly type: 'watch.state'; readonly state: WatchState }
  /** Why there will be another pass: for people. */
  | { readonly type: 'watch.trigger'; readonly source: string }
  /** What a pass found; emitted where it differs from the one before. */
  | { readonly type: 'watch.planned'; readonly plan: Plan }
  /** The spec as it is now cannot be used; the last one that could is kept. */
  | { readonly type: 'watch.spec-invalid'; readonly diagnostics: readonly Diagnostic[] }
  /** A pass ended; told before the state that follows from it. One that is broken off by the session's end is not told. */
  | { readonly type: 'watch.pass'; readonly result: PassResult; readonly diagnostics: readonly Diagnostic[] }
  /** Something is left as it is for now, so that the rest can go on; told again where the reason changes. */
  | { readonly type: 'watch.held'; readonly what: string; readonly why: string }
  /** It is held no longer; `what` is worded as when it was held. */
  | { readonly type: 'watch.released'; readonly what: string }
  /** Something that was not done, and that nothing depends on. */
  | { readonly type: 'watch.warning'; readonly diagnostic: Diagnostic }
  /** A pass came to nothing, and is tried again. */
  | {
      readonly type: 'watch.failed';
      readonly diagnostics: readonly Diagnostic[];
      /** Milliseconds until the next attempt. */
      readonly retryMs: number;
    };

/** What happens to a session, and not in one of its transactions. */
export type SessionOnlyEvent = Exclude<WatchEvent, RunEvent>;

export function isSessionOnly(event: WatchEvent): event is SessionOnlyEvent {
  return event.type.startsWith('watch.');
}

export type EmitWatchEvent = (event: WatchEvent) => void;
