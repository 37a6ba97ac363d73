import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Held, heldBy, probing } from './held.ts';
import { requireNamespaces } from './netns.ts';
import { ALLOW, Rig, specOf, VM } from './rig.ts';

const MIB = 2 ** 20;
/** Routes of somebody else that come and go in a round: each is two events. */
const FOREIGN = 250;
/** Rounds before anything is counted, in which caches fill and code is compiled; and those after. */
const WARM_UP = 2;
const ROUNDS = 8;
/** Above what a garbage collector leaves behind by chance; a leak of 2 KiB an event is past it. */
const MOST_GROWTH = 8 * MIB;

const foreign = Array.from({ length: FOREIGN }, (_, index) => `172.${20 + (index >> 8)}.${index & 255}.0/24`);
const ours = (round: number) => ['10.96.0.0/12', `10.${128 + round}.0.0/24`];

describe.skipIf(requireNamespaces() !== null)('a session of thousands of events', () => {
  let rig: Rig;

  beforeEach(async () => {
    rig = await Rig.create();
  });

  afterEach(() => rig.close());

  const destinations = async () => (await rig.ours()).map((line) => line.split(' ')[1]).sort();

  /** Foreign routes come and go, an edit of the spec takes one of ours away for another, and somebody deletes that. */
  async function live(round: number): Promise<void> {
    for (const op of ['add', 'del']) {
      const input = foreign.map((one) => `route ${op} ${one} via ${VM} proto 186\n`).join('');
      await rig.host.must(['ip', '-batch', '-'], { input });
    }
    await rig.write(specOf({ cidrs: ours(round) }));
    await expect.poll(destinations, { timeout: 60_000 }).toEqual(ours(round).sort());
    await rig.ip('route', 'del', ours(round)[1] ?? '');
    await expect.poll(destinations, { timeout: 60_000 }).toEqual(ours(round).sort());
  }

  it('holds no more descriptors, children and timers than before them, and hardly more memory', async () => {
    await rig.write(specOf({ cidrs: ours(0) }));
    const file = join(rig.directory, 'held');
    const { flags, env } = probing(file);
    const argv = rig.argv('watch', rig.spec, ...ALLOW);
    const at = argv.indexOf(process.execPath) + 1;
    const session = rig.host.spawn([argv[0], ...argv.slice(1, at), ...flags, ...argv.slice(at)], { env });
    let said = '';
    for (const stream of [session.stdout, session.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk;
      });
    }
    await expect.poll(() => said, { timeout: 60_000 }).toContain('Watching.');
    const ended = once(session, 'exit');
    // A pass may be under way, which holds more meanwhile: at rest, there are `ip monitor` and the helper.
    const atRest = async (descriptors = Number.POSITIVE_INFINITY): Promise<Held> => {
      const asked: Held[] = [];
      await expect
        .poll(
          async () => {
            const held = await heldBy(session.pid ?? 0, file);
            asked.push(held);
            return held.children === 2 && held.descriptors <= descriptors;
          },
          { timeout: 60_000, interval: 200 },
        )
        .toBe(true);
      const [held] = asked.slice(-1);
      if (held === undefined) throw new Error('nothing was asked');
      return held;
    };
    for (let round = 0; round < WARM_UP; round++) await live(round);
    const before = await atRest();
    for (let round = 0; round < ROUNDS; round++) await live(WARM_UP + round);
    const after = await atRest(before.descriptors);
    expect(after.timers).toBeLessThanOrEqual(before.timers + 1);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(MOST_GROWTH);
    session.kill('SIGINT');
    await ended;
    expect(session.exitCode).toBe(0);
  }, 240_000);
});
