import { describe, expect, it, test, vi } from 'vitest';
import { type Actor, createActor } from 'xstate';
import { createWatchMachine, type WatchRest, type WatchWork } from '../../../src/machine/watch/machine.ts';

/** A promise that a test settles itself. */
interface Pending<T> {
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** Work that goes on until the test ends it, and what was asked of it. */
function handWork() {
  const log: string[] = [];
  const pending = new Map<string, Pending<never>>();
  const ask = <T>(name: string, ...args: unknown[]): Promise<T> => {
    log.push([name, ...args].join(' '));
    return new Promise<T>((resolve, reject) => {
      pending.set(name, { resolve: resolve as Pending<never>['resolve'], reject });
    });
  };
  const work: WatchWork = {
    settle: () => ask('settle'),
    reconcile: () => ask('reconcile'),
    backOff: (failures) => ask('backOff', failures),
    stop: () => ask('stop'),
  };
  const end = (name: string, how: 'resolve' | 'reject', value: unknown) => {
    const one = pending.get(name);
    if (one === undefined) throw new TypeError(`${name} is not under way`);
    pending.delete(name);
    one[how](value as never);
  };
  return { work, log, end };
}

type Machine = Actor<ReturnType<typeof createWatchMachine>>;

const TRIGGER = { type: 'TRIGGER', urgent: false } as const;
const URGENT = { type: 'TRIGGER', urgent: true } as const;
const STOP = { type: 'STOP' } as const;

type State =
  | 'settling'
  | 'reconciling'
  | 'idle'
  | 'fighting'
  | 'suspended'
  | 'backingOff'
  | 'stopping'
  | 'stopped';

async function settled(actor: Machine, state: State): Promise<void> {
  await vi.waitFor(() => expect(actor.getSnapshot().value).toBe(state), { timeout: 10_000, interval: 1 });
}

/** A machine that has come to a state. */
async function machineIn(state: State) {
  const hands = handWork();
  const actor = createActor(createWatchMachine(hands.work));
  actor.start();
  if (state === 'settling') return { ...hands, actor };
  hands.end('settle', 'resolve', undefined);
  await settled(actor, 'reconciling');
  if (state === 'idle' || state === 'fighting' || state === 'suspended') {
    hands.end('reconcile', 'resolve', state satisfies WatchRest);
  }
  if (state === 'backingOff') hands.end('reconcile', 'reject', new Error('down'));
  if (state === 'stopping') {
    actor.send(STOP);
    hands.end('reconcile', 'resolve', 'idle');
  }
  await settled(actor, state);
  return { ...hands, actor };
}

describe('the watch machine', () => {
  const table: readonly (readonly [State, typeof TRIGGER | typeof URGENT | typeof STOP, State])[] = [
    ['settling', TRIGGER, 'settling'],
    ['settling', URGENT, 'settling'],
    ['settling', STOP, 'stopping'],
    ['reconciling', TRIGGER, 'reconciling'],
    ['reconciling', URGENT, 'reconciling'],
    ['reconciling', STOP, 'reconciling'],
    ['idle', TRIGGER, 'settling'],
    ['idle', URGENT, 'settling'],
    ['idle', STOP, 'stopping'],
    ['fighting', TRIGGER, 'settling'],
    ['fighting', URGENT, 'settling'],
    ['fighting', STOP, 'stopping'],
    ['suspended', TRIGGER, 'settling'],
    ['suspended', URGENT, 'settling'],
    ['suspended', STOP, 'stopping'],
    ['backingOff', TRIGGER, 'backingOff'],
    ['backingOff', URGENT, 'settling'],
    ['backingOff', STOP, 'stopping'],
    ['stopping', TRIGGER, 'stopping'],
    ['stopping', URGENT, 'stopping'],
    ['stopping', STOP, 'stopping'],
  ];

  it.each(table)('%s, on %o, is %s', async (state, event, next) => {
    const { actor } = await machineIn(state);
    actor.send(event);
    expect(actor.getSnapshot().value).toBe(next);
  });

  const endings: readonly (readonly [State, string, 'resolve' | 'reject', unknown, State])[] = [
    ['settling', 'settle', 'resolve', undefined, 'reconciling'],
    ['settling', 'settle', 'reject', new Error('odd'), 'reconciling'],
    ['reconciling', 'reconcile', 'resolve', 'idle', 'idle'],
    ['reconciling', 'reconcile', 'resolve', 'fighting', 'fighting'],
    ['reconciling', 'reconcile', 'resolve', 'suspended', 'suspended'],
    ['reconciling', 'reconcile', 'reject', new Error('down'), 'backingOff'],
    ['backingOff', 'backOff', 'resolve', undefined, 'settling'],
    ['backingOff', 'backOff', 'reject', new Error('odd'), 'settling'],
    ['stopping', 'stop', 'resolve', undefined, 'stopped'],
    ['stopping', 'stop', 'reject', new Error('odd'), 'stopped'],
  ];

  it.each(endings)('%s, when its %s %ss (%s), is %s', async (state, work, how, value, next) => {
    const { actor, end } = await machineIn(state);
    end(work, how, value);
    await settled(actor, next);
  });
});

describe('a pass under way', () => {
  it.each(['resolve', 'reject'] as const)('that %ss once it was told to stop: it stops', async (how) => {
    const { actor, end, log } = await machineIn('reconciling');
    actor.send(STOP);
    expect(log).not.toContain('stop');
    end('reconcile', how, how === 'resolve' ? 'idle' : new Error('rolled back'));
    await settled(actor, 'stopping');
  });

  it('that was triggered meanwhile is followed by another, which starts clean', async () => {
    const { actor, end, log } = await machineIn('reconciling');
    actor.send(TRIGGER);
    end('reconcile', 'resolve', 'idle');
    await settled(actor, 'settling');
    end('settle', 'resolve', undefined);
    await settled(actor, 'reconciling');
    end('reconcile', 'resolve', 'idle');
    await settled(actor, 'idle');
    expect(log).toEqual(['settle', 'reconcile', 'settle', 'reconcile']);
  });

  it('that fails is tried again at once where somebody asked for it meanwhile', async () => {
    const { actor, end, log } = await machineIn('reconciling');
    actor.send(TRIGGER);
    actor.send(URGENT);
    actor.send(TRIGGER);
    end('reconcile', 'reject', new Error('the spec was half-written'));
    await settled(actor, 'settling');
    expect(log).not.toContain('backOff 1');
  });

  it('that fails backs off in spite of mere hints', async () => {
    const { actor, end } = await machineIn('reconciling');
    actor.send(TRIGGER);
    end('reconcile', 'reject', new Error('down'));
    await settled(actor, 'backingOff');
  });
});

test('backing off knows how many passes failed in a row, and forgets it with the first that does not', async () => {
  const { actor, end, log } = await machineIn('backingOff');
  const pass = async (how: 'resolve' | 'reject', value: unknown, next: State) => {
    end('settle', 'resolve', undefined);
    await settled(actor, 'reconciling');
    end('reconcile', how, value);
    await settled(actor, next);
  };
  end('backOff', 'resolve', undefined);
  await settled(actor, 'settling');
  await pass('reject', new Error('down'), 'backingOff');
  end('backOff', 'resolve', undefined);
  await settled(actor, 'settling');
  await pass('resolve', 'idle', 'idle');
  actor.send(TRIGGER);
  await pass('reject', new Error('down'), 'backingOff');
  expect(log.filter((line) => line.startsWith('backOff'))).toEqual(['backOff 1', 'backOff 2', 'backOff 1']);
});
