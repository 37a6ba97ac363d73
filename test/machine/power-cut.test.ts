import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { routeKey } from '../../src/model/route.ts';
import { Disk, type Loss } from '../fakes/disk.ts';
import { Faults } from '../fakes/faults.ts';
import { injectFiles } from '../fakes/files.ts';
import { create, planOf, remove, replace, route } from '../fakes/plans.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { World } from '../fakes/world.ts';

/**
 * The power goes at every operation of an apply: of the state directory only what was synced is left, and of the kernel's
 * routes nothing of ours.
 */

const MOVING = route('10.96.0.0/12');
const MOVED = route('10.96.0.0/12', { metric: 110, gateway: '192.168.39.9' });
const LEAVING = route('10.244.0.0/24');
const NEW = route('10.200.0.1/32');
const PLAN = planOf([replace(MOVING, MOVED), remove(LEAVING), create(NEW)]);

const keys = (...routes: Parameters<typeof routeKey>[0][]) => routes.map(routeKey).sort();
const BEFORE = keys(MOVING, LEAVING);
const AFTER = keys(MOVED, NEW);

/** A state directory with nothing but the claims of `BEFORE`, all of it on disk. */
async function begin(dir: string, disk: Disk): Promise<World> {
  for (const name of await readdir(dir)) await rm(join(dir, name));
  const world = new World(dir, [MOVING, LEAVING]);
  await world.claim(MOVING, LEAVING);
  disk.settle();
  return world;
}

/** The host after its next boot. */
async function rebooted(disk: Disk, loss: Loss): Promise<World> {
  const dir = await temporaryDirectory();
  for (const [name, content] of disk.left(loss)) await writeFile(join(dir, name), content, { mode: 0o600 });
  const world = new World(dir);
  world.kernel.bootId = 'boot-2';
  return world;
}

test.runIf(process.platform === 'linux').each(['names and contents', 'contents'] as const)(
  'a power cut that takes the %s which were not synced leaves all claims as before or as after, and nothing that was reported is lost',
  async (loss) => {
    const dir = await temporaryDirectory();
    const disk = await Disk.watch(dir);
    let faults = new Faults();
    await injectFiles(dir, () => faults);
    const ends = new Set<string>();
    let operation = 1;
    for (let isCut = true; isCut; operation++) {
      faults = new Faults();
      const world = await begin(dir, disk);
      faults = new Faults().killAt(operation);
      await world.apply(PLAN, {}, faults).catch((thrown: unknown) => {
        if (!faults.crashed) throw thrown;
      });
      isCut = faults.crashed;
      const isReported = !isCut || world.types().includes('committed');
      const next = await rebooted(disk, loss);
      faults = new Faults();
      const isDecided = (await next.open())?.decided === true;
      expect(await next.recover(PLAN), `cut at operation ${operation}`).toEqual([]);
      const { claims, routes } = await next.state();
      expect(routes).toEqual([]);
      expect(await next.open()).toBeNull();
      if (isReported || isDecided) expect(claims, `cut at operation ${operation}`).toEqual(AFTER);
      else expect([BEFORE, AFTER], `cut at operation ${operation}`).toContainEqual(claims);
      ends.add(claims.join());
    }
    expect(operation).toBeGreaterThan(60);
    expect(ends.size).toBe(2);
  },
);
