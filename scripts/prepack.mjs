// What `npm pack` and `npm publish` run first: installs, builds, and refuses to pack what would not run.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, install, root } from './setup.mjs';

const { version, files, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What package.json names and the checkout does not have. */
function missing() {
  const named = [...files, ...Object.values(bin)];
  return named.filter((name) => !existsSync(join(root, name))).map((name) => `${name} is missing`);
}

/** Commands that do not start, or are of another version. */
function broken() {
  return Object.values(bin).flatMap((file) => {
    const argv = [join(root, file), '--version'];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    if (status === 0 && stdout === `${version}\n`) return [];
    return [`${file} --version exits ${status} and says ${JSON.stringify(stdout + stderr)}`];
  });
}

process.on('exit', (code) => {
  if (code !== 0) process.stderr.write('mkplan was not packed: the build is not complete, as said above\n');
});

install();
build();
const wrong = [...missing(), ...broken()];
for (const line of wrong) process.stderr.write(`${line}\n`);
process.exitCode = wrong.length === 0 ? 0 : 1;
