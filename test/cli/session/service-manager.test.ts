import { describe, expect, it, vi } from 'vitest';
import { ServiceManager } from '../../../src/cli/session/service-manager.ts';
import type { CommandResult } from '../../../src/platform/command.ts';

const DONE: CommandResult = { code: 0, stdout: '', stderr: '', timedOut: false };

function manager(env: Record<string, string>, result: CommandResult = DONE) {
  const told: (readonly string[])[] = [];
  const problems: string[] = [];
  const made = ServiceManager.of({
    env,
    runner: {
      run: async (argv) => {
        told.push(argv.slice(1));
        return result;
      },
    },
    onProblem: (text) => problems.push(text),
  });
  return { made, told, problems };
}

const ASKED = { NOTIFY_SOCKET: '/run/systemd/notify' };

describe('the service manager', () => {
  it('is told nothing where nothing asks', () => {
    expect(manager({}).made).toBeNull();
  });

  it('hears that a session is ready once its first pass has ended, once, and that it stops', () => {
    const { made, told } = manager(ASKED);
    for (const state of [
      'settling',
      'reconciling',
      'suspended',
      'reconciling',
      'idle',
      'stopping',
    ] as const) {
      made?.heard({ type: 'watch.state', state });
    }
    expect(told).toEqual([
      ['READY=1', 'STATUS=suspended'],
      ['STOPPING=1', 'STATUS=stopping'],
    ]);
  });

  it('hears that a session is ready while one of its clusters has yet to answer', () => {
    const { made, told } = manager(ASKED);
    for (const state of ['settling', 'reconciling', 'asking', 'reconciling', 'idle'] as const) {
      made?.heard({ type: 'watch.state', state });
    }
    expect(told).toEqual([['READY=1', 'STATUS=asking']]);
  });

  it('hears twice in the time that it allows that the session lives, until it ends', () => {
    vi.useFakeTimers();
    try {
      const { made, told } = manager({ ...ASKED, WATCHDOG_USEC: '60000000' });
      vi.advanceTimersByTime(60_000);
      expect(told).toEqual([
        ['WATCHDOG=1', 'STATUS=settling'],
        ['WATCHDOG=1', 'STATUS=settling'],
      ]);
      made?.close();
      vi.advanceTimersByTime(60_000);
      expect(told).toHaveLength(2);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that cannot be told is named, once', async () => {
    const { made, problems } = manager(ASKED, { ...DONE, code: 1, stderr: 'No such file' });
    made?.heard({ type: 'watch.state', state: 'idle' });
    made?.heard({ type: 'watch.state', state: 'stopping' });
    await vi.waitFor(() => expect(problems).toHaveLength(1));
    expect(problems[0]).toContain('No such file');
  });
});
