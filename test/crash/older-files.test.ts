import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { requireNamespaces } from '../kernel/netns.ts';
import { buildOlder, type OlderBuild, requireHistory } from '../kernel/older-build.ts';
import { ALLOW } from '../kernel/rig.ts';
import { checkDead, checkSettled } from './kill-checks.ts';
import { pointOf } from './kill-points.ts';
import { type Death, type Ended, runToDeath } from './kill-run.ts';
import { type Command, KillWorld } from './kill-world.ts';
import { withVersionOne } from './older-files.ts';

const refused = requireNamespaces() ?? (await requireHistory());

const FILES = ['registry.json', 'journal.ndjson'] as const;
const FIRST: Command = { verb: 'apply', spec: 'first' };
const MOVED: Command = { verb: 'apply', spec: 'moved' };
const CLEANUP: Command = { verb: 'cleanup', spec: 'moved' };
const DESTROY: Command = { verb: 'destroy', spec: 'moved' };

const exactly = (at: number): Death => ({ victim: 'main', at, how: 'exactly', interruptAt: null });

/** The first operation of each numbered point of a run, before it and after it. */
function numbersIn({ trace }: Ended): number[] {
  const firsts = new Map<string, number>();
  for (const [index, line] of trace.entries()) {
    if (!line.startsWith('main ')) continue;
    const { point, side } = pointOf(trace.slice(0, index + 1), 'main', false);
    const key = `${point}, ${side}`;
    if (!firsts.has(key)) firsts.set(key, Number(line.split(' ')[2]));
  }
  return [...firsts.values()];
}

describe.skipIf(refused !== null)(
  `the files of an older mkplan${refused === null ? '' : `: ${refused}`}`,
  () => {
    let older: OlderBuild;
    let world: KillWorld;

    beforeAll(async () => {
      older = await buildOlder();
    }, 240_000);
    afterAll(() => older.remove());

    beforeEach(async () => {
      world = await KillWorld.create();
    });
    afterEach(() => world.close());

    /** Runs a build to its end, or to its death. */
    async function run(
      build: 'this' | 'older',
      { verb, spec }: Command,
      death: Death | null = null,
    ): Promise<Ended> {
      const { rig } = world;
      await world.use(spec);
      const words = [
        verb,
        ...(verb === 'cleanup' ? [] : [rig.spec]),
        '--auto-approve',
        ...(verb === 'apply' ? ALLOW.slice(1) : []),
      ];
      const argv = (...args: readonly string[]) =>
        build === 'this' ? rig.argv(...args) : rig.argvOf(older.main, ...args);
      const ended = await runToDeath({ host: rig.host, directory: rig.directory, argv }, words, death);
      await world.settle();
      return ended;
    }

    async function must(build: 'this' | 'older', command: Command): Promise<void> {
      const { code, output } = await run(build, command);
      expect({ build, command, code, output }).toMatchObject({ code: 0 });
    }

    async function textOf(name: (typeof FILES)[number]): Promise<string> {
      // There is no journal before the first transaction.
      return await readFile(join(world.rig.state, name), 'utf8').catch(() => '');
    }

    const filesNow = () => Promise.all(FILES.map(textOf));

    /** Has the older build apply the first spec on a host on which nothing else was ever done. */
    async function startOlder(): Promise<void> {
      await must('older', FIRST);
      expect(await textOf('registry.json')).toContain('"version":1,');
    }

    /** What the next command, which nobody disturbs, does with what was left. */
    async function expectRecovered(command: Command, at: string): Promise<void> {
      const before = await world.lasting();
      const ended = await run('this', command);
      const after = await world.lasting();
      expect(checkSettled(world.foreign, before, after, command, ended), `${at}: ${ended.output}`).toEqual(
        [],
      );
      expect(after.open, at).toBeNull();
    }

    it('are just what the kill matrix takes for them', async () => {
      await startOlder();
      const registry = await textOf('registry.json');
      await must('this', MOVED);
      await must('this', FIRST);
      const claims = (text: string) =>
        (JSON.parse(text) as { claims: { route: object }[] }).claims.map(({ route }) => Object.keys(route));
      expect(withVersionOne('registry.json', registry)).toBe(registry);
      const again = withVersionOne('registry.json', await textOf('registry.json'));
      expect(claims(again)).toEqual(claims(registry));
      await writeFile(join(world.rig.state, 'registry.json'), again);
      await must('older', DESTROY);
      expect((await world.lasting()).kernel.size).toBe(0);
    });

    it('are migrated, and killed at every number of that: all before or all after, nothing lost, nothing doubled', async () => {
      await startOlder();
      const start = await world.snapshot();
      const before = await world.lasting();
      const numbers = numbersIn(await run('this', MOVED));
      expect(numbers.length).toBeGreaterThan(20);
      for (const [index, at] of numbers.entries()) {
        await world.restore(start);
        const ended = await run('this', MOVED, exactly(at));
        expect(ended.killed, `operation ${at}`).toBe(true);
        const told = `operation ${at}: ${ended.trace.at(-1)}`;
        const after = await world.lasting();
        expect(checkDead(world.foreign, before, after, MOVED), told).toEqual([]);
        await expectRecovered(index % 2 === 0 ? MOVED : CLEANUP, told);
        // A cleanup that has nothing to change writes nothing anew.
        if (index % 2 === 0) expect(await textOf('registry.json'), told).toContain('"version":2,');
      }
    }, 900_000);

    it('left open by one that was killed at any number are recovered', async () => {
      await startOlder();
      const start = await world.snapshot();
      const before = await world.lasting();
      const numbers = numbersIn(await run('older', MOVED));
      expect(numbers.length).toBeGreaterThan(20);
      for (const at of numbers) {
        await world.restore(start);
        const ended = await run('older', MOVED, exactly(at));
        const told = `operation ${at}: ${ended.trace.at(-1)}`;
        const after = await world.lasting();
        expect(checkDead(world.foreign, before, after, MOVED), told).toEqual([]);
        await expectRecovered(MOVED, told);
      }
    }, 900_000);

    it('of this one, left open by a kill, are named by the older one as newer and left as they are', async () => {
      await must('this', FIRST);
      const start = await world.snapshot();
      const numbers = numbersIn(await run('this', MOVED));
      let open = 0;
      for (const at of numbers.filter((_, index) => index % 3 === 0)) {
        await world.restore(start);
        const ended = await run('this', MOVED, exactly(at));
        const told = `operation ${at}: ${ended.trace.at(-1)}`;
        const [left, files] = [await world.lasting(), await filesNow()];
        if (left.open !== null) open++;
        for (const verb of ['apply', 'destroy', 'cleanup'] as const) {
          const { code, output } = await run('older', { verb, spec: 'other' });
          expect({ verb, code, output }, told).toMatchObject({
            code: 1,
            output: expect.stringMatching(/\[(registry|journal)-newer\]/),
          });
        }
        expect(await filesNow(), told).toEqual(files);
        expect(await world.lasting(), told).toEqual(left);
        await expectRecovered(MOVED, told);
      }
      expect(open).toBeGreaterThan(3);
    }, 900_000);
  },
);
