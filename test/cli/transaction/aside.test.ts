import { describe, expect, it } from 'vitest';
import { EXIT, exitCodeOf } from '../../../src/cli/exit-code.ts';
import { asideExit, asideNote, asideRefusal } from '../../../src/cli/transaction/aside.ts';
import type { Aside, Plan } from '../../../src/model/plan.ts';
import { planOf } from '../plans.ts';

/** A plan of these profiles; `served` is one that is not set aside. */
function planned(states: readonly (Aside['state'] | 'served')[], mode: Plan['mode'] = 'present'): Plan {
  const names = states.map((_, index) => `p${index}`);
  return planOf({
    mode,
    profiles: mode === 'absent' ? [] : names.map((name) => ({ name, gateways: [], services: [], pods: [] })),
    aside: states.flatMap((state, index) =>
      state === 'served' ? [] : [{ profile: `p${index}`, state, why: 'for the test' }],
    ),
  });
}

/** What a command exits with: the code of the refusal, or that of a plan which is carried out. */
function exitOf(plan: Plan, strict: boolean): number {
  const refusal = asideRefusal(plan, strict);
  return refusal === null ? asideExit(plan) : exitCodeOf(refusal.kind, null);
}

describe('what is set aside', () => {
  it.each<[Parameters<typeof planned>, number, number]>([
    [[['served', 'served']], EXIT.ok, EXIT.ok],
    [[['served', 'stopped']], EXIT.ok, EXIT.conflict],
    [[['served', 'silent']], EXIT.setAside, EXIT.conflict],
    [[['served', 'out-of-reach']], EXIT.setAside, EXIT.conflict],
    [[['served', 'stopped', 'silent']], EXIT.setAside, EXIT.conflict],
    [[['silent']], EXIT.error, EXIT.conflict],
    [[['stopped', 'stopped']], EXIT.error, EXIT.conflict],
    [[['silent', 'stopped']], EXIT.error, EXIT.conflict],
    [[['out-of-reach']], EXIT.conflict, EXIT.conflict],
    [[['silent'], 'absent'], EXIT.setAside, EXIT.conflict],
    [[['stopped'], 'absent'], EXIT.ok, EXIT.conflict],
  ])('%j: exit %i, with --strict %i', (plan, usual, strict) => {
    expect(exitOf(planned(...plan), false)).toBe(usual);
    expect(exitOf(planned(...plan), true)).toBe(strict);
  });

  it('is named once the rest is done, and only then', () => {
    expect(asideNote(planned(['served']))).toBe('');
    expect(asideNote(planned(['served', 'silent', 'stopped']))).toContain('p1 (silent), p2 (stopped)');
  });
});
