// `npm start`: installs, builds, shows the plan of a recorded example, then the whole way round in the sandbox.
import { join } from 'node:path';
import { build, install, mkplan, must, namespacesRefused, root } from './setup.mjs';

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

const refused = namespacesRefused();
if (refused !== null) {
  say(`The sandbox is left out: ${refused}`);
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
