import { Terminal } from '@xterm/headless';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SessionFeed } from '../../../src/cli/session/session-feed.ts';
import type { SessionEvent } from '../../../src/cli/session/session-state.ts';
import { PLAIN } from '../../../src/cli/views/color.ts';
import { type Frame, renderFrame } from '../../../src/cli/views/live/live-frame.ts';
import { LiveView } from '../../../src/cli/views/live/live-view.ts';
import { displayWidth } from '../../../src/cli/views/text.ts';
import type { Diagnostic } from '../../../src/model/diagnostic.ts';
import type { WatchEvent } from '../../../src/model/event.ts';
import type { Plan, ServiceSummary } from '../../../src/model/plan.ts';
import { plan } from '../../../src/planner/plan.ts';
import { planOf, route, step } from '../../fakes/plans.ts';
import * as build from '../../planner/build.ts';
import { held, moment, pass, passOf, released, sessionAfter, state, trigger } from '../session/sessions.ts';

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

const FULL = 'all 37 IPv4 addresses of the pool are in use';

/** Forty Services of which three are pending, as read by the last pass. */
function forty(name = (index: number) => `web-${index}`): Plan {
  const services = Array.from({ length: 40 }, (_, index): ServiceSummary => {
    const common = { profile: 'minikube', namespace: 'default', name: name(index + 1) };
    return index < 37
      ? { ...common, state: 'served', addresses: [`10.200.0.${index + 1}`], reason: '' }
      : { ...common, state: 'pending', addresses: [], reason: FULL };
  });
  const routes = Array.from({ length: 37 }, (_, index) => {
    const one = route(`10.200.0.${index + 1}/32`);
    return { ...step('none', one, one), purpose: 'load-balancer' as const };
  });
  const gateways = [{ address: '192.168.39.174', source: 'Node' }];
  const profiles = [{ name: 'minikube', gateways, services: [], pods: [] }];
  return planOf(routes, { services, profiles });
}

function frame(events: readonly SessionEvent[], rest: Partial<Frame> = {}): Frame {
  return { title: 'Tunnel dev (tunnel.yaml)', session: sessionAfter(...events), events: [], ...rest };
}

const happenings = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    time: '12:00:00',
    text: `event ${index + 1}`,
    failed: false,
  }));

const render = (shown: Frame, columns = 100, rows = 40) =>
  renderFrame(shown, { columns, rows, colors: PLAIN });
const text = (...args: Parameters<typeof render>) => render(...args).join('\n');

const SIZES = [
  [60, 15],
  [80, 24],
  [200, 50],
  [20, 5],
  [40, 3],
  [10, 8],
  [1, 24],
  [80, 1],
] as const;

