import { describe, expect, it } from 'vitest';
import { paletteFor } from '../../../src/cli/views/color.ts';
import { type Frame, LiveView, renderFrame } from '../../../src/cli/views/live-view.ts';
import { plan } from '../../../src/planner/plan.ts';
import * as build from '../../planner/build.ts';

const PLAIN = paletteFor(false);
const PLAN = plan(
  build.desired([
    build.profile({
      services: { value: [build.cidr('10.96.0.0/12')], at: build.AT },
      loadBalancer: build.loadBalancer(['10.200.0.0/30'], { unclassed: true }),
    }),
  ]),
  build.observed({
    profiles: [build.observedProfile({ cluster: build.cluster({ services: [build.service('web')] }) })],
  }),
);

function frame(overrides: Partial<Frame> = {}): Frame {
  return {
    title: 'Tunnel dev (tunnel.yaml)',
    state: 'idle',
    lastPass: '12:00:00',
    plan: PLAN,
    held: new Map(),
    events: [],
    ...overrides,
  };
}

const render = (shown: Frame, columns = 100, rows = 40) =>
  renderFrame(shown, { columns, rows, colors: PLAIN });

describe('a frame', () => {
  it('shows the state, every route and every Service with its address', () => {
    const text = render(frame()).join('\n');
    expect(text).toContain('Tunnel dev (tunnel.yaml)  watching  last pass 12:00:00');
    expect(text).toContain('10.96.0.0/12');
    expect(text).toMatch(/default\/web +10\.200\.0\.\d +served/);
  });

  it('names what is set aside, and why', () => {
    const held = new Map([['profile two', 'its cluster is out of reach']]);
    expect(render(frame({ held })).join('\n')).toContain('profile two: its cluster is out of reach');
  });

  it('is no wider and no higher than the terminal, and says how much is left out', () => {
    const routes = Array.from({ length: 50 }, (_, index) => build.cidr(`10.${index}.0.0/16`));
    const many = plan(
      build.desired([build.profile({ services: { value: routes, at: build.AT } })]),
      build.observed(),
    );
    const lines = render(frame({ plan: many }), 40, 20);
    expect(lines.length).toBeLessThan(20);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
    expect(lines.join('\n')).toMatch(/… and \d+ more/);
  });

  it('no longer shows what is being taken away', () => {
    expect(render(frame({ state: 'stopping' })).join('\n')).not.toContain('10.96.0.0/12');
  });

  it('lets nothing from a cluster move the cursor', () => {
    const service = { ...PLAN.services[0], name: 'web\u001b[2J' };
    const text = render(frame({ plan: { ...PLAN, services: [service] as typeof PLAN.services } })).join('');
    expect(text).not.toContain('\u001b');
    expect(text).toContain('\\u001b');
  });
});

describe('the live view', () => {
  it('draws each frame over the one before, and leaves the last one standing', () => {
    const written: string[] = [];
    const screen = { isTTY: true, columns: 80, rows: 24, write: (text: string) => written.push(text) };
    const view = new LiveView('Tunnel dev', screen, PLAIN);
    view.planned(PLAN);
    view.draw();
    const height = (written[0] ?? '').split('\n').length - 1;
    view.heard({ type: 'watch.held', what: 'profile two', why: 'gone' });
    view.close();
    expect(written[1]?.startsWith(`\u001b[${height}A\u001b[J`)).toBe(true);
    expect(written[1]).toContain('profile two: gone');
    view.draw();
    expect(written[2]?.startsWith('\u001b[J')).toBe(true);
  });
});
