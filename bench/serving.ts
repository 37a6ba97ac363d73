import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterRefused } from '../test/cluster/programs.ts';
import type { Benchmark, Figure, Pair, Setting } from './harness.ts';
import { inLab, type Lab } from './lab.ts';

/** How many Services are made at once, how often, and the most that mkplan may take of what the floor takes. */
const BURSTS: readonly { readonly services: number; readonly rounds: number; readonly budget: number }[] = [
  { services: 1, rounds: 40, budget: 2.5 },
  { services: 100, rounds: 6, budget: 2.5 },
  { services: 1000, rounds: 3, budget: 1.3 },
];
const CLASSES = { work: 'mkplan/tunnel', floor: 'bench/floor' } as const;

function percentile(waits: readonly number[], share: number): number {
  const sorted = [...waits].sort((a, b) => a - b);
  return sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)] ?? Number.NaN;
}

async function waitsOf(
  lab: Lab,
  scratch: string,
  loadBalancerClass: string,
  services: number,
): Promise<number[]> {
  const printed = await lab.run(
    'load',
    join(scratch, 'credentials.json'),
    loadBalancerClass,
    String(services),
  );
  return JSON.parse(printed) as number[];
}

/** By turns, so that a busy machine slows both. A burst of one is no sample: there all rounds together are. */
async function measureBurst(
  lab: Lab,
  { scratch, progress }: Setting,
  { services, rounds, budget }: (typeof BURSTS)[number],
): Promise<Figure[]> {
  const samples: { work: number[]; floor: number[] }[] = [];
  await waitsOf(lab, scratch, CLASSES.floor, services);
  await waitsOf(lab, scratch, CLASSES.work, services);
  for (let round = 0; round < rounds; round++) {
    const floor = await waitsOf(lab, scratch, CLASSES.floor, services);
    const work = await waitsOf(lab, scratch, CLASSES.work, services);
    samples.push({ work, floor });
    progress(
      `${services} at once: mkplan ${percentile(work, 0.5).toFixed(1)} ms, floor ${percentile(floor, 0.5).toFixed(1)} ms`,
    );
  }
  const whole = [{ work: samples.flatMap(({ work }) => work), floor: samples.flatMap(({ floor }) => floor) }];
  return [
    ['p50', 0.5],
    ['p99', 0.99],
  ].map(([name, share]): Figure => {
    const pairs = (services === 1 ? whole : samples).map(
      ({ work, floor }): Pair => ({
        work: percentile(work, Number(share)),
        floor: percentile(floor, Number(share)),
      }),
    );
    return {
      work: `Service → address in its status, ${services} at once, ${name}`,
      floor: 'bare watch + PATCH',
      budget,
      pairs,
    };
  });
}

/** From a Service that was made to its address in its status, on a real kube-apiserver. */
export const SERVING: Benchmark = {
  name: 'serving',
  needsNamespaces: true,
  run: async (setting) => {
    if (clusterRefused !== null) {
      setting.progress(`skipped: ${clusterRefused}`);
      return [];
    }
    return await inLab(setting, async (lab) => {
      const controlPlane = await lab.serveReal();
      try {
        const spec = await lab.writeSpec([
          {
            name: 'minikube',
            cidrs: { services: 'none', pods: 'none' },
            loadBalancer: { pool: ['10.200.0.0/20'], unclassed: false },
          },
        ]);
        const credentials = join(setting.scratch, 'credentials.json');
        const floor = await lab.start(lab.command('floor-serve', credentials, CLASSES.floor), 'ready');
        const work = await lab.start(lab.command('mkplan', 'watch', spec, '--auto-approve'), 'Watching.');
        const figures: Figure[] = [];
        for (const burst of BURSTS) figures.push(...(await measureBurst(lab, setting, burst)));
        figures.push(memory(await residentKb(work.pid ?? 0), await residentKb(floor.pid ?? 0)));
        return figures;
      } finally {
        controlPlane.close();
      }
    });
  },
};

/** Resident memory of a process in KiB (proc_pid_status(5), VmRSS). */
async function residentKb(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

function memory(work: number, floor: number): Figure {
  return {
    work: 'resident memory of `mkplan watch` afterwards, MiB',
    floor: 'of the bare loop',
    budget: 1.5,
    pairs: [{ work: work / 1024, floor: floor / 1024 }],
  };
}
