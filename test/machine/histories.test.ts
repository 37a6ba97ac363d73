import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { HistoryRun } from './history.ts';
import { history } from './history-events.ts';

/** Nothing here is about what survives a power cut, so fsync may cost nothing. */
const MEMORY = '/dev/shm';

const SHARES = 10;
const RUNS = 500 / SHARES;
/** Another one: `MKPLAN_SEED=N npx vitest run --project unit test/machine/histories.test.ts`. */
const SEED = Number(process.env['MKPLAN_SEED'] ?? 20_260_101);

describe('whatever happens to it, a session comes to what a plan from scratch says, and harms nobody', () => {
  for (let share = 0; share < SHARES; share++) {
    const seed = SEED + share;
    it(`${RUNS} histories of seed ${seed}`, { timeout: 600_000 }, async () => {
      const parent = await temporaryDirectory(existsSync(MEMORY) ? MEMORY : undefined);
      await fc.assert(
        fc.asyncProperty(history, async (one) => {
          await HistoryRun.of(one, await mkdtemp(join(parent, 'history-')));
        }),
        // A history that fails is told as it is, with its seed: making it smaller could outlast the bound of the test.
        { seed, numRuns: RUNS, endOnFailure: process.env['MKPLAN_SHRINK'] === undefined },
      );
    });
  }
});
