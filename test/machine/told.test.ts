import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/model/diagnostic.ts';
import type { ObservedService } from '../../src/model/observed.ts';
import type { Plan, ServiceReport } from '../../src/model/plan.ts';
import { create, planOf, route, serviceStep } from '../fakes/plans.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { World } from '../fakes/world.ts';

const SERVICES = route('10.96.0.0/12');

const warningsOf = ({ events }: World) =>
  events.flatMap((event) => (event.type === 'warning' ? [event.diagnostic] : []));

describe('what Services are told', () => {
  const pending = (lastTransitionTime: string | null = null) =>
    ({ status: 'False', reason: 'AllocationFailed', message: 'full', lastTransitionTime }) as const;
  const served = (message: string) =>
    ({ status: 'True', reason: 'IPAllocated', message, lastTransitionTime: null }) as const;
  const allocated = { type: 'Normal', reason: 'IPAllocated', message: 'm' } as const;
  const failed = { type: 'Warning', reason: 'AllocationFailed', message: 'full' } as const;

  function reportOf(service: ObservedService): ServiceReport {
    const { namespace, name, uid, resourceVersion } = service;
    const condition = { before: null, after: pending() };
    const events = [failed];
    return {
      profile: 'minikube',
      namespace,
      name,
      uid,
      resourceVersion,
      addresses: service.ingress,
      condition,
      events,
    };
  }

  /** Gives `web` an address, and tells each of the others why it has none. */
  function planFor(world: World, ...late: string[]): Plan {
    const condition = { before: null, after: served('allocated') };
    const web = serviceStep(world.services.add('web'), ['10.200.0.1'], { condition, events: [allocated] });
    return planOf([create(SERVICES), web], {
      reports: late.map((name) => reportOf(world.services.add(name))),
    });
  }

  test('is written after the commit, with the resourceVersion that is then', async () => {
    const world = new World(await temporaryDirectory());
    const ports = world.ports(planFor(world, 'late'));
    const close = ports.journal.close.bind(ports.journal);
    ports.journal.close = async (...rest) => {
      expect(world.services.condition('web')).toMatchObject({ status: 'True', message: 'allocated' });
      expect(world.services.condition('late')).toBeNull();
      expect(world.services.events).toEqual([]);
      await close(...rest);
    };
    expect((await world.applyWith(ports)).kind).toBe('done');
    expect(warningsOf(world)).toEqual([]);
    expect(world.services.condition('late')).toMatchObject({ status: 'False', message: 'full' });
    expect(world.services.events).toEqual(['web@11 IPAllocated', 'late@11 AllocationFailed']);
  });

  test('is a plan of its own, which starts no helper', async () => {
    const world = new World(await temporaryDirectory());
    const plan = planOf([], { reports: [reportOf(world.services.add('late', ['10.200.0.3']))] });
    expect((await world.apply(plan)).kind).toBe('done');
    expect(world.services.ingress('late')).toEqual(['10.200.0.3']);
    expect(world.services.condition('late')).toMatchObject({ message: 'full' });
  });

  test('is nothing of what was rolled back, and its condition is as it was', async () => {
    const world = new World(await temporaryDirectory());
    const since = '2025-01-01T00:00:00Z';
    world.services.add('web');
    world.services.write('web', { condition: { ...pending(since), manager: 'mkplan' } });
    const [web] = await world.services.list();
    if (web === undefined) throw new Error('there is no Service');
    const condition = { before: pending(since), after: served('allocated') };
    const step = serviceStep(web, ['10.200.0.1'], { condition, events: [allocated] });
    const late = reportOf(world.services.add('late'));
    const ports = world.ports(planOf([create(SERVICES), step], { reports: [late] }));
    ports.journal.decide = () => {
      expect(world.services.condition('web')).toMatchObject({ status: 'True' });
      return Promise.reject(new Failure('error', []));
    };
    expect((await world.applyWith(ports)).kind).toBe('rolled-back');
    expect(world.services.condition('web')).toEqual({ ...pending(since), manager: 'mkplan' });
    expect(world.services.condition('late')).toBeNull();
    expect(world.services.events).toEqual([]);
  });

  test('fails nothing where it cannot be written, and tells no more of it than it did', async () => {
    const world = new World(await temporaryDirectory());
    const plan = planFor(world, 'refused', 'changed', 'told');
    world.services.failing.set('refused', 'refuse');
    world.services.write('changed', {});
    const outcome = await world.apply(plan);
    expect(outcome.kind).toBe('done');
    expect(warningsOf(world)).toMatchObject([
      {
        code: 'conditions-unwritten',
        severity: 'warning',
        summary: 'the conditions of 1 of 3 Services could not be written',
        cause: 'HTTP status 500',
      },
    ]);
    expect(world.services.events).toEqual(['web@11 IPAllocated', 'told@11 AllocationFailed']);
  });

  test('fails nothing where no Event can be written', async () => {
    const world = new World(await temporaryDirectory());
    const ports = world.ports(planFor(world, 'late'));
    world.services.down = new Error('no answer');
    const outcome = await world.applyWith(ports);
    expect(outcome.kind).toBe('done');
    expect(warningsOf(world)).toMatchObject([
      {
        code: 'events-unwritten',
        severity: 'warning',
        summary: '2 Events about Services could not be written',
      },
    ]);
  });

  test('ends where the API server does not answer any more', async () => {
    const world = new World(await temporaryDirectory());
    const names = Array.from({ length: 100 }, (_, index) => `late-${index}`);
    const plan = planFor(world, ...names);
    for (const name of names) world.services.failing.set(name, 'unreachable');
    const outcome = await world.apply(plan);
    expect(outcome.kind).toBe('done');
    expect(warningsOf(world).map(({ summary }) => summary)).toEqual([
      'the conditions of 100 of 100 Services could not be written',
      '1 Events about Services could not be written',
    ]);
    expect(world.services.asked.length).toBeLessThan(20);
  });

  test('ends when the command is told to stop, which undoes nothing', async () => {
    const world = new World(await temporaryDirectory());
    const ports = world.ports(planFor(world, 'late'));
    const stop = new AbortController();
    const close = ports.journal.close.bind(ports.journal);
    ports.journal.close = async (...rest) => {
      await close(...rest);
      stop.abort();
    };
    const outcome = await world.applyWith(ports, { signal: stop.signal });
    expect(outcome.kind).toBe('done');
    expect(warningsOf(world).map(({ cause }) => cause)).toEqual([
      'The command was told to stop.',
      'The command was told to stop.',
    ]);
    expect(world.services.ingress('web')).toEqual(['10.200.0.1']);
    expect(world.services.events).toEqual([]);
  });
});

test('nothing more is asked of an API server that does not answer', async () => {
  const world = new World(await temporaryDirectory());
  const names = Array.from({ length: 100 }, (_, index) => `web-${index}`);
  const steps = names.map((name, index) => serviceStep(world.services.add(name), [`10.200.0.${index}`]));
  for (const name of names) world.services.failing.set(name, 'unreachable');
  const outcome = await world.apply(planOf(steps));
  expect(outcome.kind).toBe('rolled-back');
  const asked = world.services.asked.length;
  expect(asked).toBeLessThan(20);
  const untried = world.events.filter(
    (event) => event.type === 'change.failed' && event.diagnostic.code === 'service-untried',
  );
  expect(untried).toHaveLength(100 - asked);
  expect(outcome.diagnostics).toMatchObject([
    { code: 'cluster-unreachable', summary: expect.stringContaining('100 Services could not be written') },
  ]);
});
