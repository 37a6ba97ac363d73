import { expect, test } from 'vitest';
import { type AnyMachineSnapshot, createActor, toPromise } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import {
  type ApplyEnd,
  type ApplyWork,
  createApplyMachine,
  Interruption,
  isApplyEnd,
} from '../../src/machine/apply.ts';

type State = keyof ApplyWork;

/** Work that does nothing, and what was asked of it. */
function idleWork(overrides: Partial<ApplyWork> = {}): { work: ApplyWork; log: string[] } {
  const log: string[] = [];
  const base: ApplyWork = {
    lock: async () => undefined,
    recover: async () => undefined,
    observe: async () => undefined,
    check: async () => 'apply',
    execute: async (wave) => (wave < 2 ? 'more' : 'last'),
    verify: async () => undefined,
    decide: async () => 'commit',
    commit: async () => undefined,
    report: async () => undefined,
    rollBack: async () => 'rolled-back',
    ...overrides,
  };
  const note =
    <A extends unknown[], R>(name: string, act: (...args: A) => R) =>
    (...args: A): R => {
      log.push(args.length === 0 ? name : `${name} ${args.join()}`);
      return act(...args);
    };
  const work: ApplyWork = {
    lock: note('lock', base.lock),
    recover: note('recover', base.recover),
    observe: note('observe', base.observe),
    check: note('check', base.check),
    execute: note('execute', base.execute),
    verify: note('verify', base.verify),
    decide: note('decide', base.decide),
    commit: note('commit', base.commit),
    report: note('report', base.report),
    rollBack: note('rollBack', base.rollBack),
  };
  return { work, log };
}

async function runWith(overrides: Partial<ApplyWork>, cancelIn?: State) {
  let cancel: () => void = () => undefined;
  const { work, log } = idleWork(overrides);
  if (cancelIn !== undefined) {
    const act = work[cancelIn] as (...args: unknown[]) => Promise<never>;
    Object.assign(work, {
      [cancelIn]: (...args: unknown[]) => {
        cancel();
        return act(...args);
      },
    });
  }
  const actor = createActor(createApplyMachine(work));
  // An invocation starts within the transition; the event is sent once that has ended, as a signal's would be.
  cancel = () => queueMicrotask(() => actor.send({ type: 'CANCEL' }));
  const ended = toPromise(actor);
  actor.start();
  await ended;
  const { value, context } = actor.getSnapshot();
  return { end: value, error: context.error, log };
}

const fail = () => Promise.reject(new Error('failed'));

test('all is well: every state once, a wave at a time', async () => {
  const { end, log } = await runWith({});
  expect(end).toBe('done');
  expect(log).toEqual([
    'lock',
    'recover',
    'observe',
    'check',
    'execute 0',
    'execute 1',
    'execute 2',
    'verify',
    'decide',
    'commit',
    'report',
  ]);
});

test('nothing to apply ends there', async () => {
  const { end, log } = await runWith({ check: async () => 'nothing' });
  expect(end).toBe('nothing');
  expect(log.at(-1)).toBe('check');
});

test.each<[State, ApplyEnd]>([
  ['lock', 'refused'],
  ['recover', 'refused'],
  ['observe', 'refused'],
  ['check', 'refused'],
  ['execute', 'rolledBack'],
  ['verify', 'rolledBack'],
  ['decide', 'rolledBack'],
  ['commit', 'incomplete'],
])('a failing %s ends %s, and keeps the error', async (state, expected) => {
  const { end, error, log } = await runWith({ [state]: fail });
  expect(end).toBe(expected);
  expect(error).toMatchObject({ message: 'failed' });
  expect(log.includes('rollBack')).toBe(expected === 'rolledBack');
});

test.each<[State, ApplyEnd, string]>([
  ['lock', 'cancelled', 'lock'],
  ['recover', 'cancelled', 'recover'],
  ['observe', 'cancelled', 'observe'],
  ['check', 'cancelled', 'check'],
  ['execute', 'rolledBack', 'rollBack'],
  ['verify', 'rolledBack', 'rollBack'],
  ['decide', 'done', 'report'],
  ['commit', 'done', 'report'],
  ['report', 'done', 'report'],
])('CANCEL during %s lets it end, and ends %s', async (state, expected, last) => {
  const { end, error, log } = await runWith({}, state);
  expect(end).toBe(expected);
  expect(log.at(-1)).toBe(last);
  expect(error instanceof Interruption).toBe(expected !== 'done');
});

test('CANCEL during a wave lets no other wave begin', async () => {
  const { log } = await runWith({}, 'execute');
  expect(log.filter((name) => name.startsWith('execute'))).toEqual(['execute 0']);
});

test.each<[Awaited<ReturnType<ApplyWork['rollBack']>>, boolean, ApplyEnd]>([
  ['rolled-back', false, 'rolledBack'],
  ['residue', false, 'residue'],
  ['unchanged', false, 'refused'],
  ['unchanged', true, 'cancelled'],
  ['residue', true, 'residue'],
])('a rollback that ends %s (cancelled: %s) ends %s', async (outcome, cancelled, expected) => {
  const rollBack = async () => outcome;
  const { end } = await runWith(
    cancelled ? { rollBack } : { rollBack, verify: fail },
    cancelled ? 'execute' : undefined,
  );
  expect(end).toBe(expected);
});

test('a rollback that throws after all is residue', async () => {
  expect((await runWith({ verify: fail, rollBack: fail })).end).toBe('residue');
});

test('the context holds the wave and the error alone', () => {
  const { context } = createActor(createApplyMachine(idleWork().work)).getSnapshot();
  expect(context).toEqual({ wave: 0, error: null });
});

/** Every transition there is, taken purely: no actor runs. */
const PATHS = getShortestPaths(createApplyMachine(idleWork().work), {
  events: (snapshot: AnyMachineSnapshot) =>
    Object.keys(snapshot.children).flatMap((id) => [
      { type: `xstate.error.actor.${id}`, error: 'failed', actorId: id },
      ...['apply', 'nothing', 'more', 'last', 'unchanged', 'rolled-back', 'residue'].map((output) => ({
        type: `xstate.done.actor.${id}`,
        output,
        actorId: id,
      })),
      { type: 'CANCEL' },
    ]) as never[],
  serializeState: (snapshot: AnyMachineSnapshot) =>
    `${String(snapshot.value)} ${String(snapshot.context.error)}`,
});

test('every end can be reached, and from every state there is a way to one', () => {
  const states = new Set(PATHS.map(({ state }) => String(state.value)));
  for (const end of ['done', 'nothing', 'refused', 'cancelled', 'rolledBack', 'residue', 'incomplete']) {
    expect(states).toContain(end);
  }
  for (const { state } of PATHS) expect(state.status === 'done').toBe(isApplyEnd(String(state.value)));
});

test('nothing leads from the commit point back', () => {
  for (const { state, steps } of PATHS) {
    const seen = [...steps.map((taken) => String(taken.state.value)), String(state.value)];
    const committed = seen.indexOf('committing');
    if (committed < 0) continue;
    const later = new Set(seen.slice(committed + 1));
    for (const back of ['executing', 'rollingBack', 'rolledBack', 'refused', 'cancelled']) {
      expect(later).not.toContain(back);
    }
  }
});
