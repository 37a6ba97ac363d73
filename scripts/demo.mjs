// The main job, start to end, inside `mkplan sandbox`: plan, apply, a request answered, status, destroy.
import { spawnSync } from 'node:child_process';
import { mkplan, must, root } from './setup.mjs';

const spec = 'examples/sandbox/tunnel.yaml';
const say = (text) => process.stdout.write(`\n$ ${text}\n`);

function step(...args) {
  say(`mkplan ${args.join(' ')}`);
  must([process.execPath, mkplan, ...args]);
}

/** Standard output of a program that has to succeed. */
function output([program, ...args]) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', cwd: root });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

function show(argv) {
  say(argv.join(' '));
  const text = output(argv);
  process.stdout.write(text);
  return text;
}

/** The whole routing table of both families, without what changes by itself. */
const table = () =>
  ['-4', '-6'].map((family) => output(['ip', '-N', family, 'route', 'show', 'table', 'all'])).join('');

/** The address that a Service was given, from `mkplan status`. */
function servedAddress() {
  const lines = output([process.execPath, mkplan, 'status', spec, '--json']).trim().split('\n');
  const served = lines
    .map((line) => JSON.parse(line))
    .find((line) => line.type === 'service' && line.addresses.length > 0);
  if (served === undefined) throw new Error('no Service is served');
  return served.addresses[0];
}

const before = table();
step('plan', spec);
step('apply', spec, '--auto-approve');

const address = servedAddress();
say(`GET http://${address}/`);
const response = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(10_000) });
process.stdout.write(`${response.status} ${await response.text()}\n`);
if (!response.ok) process.exit(1);

const routes = show(['ip', 'route']);
if (!routes.includes('proto 109')) throw new Error('no route of ours is in the table');
step('status', spec);
step('plan', spec, '--detailed-exitcode');
step('destroy', spec, '--auto-approve');

show(['ip', 'route']);
if (table() !== before) throw new Error('the routing table has changed');
process.stdout.write('\nThe routing table is unchanged.\n');
