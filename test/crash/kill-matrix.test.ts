import { describe, expect, it } from 'vitest';
import { requireNamespaces } from '../kernel/netns.ts';
import { PART_KILLS, runKillMatrix } from './kill-matrix.ts';

const refused = requireNamespaces();

/** A share of what `npm run kill-matrix` does; always the same kills, as far as they are not about an instant. */
const PARTS = [0, 1, 2];

describe.skipIf(refused !== null)('mkplan and its helper, killed', () => {
  it(`leave nothing unnamed, nothing foreign changed, and all before or all after: ${PARTS.length * PART_KILLS} times`, async () => {
    const ignore = () => undefined;
    const options = { seed: 4, parts: PARTS, jobs: 1, onKill: ignore, onViolation: ignore };
    const { kills, violations } = await runKillMatrix(options);
    expect(violations).toEqual([]);
    expect(kills).toBe(PARTS.length * PART_KILLS);
  }, 900_000);
});
