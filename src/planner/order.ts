import type { Change, Step } from '../model/plan.ts';

/**
 * Waves in order of execution. An address is announced after its route stands and withdrawn before that goes:
 *
 * 1. clear: Services that lose their address
 * 2. add: new routes, and the new half of those that move
 * 3. assign: Services that get an address
 * 4. delete: routes that go, and the old half of those that moved
 *
 * No add needs a delete first: a moved route goes in at the other metric. Empty waves are left out.
 */
export function wavesOf(steps: readonly Step[]): Change[][] {
  const waves: Record<Change['op'], Change[]> = { clear: [], add: [], assign: [], delete: [] };
  for (const [step, { kind, action }] of steps.entries()) {
    if (kind === 'service') {
      if (action === 'delete') waves.clear.push({ step, op: 'clear' });
      if (action === 'create' || action === 'replace') waves.assign.push({ step, op: 'assign' });
    } else {
      if (action === 'create' || action === 'replace') waves.add.push({ step, op: 'add' });
      if (action === 'delete' || action === 'replace') waves.delete.push({ step, op: 'delete' });
    }
  }
  return [waves.clear, waves.add, waves.assign, waves.delete].filter((wave) => wave.length > 0);
}
