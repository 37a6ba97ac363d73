import { afterEach, describe, expect, it, vi } from 'vitest';
import { PLAIN } from '../../../src/cli/views/color.ts';
import { eventLine } from '../../../src/cli/views/json/json-lines.ts';
import { Output } from '../../../src/cli/views/output.ts';
import { Progress } from '../../../src/cli/views/text/progress.ts';
import type { RunEvent } from '../../../src/model/event.ts';
import { ours, routeStep, serviceStep } from '../plans.ts';
import { fakeTerminal } from '../terminals.ts';

const ADD = routeStep('create', { after: ours('10.96.0.0/12') });
const ASSIGN = serviceStep('create', 'nginx', [], ['10.200.0.1']);
const EVENTS: readonly RunEvent[] = [
  { type: 'lock.waiting', holder: 'pid 7, since 2026-01-01T00:00:00Z: apply /x/tunnel.yaml' },
  { type: 'lock.acquired' },
  { type: 'recovered', txid: 't0', direction: 'back', changes: 2, left: ['10.98.0.0/24'] },
  { type: 'transaction.started', txid: 't1', changes: 2 },
  { type: 'wave.started', txid: 't1', wave: 0, waves: 1, changes: 2 },
  { type: 'change.done', txid: 't1', change: { step: 0, op: 'add' }, step: ADD },
  {
    type: 'change.failed',
    txid: 't1',
    change: { step: 1, op: 'assign' },
    step: ASSIGN,
    diagnostic: {
      code: 'service-refused',
      severity: 'error',
      summary: 'the Service changed meanwhile',
      cause: '409',
      fix: 'apply again',
    },
  },
  { type: 'rollback.started', txid: 't1', changes: 1 },
  { type: 'rollback.done', txid: 't1', left: [] },
];

function shown(isLive: boolean): string {
  let text = '';
  const progress = new Progress({ write: (more) => (text += more) }, PLAIN, isLive);
  for (const event of EVENTS) progress.show(event);
  progress.clear();
  return text;
}

describe('progress', () => {
  it('is one line an event where the stream is no terminal', () => {
    expect(`\n${shown(false)}`).toMatchInlineSnapshot(`
      "
      Waiting for the lock: pid 7, since 2026-01-01T00:00:00Z: apply /x/tunnel.yaml
      Recovered an interrupted transaction (t0): 2 changes undone; left as found: 10.98.0.0/24
      Transaction t1: 2 changes
        add 10.96.0.0/12 via 192.168.39.10 dev virbr1 proto 109 metric 109
        failed assign default/nginx 10.200.0.1: the Service changed meanwhile
      Rolling back 1 change
      "
    `);
  });

  it('keeps changes that are made in one live line on a terminal, and takes it away again', () => {
    const erase = `\r${String.fromCharCode(27)}[2K`;
    const text = shown(true);
    expect(text).toContain(`${erase}  1 of 2 changes${erase}`);
    expect(text).not.toContain('add 10.96.0.0/12');
    expect(text).toContain('failed assign default/nginx 10.200.0.1: the Service changed meanwhile\n');
  });
});

describe('output', () => {
  const change = (step: number): RunEvent => ({
    type: 'change.done',
    txid: 't1',
    change: { step, op: 'add' },
    step: ADD,
  });

  it('says on either stream what came first first, though changes are written together', () => {
    const written: string[] = [];
    const sink = { write: (text: string) => written.push(text) };
    const output = new Output(
      { ...fakeTerminal().terminal, stdout: sink, stderr: sink },
      { json: false, color: false },
    );
    output.event(change(0));
    output.event(change(1));
    output.print('Applied\n');
    output.event(change(2));
    output.note('Got SIGINT\n');
    output.event(change(3));
    output.finish(0);
    const line = '  add 10.96.0.0/12 via 192.168.39.10 dev virbr1 proto 109 metric 109\n';
    expect(written).toEqual([`${line}${line}`, 'Applied\n', line, 'Got SIGINT\n', line]);
  });

  it('breaks notes and progress at words on a terminal, and nowhere in a pipe', () => {
    const note =
      'Not final yet: it will be undone in 60 s unless it is confirmed: mkplan confirm\n  left: a route\n';
    const warning: RunEvent = {
      type: 'lock.waiting',
      holder: 'pid 7, since 2026-01-01T00:00:00Z: apply /x/tunnel.yaml',
    };
    const told = (options: { isTTY: boolean; columns?: number }) => {
      const { terminal, stderr } = fakeTerminal(options);
      const output = new Output(terminal, { json: false, color: false });
      output.note(note);
      output.event(warning);
      return stderr();
    };
    const whole = told({ isTTY: false });
    expect(whole.split('\n')).toHaveLength(4);
    const broken = told({ isTTY: true, columns: 44 });
    expect(broken.split('\n').filter((line) => line.length > 44)).toEqual([]);
    expect(broken.split(/\s+/)).toEqual(whole.split(/\s+/));
  });

  it('numbers the lines of --json in their order', () => {
    const { terminal, stdout } = fakeTerminal();
    const output = new Output(terminal, { json: true, color: false });
    output.event(change(0));
    output.event(change(1));
    output.event({ type: 'verifying', txid: 't1', routes: 2 });
    output.finish(0);
    const lines = stdout()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ seq, type }) => [seq, type])).toEqual([
      [0, 'version'],
      [1, 'change.done'],
      [2, 'change.done'],
      [3, 'verifying'],
      [4, 'summary'],
    ]);
  });
});

describe('eventLine', () => {
  it('names a step by its index, and keeps what went wrong', () => {
    expect(EVENTS.slice(5, 7).map(eventLine)).toEqual([
      { type: 'change.done', txid: 't1', step: 0, op: 'add' },
      {
        type: 'change.failed',
        txid: 't1',
        step: 1,
        op: 'assign',
        diagnostic: expect.objectContaining({ code: 'service-refused' }),
      },
    ]);
  });
});

describe('profiles that are waited for', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  function waiting(isLive: boolean, columns?: number) {
    vi.useFakeTimers();
    let text = '';
    const sink = {
      write: (more: string) => (text += more),
      ...(columns === undefined ? {} : { columns, isTTY: true }),
    };
    return { progress: new Progress(sink, PLAIN, isLive), text: () => text };
  }

  it('are told on one line of a terminal once it takes a while, and taken away again', () => {
    const { progress, text } = waiting(true);
    progress.waitFor(['dev', 'second']);
    expect(text()).toBe('');
    vi.runAllTimers();
    progress.waitFor(['second']);
    progress.waitFor([]);
    const clear = '\r\u001b[2K';
    expect(text()).toBe(`${clear}  waiting for dev, second${clear}  waiting for second${clear}`);
  });

  it('are not told where they answer at once, nor off a terminal', () => {
    for (const [isLive, ends] of [
      [true, true],
      [false, false],
    ] as const) {
      const { progress, text } = waiting(isLive);
      progress.waitFor(['dev']);
      if (ends) progress.waitFor([]);
      vi.runAllTimers();
      expect(text()).toBe('');
    }
  });

  it('keep to one line, however many and whatever they are called', () => {
    const { progress, text } = waiting(true, 40);
    progress.waitFor(Array.from({ length: 20 }, (_, index) => `profile-${index}\u001b[31m`));
    vi.runAllTimers();
    const [, shown = ''] = text().split('\u001b[2K');
    expect(shown.length).toBeLessThan(40);
    expect(shown).not.toContain('\u001b');
  });
});
