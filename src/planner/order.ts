import type { Change, ServiceStep, Step } from '../model/plan.ts';

/**
 * Waves in order of execution. An address is announced after its route stands and withdrawn before that goes:
 *
 * 1. clear: Services that lose their address, also those whose address another Service gets: it is never with both
 * 2. add: new routes, and the new half of those that move
 * 3. assign: Services that get an address
 * 4. delete: routes that go, and the old half of those that moved
 *
 * No add needs a delete first: a moved route goes in at the other metric. Empty waves are left out.
 */
export function wavesOf(steps: readonly Step[]): Change[][] {
  const waves: Record<Change['op'], Change[]> = { clear: [], add: [], assign: [], delete: [] };
  const gained = gainedAddresses(steps);
  for (const [step, planned] of steps.entries()) {
    const { action } = planned;
    const makes = action === 'create' || action === 'replace';
    if (planned.kind === 'service') {
      const passesOn =
        action === 'replace' &&
        planned.takenFrom === undefined &&
        lost(planned).some((address) => gained.has(`${planned.profile} ${address}`));
      if (action === 'delete' || passesOn) waves.clear.push({ step, op: 'clear' });
      if (makes) waves.assign.push({ step, op: 'assign' });
    } else {
      if (makes) waves.add.push({ step, op: 'add' });
      if (action === 'delete' || action === 'replace') waves.delete.push({ step, op: 'delete' });
    }
  }
  return [waves.clear, waves.add, waves.assign, waves.delete].filter((wave) => wave.length > 0);
}

/** `profile address` of every address that some Service gets and did not have. */
function gainedAddresses(steps: readonly Step[]): Set<string> {
  return new Set(
    steps.flatMap((step) =>
      step.kind === 'service'
        ? step.after
            .filter((address) => !step.before.includes(address))
            .map((address) => `${step.profile} ${address}`)
        : [],
    ),
  );
}

function lost({ before, after }: ServiceStep): string[] {
  return before.filter((address) => !after.includes(address));
}
