import { once } from 'node:events';
import { join } from 'node:path';
import { clusterRefused } from '../test/cluster/programs.ts';
import { type Benchmark, type Figure, percentile, type Setting } from './harness.ts';
import { inLab, type Lab } from './lab.ts';

/** Services that are changed, removed and made meanwhile. */
const OTHERS = 1000;
/** How often it is by turns, and how many Services are made each time, one after the other. */
const ROUNDS = 4;
const SAMPLES = 12;
const CLASSES = { work: 'mkplan/tunnel', floor: 'bench/floor' } as const;

/** How long each of some Services waited for its address, in milliseconds, while others of its class come and go. */
async function waitsOf(lab: Lab, credentials: string, loadBalancerClass: string): Promise<number[]> {
  const churning = lab.command('churn-load', credentials, loadBalancerClass, String(OTHERS));
  const churn = await lab.start(churning, 'ready');
  const printed = await lab.run('load', credentials, loadBalancerClass, String(SAMPLES + 1), 'by-turns');
  // The first comes behind all those that were just made.
  const [, ...waits] = JSON.parse(printed) as number[];
  churn.kill('SIGKILL');
  await once(churn, 'exit');
  return waits;
}

async function measure(lab: Lab, { scratch, progress }: Setting): Promise<Figure[]> {
  const credentials = join(scratch, 'credentials.json');
  const spec = await lab.writeSpec([
    {
      name: 'minikube',
      cidrs: { services: 'none', pods: 'none' },
      loadBalancer: { pool: ['10.200.0.0/20'], unclassed: false },
    },
  ]);
  await lab.start(lab.command('floor-serve', credentials, CLASSES.floor), 'ready');
  await lab.start(lab.command('mkplan', 'watch', spec, '--auto-approve'), 'Watching.');
  const samples: { work: number[]; floor: number[] } = { work: [], floor: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const floor = await waitsOf(lab, credentials, CLASSES.floor);
    const work = await waitsOf(lab, credentials, CLASSES.work);
    samples.floor.push(...floor);
    samples.work.push(...work);
    progress(`mkplan ${percentile(work, 0.5).toFixed(1)} ms, floor ${percentile(floor, 0.5).toFixed(1)} ms`);
  }
  return [
    ['p50', 0.5],
    ['p99', 0.99],
  ].map(([name, share]) => ({
    work: `Service → address in its status, ${OTHERS.toLocaleString('en')} others coming and going, ${name}`,
    floor: 'bare watch + PATCH',
    budget: 2.5,
    pairs: [
      { work: percentile(samples.work, Number(share)), floor: percentile(samples.floor, Number(share)) },
    ],
  }));
}

/** From a Service that was made to its address, on a real kube-apiserver that has much else to do. */
export const CHURN: Benchmark = {
  name: 'churn',
  needsNamespaces: true,
  run: async (setting) => {
    if (clusterRefused !== null) {
      setting.progress(`skipped: ${clusterRefused}`);
      return [];
    }
    return await inLab(setting, async (lab) => {
      const controlPlane = await lab.serveReal();
      try {
        return await measure(lab, setting);
      } finally {
        controlPlane.close();
      }
    });
  },
};
