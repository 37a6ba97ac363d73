import { once } from 'node:events';
import { join } from 'node:path';
import { clusterRefused } from '../test/cluster/programs.ts';
import { type Benchmark, type Figure, measurePairs, type Pair, percentile, type Setting } from './harness.ts';
import { inLab, type Lab } from './lab.ts';
import { residentMib } from './processes.ts';

/** How many Services are made at once, how often, and the most that mkplan may take of what the floor takes. */
const BURSTS: readonly { readonly services: number; readonly rounds: number; readonly budget: number }[] = [
  { services: 1, rounds: 40, budget: 2.5 },
  { services: 100, rounds: 6, budget: 2.5 },
  { services: 1000, rounds: 3, budget: 1.3 },
];
/** Services that are there before anybody watches. */
const MANY = 10_000;
const CLASSES = { work: 'mkplan/tunnel', floor: 'bench/floor' } as const;

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

/** By turns, so that a busy machine slows both. A burst of one is not a sample: there all rounds together are. */
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
        for (const child of [floor, work]) {
          child.kill('SIGKILL');
          await once(child, 'exit');
        }
        return [...figures, ...(await measureMany(lab, setting, credentials))];
      } finally {
        controlPlane.close();
      }
    });
  },
};

/** What many Services take that were there before: the first plan, and memory from then on. */
async function measureMany(lab: Lab, { progress }: Setting, credentials: string): Promise<Figure[]> {
  progress(`making ${MANY} Services`);
  await lab.run('load', credentials, CLASSES.work, String(MANY), 'keep');
  const services = `${MANY.toLocaleString('en')} Services`;
  const spec = (loadBalancerClass: string) =>
    lab.writeSpec([
      {
        name: 'minikube',
        cidrs: { services: 'none', pods: 'none' },
        loadBalancer: { pool: ['10.200.0.0/18'], unclassed: false, class: loadBalancerClass },
      },
    ]);
  const user = lab.asUser();
  const plan = {
    work: `first \`mkplan plan\` of ${services}`,
    floor: '`node` + LIST, parsed',
    budget: 1.5,
    pairs: await measurePairs(
      user.mkplan('plan', await spec(CLASSES.work)),
      user.floor('floor-list', credentials),
      progress,
    ),
  };
  // They are watched, but not served: it is the watching that is measured.
  const watching = lab.command('mkplan', 'watch', await spec('bench/other'), '--auto-approve');
  const work = await lab.start(watching, 'Watching.');
  const floor = await lab.start(lab.command('floor-serve', credentials, 'bench/other'), 'ready');
  const pair = { work: await residentMib(work.pid ?? 0), floor: await residentMib(floor.pid ?? 0) };
  progress(`resident: mkplan ${pair.work.toFixed(1)} MiB, floor ${pair.floor.toFixed(1)} MiB`);
  return [
    plan,
    {
      work: `\`mkplan watch\` of ${services}, resident MiB`,
      floor: 'bare watch loop',
      budget: 1.5,
      pairs: [pair],
    },
  ];
}
