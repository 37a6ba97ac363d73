import { expect, it } from 'vitest';
import { Turns } from '../../../src/kubernetes/client/turns.ts';
import { CALLS_AT_ONCE } from '../../../src/kubernetes/cluster.ts';

/** Asks for so many turns at once; returns the most that were at work at a time. */
async function mostAtOnce(turns: Turns, calls: number): Promise<number> {
  let busy = 0;
  let most = 0;
  const order: number[] = [];
  const work = async (index: number): Promise<void> => {
    order.push(index);
    most = Math.max(most, ++busy);
    await new Promise((resolve) => setImmediate(resolve));
    busy--;
  };
  await Promise.all(Array.from({ length: calls }, (_, index) => turns.take(() => work(index))));
  expect(order).toEqual(Array.from({ length: calls }, (_, index) => index));
  return most;
}

it('two are at work at a time while a small cluster is read', async () => {
  expect(await mostAtOnce(new Turns(), 16)).toBe(2);
});

it('more are, where much is asked, up to a bound', async () => {
  expect(await mostAtOnce(new Turns(), 1000)).toBe(CALLS_AT_ONCE);
});

it('two are again once the server has put off a call', async () => {
  const turns = new Turns();
  await mostAtOnce(turns, 1000);
  turns.putOff();
  expect(await mostAtOnce(turns, 16)).toBe(2);
  expect(await mostAtOnce(turns, 1000)).toBe(CALLS_AT_ONCE);
});

it('work that fails gives its turn to the next', async () => {
  const turns = new Turns();
  const failing = Array.from({ length: 50 }, () => turns.take(() => Promise.reject(new Error('no'))));
  expect((await Promise.allSettled(failing)).map(({ status }) => status)).toEqual(
    Array.from({ length: 50 }, () => 'rejected'),
  );
  expect(await turns.take(async () => 'yes')).toBe('yes');
});

it('work that steps aside leaves its turn to others, and waits for one again', async () => {
  const turns = new Turns();
  const order: string[] = [];
  const long = turns.take(() =>
    turns.stepAside(async () => {
      expect(await mostAtOnce(turns, 16)).toBe(2);
      order.push('others');
    }),
  );
  await long;
  order.push('the one that stepped aside');
  expect(order).toEqual(['others', 'the one that stepped aside']);
  expect(await mostAtOnce(turns, 2)).toBe(2);
});
