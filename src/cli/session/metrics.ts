import { createServer, type Server } from 'node:http';
import packageJson from '../../../package.json' with { type: 'json' };
import { Failure, messageOf } from '../../model/diagnostic.ts';
import type { WatchEvent } from '../../model/event.ts';
import type { Plan } from '../../model/plan.ts';
import { printableLine } from '../../model/printable.ts';
import type { SessionListener } from './session-listener.ts';

/** Where metrics are served. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

type Labels = Readonly<Record<string, string>>;

/** A metric with its samples, as the text format has it. */
interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly { readonly labels: Labels; readonly value: number }[];
}

/** Content type of the Prometheus text format (Prometheus, "Exposition formats"). */
const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

/** A label's value, by that format's own escapes; what else does not show is escaped as it is everywhere. */
function escaped(text: string): string {
  const lines = text.split('\n').map(printableLine);
  return lines.join('\n').replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}

/** Metrics in the text format. */
export function renderMetrics(metrics: readonly Metric[]): string {
  return metrics
    .map(({ name, help, type, samples }) => {
      const lines = samples.map(({ labels, value }) => {
        const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
        return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
      });
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
    })
    .join('');
}

/** Counts by a label, in the order in which its values came up. */
function countBy<T>(items: readonly T[], label: (item: T) => Labels): Metric['samples'] {
  const counts = new Map<string, { labels: Labels; value: number }>();
  for (const item of items) {
    const labels = label(item);
    const key = JSON.stringify(labels);
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { labels, value: 1 });
    else known.value++;
  }
  return [...counts.values()];
}

/** What a session is at, as numbers for a monitoring system; named as Prometheus names things. */
export class Metrics implements SessionListener {
  readonly #passes = { done: 0, failed: 0 };
  readonly #changes = { done: 0, failed: 0 };
  #state = 'settling';
  #lastPass = 0;
  #held = 0;
  #plan: Plan | null = null;

  heard(event: WatchEvent): void {
    switch (event.type) {
      case 'watch.state':
        this.#enter(event.state);
        break;
      case 'watch.failed':
        this.#passes.failed++;
        break;
      case 'watch.held':
        this.#held++;
        break;
      case 'watch.released':
        this.#held = Math.max(this.#held - 1, 0);
        break;
      case 'change.done':
        this.#changes.done++;
        break;
      case 'change.failed':
        this.#changes.failed++;
        break;
    }
  }

  planned(plan: Plan): void {
    this.#plan = plan;
  }

  #enter(state: string): void {
    // A pass that finds itself dirty goes on without resting, and is one all the same.
    if (this.#state === 'reconciling' && state !== 'backingOff') {
      this.#passes.done++;
      this.#lastPass = Date.now() / 1000;
    }
    this.#state = state;
  }

  /** Everything in the text format. */
  render(): string {
    const plan = this.#plan;
    const routes = plan?.steps.filter((step) => step.kind === 'route') ?? [];
    const one = (value: number, labels: Labels = {}) => [{ labels, value }];
    const both = (counts: { readonly done: number; readonly failed: number }) => [
      ...one(counts.done, { result: 'success' }),
      ...one(counts.failed, { result: 'failure' }),
    ];
    const gauge = (name: string, help: string, samples: Metric['samples']): Metric => ({
      name,
      help,
      type: 'gauge',
      samples,
    });
    const counter = (name: string, help: string, samples: Metric['samples']): Metric => ({
      name,
      help,
      type: 'counter',
      samples,
    });
    return renderMetrics([
      gauge('mkplan_build_info', 'The version that runs.', one(1, { version: packageJson.version })),
      counter('mkplan_reconciles_total', 'Passes that ended.', both(this.#passes)),
      counter('mkplan_changes_total', 'Changes of routes and Services.', both(this.#changes)),
      gauge(
        'mkplan_last_reconcile_timestamp_seconds',
        'When the last pass succeeded, in seconds since the epoch.',
        one(this.#lastPass),
      ),
      gauge('mkplan_session_state', 'The state that the session is in.', one(1, { state: this.#state })),
      gauge(
        'mkplan_held_units',
        'Profiles, Services and routes that are set aside for now.',
        one(this.#held),
      ),
      gauge(
        'mkplan_routes',
        'Routes that the spec asks for, by what is to be done about them.',
        countBy(routes, ({ profile, action }) => ({ profile, action })),
      ),
      gauge(
        'mkplan_services',
        'LoadBalancer Services, by what becomes of them.',
        countBy(plan?.services ?? [], ({ profile, state }) => ({ profile, state })),
      ),
      gauge(
        'process_resident_memory_bytes',
        'Resident memory size in bytes.',
        one(process.memoryUsage.rss()),
      ),
    ]);
  }

  /** Serves them at `/metrics`. Throws a Failure when nothing can listen there. */
  async serve({ host, port }: ListenAddress): Promise<{ readonly port: number; close(): void }> {
    const server: Server = createServer((request, response) => {
      if (request.url === '/metrics' && request.method === 'GET') {
        response.writeHead(200, { 'Content-Type': TEXT_FORMAT }).end(this.render());
      } else response.writeHead(404, { 'Content-Type': 'text/plain' }).end('metrics are at /metrics\n');
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(cannotListen({ host, port }, error)));
      server.listen(port, host, resolve);
    });
    const address = server.address();
    return {
      port: typeof address === 'object' && address !== null ? address.port : port,
      close: () => {
        server.close();
        server.closeAllConnections();
      },
    };
  }
}

function cannotListen({ host, port }: ListenAddress, error: Error): Failure {
  return new Failure('error', [
    {
      code: 'metrics-address',
      severity: 'error',
      summary: `metrics cannot be served at ${host}:${port}`,
      cause: messageOf(error),
      fix: 'name an address of this host and a port that is free',
      command: `ss -ltnp sport = :${port}`,
    },
  ]);
}
