import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/**
 * `floor-restore.mjs GATEWAY DEVICE DESTINATION…`: adds routes, and each of them again whenever `ip monitor` says that
 * it was deleted; nothing is reread, planned, recorded, verified or survived. Until the end of its input.
 */

const [gateway = '', device = '', ...destinations] = process.argv.slice(2);
const own = new Set(destinations);

function add(destination: string): void {
  // One protocol beside mkplan's, so that nobody takes these for its own.
  const route = [destination, 'via', gateway, 'dev', device, 'proto', '110', 'metric', '110'];
  spawn('ip', ['route', 'add', ...route], { stdio: ['ignore', 'inherit', 'inherit'] });
}

const monitor = spawn('ip', ['monitor', 'route'], { stdio: ['ignore', 'pipe', 'inherit'] });
createInterface({ input: monitor.stdout }).on('line', (line) => {
  const [word, destination = ''] = line.split(' ', 2);
  if (word === 'Deleted' && own.has(destination)) add(destination);
});
for (const destination of destinations) add(destination);
process.stdin
  .on('end', () => {
    monitor.kill();
    process.exit();
  })
  .resume();
process.stdout.write('ready\n');
