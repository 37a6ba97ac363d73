import { mkdtemp } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Laptop } from './laptop.ts';
import { requireNamespaces } from './netns.ts';
import { anyCase, type Case } from './tables.ts';
import { Trial, type Verdict } from './trial.ts';

const forbidden = requireNamespaces();

/** CONTRIBUTING.md says how to run more of them, and others. */
const CASES = Number(process.env['MKPLAN_TABLES'] ?? 500);
const SEED = Number(process.env['MKPLAN_SEED'] ?? 20_260_101);
const LAPTOPS = Math.max(2, Math.min(4, availableParallelism()));

describe.skipIf(forbidden !== null)(`on ${CASES} random routing tables`, () => {
  const laptops: Laptop[] = [];

  beforeAll(async () => {
    for (let index = 0; index < LAPTOPS; index++) laptops.push(await Laptop.create());
  });

  afterAll(async () => {
    await Promise.all(laptops.map((laptop) => laptop.close()));
  });

  async function tried(laptop: Laptop, given: Case): Promise<Verdict> {
    const trial = new Trial(laptop, given, await mkdtemp(join(tmpdir(), 'mkplan-tables-')));
    try {
      return await trial.run();
    } finally {
      await trial.close();
    }
  }

  async function share(laptop: Laptop, index: number): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    const property = fc.asyncProperty(anyCase, async (given) => {
      verdicts.push(await tried(laptop, given));
    });
    await fc.assert(property, { numRuns: Math.ceil(CASES / LAPTOPS), seed: SEED + index });
    return verdicts;
  }

  test(`who gets an address outside what is declared is never changed (seed ${SEED})`, async () => {
    const verdicts = (await Promise.all(laptops.map(share))).flat();
    const ended = (end: Verdict['end']) => verdicts.filter((verdict) => verdict.end === end).length;
    const addresses = verdicts.reduce((sum, { modelled }) => sum + modelled, 0);
    const unknown = verdicts.reduce((sum, verdict) => sum + verdict.unknown, 0);
    process.stdout.write(
      `${verdicts.length} tables: ${ended('applied')} applied, failed and destroyed, ${ended('refused')} refused, ` +
        `${ended('nothing')} with nothing to do, ${ended('unsettled')} that only the kernel could judge; ${addresses} addresses modelled as the kernel answers, ${unknown} left to it\n`,
    );
    // Else little was tried.
    expect(ended('applied')).toBeGreaterThan(verdicts.length / 8);
    expect(ended('unsettled')).toBeLessThan(verdicts.length / 8);
    expect(unknown).toBeLessThan(addresses / 2);
  }, 1_800_000);
});
