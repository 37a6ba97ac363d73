// `npm test`: installs, builds, runs the quick tiers as far as they can run here, and ends with the counts. `npm run test:rest`: the others.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodes } from './nodes.mjs';
import { build, install, namespacesRefused, root, run, sudoRefused } from './setup.mjs';
import { testbed } from './testbed.mjs';

const QUICK = ['unit', 'kernel'];
const REST = ['long', 'cluster', 'package'];

const [first, ...more] = process.argv.slice(2);
const isRest = first === '--rest';
const tiers = isRest ? REST : QUICK;

install();
build();

const refused = namespacesRefused();
const scratch = mkdtempSync(join(tmpdir(), 'mkplan-test-'));
const report = join(scratch, 'report.json');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
let code = run([
  process.execPath,
  vitest,
  'run',
  ...tiers.flatMap((tier) => ['--project', tier]),
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...(isRest || first === undefined ? more : [first, ...more]),
]);

const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
  readFileSync(report, 'utf8'),
);
rmSync(scratch, { recursive: true });
const skipped = numPendingTests + numTodoTests;
if (refused !== null) {
  process.stdout.write(`\nWhat needs network namespaces was skipped: ${refused}.\n`);
}
const withoutSudo = sudoRefused();
if (refused === null && withoutSudo !== null) {
  process.stdout.write(`\nThe tests of sudo were skipped: ${withoutSudo}.\n`);
}
const { missing } = testbed();
if (isRest && missing !== null) process.stdout.write(`\nThe cluster tier was skipped: ${missing}.\n`);
const { missing: withoutNodes } = await nodes();
if (isRest && withoutNodes !== null)
  process.stdout.write(`\nThe tests on other Nodes were skipped: ${withoutNodes}.\n`);
if (process.env.CI && skipped > 0) {
  process.stdout.write(
    '\nIn CI nothing may be skipped: install iproute2 and sudo, run as root, allow unprivileged user namespaces, build the test bed, and fetch the Nodes.\n',
  );
  code ||= 1;
}
process.stdout.write(`\n${numPassedTests} passed, ${numFailedTests} failed, ${skipped} skipped\n`);
process.exit(code);
