import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { CALLS_AT_ONCE } from '../../src/kubernetes/cluster.ts';
import { connect } from './api.ts';

/**
 * `floor-serve.mjs CREDENTIALS CLASS`: a bare loop of watch and PATCH. Each new Service of the class gets the next
 * address; nothing is planned, routed, recorded, verified or survived. Until the end of its input.
 */

interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly metadata: { readonly name: string; readonly resourceVersion: string };
    readonly spec?: { readonly loadBalancerClass?: string };
  };
}

const [credentials = '', wanted = ''] = process.argv.slice(2);
const api = await connect(credentials, CALLS_AT_ONCE);
// A watch holds its connection for as long as it lasts.
const watching = await connect(credentials);
let next = 0;

function give(name: string): void {
  const address = `10.210.${Math.floor(next / 250) % 250}.${(next % 250) + 1}`;
  next++;
  const given = api.send('PATCH', `/api/v1/namespaces/default/services/${name}/status`, {
    type: 'application/merge-patch+json',
    text: JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: address }] } } }),
  });
  // One that is gone by then needs none.
  given.catch(() => undefined);
}

const list = await api.send('GET', '/api/v1/services');
const { metadata } = JSON.parse(list) as { metadata: { resourceVersion: string } };
const query = `watch=1&resourceVersion=${metadata.resourceVersion}`;
const response = await watching.open('GET', `/api/v1/services?${query}`);
const lines = createInterface({ input: response });
lines.on('line', (line) => {
  const { type, object } = JSON.parse(line) as WatchEvent;
  if (type === 'ADDED' && object.spec?.loadBalancerClass === wanted) give(object.metadata.name);
});
process.stdin.on('end', () => process.exit()).resume();
process.stdout.write('ready\n');
await once(lines, 'close');
