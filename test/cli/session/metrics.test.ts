import { describe, expect, it } from 'vitest';
import { renderMetrics } from '../../../src/cli/session/exposition.ts';
import { sessionMetrics } from '../../../src/cli/session/metrics.ts';
import { type ProcessFacts, processMetrics, thisProcess } from '../../../src/cli/session/process-metrics.ts';
import { sessionPages } from '../../../src/cli/session/session-pages.ts';
import type { SessionState } from '../../../src/cli/session/session-state.ts';
import { LinuxProcesses } from '../../../src/platform/linux/process-table.ts';
import { create, planOf, route } from '../../fakes/plans.ts';
import { held, moment, pass, passOf, sessionAfter, state } from './sessions.ts';

const FACTS: ProcessFacts = {
  residentMemory: () => 50_000_000,
  cpu: () => ({ user: 1_500_000, system: 500_000 }),
  startTime: 1_700_000_000.5,
  descriptors: () => ({ open: 23, most: Number.POSITIVE_INFINITY }),
};

const PLAN = planOf([create(route('10.96.0.0/12'))]);
const lines = (session: SessionState) => renderMetrics(sessionMetrics(session)).split('\n');

/** Reads the text format as strictly as its description has it: each family once, described before its samples. */
function read(text: string): Map<string, { type: string; samples: Map<string, number> }> {
  expect(text.endsWith('\n')).toBe(true);
  const families = new Map<string, { type: string; samples: Map<string, number> }>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-z_]+) [^\n]+$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge)$/.exec(line);
    const sample =
      /^([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\[\\n"])*"(?:,[a-z_]+="(?:[^"\\\n]|\\[\\n"])*")*\})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?|\+Inf)$/.exec(
        line,
      );
    if (help !== null) {
      current = help[1] ?? '';
      expect(families.has(current), line).toBe(false);
      families.set(current, { type: '', samples: new Map() });
    } else if (type !== null) {
      const family = families.get(current);
      expect([type[1], family?.type], line).toEqual([current, '']);
      families.set(current, { type: type[2] ?? '', samples: new Map() });
      if (type[2] === 'counter') expect(current).toMatch(/_total$/);
    } else {
      expect(sample?.[1], line).toBe(current);
      const samples = families.get(current)?.samples;
      expect(samples?.has(sample?.[2] ?? ''), line).toBe(false);
      samples?.set(sample?.[2] ?? '', Number(sample?.[3]?.replace('+Inf', 'Infinity')));
    }
  }
  return families;
}

describe('metrics', () => {
  it('are what the text format allows, whatever a name holds', () => {
    const session = sessionAfter(...passOf(PLAN, { 'a"b\\c\nd': true, 'ünï 測 {}=,': false, alone: null }));
    const families = read(renderMetrics([...sessionMetrics(session), ...processMetrics(FACTS)]));
    expect([...(families.get('mkplan_cluster_up')?.samples ?? [])]).toEqual([
      ['{profile="a\\"b\\\\c\\nd"}', 1],
      ['{profile="ünï 測 {}=,"}', 0],
    ]);
  });

  it('have one sample for every state, and 1 for one alone', () => {
    const session = sessionAfter(state('reconciling'), pass('success'), state('idle'));
    const samples = lines(session).filter((line) => line.startsWith('mkplan_session_state{'));
    expect(samples).toHaveLength(9);
    expect(samples.filter((line) => line.endsWith(' 1'))).toEqual(['mkplan_session_state{state="idle"} 1']);
  });

  it('tell how passes ended, what is held, and how routes stand', () => {
    const session = sessionAfter(
      ...passOf(PLAN),
      held('profile two'),
      pass('failure', 'x'),
      pass('suspended'),
    );
    for (const line of [
      'mkplan_reconciles_total{result="success"} 1',
      'mkplan_reconciles_total{result="failure"} 1',
      'mkplan_reconciles_total{result="suspended"} 1',
      'mkplan_held_units 1',
      `mkplan_last_reconcile_timestamp_seconds ${moment(2).epochMs / 1000}`,
    ]) {
      expect(lines(session)).toContain(line);
    }
    expect(lines(sessionAfter(...passOf(PLAN)))).toContain(
      'mkplan_routes{profile="minikube",state="adding"} 1',
    );
  });

  it('have every result before the first pass, so that a rate begins at zero', () => {
    const counted = lines(sessionAfter()).filter((line) => line.startsWith('mkplan_reconciles_total{'));
    expect(counted.map((line) => line.split(' ')[1])).toEqual(['0', '0', '0']);
  });
});

