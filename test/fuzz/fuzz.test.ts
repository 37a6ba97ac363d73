import { expect, test } from 'vitest';
import { Random } from './random.ts';
import { TARGETS } from './targets.ts';

/** `npm run fuzz` goes on from here; docs/internals/fuzzing.md says how. */
const INPUTS = 2000;
const SEED = 1;

test.each(TARGETS.map((target) => [target.name, target] as const))(
  '%s: nothing crashes, and nothing is accepted that was not understood',
  async (_, { make, read }) => {
    let accepted = 0;
    for (let index = 0; index < INPUTS; index++) {
      const input = make(new Random(SEED, index));
      try {
        if (await read(input)) accepted++;
      } catch (thrown) {
        throw new Error(`input ${index} of seed ${SEED}: ${JSON.stringify(input.toString('utf8'))}`, {
          cause: thrown,
        });
      }
    }
    // Neither all nor none: else nothing was tried of one of the two.
    expect(accepted).toBeGreaterThan(0);
    expect(accepted).toBeLessThan(INPUTS);
  },
  120_000,
);
