import { expect, test } from 'vitest';
import type { Confirmation } from '../../src/machine/apply-ports.ts';
import { confirm } from '../../src/machine/confirm.ts';
import { guardTransaction } from '../../src/machine/guard.ts';
import { recover } from '../../src/machine/run.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import { routeKey } from '../../src/model/route.ts';
import { createJournal } from '../../src/registry/journal-file.ts';
import { Faults } from '../fakes/faults.ts';
import { create, planOf, remove, route, serviceStep } from '../fakes/plans.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { World } from '../fakes/world.ts';

const NEW = route('10.96.0.0/12');
const OLD = route('10.244.0.0/24');
const PLAN = planOf([create(NEW), remove(OLD)]);
const WITHIN_MS = 60_000;

const unguarded: Confirmation = {
  withinMs: WITHIN_MS,
  contextOf: (profile) => `context of ${profile}`,
  guard: async () => undefined,
};

/** A host where the plan is applied and waits to be confirmed. */
async function waiting(plan = PLAN): Promise<World> {
  const world = new World(await temporaryDirectory(), [OLD]);
  await world.claim(OLD);
  expect((await world.apply(plan, { confirmation: unguarded })).kind).toBe('awaiting');
  return world;
}

const BEFORE = { routes: [routeKey(OLD)], claims: [routeKey(OLD)] };
const AFTER = { routes: [routeKey(NEW)], claims: [routeKey(NEW)] };

const confirmed = (world: World, faults?: Faults) =>
  confirm(world.ports(PLAN, faults), null, (event) => world.events.push(event));

async function kindOf(promise: Promise<unknown>): Promise<string> {
  const thrown: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  return thrown instanceof Failure ? thrown.kind : String(thrown);
}

test('what waits to be confirmed stands and is not claimed yet; confirmed, it is', async () => {
  const world = await waiting();
  expect(await world.state()).toEqual({ ...AFTER, claims: BEFORE.claims });
  expect(await world.open()).toMatchObject({ awaiting: true, decided: false, ingress: [] });
  expect(await confirmed(world)).toEqual({ txid: 'tx-1', outcome: 'committed', left: [] });
  expect(await world.state()).toEqual(AFTER);
  expect(await world.open()).toBeNull();
});

test('confirming in time or too late tells of no interruption, since there was none', async () => {
  for (const late of [0, WITHIN_MS]) {
    const world = await waiting();
    world.uptimeMs += late;
    await confirmed(world);
    expect(world.events.filter(({ type }) => type === 'recovered')).toEqual([]);
  }
});

test('until then nothing else is applied or recovered', async () => {
  const world = await waiting();
  expect(await kindOf(world.apply(planOf([create(route('10.97.0.0/16'))])))).toBe('lock-held');
  expect(await kindOf(world.recover(PLAN))).toBe('lock-held');
  expect(await world.state()).toEqual({ ...AFTER, claims: BEFORE.claims });
});

test('once the time is over, suspended or not, the next command undoes it, and confirming comes too late', async () => {
  for (const end of ['recover', 'confirm'] as const) {
    const world = await waiting();
    world.uptimeMs += WITHIN_MS;
    if (end === 'recover') await world.recover(PLAN);
    else expect(await confirmed(world)).toEqual({ txid: 'tx-1', outcome: 'undone', left: [] });
    expect(await world.state()).toEqual(BEFORE);
    expect(await createJournal(world.dir).last()).toMatchObject({ outcome: 'undone' });
  }
});

test('a millisecond before, it may still be confirmed', async () => {
  const world = await waiting();
  world.uptimeMs += WITHIN_MS - 1;
  expect(await confirmed(world)).toMatchObject({ outcome: 'committed' });
});

test('the clock of another boot says nothing: there it is over', async () => {
  const world = await waiting();
  world.kernel.bootId = 'boot-2';
  world.uptimeMs = 5;
  world.kernel.remove(NEW);
  expect(await confirmed(world)).toMatchObject({ outcome: 'undone' });
  expect((await world.state()).claims).toEqual(BEFORE.claims);
});

test('a confirmation for another spec is refused', async () => {
  const world = await waiting();
  expect(await kindOf(confirm(world.ports(PLAN), '/elsewhere/tunnel.yaml', () => undefined))).toBe('error');
  expect((await world.open())?.awaiting).toBe(true);
});

test('undoing that was cut off cannot be confirmed any more, wherever it was cut off', async () => {
  for (let operation = 1; ; operation++) {
    const world = await waiting();
    const faults = new Faults().killAt(operation);
    const run = recover(world.ports(PLAN, faults), () => undefined, { unconfirmed: true });
    await run.catch((thrown: unknown) => {
      if (!faults.crashed) throw thrown;
    });
    const isUntouched = world.kernel.has(NEW) && !world.kernel.has(OLD);
    const end = await confirmed(world);
    if (end?.outcome === 'committed') expect(isUntouched, `killed at ${operation}`).toBe(true);
    expect(await world.state(), `killed at ${operation}`).toEqual(
      end?.outcome === 'committed' ? AFTER : BEFORE,
    );
    if (!faults.crashed) break;
  }
});

