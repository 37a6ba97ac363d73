import { connect } from './floors/api.ts';
import { serviceOf } from './service.ts';

/**
 * `churn-load.mjs CREDENTIALS CLASS COUNT`: makes so many Services of a class, and from then on changes, removes and makes
 * one after the other of them, so many times a second. Until the end of its input.
 */

const COLLECTION = '/api/v1/namespaces/default/services';
const CONNECTIONS = 8;
const OPERATIONS_A_SECOND = 60;
/** Operations that are begun together. */
const AT_ONCE = 3;

const [credentials = '', loadBalancerClass = '', count = '0'] = process.argv.slice(2);
const api = await connect(credentials, CONNECTIONS);
const nameOf = (index: number) => `churn-${loadBalancerClass.replace('/', '-')}-${index}`;
let changes = 0;

const make = (name: string) =>
  api.send('POST', COLLECTION, { type: 'application/json', text: serviceOf(name, loadBalancerClass) });
const change = (name: string) =>
  api.send('PATCH', `${COLLECTION}/${name}`, {
    type: 'application/merge-patch+json',
    text: JSON.stringify({ metadata: { labels: { change: String(changes++) } } }),
  });
const remove = (name: string) => api.send('DELETE', `${COLLECTION}/${name}`);
const PHASES = [change, remove, make];

// One of an earlier run is there already, or one that is to change is not: each comes to its next phase all the same.
const attempt = (operation: (name: string) => Promise<string>, name: string) =>
  operation(name).catch(() => undefined);

const phases = Array.from({ length: Number(count) }, (_, index) => index % PHASES.length);
await Promise.all(phases.map((_, index) => attempt(make, nameOf(index))));
let next = 0;
setInterval(
  () => {
    for (let begun = 0; begun < AT_ONCE; begun++) {
      const phase = phases[next] ?? 0;
      const operation = PHASES[phase];
      if (operation !== undefined) void attempt(operation, nameOf(next));
      phases[next] = (phase + 1) % PHASES.length;
      next = (next + 1) % phases.length;
    }
  },
  (1000 * AT_ONCE) / OPERATIONS_A_SECOND,
);
process.stdin.on('end', () => process.exit()).resume();
process.stdout.write('ready\n');
