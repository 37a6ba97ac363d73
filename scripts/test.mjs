// `npm test`: installs, builds, runs every tier that can run here but `package`, and ends with the counts.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodes } from './nodes.mjs';
import { build, install, namespacesRefused, root, run, sudoRefused } from './setup.mjs';
import { testbed } from './testbed.mjs';

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
  '--project=!package',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
]);

const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
  readFileSync(report, 'utf8'),
);
rmSync(scratch, { recursive: true });
const skipped = numPendingTests + numTodoTests;
if (refused !== null) {
  process.stdout.write(`\nThe kernel tier was skipped: ${refused}.\n`);
}
const withoutSudo = sudoRefused();
if (refused === null && withoutSudo !== null) {
  process.stdout.write(`\nThe tests of sudo were skipped: ${withoutSudo}.\n`);
}
const { missing } = testbed();
if (missing !== null) process.stdout.write(`\nThe cluster tier was skipped: ${missing}.\n`);
const { missing: withoutNodes } = await nodes();
if (withoutNodes !== null)
  process.stdout.write(`\nThe tests on other Nodes were skipped: ${withoutNodes}.\n`);
if (process.env.CI && skipped > 0) {
  process.stdout.write(
    '\nIn CI nothing may be skipped: install iproute2 and sudo, run as root, allow unprivileged user namespaces, build the test bed, and fetch the Nodes.\n',
  );
  code ||= 1;
}
process.stdout.write(`\n${numPassedTests} passed, ${numFailedTests} failed, ${skipped} skipped\n`);
process.exit(code);