test('confirming that is killed at any operation leaves it to be confirmed, or confirmed once recovered', async () => {
  for (let operation = 1; ; operation++) {
    const world = await waiting();
    const faults = new Faults().killAt(operation);
    await confirmed(world, faults).catch((thrown: unknown) => {
      if (!faults.crashed) throw thrown;
    });
    const isDecided = (await world.open())?.awaiting !== true;
    if (isDecided) world.uptimeMs += WITHIN_MS;
    expect(await confirmed(world), `killed at ${operation}`).toMatchObject({ outcome: 'committed' });
    expect(await world.state()).toEqual(AFTER);
    if (!faults.crashed) break;
  }
});

test('addresses that Services were given are taken back, and those that were taken given again', async () => {
  const world = new World(await temporaryDirectory(), [OLD]);
  const web = world.services.add('web');
  const old = world.services.add('old', ['10.200.0.1']);
  const plan = planOf([create(NEW), serviceStep(web, ['10.200.0.1']), serviceStep(old, ['10.200.0.2'])]);
  await world.apply(plan, { confirmation: unguarded });
  expect(world.services.ingress('web')).toEqual(['10.200.0.1']);
  expect((await world.open())?.ingress?.map(({ context }) => context)).toContain('context of minikube');
  world.uptimeMs += WITHIN_MS;
  expect(await world.recover(plan)).toEqual([]);
  expect(world.services.ingress('web')).toEqual([]);
  expect(world.services.ingress('old')).toEqual(['10.200.0.1']);
});

test('what somebody changed meanwhile is left, named, and kept for whoever asks', async () => {
  const world = await waiting();
  const usurper = route('10.96.0.0/12', { protocol: 3, gateway: '10.8.0.1', device: 'tun0' });
  world.kernel.remove(NEW);
  world.kernel.insert(usurper);
  world.uptimeMs += WITHIN_MS;
  const end = await confirmed(world);
  expect(end?.left).toEqual([expect.stringContaining('10.8.0.1')]);
  expect(world.kernel.has(usurper)).toBe(true);
});

test('where the guard cannot be started nothing is changed', async () => {
  const world = new World(await temporaryDirectory(), [OLD]);
  const guard = () => Promise.reject(new Failure('error', []));
  expect(await kindOf(world.apply(PLAN, { confirmation: { ...unguarded, guard } }))).toBe('error');
  expect(world.kernel.tried).toEqual([]);
  expect(await world.open()).toBeNull();
});

/** A guard of the world's transaction, whose waiting is the passing of time. */
function guardOf(world: World, undoNow = new AbortController().signal) {
  const ports = world.ports(PLAN);
  const waits: number[] = [];
  const ended = guardTransaction(
    {
      ...ports,
      uptimeMs: () => world.uptimeMs,
      wait: async (ms) => {
        waits.push(ms);
        world.uptimeMs += ms;
      },
      undo: async (_attempt, unconfirmed) => {
        await recover(ports, () => undefined, { unconfirmed });
      },
    },
    'tx-1',
    undoNow,
  );
  return { ended, waits };
}

test('the guard undoes when the time is over, and not before', async () => {
  const world = await waiting();
  const begun = world.uptimeMs;
  const { ended } = guardOf(world);
  expect(await ended).toBe('ended');
  expect(world.uptimeMs).toBe(begun + WITHIN_MS);
  expect(await world.state()).toEqual(BEFORE);
});

test('the guard undoes at once when it is told to, and what was cut off', async () => {
  const told = await waiting();
  const first = guardOf(told, AbortSignal.abort());
  await first.ended;
  expect(first.waits).toEqual([]);
  expect(await told.state()).toEqual(BEFORE);
  const cut = new World(await temporaryDirectory(), [OLD]);
  const faults = new Faults();
  faults.before(9, () => faults.killAt(9));
  await cut.apply(PLAN, { confirmation: unguarded }, faults).catch(() => undefined);
  expect((await cut.open())?.awaiting).toBe(false);
  const second = guardOf(cut);
  await second.ended;
  expect(second.waits).toEqual([]);
  expect(cut.kernel.keys()).toEqual(BEFORE.routes);
});

test('the guard leaves what was confirmed, and another transaction, alone', async () => {
  const world = await waiting();
  await confirmed(world);
  expect(await guardOf(world).ended).toBe('ended');
  expect(await world.state()).toEqual(AFTER);
});

test('the guard tries again, and in the end leaves it to the next command', async () => {
  const world = await waiting();
  const attempts: number[] = [];
  const ports = world.ports(PLAN);
  const ended = guardTransaction(
    {
      ...ports,
      wait: async () => undefined,
      undo: async (attempt) => {
        attempts.push(attempt);
        throw new Error('no helper');
      },
    },
    'tx-1',
    AbortSignal.abort(),
  );
  expect(await ended).toBe('given-up');
  expect(attempts).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect((await world.open())?.awaiting).toBe(true);
});
