import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff, Brake, backoffMs, retryAfterMs, Spacing } from '../../../src/kubernetes/client/patience.ts';

describe('Retry-After', () => {
  const now = () => Date.parse('2026-01-01T00:00:00Z');
  it.each([
    ['3', 3000],
    ['0', 0],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5000],
    ['Fri, 31 Dec 1999 23:59:59 GMT', 0],
    ['soon', null],
    ['-1', null],
  ])('of %s', (text, ms) => {
    // A negative number is a date to some parsers, long ago.
    const found = retryAfterMs({ 'retry-after': text }, now);
    if (ms === null) expect(found ?? 0).toBe(0);
    else expect(found).toBe(ms);
  });

  it('is nothing where the server sent none', () => {
    expect(retryAfterMs({})).toBeNull();
  });
});

describe('backoffMs', () => {
  it('doubles, differs by up to a half, and is never shorter than the server asked for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 8 }),
        fc.option(fc.integer({ min: 0, max: 10_000 })),
        (base, attempts, asked) => {
          const ms = backoffMs(base, attempts, asked);
          const longest = base * 2 ** (attempts - 1);
          expect(ms).toBeGreaterThanOrEqual(Math.max(longest / 2, asked ?? 0));
          expect(ms).toBeLessThanOrEqual(Math.max(longest, (asked ?? 0) * 1.25));
        },
      ),
    );
  });
});

describe('Backoff', () => {
  it('doubles up to the longest, and begins anew', () => {
    const backoff = new Backoff(100, 1000, () => 1);
    expect(Array.from({ length: 6 }, () => backoff.next(null))).toEqual([100, 200, 400, 800, 1000, 1000]);
    backoff.reset();
    expect(backoff.next(null)).toBe(100);
  });

  it('is short after a server was heard, and grows with its silence', () => {
    const backoff = new Backoff(100, 1000, () => 1);
    for (let failure = 0; failure < 10; failure++) backoff.next(null);
    expect([0, 1600, 2000, 3999, 4000, 100_000].map((silent) => backoff.next(null, silent))).toEqual([
      400, 400, 500, 999.75, 1000, 1000,
    ]);
    expect(backoff.next(2000, 0)).toBeGreaterThanOrEqual(2000);
  });

  it('takes half to all of it, by chance', () => {
    const chances = [0, 0.5, 1].values();
    const backoff = new Backoff(100, 100, () => chances.next().value ?? 0);
    expect([backoff.next(null), backoff.next(null), backoff.next(null)]).toEqual([50, 75, 100]);
  });

  it('is never shorter than the server asks for, but for ten minutes', () => {
    const backoff = new Backoff(100, 100, () => 0);
    expect(backoff.next(1000)).toBe(1125);
    expect(backoff.next(10)).toBe(50);
    expect(backoff.next(Number.MAX_SAFE_INTEGER)).toBe(675_000);
  });
});

describe('Brake', () => {
  const failing = (brake: Brake, times: number, now: number) => {
    for (let time = 0; time < times; time++) brake.failed(now);
  };

  it('lets three failures pass, and pauses from the fourth on', () => {
    const brake = new Brake(100, 800);
    failing(brake, 3, 0);
    expect(brake.pauseMs(0)).toBe(0);
    brake.failed(0);
    expect(brake.pauseMs(0)).toBeGreaterThanOrEqual(50);
    expect(brake.pauseMs(0)).toBeLessThanOrEqual(100);
    expect(brake.pauseMs(100)).toBe(0);
  });

  it('is not set off by failures with a success in between', () => {
    const brake = new Brake(100, 800);
    for (let time = 0; time < 10; time++) {
      failing(brake, 3, 0);
      brake.succeeded();
    }
    expect(brake.pauseMs(0)).toBe(0);
  });

  it('pauses longer each time, up to the longest, and not for what was under way', () => {
    const brake = new Brake(100, 800);
    failing(brake, 20, 0);
    expect(brake.pauseMs(0)).toBeLessThanOrEqual(100);
    let now = 0;
    const pauses = Array.from({ length: 6 }, () => {
      now += brake.pauseMs(now);
      brake.failed(now);
      return brake.pauseMs(now);
    });
    for (const [index, pause] of pauses.entries()) {
      const longest = Math.min(100 * 2 ** (index + 1), 800);
      expect(pause).toBeGreaterThanOrEqual(longest / 2 - 1e-6);
      expect(pause).toBeLessThanOrEqual(longest + 1e-6);
    }
  });
});

describe('a spacing', () => {
  it('keeps apart those who come together, and those who come soon after', () => {
    const spacing = new Spacing(100);
    expect([spacing.next(1000), spacing.next(1000), spacing.next(1030)]).toEqual([100, 200, 270]);
    expect(spacing.next(1300)).toBe(100);
    expect(spacing.next(5000)).toBe(100);
  });
});
