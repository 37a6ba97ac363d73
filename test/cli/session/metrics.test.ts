import { afterEach, describe, expect, it } from 'vitest';
import { Metrics, renderMetrics } from '../../../src/cli/session/metrics.ts';
import { create, planOf, route } from '../../fakes/plans.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function served(metrics = new Metrics()) {
  const server = await metrics.serve({ host: '127.0.0.1', port: 0 });
  closing.push(() => server.close());
  const ask = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
  return { metrics, server, ask };
}

describe('metrics', () => {
  it('are served as Prometheus reads them, with what a session has come to', async () => {
    const { metrics, ask } = await served();
    metrics.planned(planOf([create(route('10.96.0.0/12'))]));
    for (const state of ['settling', 'reconciling', 'idle']) metrics.heard({ type: 'watch.state', state });
    metrics.heard({ type: 'watch.held', what: 'profile two', why: 'its cluster is out of reach' });
    metrics.heard({ type: 'watch.failed', diagnostics: [], retryMs: 500 });
    const response = await ask('/metrics');
    expect(response.headers.get('content-type')).toContain('version=0.0.4');
    const lines = (await response.text()).split('\n');
    expect(lines).toContain('mkplan_reconciles_total{result="success"} 1');
    expect(lines).toContain('mkplan_reconciles_total{result="failure"} 1');
    expect(lines).toContain('mkplan_session_state{state="idle"} 1');
    expect(lines).toContain('mkplan_held_units 1');
    expect(lines.find((line) => line.startsWith('mkplan_routes{'))).toMatch(/action="create"\} 1$/);
    for (const line of lines.filter((text) => text !== '' && !text.startsWith('#'))) {
      expect(line).toMatch(/^[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+]+$/);
    }
  });

  it('are nowhere else', async () => {
    const { ask } = await served();
    expect((await ask('/')).status).toBe(404);
  });

  it('count a pass that failed as no success', async () => {
    const { metrics, ask } = await served();
    for (const state of ['reconciling', 'backingOff']) metrics.heard({ type: 'watch.state', state });
    expect(await (await ask('/metrics')).text()).toContain('mkplan_reconciles_total{result="success"} 0');
  });

  it('name an address that is taken', async () => {
    const { server } = await served();
    await expect(new Metrics().serve({ host: '127.0.0.1', port: server.port })).rejects.toMatchObject({
      diagnostics: [{ code: 'metrics-address' }],
    });
  });

  it('escape what a label holds', () => {
    const samples = [{ labels: { profile: 'a"b\\c\nd' }, value: 1 }];
    const text = renderMetrics([{ name: 'mkplan_routes', help: 'Routes.', type: 'gauge', samples }]);
    expect(text.split('\n')[2]).toBe('mkplan_routes{profile="a\\"b\\\\c\\nd"} 1');
  });
});
