import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit-code.ts';
import { mkplan } from '../cli/run-program.ts';
import { expectGoldenText } from '../recordings.ts';

const cases = 'test/planner/cases';

/** The exit code that goes with a printed plan: refused, without a way to any profile, nothing to be had for now, fine. */
function exitCodeOf(plan: string): number {
  if (/^Plan: refused by/m.test(plan)) return EXIT.conflict;
  if (!plan.includes('No profile can be served.')) return EXIT.ok;
  return plan.includes('(out-of-reach)') ? EXIT.conflict : EXIT.error;
}

/** Whole plans, a folder each: `tunnel.yaml` gives with `observed.yaml` what `plan.txt` has. CONTRIBUTING.md says how to add one. */
describe('cases', () => {
  it.each(readdirSync(fileURLToPath(new URL('cases', import.meta.url))))(
    '%s gives its plan and its exit code',
    async (name) => {
      const argv = ['plan', `${cases}/${name}/tunnel.yaml`, '--observed', `${cases}/${name}/observed.yaml`];
      const first = await mkplan(argv);
      expectGoldenText(`${cases}/${name}/plan.txt`, first.stdout);
      expect(first.code).toBe(exitCodeOf(first.stdout));
      expect(await mkplan(argv)).toEqual(first);
    },
  );
});
