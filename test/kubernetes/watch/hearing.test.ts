import { describe, expect, it } from 'vitest';
import { Hearing } from '../../../src/kubernetes/watch/hearing.ts';

describe('Hearing', () => {
  it('has been silent for ever before the server was heard, and since then from what it sent last', () => {
    let now = 1000;
    const hearing = new Hearing(() => now);
    expect(hearing.silentMs).toBe(Number.POSITIVE_INFINITY);
    hearing.answered();
    now += 50;
    expect(hearing.silentMs).toBe(50);
    hearing.heard();
    expect(hearing.silentMs).toBe(0);
  });

  it.each<[string, readonly ('cut' | 'lost')[], boolean, number]>([
    ['kept', [], false, 0],
    ['cut', ['cut'], false, 1],
    ['lost', ['lost'], true, 1],
    ['cut and then lost', ['cut', 'lost'], true, 1],
    ['lost and then cut', ['lost', 'cut'], true, 1],
  ])('tells what became of a connection that was %s, once', (_, broke, wasLost, recoveries) => {
    const hearing = new Hearing(() => 0);
    for (const one of broke) hearing[one]();
    expect(hearing.answered()).toBe(wasLost);
    expect(hearing.recoveries).toBe(recoveries);
    expect(hearing.answered()).toBe(false);
    expect(hearing.recoveries).toBe(recoveries);
  });
});
