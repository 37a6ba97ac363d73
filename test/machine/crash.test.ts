import { expect, test } from 'vitest';
import type { Plan } from '../../src/model/plan.ts';
import { type Route, routeKey } from '../../src/model/route.ts';
import { Faults } from '../fakes/faults.ts';
import { create, planOf, remove, replace, route, step } from '../fakes/plans.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { World } from '../fakes/world.ts';

/**
 * Kills at the Nth operation of any port and raises N until a run is clean, then recovers; and kills recovery
 * likewise. The kernel lives on, and so do the files, which are real.
 */

const FOREIGN: readonly Route[] = [
  route('0.0.0.0/0', { metric: 0, protocol: 16, gateway: '192.0.2.254', device: 'eth0' }),
  route('10.0.0.0/8', { metric: 50, protocol: 3, gateway: '10.8.0.1', device: 'tun0' }),
  route('192.168.39.0/24', { metric: 0, protocol: 2, gateway: null }),
];

const MOVING = route('10.96.0.0/12');
const MOVED = route('10.96.0.0/12', { metric: 110, gateway: '192.168.39.9' });
const LEAVING = route('10.244.0.0/24');
const GUARD = route('10.200.0.0/24', { type: 'unreachable', gateway: null, device: null });
const NEW = [route('10.200.0.1/32'), route('fd00:200::1/128'), GUARD];
const GONE = route('10.201.0.1/32');

const PLAN = planOf([
  replace(MOVING, MOVED),
  remove(LEAVING),
  ...NEW.map((one) => create(one)),
  step('forget', GONE, null),
]);

async function newWorld(): Promise<World> {
  const world = new World(await temporaryDirectory(), [...FOREIGN, MOVING, LEAVING]);
  await world.claim(MOVING, LEAVING, GONE);
  return world;
}

const sorted = (routes: readonly Route[]) => routes.map(routeKey).sort((a, b) => (a < b ? -1 : 1));

const BEFORE = {
  routes: sorted([...FOREIGN, MOVING, LEAVING]),
  claims: sorted([MOVING, LEAVING, GONE]),
};
const AFTER = { routes: sorted([...FOREIGN, MOVED, ...NEW]), claims: sorted([MOVED, ...NEW]) };

/** A new process that may be killed at an operation. Returns whether it was. */
async function killedAt(operation: number, work: (faults: Faults) => Promise<unknown>): Promise<boolean> {
  const faults = new Faults().killAt(operation);
  await work(faults).catch((thrown: unknown) => {
    if (!faults.crashed) throw thrown;
  });
  return faults.crashed;
}

async function recoverCleanly(world: World, plan: Plan): Promise<void> {
  await world.recover(plan);
  expect(await world.open()).toBeNull();
}

/** Kills an apply at the operation of this name. */
async function killedNamed(name: string): Promise<World> {
  const undisturbed = new Faults();
  await (await newWorld()).apply(PLAN, {}, undisturbed);
  const world = await newWorld();
  const at = undisturbed.operations.indexOf(name) + 1;
  expect(await killedAt(at, (faults) => world.apply(PLAN, {}, faults))).toBe(true);
  return world;
}

/** Kills an apply at every operation; calls back with each world left behind, until one run is clean. */
async function eachCrash(check: (world: World, operation: number) => Promise<void>): Promise<number> {
  for (let operation = 1; ; operation++) {
    const world = await newWorld();
    const crashed = await killedAt(operation, (faults) => world.apply(PLAN, {}, faults));
    if (!crashed) {
      expect(await world.state()).toEqual(AFTER);
      return operation - 1;
    }
    await check(world, operation);
  }
}

test('killed at any operation, all is as before or all as after once recovered', async () => {
  const ends = new Set<string>();
  const operations = await eachCrash(async (world, operation) => {
    const decided = (await world.open())?.decided === true;
    await recoverCleanly(world, PLAN);
    const state = await world.state();
    // Past the commit's CLOSED there is nothing to recover, and the claims are written.
    const forward = decided || state.claims.includes(routeKey(MOVED));
    expect(state, `killed at operation ${operation}`).toEqual(forward ? AFTER : BEFORE);
    ends.add(forward ? 'after' : 'before');
    const again = await world.recover(PLAN);
    expect(again).toEqual([]);
    expect(await world.state()).toEqual(state);
  });
  expect(operations).toBeGreaterThan(30);
  expect([...ends]).toEqual(['before', 'after']);
});

test('no destination is without a route while it moves, wherever it is killed', async () => {
  await eachCrash(async (world) => {
    const here = () => world.kernel.has(MOVING) || world.kernel.has(MOVED);
    expect(here()).toBe(true);
    await recoverCleanly(world, PLAN);
    expect(here()).toBe(true);
  });
});

