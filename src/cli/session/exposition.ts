import { printableLine } from '../../model/text/printable.ts';

/** Labels of a sample, by name. */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** A metric with its samples, as the text format has it. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly Sample[];
}

/** Content type of the Prometheus text format (Prometheus, "Exposition formats"). */
export const TEXT_FORMAT = 'text/plain; version=0.0.4; charset=utf-8';

/** A label's value: backslash, quote and line feed by the format's own escapes; what else does not show, as everywhere. */
function escaped(text: string): string {
  const lines = text.split('\n').map(printableLine);
  return lines.join('\n').replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}

/** A number as Go's ParseFloat reads it, which is what the format asks for. */
function numberText(value: number): string {
  return value === Number.POSITIVE_INFINITY ? '+Inf' : String(value);
}

/** Metrics in the text format. */
export function renderMetrics(metrics: readonly Metric[]): string {
  return metrics
    .map(({ name, help, type, samples }) => {
      const lines = samples.map(({ labels, value }) => {
        const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
        return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${numberText(value)}\n`;
      });
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
    })
    .join('');
}

/** Counts by a label, in the order in which its values came up. */
export function countBy<T>(items: readonly T[], label: (item: T) => Labels): Sample[] {
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
