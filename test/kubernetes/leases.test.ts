import { describe, expect, it } from 'vitest';
import { LeaseJudge } from '../../src/kubernetes/leases.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A Lease that was renewed this long before now, by its holder's clock. */
function lease(ageMs: number, leaseDurationSeconds: number | null = 40, name = 'mkplan-1') {
  const renewTime = new Date(NOW - ageMs).toISOString();
  const duration = leaseDurationSeconds === null ? {} : { leaseDurationSeconds };
  return { metadata: { name }, spec: { renewTime, ...duration } };
}

/** A judge at noon, whose clocks are put forward by hand. */
function judgeAt(): { judge: LeaseJudge; pass(ms: number): void } {
  let passed = 0;
  const judge = new LeaseJudge({ wall: () => NOW + passed, monotonic: () => 5 + passed });
  return {
    judge,
    pass: (ms) => {
      passed += ms;
    },
  };
}

describe('whether a Lease is live', () => {
  it('without a duration, it is until it is removed', () => {
    const { judge, pass } = judgeAt();
    expect(judge.isLive(lease(1000 * MINUTE, null))).toBe(true);
    pass(1000 * MINUTE);
    expect(judge.isLive(lease(1000 * MINUTE, null))).toBe(true);
  });

  it.each([
    ['just renewed', 0, true],
    ['by a clock that is five minutes behind', 5 * MINUTE, true],
    ['by a clock that is an hour ahead', -60 * MINUTE, true],
    ['longer ago than clocks differ', 6 * MINUTE, false],
  ])('at first sight, %s', (_, age, isLive) => {
    expect(judgeAt().judge.isLive(lease(age))).toBe(isLive);
  });

  it('is dead once it was not renewed before our eyes for its duration, whatever its clock says', () => {
    const { judge, pass } = judgeAt();
    const ahead = lease(-60 * MINUTE);
    expect(judge.isLive(ahead)).toBe(true);
    pass(40 * SECOND);
    expect(judge.isLive(ahead)).toBe(true);
    pass(SECOND);
    expect(judge.isLive(ahead)).toBe(false);
  });

  it('lives on as long as it is renewed, whatever its clock says', () => {
    const { judge, pass } = judgeAt();
    for (let renewal = 0; renewal < 10; renewal++) {
      expect(judge.isLive(lease(-renewal))).toBe(true);
      pass(39 * SECOND);
    }
  });

  it('is told for each by itself, and comes back with a renewal', () => {
    const { judge, pass } = judgeAt();
    expect(judge.isLive(lease(0, 40, 'a'))).toBe(true);
    pass(41 * SECOND);
    expect(judge.isLive(lease(0, 40, 'b'))).toBe(true);
    expect(judge.isLive(lease(0, 40, 'a'))).toBe(false);
    expect(judge.isLive(lease(-41 * SECOND, 40, 'a'))).toBe(true);
  });

  it('is judged by our own eyes where its time cannot be read', () => {
    const { judge, pass } = judgeAt();
    const odd = { metadata: { name: 'a' }, spec: { renewTime: 'noon', leaseDurationSeconds: 40 } };
    expect(judge.isLive(odd)).toBe(true);
    pass(41 * SECOND);
    expect(judge.isLive(odd)).toBe(false);
  });
});