test('recovery that is itself killed at any operation comes to the same end', async () => {
  await eachCrash(async (world) => {
    const decided = (await world.open())?.decided === true;
    for (let operation = 1; ; operation++) {
      const crashed = await killedAt(operation, (faults) => world.recover(PLAN, faults));
      if (!crashed) break;
    }
    const state = await world.state();
    const forward = decided || state.claims.includes(routeKey(MOVED));
    expect(state).toEqual(forward ? AFTER : BEFORE);
    expect(await world.open()).toBeNull();
  });
});

test('after a crash the next apply recovers and then applies', async () => {
  await eachCrash(async (world) => {
    await world.recover(PLAN);
    const converged = (await world.state()).routes.includes(routeKey(MOVED));
    if (!converged) expect((await world.apply(PLAN)).kind).toBe('done');
    expect(await world.state()).toEqual(AFTER);
  });
});

test('a foreign route that takes our place after a crash is left, whatever else is undone', async () => {
  const usurper = route('10.200.0.1/32', { protocol: 3, gateway: '10.8.0.1', device: 'tun0' });
  const ours = route('10.200.0.1/32');
  await eachCrash(async (world) => {
    const decided = (await world.open())?.decided === true;
    if (decided || (await world.claims()).some((claim) => routeKey(claim.route) === routeKey(MOVED))) return;
    world.kernel.remove(ours);
    world.kernel.insert(usurper);
    await recoverCleanly(world, PLAN);
    expect(await world.state()).toEqual({
      routes: sorted([...FOREIGN, MOVING, LEAVING, usurper]),
      claims: BEFORE.claims,
    });
  });
});

test('a route of ours that somebody removed after a crash is nothing to undo', async () => {
  await eachCrash(async (world) => {
    if ((await world.open())?.decided !== false) return;
    for (const one of NEW) world.kernel.remove(one);
    const left = await world.recover(PLAN);
    expect(left).toEqual([]);
    expect(await world.state()).toEqual(BEFORE);
  });
});

test('after a reboot the routes are gone and only the journal is closed', async () => {
  await eachCrash(async (world) => {
    if ((await world.open())?.decided !== false) return;
    world.kernel.bootId = 'boot-2';
    for (const one of [MOVING, MOVED, LEAVING, ...NEW]) world.kernel.remove(one);
    await recoverCleanly(world, PLAN);
    expect(await world.state()).toEqual({ routes: sorted(FOREIGN), claims: BEFORE.claims });
  });
});

test('a transaction of another network namespace is named, and not judged from here', async () => {
  const world = await killedNamed('kernel.reply');
  const routes = world.kernel.keys();
  world.kernel.networkNamespace = 'another';
  await expect(world.recover(PLAN)).rejects.toThrow(/network namespace 4026531840/);
  expect(world.kernel.keys()).toEqual(routes);
  expect(await world.open()).not.toBeNull();
});

test('killed while rolling back at any operation, recovery ends with all as before', async () => {
  for (let operation = 1; ; operation++) {
    const world = await newWorld();
    // The last of the new routes is refused, so every run rolls back.
    world.kernel.unreachable.add('fd00:39::2');
    const crashed = await killedAt(operation, (faults) => world.apply(PLAN, {}, faults));
    if (!crashed) break;
    await recoverCleanly(world, PLAN);
    expect(await world.state(), `killed at operation ${operation}`).toEqual(BEFORE);
  }
});

test('recovery restores the old half of a move before it removes the new one', async () => {
  const world = await killedNamed('before journal.decide');
  world.kernel.tried.length = 0;
  await recoverCleanly(world, PLAN);
  expect(world.kernel.tried.map(({ op }) => op)).toEqual([
    'add',
    'add',
    'delete',
    'delete',
    'delete',
    'delete',
  ]);
});

test('an add that never ran leaves nothing to report, whoever has its place now', async () => {
  const usurper = route('10.200.0.1/32', { protocol: 3, gateway: '10.8.0.1', device: 'tun0' });
  const world = await killedNamed('kernel.add 10.200.0.1/32');
  world.kernel.insert(usurper);
  expect(await world.recover(PLAN)).toEqual([]);
  expect(world.kernel.has(usurper)).toBe(true);
});

test('a deleted route whose place somebody took is not put back over it, and is named', async () => {
  const usurper = route('10.244.0.0/24', { protocol: 3, gateway: '10.8.0.1', device: 'tun0' });
  const world = await killedNamed('before journal.decide');
  world.kernel.insert(usurper);
  const left = await world.recover(PLAN);
  expect(left.map(({ code }) => code)).toEqual(['residue-changed-route']);
  expect(world.kernel.has(usurper)).toBe(true);
  expect(world.kernel.has(MOVING)).toBe(true);
  expect(await world.open()).toBeNull();
});
