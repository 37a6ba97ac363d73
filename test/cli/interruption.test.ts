import { describe, expect, it } from 'vitest';
import { abortOnSignal, catchSignals } from '../../src/cli/interruption.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import { FakeSignals } from './terminals.ts';

function caught() {
  const signals = new FakeSignals();
  const notes: string[] = [];
  return {
    signals,
    notes,
    handle: catchSignals(
      signals,
      (text) => notes.push(text),
      () => 'rolling back',
    ),
  };
}

describe('catchSignals', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('cancels on the first %s and says so', (signal) => {
    const { signals, notes, handle } = caught();
    signals.send(signal);
    expect(handle.signal.aborted).toBe(true);
    expect(handle.received()).toBe(signal);
    expect(handle.signal.reason).toBeInstanceOf(Failure);
    expect(notes[0]).toContain(signal);
    expect(signals.exits).toEqual([]);
  });

  it('leaves at once on the second, and does not call that clean', () => {
    const { signals, notes } = caught();
    signals.send('SIGINT');
    signals.send('SIGINT');
    expect(signals.exits).toEqual([6]);
    expect(notes[1]).toContain('recovers');
  });

  it('remembers the first signal', () => {
    const { signals, handle } = caught();
    signals.send('SIGTERM');
    signals.send('SIGINT');
    expect(handle.received()).toBe('SIGTERM');
  });

  it('gives the signals back when it is released', () => {
    const { signals, handle } = caught();
    handle.release();
    expect(signals.send('SIGINT')).toBe(false);
  });

  it('takes SIGHUP as the wish to look again, where it is told to, as often as it comes', () => {
    const signals = new FakeSignals();
    let asked = 0;
    const handle = catchSignals(
      signals,
      () => undefined,
      () => 'leaving',
      () => asked++,
    );
    signals.send('SIGHUP');
    signals.send('SIGHUP');
    expect(asked).toBe(2);
    expect(handle.signal.aborted).toBe(false);
    expect(signals.exits).toEqual([]);
    signals.send('SIGTERM');
    expect(handle.received()).toBe('SIGTERM');
  });
});

describe('abortOnSignal', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('cancels on the first %s, and leaves as that one does on a second', (signal, code) => {
    const signals = new FakeSignals();
    const handle = abortOnSignal(signals);
    signals.send(signal);
    expect(handle.signal.aborted).toBe(true);
    expect(signals.exits).toEqual([]);
    signals.send('SIGINT');
    expect(signals.exits).toEqual([code]);
    handle.release();
    expect(signals.send('SIGINT')).toBe(false);
  });
});
