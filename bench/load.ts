import { createInterface } from 'node:readline';
import { type BareApi, connect } from './floors/api.ts';
import { serviceOf } from './service.ts';

/**
 * `load.mjs CREDENTIALS CLASS COUNT`: makes so many Services of a class at once, and prints as JSON how many milliseconds
 * each of them waited from its being there to an address in its status; then removes them, and waits until they are gone.
 * With `keep` behind that, it only makes them; with `by-turns` it makes each once the one before is gone.
 */

const COLLECTION = '/api/v1/namespaces/default/services';
/** So many are made at a time. */
const CONNECTIONS = 16;
const PATIENCE_MS = 120_000;

interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly metadata: { readonly name: string };
    readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly unknown[] } };
  };
}

/** When each Service first showed an address, and which of them are gone; as one watch tells it. */
class Watcher {
  readonly shown = new Map<string, number>();
  readonly gone = new Set<string>();
  #waiting: { isDone: () => boolean; resolve: () => void } | null = null;

  async start(api: BareApi): Promise<void> {
    const list = JSON.parse(await api.send('GET', COLLECTION)) as { metadata: { resourceVersion: string } };
    const query = `watch=1&resourceVersion=${list.metadata.resourceVersion}`;
    createInterface({ input: await api.open('GET', `${COLLECTION}?${query}`) }).on('line', (line) =>
      this.#hear(JSON.parse(line) as WatchEvent),
    );
  }

  #hear({ type, object }: WatchEvent): void {
    const { name } = object.metadata;
    if (type === 'DELETED') this.gone.add(name);
    const isShown = (object.status?.loadBalancer?.ingress?.length ?? 0) > 0;
    if (isShown && !this.shown.has(name)) this.shown.set(name, performance.now());
    if (this.#waiting?.isDone() === true) this.#waiting.resolve();
  }

  async until(what: string, isDone: () => boolean): Promise<void> {
    if (isDone()) return;
    let end: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      end = setTimeout(() => reject(new Error(`not within ${PATIENCE_MS} ms: ${what}`)), PATIENCE_MS);
      this.#waiting = { isDone, resolve };
    });
    clearTimeout(end);
    this.#waiting = null;
  }
}

const [credentials = '', loadBalancerClass = '', count = '1', manner] = process.argv.slice(2);
const [api, watching] = [await connect(credentials, CONNECTIONS), await connect(credentials)];
const watcher = new Watcher();
await watcher.start(watching);
const made = new Map<string, number>();

async function makeAll(names: readonly string[]): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      const text = serviceOf(name, loadBalancerClass);
      await api.send('POST', COLLECTION, { type: 'application/json', text });
      made.set(name, performance.now());
    }),
  );
}

async function removeAll(names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => api.send('DELETE', `${COLLECTION}/${name}`)));
  await watcher.until('every Service is gone', () => names.every((name) => watcher.gone.has(name)));
}

async function serveAll(names: readonly string[]): Promise<number[]> {
  await makeAll(names);
  await watcher.until('every Service has an address', () => names.every((name) => watcher.shown.has(name)));
  const waits = names.map((name) => Math.max((watcher.shown.get(name) ?? 0) - (made.get(name) ?? 0), 0));
  await removeAll(names);
  return waits;
}

const names = Array.from({ length: Number(count) }, (_, index) => `load-${process.pid}-${index}`);
if (manner === 'keep') {
  await makeAll(names);
  process.exit();
}
const waits: number[] = [];
for (const together of manner === 'by-turns' ? names.map((name) => [name]) : [names]) {
  waits.push(...(await serveAll(together)));
}
process.stdout.write(`${JSON.stringify(waits)}\n`, () => process.exit());
