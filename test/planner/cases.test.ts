import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mkplan } from '../cli/run-program.ts';
import { expectGoldenText } from '../recordings.ts';

const cases = 'test/planner/cases';

/** Whole plans, a folder each: `tunnel.yaml` gives with `observed.yaml` what `plan.txt` has. CONTRIBUTING.md says how to add one. */
describe('cases', () => {
  it.each(readdirSync(fileURLToPath(new URL('cases', import.meta.url))))(
    '%s gives its plan, and is refused only where nothing can be served',
    async (name) => {
      const argv = ['plan', `${cases}/${name}/tunnel.yaml`, '--observed', `${cases}/${name}/observed.yaml`];
      const first = await mkplan(argv);
      expectGoldenText(`${cases}/${name}/plan.txt`, first.stdout);
      expect(first.code).toBe(/! refused|No profile can be served/.test(first.stdout) ? 4 : 0);
      expect(await mkplan(argv)).toEqual(first);
    },
  );
});
