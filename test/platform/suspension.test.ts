import { describe, expect, it } from 'vitest';
import { ASKED_EVERY_MS, Suspensions } from '../../src/platform/suspension.ts';

/** Clocks that a test moves. */
function handClocks() {
  const at = { monotonic: 5000, boot: 90_000 };
  const clocks = { monotonic: () => at.monotonic, boot: () => at.boot };
  const pass = (monotonic: number, boot = monotonic) => {
    at.monotonic += monotonic;
    at.boot += boot;
  };
  return { suspensions: new Suspensions(clocks), pass };
}

describe('a suspension', () => {
  it.each([
    ['of the system: its monotonic clock stood still', 0, 60_000, 1],
    ['of the system, for a second', 900, 1900, 1],
    ['of this process: it was not asked for long', 10_000, 10_000, 1],
    ['is none where it is asked as usual', ASKED_EVERY_MS, ASKED_EVERY_MS, 0],
    ['is none where it is asked late, by a busy process', ASKED_EVERY_MS + 2000, ASKED_EVERY_MS + 2000, 0],
    ['is none where the clocks were read one after the other', 1000, 1010, 0],
  ])('%s', (_, monotonic, boot, count) => {
    const { suspensions, pass } = handClocks();
    pass(monotonic, boot);
    expect(suspensions.count()).toBe(count);
  });

  it('is counted once, whoever asks', () => {
    const { suspensions, pass } = handClocks();
    pass(0, 60_000);
    expect([suspensions.count(), suspensions.count()]).toEqual([1, 1]);
  });

  it('is counted each of fifty times', () => {
    const { suspensions, pass } = handClocks();
    for (let round = 0; round < 50; round++) {
      pass(1000);
      suspensions.count();
      pass(0, 120_000);
      suspensions.count();
    }
    expect(suspensions.count()).toBe(50);
  });
});