describe('a frame', () => {
  it('shows the state, every route and every Service with its address', () => {
    const shown = text(frame(passOf(PLAN)));
    expect(shown).toContain('Tunnel dev (tunnel.yaml)  watching  last pass 12:00:02');
    expect(shown).toContain('10.96.0.0/12');
    expect(shown).toMatch(/default\/web +10\.200\.0\.\d/);
  });

  it.each(SIZES)('of %i columns and %i rows fits, whatever it has to tell', (columns, rows) => {
    const wide = frame(
      [
        ...passOf(forty((index) => `測試-${'长'.repeat(index)}-👩‍👩‍👧-e\u0301`)),
        held('profile two', '原因 '.repeat(60)),
      ],
      { events: happenings(60), title: 'Tunnel 開發 (tunnel.yaml)' },
    );
    const lines = render(wide, columns, rows);
    expect(lines.length).toBeLessThanOrEqual(Math.max(rows - 1, 1));
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(columns);
    if (columns >= 20) expect(lines[0]).toContain('watching');
  });

  it.each([
    [60, 15],
    [80, 24],
    [200, 50],
  ])(
    'of %i columns and %i rows names the pending Services and their reason first, and the newest event',
    (columns, rows) => {
      const lines = render(frame(passOf(forty()), { events: happenings(20) }), columns, rows);
      const problems = lines.findIndex((line) => line.includes('3 Services pending'));
      const told = lines
        .slice(problems, problems + 4)
        .join(' ')
        .replace(/\s+/g, ' ');
      for (const word of ['default/web-38', 'default/web-39', 'default/web-40', FULL])
        expect(told).toContain(word);
      expect(problems).toBeLessThan(lines.findIndex((line) => line.includes('minikube')));
      expect(lines.at(-1)).toContain('event 20');
      expect(lines.join('\n')).toMatch(/… and \d+ more/);
    },
  );

  it('of a few rows still has a problem and the newest event', () => {
    const lines = render(frame(passOf(forty()), { events: happenings(20) }), 20, 5);
    expect(lines[0]).toBe('watching');
    expect(lines[1]).toMatch(/^ {2}! 3 Services/);
    expect(lines.at(-1)).toContain('event 20');
  });

  it('wraps a reason and leaves nothing of it out', () => {
    const why = 'the gateway 192.168.39.174 is on no network of this host, and nothing leads there';
    const lines = render(frame([...passOf(PLAN), held('profile two', why)]), 40, 30);
    const from = lines.findIndex((line) => line.includes('left as it is'));
    const to = lines.findIndex((line, index) => index > from && !line.startsWith('    '));
    expect(
      lines
        .slice(from, to)
        .map((line) => line.trim())
        .join(' '),
    ).toBe(`! left as it is: profile two: ${why}`);
  });

  it('keeps the columns of a table where one of its rows is too long', () => {
    const long = `a-service-with-a-long-name-${'x'.repeat(40)}`;
    const shown = render(frame(passOf(forty((index) => (index === 3 ? long : `web-${index}`)))), 60, 40);
    const rows = shown.filter((line) => line.startsWith('  ✓  default/'));
    expect(rows.length).toBeGreaterThan(3);
    expect(new Set(rows.map((line) => line.indexOf('  served'))).size).toBe(1);
    expect(rows.some((line) => line.includes('…'))).toBe(true);
  });

  it('breaks wide characters between, never within', () => {
    const lines = render(frame([...passOf(PLAN), held('profile two', '字'.repeat(50))]), 21, 40);
    expect(lines.join('').match(/字/g)).toHaveLength(50);
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(21);
  });

  const warning: Diagnostic = {
    code: 'gateway-sources-differ',
    severity: 'warning',
    summary: 'profile minikube: the gateway is 192.168.39.174, but other sources say 192.168.39.9',
    cause: 'config.json is older than the VM',
    fix: '',
    profile: 'minikube',
  };

  it('shows the warnings of the plan, each once', () => {
    const shown = text(frame(passOf({ ...PLAN, diagnostics: [warning] })), 200);
    expect(shown).toContain(`warning: ${warning.summary}: ${warning.cause}`);
    const summary = `profile minikube: its cluster could not be observed`;
    const refusing: Diagnostic = { ...warning, summary, cause: 'ECONNREFUSED', code: 'cluster-unobserved' };
    const both = text(
      frame([
        ...passOf({ ...PLAN, diagnostics: [refusing] }),
        held('profile minikube', 'its cluster could not be observed'),
      ]),
      200,
    );
    expect(both.match(/could not be observed/g)).toHaveLength(1);
    expect(both).toContain('could not be observed: ECONNREFUSED');
  });

  it.each<[string, readonly SessionEvent[], RegExp]>([
    ['a hint came', [trigger('kernel')], /watching/],
    ['a pass reads it again', [trigger('kernel'), state('reconciling')], /looking/],
    ['the last pass failed', [pass('failure', 'ip hangs'), state('backingOff')], /last pass failed 12:00:/],
  ])('has no ✓ while %s', (_, events, head) => {
    const before = text(frame(passOf(forty())));
    const shown = text(frame([...passOf(forty()), ...events]));
    expect(before).toContain('✓');
    expect(shown).not.toContain('✓');
    expect(shown).toMatch(/\? {2}10\.200\.0\.1\/32/);
    expect(shown).toMatch(head);
  });

  it('says why the last pass failed, and that a spec cannot be used', () => {
    const diagnostics: Diagnostic[] = [
      {
        code: 'x',
        severity: 'error',
        summary: 'no such key',
        cause: '',
        fix: '',
        at: { ...build.AT, line: 9 },
      },
    ];
    const shown = text(
      frame([...passOf(PLAN), { type: 'watch.spec-invalid', diagnostics }, pass('failure', 'ip hangs')]),
    );
    expect(shown).toContain('! the last pass failed: ip hangs');
    expect(shown).toContain('no such key (line 9)');
  });

  it('no longer shows what is being taken away', () => {
    const shown = text(frame([...passOf(PLAN), held('profile two'), state('stopping')]));
    expect(shown).not.toContain('10.96.0.0/12');
    expect(shown).not.toContain('profile two');
  });

  it('lets nothing from a cluster move the cursor', () => {
    const [service] = PLAN.services;
    if (service === undefined) throw new Error('there is none');
    const evil = 'web\u001b[2J\n\u202e';
    const services: ServiceSummary[] = [
      { ...service, name: evil },
      { ...service, name: evil, state: 'pending', reason: evil },
    ];
    const shown = render(frame([...passOf({ ...PLAN, services }), held(`profile ${evil}`, evil)])).join('');
    for (const one of ['\u001b', '\n', '\u202e']) expect(shown).not.toContain(one);
    expect(shown).toContain('\\u001b');
  });
});

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A view on a terminal that is emulated: what it shows is what a person would see. */
function onTerminal(columns: number, rows: number) {
  const terminal = new Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
  closing.push(() => terminal.dispose());
  let onResize: () => void = () => undefined;
  let writes = 0;
  const screen = {
    isTTY: true,
    get columns() {
      return terminal.cols;
    },
    get rows() {
      return terminal.rows;
    },
    write: (chunk: string) => {
      writes++;
      terminal.write(chunk);
    },
    on: (_: 'resize', listener: () => void) => {
      onResize = listener;
    },
    off: () => {
      onResize = () => undefined;
    },
  };
  const view = new LiveView('Tunnel dev', screen, PLAIN);
  const shown = async () => {
    await new Promise<void>((resolve) => terminal.write('', resolve));
    const { active } = terminal.buffer;
    const lines = Array.from(
      { length: terminal.rows },
      (_, index) => active.getLine(active.baseY + index)?.translateToString(true) ?? '',
    );
    return lines.join('\n').trimEnd();
  };
  const resize = (toColumns: number, toRows: number) => {
    terminal.resize(toColumns, toRows);
    onResize();
  };
  return { terminal, screen, view, shown, resize, writes: () => writes };
}

