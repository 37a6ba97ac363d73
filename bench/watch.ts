import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { FOREIGN, fillTable } from './foreign.ts';
import { type Benchmark, type Figure, percentile, type Setting } from './harness.ts';
import { DEVICE, inLab, type Lab, VM } from './lab.ts';
import { residentMib, spentMs } from './processes.ts';

/** How often each is started, and how many routes of it are then deleted, one after the other. */
const ROUNDS = 3;
const ROUTES = 16;
const PATIENCE_MS = 30_000;
/** So long without a tick of processor time is rest. */
const QUIET_MS = 500;
const POLL_MS = 50;
/** Longer than the backstop of a session, which looks at everything once in 30 s. */
const IDLE_MS = 60_000;

const destinations = (second: number) =>
  Array.from({ length: ROUTES }, (_, index) => `198.${second}.0.${index * 8}/29`);
const OURS = destinations(18);
const FLOORS = destinations(19);

/** A third party: deletes routes, and sees by its own `ip monitor` when each was gone and when it was back. */
class Rival {
  readonly #batch: ChildProcess;
  readonly #waiting = new Map<string, { gone: number; back: (ms: number) => void }>();

  constructor(lab: Lab) {
    this.#batch = lab.host.spawn(['ip', '-batch', '-']);
    const monitor = lab.host.spawn(['ip', 'monitor', 'route']);
    if (monitor.stdout === null) throw new TypeError('ip monitor has no standard output');
    createInterface({ input: monitor.stdout }).on('line', (line) => this.#hear(line));
  }

  #hear(line: string): void {
    const now = performance.now();
    const isGone = line.startsWith('Deleted ');
    const [destination = ''] = line.replace('Deleted ', '').split(' ', 1);
    const waiting = this.#waiting.get(destination);
    if (waiting === undefined) return;
    if (isGone) waiting.gone = now;
    else if (!Number.isNaN(waiting.gone)) waiting.back(now - waiting.gone);
  }

  /** Deletes a route; returns after how many milliseconds it was back. */
  async remove(destination: string): Promise<number> {
    const late = new AbortController();
    const back = new Promise<number>((resolve) => {
      this.#waiting.set(destination, { gone: Number.NaN, back: resolve });
    });
    this.#batch.stdin?.write(`route del ${destination}\n`);
    const never = sleep(PATIENCE_MS, undefined, { signal: late.signal }).then(() => {
      throw new Error(`${destination} was not back within ${PATIENCE_MS} ms`);
    });
    try {
      return await Promise.race([back, never]);
    } finally {
      late.abort();
      // Aborted, it rejects, and nobody waits for it any more.
      never.catch(() => undefined);
      this.#waiting.delete(destination);
    }
  }
}

/** Waits until a process rests. Throws an Error when it does not. */
async function quiet({ pid = 0 }: ChildProcess): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  let [spent, since] = [-1, performance.now()];
  while (performance.now() - since < QUIET_MS) {
    if (performance.now() > end) throw new Error(`pid ${pid} has not come to rest`);
    await sleep(POLL_MS);
    const now = await spentMs(pid);
    if (now !== spent) [spent, since] = [now, performance.now()];
  }
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Starts a program that keeps routes, deletes each of them once, and ends it. Milliseconds that each was missing. */
async function missing(
  rival: Rival,
  start: () => Promise<ChildProcess>,
  routes: readonly string[],
): Promise<number[]> {
  const child = await start();
  const waits: number[] = [];
  for (const destination of routes) {
    await quiet(child);
    waits.push(await rival.remove(destination));
  }
  await quiet(child);
  await end(child);
  return waits;
}

interface Programs {
  readonly work: () => Promise<ChildProcess>;
  readonly floor: () => Promise<ChildProcess>;
}

/** By turns, so that a busy machine slows both. */
async function measureMissing(
  rival: Rival,
  { work, floor }: Programs,
  beside: string,
  progress: Setting['progress'],
): Promise<Figure[]> {
  const samples: { work: number[]; floor: number[] } = { work: [], floor: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const floors = await missing(rival, floor, FLOORS);
    const ours = await missing(rival, work, OURS);
    samples.floor.push(...floors);
    samples.work.push(...ours);
    progress(
      `${beside}: back after ${percentile(ours, 0.5).toFixed(1)} ms, floor ${percentile(floors, 0.5).toFixed(1)} ms`,
    );
  }
  return [
    ['p50', 0.5],
    ['p99', 0.99],
  ].map(([name, share]) => ({
    work: `route deleted → back, ${beside}, ${name}`,
    floor: '`ip monitor` line → `ip route add`',
    budget: 3,
    pairs: [
      { work: percentile(samples.work, Number(share)), floor: percentile(samples.floor, Number(share)) },
    ],
  }));
}

/** What a session takes that has nothing to do. */
async function measureIdle(
  { work, floor }: Programs,
  beside: string,
  progress: Setting['progress'],
): Promise<Figure[]> {
  const [session, bare] = [await work(), await floor()];
  const { pid = 0 } = session;
  await quiet(session);
  const spent = await spentMs(pid);
  const began = performance.now();
  await sleep(IDLE_MS);
  const percent = (100 * ((await spentMs(pid)) - spent)) / (performance.now() - began);
  const pair = { work: await residentMib(pid), floor: await residentMib(bare.pid ?? 0) };
  progress(
    `${beside}, idle: ${percent.toFixed(2)} % of a core; resident ${pair.work.toFixed(1)} MiB, floor ${pair.floor.toFixed(1)} MiB`,
  );
  await end(session);
  await end(bare);
  return [
    {
      work: `idle \`mkplan watch\`, ${beside}, resident MiB`,
      floor: 'bare watch loop',
      budget: 1.5,
      pairs: [pair],
    },
    {
      work: `idle \`mkplan watch\`, ${beside}, % of a core`,
      floor: '1 % of a core',
      budget: 1,
      pairs: [{ work: percent, floor: 1 }],
    },
  ];
}

/** A route of ours that was deleted, until it is back; and what waiting for that takes. */
export const WATCH: Benchmark = {
  name: 'watch',
  needsNamespaces: true,
  run: (setting) =>
    inLab(setting, async (lab) => {
      const spec = await lab.writeSpec([
        {
          name: 'vm',
          gateway: VM,
          cidrs: { services: OURS, pods: 'none' },
          loadBalancer: { assign: 'none' },
        },
      ]);
      const session = lab.command(
        'mkplan',
        'watch',
        spec,
        '--auto-approve',
        '--allow',
        'gateway,unconfirmed',
      );
      const programs = {
        work: () => lab.start(session, 'Watching.'),
        floor: () => lab.start(lab.command('floor-restore', VM, DEVICE, ...FLOORS), 'ready'),
      };
      const rival = new Rival(lab);
      const { progress } = setting;
      const figures = await measureMissing(rival, programs, 'alone', progress);
      await fillTable(lab);
      const beside = `${FOREIGN.toLocaleString('en')} foreign routes`;
      figures.push(...(await measureMissing(rival, programs, beside, progress)));
      return [...figures, ...(await measureIdle(programs, beside, progress))];
    }),
};
