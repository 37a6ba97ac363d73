import { assign, fromPromise, setup } from 'xstate';

/** How a pass ended: all is as wanted, but for what a cluster is being asked for; some of it is contested; nothing can be done for now. */
export type WatchRest = 'idle' | 'asking' | 'fighting' | 'suspended';

/** The work of each state, injected. */
export interface WatchWork {
  /** Waits until what has just happened is over, so that one pass serves a burst of triggers. Never throws. */
  settle(): Promise<void>;
  /** One pass of the pipeline. Throws when it came to nothing and should be tried again later. */
  reconcile(): Promise<WatchRest>;
  /** Waits before the next attempt, the longer the more have failed in a row. Never throws. */
  backOff(failures: number): Promise<void>;
  /** Takes away what the session made. Never throws. */
  stop(): Promise<void>;
}

interface WatchContext {
  /** Passes in a row that failed. */
  readonly failures: number;
  /** Whether something happened that the pass under way may not have seen. */
  readonly dirty: boolean;
  /** Whether somebody asked for another pass while one was under way. */
  readonly hurried: boolean;
  readonly stopping: boolean;
}

/** `urgent`: somebody asks for it now (an edited spec, SIGHUP, a VM that moved), so no back-off is sat out. */
export type WatchEvent = { readonly type: 'TRIGGER'; readonly urgent: boolean } | { readonly type: 'STOP' };

/**
 * A session that keeps a tunnel true. Level-triggered: a trigger is a hint that says "look again", never what to do.
 *
 *     settling ─► reconciling ─┬─► idle ─────────┐
 *        ▲            ▲  │     ├─► asking ───────┤
 *        │            │  │     ├─► fighting ─────┤ trigger
 *        │            │  │     ├─► suspended ────┤
 *        │            │  │     └─► (dirty) ──────┤
 *        │            │  ▼ failed                │
 *        ├────────── backingOff ◄┘               │
 *        └───────────────────────────────────────┘
 *
 *     STOP, from anywhere ─► stopping ─► stopped
 *
 * A pass that has begun ends: triggers meanwhile make it dirty, and it is followed by another; after one that failed,
 * at once only where a trigger was urgent. STOP during a pass is heeded when that has ended (its transaction is rolled
 * back by the same signal).
 */
export function createWatchMachine(work: WatchWork) {
  return setup({
    types: { context: {} as WatchContext, events: {} as WatchEvent },
    actors: {
      settle: fromPromise(() => work.settle()),
      reconcile: fromPromise(() => work.reconcile()),
      backOff: fromPromise<void, number>(({ input }) => work.backOff(input)),
      stop: fromPromise(() => work.stop()),
    },
    guards: {
      stopping: ({ context }) => context.stopping,
      dirty: ({ context }) => context.dirty,
      hurried: ({ context }) => context.hurried,
      urgent: ({ event }) => event.type === 'TRIGGER' && event.urgent,
    },
    actions: {
      soil: assign({
        dirty: true,
        hurried: ({ context, event }) => context.hurried || (event.type === 'TRIGGER' && event.urgent),
      }),
      clean: assign({ dirty: false, hurried: false }),
      succeed: assign({ failures: 0 }),
      fail: assign({ failures: ({ context }) => context.failures + 1 }),
      remember: assign({ stopping: true }),
    },
  }).createMachine({
    id: 'watch',
    context: { failures: 0, dirty: false, hurried: false, stopping: false },
    initial: 'settling',
    states: {
      settling: {
        on: { STOP: 'stopping' },
        invoke: { src: 'settle', onDone: 'reconciling', onError: 'reconciling' },
      },
      reconciling: {
        entry: 'clean',
        on: { TRIGGER: { actions: 'soil' }, STOP: { actions: 'remember' } },
        invoke: {
          src: 'reconcile',
          onDone: [
            { guard: 'stopping', target: 'stopping' },
            { guard: 'dirty', target: 'settling', actions: 'succeed' },
            { guard: ({ event }) => event.output === 'idle', target: 'idle', actions: 'succeed' },
            { guard: ({ event }) => event.output === 'asking', target: 'asking', actions: 'succeed' },
            { guard: ({ event }) => event.output === 'fighting', target: 'fighting', actions: 'succeed' },
            { target: 'suspended', actions: 'succeed' },
          ],
          onError: [
            { guard: 'stopping', target: 'stopping' },
            { guard: 'hurried', target: 'settling', actions: 'fail' },
            { target: 'backingOff', actions: 'fail' },
          ],
        },
      },
      idle: { on: { TRIGGER: 'settling', STOP: 'stopping' } },
      asking: { on: { TRIGGER: 'settling', STOP: 'stopping' } },
      fighting: { on: { TRIGGER: 'settling', STOP: 'stopping' } },
      suspended: { on: { TRIGGER: 'settling', STOP: 'stopping' } },
      backingOff: {
        on: { TRIGGER: { guard: 'urgent', target: 'settling' }, STOP: 'stopping' },
        invoke: {
          src: 'backOff',
          input: ({ context }) => context.failures,
          onDone: 'settling',
          onError: 'settling',
        },
      },
      stopping: { invoke: { src: 'stop', onDone: 'stopped', onError: 'stopped' } },
      stopped: { type: 'final' },
    },
  });
}
