import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClusterDeadlines } from '../../src/executor/deadlines.ts';

const ALLOWED_MS = 1_000;

describe('the deadline of a cluster', () => {
  const givenUp: string[] = [];
  let deadlines: ClusterDeadlines;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    givenUp.length = 0;
    deadlines = new ClusterDeadlines({ giveUp: (profile) => void givenUp.push(profile) }, () => ALLOWED_MS);
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
  const takes = (ms: number, profile = 'one') =>
    deadlines.ask(profile, () => new Promise<string>((resolve) => setTimeout(resolve, ms, 'done')));
  /** How a call ends, whenever that is. */
  const outcome = (call: Promise<unknown>) => call.then(String, (thrown: unknown) => String(thrown));

  it('covers the calls of a phase together, one after the other', async () => {
    const first = outcome(takes(ALLOWED_MS - 1));
    await pass(ALLOWED_MS - 1);
    const second = outcome(takes(2));
    await pass(1);
    expect(await first).toBe('done');
    expect(await second).toContain('did not carry out everything within 1 s');
    expect(givenUp).toEqual(['one']);
  });

  it('covers calls side by side once', async () => {
    const both = Promise.all([outcome(takes(900)), outcome(takes(900))]);
    await pass(900);
    expect(await both).toEqual(['done', 'done']);
  });

  it.each([
    ['nothing is asked of it', () => Promise.resolve()],
    ['another cluster is asked', () => outcome(takes(900, 'other'))],
  ])('stands still while %s', async (_, meanwhile) => {
    const first = outcome(takes(900));
    await pass(900);
    const other = meanwhile();
    await pass(ALLOWED_MS * 60);
    await other;
    const second = outcome(takes(90));
    await pass(90);
    expect([await first, await second]).toEqual(['done', 'done']);
    expect(givenUp).toEqual([]);
  });

  it('fails what is under way, and what is asked afterwards, with one Failure, until the next phase', async () => {
    const late = takes(ALLOWED_MS * 2).catch((thrown: unknown) => thrown);
    await pass(ALLOWED_MS);
    const failure = await late;
    await expect(takes(1)).rejects.toBe(failure);
    expect(givenUp).toEqual(['one']);
    deadlines.renew();
    const again = outcome(takes(1));
    await pass(1);
    expect(await again).toBe('done');
  });
});
