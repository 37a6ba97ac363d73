import { describe, expect, it } from 'vitest';
import { type Unit, Units, unitOf } from '../../../src/machine/watch/units.ts';
import { create, remove, route, serviceStep } from '../../fakes/plans.ts';
import * as build from '../../planner/build.ts';

const WEB: Unit = { kind: 'service', name: 'minikube default/web' };
const PODS: Unit = { kind: 'destination', name: '10.244.0.0/24' };
const DEV: Unit = { kind: 'profile', name: 'dev' };

describe('the unit of a step', () => {
  it('is the destination of a route, whether it comes or goes', () => {
    expect(unitOf(create(route('10.244.0.0/24')))).toEqual(PODS);
    expect(unitOf(remove(route('10.244.0.0/24')))).toEqual(PODS);
  });

  it('is the Service of one profile', () => {
    expect(unitOf(serviceStep(build.service('web'), ['10.200.0.1']))).toEqual(WEB);
  });
});

describe('a unit that failed', () => {
  it('is held with its reason, by its kind, until its pause is over', () => {
    const units = new Units();
    units.failed(WEB, 'HTTP status 500', 100);
    expect(units.held('service')).toEqual(new Map([[WEB.name, 'HTTP status 500']]));
    expect(units.held('destination').size).toBe(0);
    expect(units.nextRelease).toBe(1100);
    expect(units.release(1099)).toEqual([]);
    expect(units.release(1100)).toEqual([WEB]);
    expect(units.held('service').size).toBe(0);
    expect(units.nextRelease).toBeNull();
  });

  it('waits twice as long each time, up to a minute, and is no fight', () => {
    const units = new Units();
    const pauses: number[] = [];
    let now = 0;
    for (let failure = 0; failure < 9; failure++) {
      units.failed(WEB, 'down', now);
      const next = units.nextRelease ?? Number.NaN;
      pauses.push((next - now) / 1000);
      now = next;
      units.release(now);
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60]);
    expect(units.isFighting).toBe(false);
  });

  it('counts from the start again once it went well', () => {
    const units = new Units();
    units.failed(WEB, 'down', 0);
    units.failed(WEB, 'down', 1000);
    units.succeeded(WEB);
    units.failed(WEB, 'down', 5000);
    expect(units.nextRelease).toBe(6000);
  });

  it('holds no other up: each has its own pause', () => {
    const units = new Units();
    units.failed(DEV, 'refused', 0);
    units.failed(WEB, 'down', 500);
    expect(units.release(1000)).toEqual([DEV]);
    expect(units.held('service').has(WEB.name)).toBe(true);
  });
});

describe('a unit that somebody keeps undoing', () => {
  const rounds = (units: Units, ats: readonly number[]) =>
    ats.map((at) => units.undone(PODS, () => 'undone', at));

  it('is given up at the sixth round within a minute, for a minute', () => {
    const units = new Units();
    expect(rounds(units, [0, 10, 20, 30, 40])).toEqual([false, false, false, false, false]);
    expect(units.isFighting).toBe(false);
    expect(rounds(units, [50])).toEqual([true]);
    expect(units.isFighting).toBe(true);
    expect(units.held('destination')).toEqual(new Map([[PODS.name, 'undone']]));
    expect(units.nextRelease).toBe(60_050);
    expect(units.release(60_049)).toEqual([]);
    expect(units.release(60_050)).toEqual([PODS]);
  });

  it('is given up at once where it is undone once more, each time for longer, up to five minutes', () => {
    const units = new Units();
    rounds(units, [0, 0, 0, 0, 0, 0]);
    const pauses: number[] = [];
    let now = 0;
    for (let fight = 0; fight < 6; fight++) {
      const next = units.nextRelease ?? Number.NaN;
      pauses.push((next - now) / 60_000);
      units.release(next);
      now = next + 1000;
      expect(rounds(units, [now])).toEqual([true]);
    }
    expect(pauses).toEqual([1, 2, 4, 5, 5, 5]);
  });

  it('counts from the start again once it stood for as long as it was left', () => {
    const units = new Units();
    rounds(units, [0, 0, 0, 0, 0, 0]);
    units.release(60_000);
    units.release(120_000);
    expect(rounds(units, [120_001])).toEqual([false]);
  });

  it.each([
    [
      'gone for five seconds',
      [
        [1000, 'their route'],
        [2000, null],
      ],
      7000,
    ],
    [
      'another one now',
      [
        [1000, 'their route'],
        [2000, 'shows 10.0.0.1'],
      ],
      7000,
    ],
    [
      'there still',
      [
        [1000, 'their route'],
        [2000, 'their route'],
      ],
      60_000,
    ],
    [
      'there again',
      [
        [1000, 'their route'],
        [2000, null],
        [3000, 'their route'],
      ],
      60_000,
    ],
    [
      'not seen',
      [
        [1000, null],
        [2000, null],
      ],
      60_000,
    ],
  ] as const)('is tried again when what stood in the way is %s', (_, seen, at) => {
    const units = new Units();
    rounds(units, [0, 0, 0, 0, 0, 0]);
    for (const [now, obstacle] of seen) units.look(() => obstacle, now);
    expect(units.nextRelease).toBe(at);
    expect(units.release(at)).toEqual([PODS]);
  });

  it('is not tried again for a link that came up, as what merely failed is', () => {
    const units = new Units();
    rounds(units, [0, 0, 0, 0, 0, 0]);
    units.failed(WEB, 'down', 0);
    units.retry();
    expect(units.held('service').size).toBe(0);
    expect(units.held('destination').size).toBe(1);
  });

  it('is explained only once it is given up', () => {
    const units = new Units();
    let asked = 0;
    const why = () => `reason ${++asked}`;
    for (const at of [0, 10, 20, 30, 40]) units.undone(PODS, why, at);
    expect(asked).toBe(0);
    units.undone(PODS, why, 50);
    expect(units.held('destination')).toEqual(new Map([[PODS.name, 'reason 1']]));
  });

  it('is no fight when the rounds are far apart', () => {
    const units = new Units();
    expect(rounds(units, [0, 20_000, 40_000, 60_000, 80_000, 100_000]).includes(true)).toBe(false);
  });

  it('gets another chance by the user’s word alone', () => {
    const units = new Units();
    rounds(units, [0, 1, 2, 3, 4, 5]);
    units.reset();
    expect(units.isFighting).toBe(false);
    expect(units.held('destination').size).toBe(0);
    expect(rounds(units, [6])).toEqual([false]);
  });
});

it('remembers failures for as long as they count, and forgets what has been quiet', () => {
  const units = new Units();
  units.undone(PODS, () => 'undone', 0);
  units.succeeded(PODS);
  units.release(30_000);
  for (const at of [30_001, 30_002, 30_003, 30_004])
    expect(units.undone(PODS, () => 'undone', at)).toBe(false);
  expect(units.undone(PODS, () => 'undone', 30_005)).toBe(true);
});
