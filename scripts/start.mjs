// `npm start`: installs, builds, shows the plan of a recorded example, then the whole way round in the sandbox.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build, install, mkplan, must, root } from './setup.mjs';

install();
build();

const say = (text) => process.stdout.write(`\n── ${text}\n\n`);

say('A recorded host, planned from a file: no cluster, no rights, any system');
must([
  process.execPath,
  mkplan,
  'plan',
  'examples/kvm/tunnel.yaml',
  '--observed',
  'examples/kvm/observed.yaml',
]);

// Whether there can be a sandbox here, and what to do where there cannot, the program knows best.
const trial = spawnSync(process.execPath, [mkplan, 'sandbox', '--', 'true'], { cwd: root, encoding: 'utf8' });
if (trial.status !== 0) {
  say('The sandbox is left out');
  process.stderr.write(trial.stderr);
  process.exit(process.platform === 'linux' ? 1 : 0);
}
say('The sandbox: a host, two nodes and a Kubernetes API in network namespaces of their own');
must([
  process.execPath,
  mkplan,
  'sandbox',
  '--manifests',
  'examples/sandbox',
  '--',
  process.execPath,
  join(root, 'scripts', 'demo.mjs'),
]);
