import { assign, fromPromise, setup } from 'xstate';

/**
 * The work of each state, injected. What it works on (the plan, the transaction) is kept by whoever injects it:
 * a plan in a machine's context would be copied at every step.
 */
export interface ApplyWork {
  lock(): Promise<void>;
  recover(): Promise<void>;
  observe(): Promise<void>;
  /** Whether there is anything to apply. Throws when the plan may not be applied. */
  check(): Promise<'apply' | 'nothing'>;
  /** Performs the wave of this index; says whether another follows. */
  execute(wave: number): Promise<'more' | 'last'>;
  verify(): Promise<void>;
  /** `confirm`: everything stays as it is until somebody confirms it. */
  decide(): Promise<'commit' | 'confirm'>;
  commit(): Promise<void>;
  /** Tells of what was committed, best effort. Never throws. */
  report(): Promise<void>;
  /** Says how it ended; `unchanged`: there was nothing to undo. Never throws. */
  rollBack(): Promise<'unchanged' | 'rolled-back' | 'residue'>;
}

interface ApplyContext {
  /** Index of the wave being executed. */
  readonly wave: number;
  /** The first thing that went wrong; an {@link Interruption} once CANCEL came. Null while all is well. */
  readonly error: unknown;
}

/** What CANCEL leaves as the error, unless something worse follows. */
export class Interruption extends Error {
  constructor() {
    super('interrupted');
    this.name = 'Interruption';
  }
}

type ApplyEvent = { readonly type: 'CANCEL' };

const ENDS = [
  'done',
  'nothing',
  'refused',
  'cancelled',
  'rolledBack',
  'residue',
  'incomplete',
  'awaiting',
] as const;

/**
 * The final states. `refused` and `cancelled`: nothing was changed. `incomplete`: decided, but not yet committed.
 * `awaiting`: everything is made, and undone unless it is confirmed in time.
 */
export type ApplyEnd = (typeof ENDS)[number];

/** Whether a state of the machine is one of its ends. */
export function isApplyEnd(state: string): state is ApplyEnd {
  return ENDS.some((end) => end === state);
}

/**
 * One plan, applied as one transaction.
 *
 *     locking ─► recovering ─► observing ─► checking ─┬─► executing ◄─┐
 *        │           │             │           │      │    │  │  └────┘ another wave
 *        └───────────┴─────────────┴───────────┤      │    │  ▼
 *                                              │      │    │ verifying ─► deciding ─► committing ─► reporting ─► done
 *                        refused │ cancelled ◄─┘      │    │  │              │ │          │
 *                                            nothing ◄┘    ▼  ▼              │ ▼          ▼
 *                                                       rollingBack ◄────────┘ awaiting  incomplete
 *                                                            │
 *                     refused │ cancelled │ rolledBack │ residue
 *
 * CANCEL never leaves a state whose work is under way: it is remembered as the error, and heeded when that work ends.
 * Before the first change it just leads out; afterwards it rolls back; once `deciding` has begun it is ignored, but for what
 * `reporting` has not told yet.
 */
export function createApplyMachine(work: ApplyWork) {
  return setup({
    types: {
      context: {} as ApplyContext,
      events: {} as ApplyEvent,
    },
    actors: {
      lock: fromPromise(() => work.lock()),
      recover: fromPromise(() => work.recover()),
      observe: fromPromise(() => work.observe()),
      check: fromPromise(() => work.check()),
      execute: fromPromise<'more' | 'last', number>(({ input }) => work.execute(input)),
      verify: fromPromise(() => work.verify()),
      decide: fromPromise(() => work.decide()),
      commit: fromPromise(() => work.commit()),
      report: fromPromise(() => work.report()),
      rollBack: fromPromise(() => work.rollBack()),
    },
    guards: {
      cancelled: ({ context }) => context.error !== null,
      interrupted: ({ context }) => context.error instanceof Interruption,
    },
    actions: {
      remember: assign({
        error: ({ context, event }) => ('error' in event ? event.error : context.error),
      }),
      interrupt: assign({ error: ({ context }) => context.error ?? new Interruption() }),
      nextWave: assign({ wave: ({ context }) => context.wave + 1 }),
    },
  }).createMachine({
    id: 'apply',
    context: { wave: 0, error: null },
    initial: 'locking',
    states: {
      locking: {
        on: { CANCEL: { actions: 'interrupt' } },
        invoke: {
          src: 'lock',
          onDone: [{ guard: 'cancelled', target: 'cancelled' }, { target: 'recovering' }],
          onError: [
            { guard: 'cancelled', target: 'cancelled' },
            { target: 'refused', actions: 'remember' },
          ],
        },
      },
      recovering: {
        on: { CANCEL: { actions: 'interrupt' } },
        invoke: {
          src: 'recover',
          onDone: [{ guard: 'cancelled', target: 'cancelled' }, { target: 'observing' }],
          onError: { target: 'refused', actions: 'remember' },
        },
      },
      observing: {
        on: { CANCEL: { actions: 'interrupt' } },
        invoke: {
          src: 'observe',
          onDone: [{ guard: 'cancelled', target: 'cancelled' }, { target: 'checking' }],
          onError: [
            { guard: 'cancelled', target: 'cancelled' },
            { target: 'refused', actions: 'remember' },
          ],
        },
      },
      checking: {
        on: { CANCEL: { actions: 'interrupt' } },
        invoke: {
          src: 'check',
          onDone: [
            { guard: 'cancelled', target: 'cancelled' },
            { guard: ({ event }) => event.output === 'nothing', target: 'nothing' },
            { target: 'executing' },
          ],
          onError: { target: 'refused', actions: 'remember' },
        },
      },
      executing: {
        on: { CANCEL: { actions: 'interrupt' } },
        invoke: {
          src: 'execute',
          input: ({ context }) => context.wave,
          onDone: [
            { guard: 'cancelled', target: 'rollingBack' },
            {
              guard: ({ event }) => event.output === 'more',
              target: 'executing',
              reenter: true,
              actions: 'nextWave',
            },
            { target: 'verifying' },
          ],
          onError: { target: 'rollingBack', actions: 'remember' },
        },
      },
      verifying: {
        on: { CANCEL: { actions: 'interrupt' } },
        invoke: {
          src: 'verify',
          onDone: [{ guard: 'cancelled', target: 'rollingBack' }, { target: 'deciding' }],
          onError: { target: 'rollingBack', actions: 'remember' },
        },
      },
      deciding: {
        invoke: {
          src: 'decide',
          onDone: [
            { guard: ({ event }) => event.output === 'confirm', target: 'awaiting' },
            { target: 'committing' },
          ],
          onError: { target: 'rollingBack', actions: 'remember' },
        },
      },
      committing: {
        invoke: {
          src: 'commit',
          onDone: 'reporting',
          onError: { target: 'incomplete', actions: 'remember' },
        },
      },
      reporting: {
        invoke: {
          src: 'report',
          onDone: 'done',
        },
      },
      rollingBack: {
        invoke: {
          src: 'rollBack',
          onDone: [
            { guard: ({ event }) => event.output === 'residue', target: 'residue' },
            { guard: ({ event }) => event.output === 'rolled-back', target: 'rolledBack' },
            { guard: 'interrupted', target: 'cancelled' },
            { target: 'refused' },
          ],
          onError: { target: 'residue', actions: 'remember' },
        },
      },
      done: { type: 'final' },
      nothing: { type: 'final' },
      refused: { type: 'final' },
      cancelled: { type: 'final' },
      rolledBack: { type: 'final' },
      residue: { type: 'final' },
      incomplete: { type: 'final' },
      awaiting: { type: 'final' },
    },
  });
}