/** A session that a view hears of, after these events. */
function feedOf(view: LiveView, ...events: readonly SessionEvent[]): SessionFeed {
  const feed = new SessionFeed(() => moment());
  feed.add(view);
  for (const event of events) feed.heard(event);
  return feed;
}

describe('the live view', () => {
  const session = sessionAfter(
    ...passOf(forty()),
    held('profile two', 'its cluster does not answer '.repeat(9)),
  );
  const expected = (columns: number, rows: number) =>
    render({ title: 'Tunnel dev', session, events: [] }, columns, rows).join('\n');

  it('draws each frame over the one before, and leaves the last one standing', async () => {
    const { view, shown, terminal } = onTerminal(80, 24);
    terminal.write('the plan\n');
    view.heard(state('idle'), session);
    view.draw();
    expect(await shown()).toContain(expected(80, 24).slice(0, 1000));
    view.heard(state('stopping'), sessionAfter(...passOf(forty()), state('stopping')));
    view.close();
    terminal.write('Left.\n');
    expect(await shown()).toMatch(/Tunnel dev {2}leaving.*\nLeft\.$/);
  });

  it.each([
    ['narrower', 60, 15],
    ['much narrower', 20, 24],
    ['wider', 200, 50],
    ['lower', 80, 5],
    ['as small as can be', 2, 2],
  ])('shows one frame and nothing else once the terminal is %s', async (_, columns, rows) => {
    const { view, shown, resize } = onTerminal(80, 24);
    view.heard(state('idle'), session);
    view.draw();
    resize(columns, rows);
    await vi.waitFor(async () => expect(await shown()).toBe(expected(columns, rows).trimEnd()));
    view.heard(trigger('kernel'), session);
    view.draw();
    expect(await shown()).toBe(expected(columns, rows).trimEnd());
  });

  it('writes nothing for a frame that is the same', () => {
    const { view, writes } = onTerminal(80, 24);
    view.heard(state('idle'), session);
    view.draw();
    view.heard(trigger('kernel'), session);
    view.draw();
    expect(writes()).toBe(1);
  });

  it.each([0, undefined])('takes a terminal of %s columns for one of 80', (size) => {
    const written: string[] = [];
    const screen = {
      write: (chunk: string) => written.push(chunk),
      ...(size === undefined ? {} : { columns: size, rows: size }),
    };
    const view = new LiveView('Tunnel dev', screen, PLAIN);
    view.heard(state('idle'), session);
    view.close();
    expect(written.join('')).toContain(expected(80, 24));
  });

  it('tells once what is set aside, however often it is tried again for nothing', async () => {
    const { view, shown } = onTerminal(100, 40);
    const feed = feedOf(view, ...passOf(PLAN));
    for (let round = 0; round < 5; round++) {
      for (const event of [released('profile two'), held('profile two'), pass('success')]) feed.heard(event);
    }
    view.draw();
    expect((await shown()).match(/Left as it is/g)).toHaveLength(1);
  });

  it('tells once how passes fail, and what is wrong with the spec, until that was over', async () => {
    const { view, shown } = onTerminal(100, 40);
    const diagnostics = [{ code: 'x', severity: 'error', summary: 'EIO', cause: '', fix: '' }] as const;
    const misread: WatchEvent = { type: 'watch.spec-invalid', diagnostics };
    const failed: WatchEvent = { type: 'watch.failed', diagnostics, retryMs: 1 };
    const feed = feedOf(view, ...passOf(PLAN));
    for (let round = 0; round < 5; round++) {
      for (const event of [failed, state('backingOff'), misread]) feed.heard(event);
    }
    for (const event of [pass('success'), state('idle'), failed]) feed.heard(event);
    view.draw();
    expect((await shown()).match(/This pass failed/g)).toHaveLength(2);
    expect((await shown()).match(/cannot be used as it is now/g)).toHaveLength(1);
  });

  it('keeps the newest events', async () => {
    const { view, shown } = onTerminal(80, 24);
    const warned = (round: number): WatchEvent => ({
      type: 'watch.warning',
      diagnostic: { code: 'x', severity: 'warning', summary: `news ${round}`, cause: '', fix: '' },
    });
    const feed = feedOf(view, ...passOf(PLAN));
    for (let round = 0; round < 100; round++) feed.heard(warned(round));
    view.draw();
    expect((await shown()).split('\n').at(-1)).toContain('news 99');
  });
});