describe('metrics of the process', () => {
  it('are named and measured as those of every Prometheus client', () => {
    const values = [...read(renderMetrics(processMetrics(FACTS)))].map(([name, { type, samples }]) => [
      name,
      type,
      ...samples.values(),
    ]);
    expect(values).toEqual([
      ['process_cpu_seconds_total', 'counter', 2],
      ['process_resident_memory_bytes', 'gauge', 50_000_000],
      ['process_start_time_seconds', 'gauge', 1_700_000_000.5],
      ['process_open_fds', 'gauge', 23],
      ['process_max_fds', 'gauge', Number.POSITIVE_INFINITY],
    ]);
  });

  it('leave out descriptors where the system does not tell of them', () => {
    const names = processMetrics({ ...FACTS, descriptors: () => null }).map(({ name }) => name);
    expect(names).not.toContain('process_open_fds');
  });

  it('are those of this process', () => {
    const values = read(renderMetrics(processMetrics(thisProcess(new LinuxProcesses()))));
    const [started = 0] = values.get('process_start_time_seconds')?.samples.values() ?? [];
    expect(started).toBeLessThanOrEqual(Date.now() / 1000);
    if (process.platform !== 'linux') return;
    const [open = 0] = values.get('process_open_fds')?.samples.values() ?? [];
    const [most = 0] = values.get('process_max_fds')?.samples.values() ?? [];
    expect(open).toBeGreaterThan(2);
    expect(most).toBeGreaterThanOrEqual(open);
  });
});

describe('health', () => {
  const healthAt = (session: SessionState, seconds: number) =>
    sessionPages(
      () => session,
      () => moment(seconds),
      FACTS,
    )['/healthz']?.();
  const well = sessionAfter(...passOf(PLAN));

  it.each<[string, SessionState, number, number, RegExp]>([
    ['after a pass that succeeded', well, 60, 200, /^ok$/],
    ['once that is long ago', well, 600, 503, /^the last pass ended 598 s ago$/],
    ['before the first', sessionAfter(state('reconciling')), 1, 503, /^no pass has ended yet$/],
    ['while another is under way', sessionAfter(...passOf(PLAN), state('reconciling')), 9, 200, /^ok$/],
    [
      'after one that failed',
      sessionAfter(...passOf(PLAN), state('reconciling'), pass('failure', 'ip\nhangs')),
      9,
      503,
      /^the last pass failed 4 s ago: ip\\u000ahangs$/,
    ],
    [
      'after one that could serve nobody',
      sessionAfter(held('profile minikube', 'no answer'), pass('suspended')),
      3,
      503,
      /^no profile could be served 2 s ago: profile minikube: no answer$/,
    ],
    ['while it fights', sessionAfter(...passOf(PLAN), state('fighting')), 9, 200, /^ok$/],
    ['while it ends', sessionAfter(...passOf(PLAN), state('stopping')), 5, 503, /^the session is ending$/],
  ])('%s', (_, session, seconds, status, text) => {
    const answer = healthAt(session, seconds);
    expect(answer?.status).toBe(status);
    expect(answer?.text.slice(0, -1)).toMatch(text);
    expect(answer?.text.endsWith('\n')).toBe(true);
  });
});
