import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { expectGolden } from '../recordings.ts';

const cases = join(dirname(fileURLToPath(import.meta.url)), 'cases');

describe('cases', () => {
  it.each(readdirSync(cases))(
    '%s gives its plan, and is refused only where nothing can be served',
    (name) => {
      const { status, stdout } = expectGolden(`test/planner/cases/${name}`, 'observed.yaml', 'plan.txt');
      expect(status).toBe(/! refused|No profile can be served/.test(stdout) ? 4 : 0);
    },
  );
});
