import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { sessionMetrics } from '../../../src/cli/session/metrics.ts';
import type { ServiceSummary } from '../../../src/model/plan.ts';
import { planOf, route, step } from '../../fakes/plans.ts';
import { passOf, sessionAfter } from './sessions.ts';

/** A rule of Prometheus, as far as it is looked at. */
interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string };
}

const page = readFileSync(new URL('../../../docs/alerts.md', import.meta.url), 'utf8');
const [, rules = ''] = /^```yaml\n(groups:[\s\S]*?)^```$/m.exec(page) ?? [];
const { groups } = parse(rules) as { readonly groups: readonly { readonly rules: readonly Alert[] }[] };
const alerts = groups.flatMap((group) => group.rules);

const LATE: ServiceSummary = {
  profile: 'minikube',
  namespace: 'default',
  name: 'late',
  state: 'pending',
  addresses: [],
  reason: 'all 2 IPv4 addresses of the pool are in use',
};
const STANDS = route('10.96.0.0/12');
const PLAN = planOf([step('none', STANDS, STANDS)], { services: [LATE] });
const metrics = new Map(
  sessionMetrics(sessionAfter(...passOf(PLAN, { minikube: true }))).map((metric) => [metric.name, metric]),
);

it('docs/alerts.md has rules', () => {
  expect(alerts.length).toBeGreaterThan(5);
});

it.each(alerts.filter(({ expr }) => expr.includes('mkplan_')))(
  'docs/alerts.md: $alert asks for metrics, labels and states that a session has',
  ({ expr, annotations }) => {
    const asked = [...expr.matchAll(/\b(mkplan_\w+)(?:\{(.*?)\})?/g)];
    expect(asked).not.toEqual([]);
    for (const [, name = '', matchers = ''] of asked) {
      const labels = (metrics.get(name)?.samples ?? []).map((sample) => sample.labels);
      expect(labels, name).not.toEqual([]);
      for (const [, label = '', value = ''] of matchers.matchAll(/(\w+)!?="(\w+)"/g)) {
        expect(labels.map((each) => each[label])).toContain(value);
      }
      for (const [, label = ''] of annotations.summary.matchAll(/\$labels\.(\w+)/g)) {
        expect(labels.every((each) => label in each)).toBe(true);
      }
    }
  },
);
