import { once } from 'node:events';
import { join } from 'node:path';
import { pathsOf } from '../src/sandbox/files.ts';
import { AILMENTS, AilingCluster, type Ailment } from '../test/kernel/ailing-cluster.ts';
import { type Benchmark, type Figure, percentile, type Setting } from './harness.ts';
import { inLab, type Lab, VM } from './lab.ts';

/** How many sessions of each there are by turns, and how many Services are made in each, one after the other. */
const ROUNDS = 4;
const SAMPLES = 25;
/** The most that a Service may wait beside a cluster that ails, as a multiple of alone. */
const BUDGET = 1.2;
/** The longest that a session may take to end, in milliseconds. */
const ENDED_MS = 12_000;
/** On the VM's network, and nobody's. */
const NOBODY = '192.168.39.99';
const PORT = 8444;

const profileOf = (name: string, pool: string) => ({
  name,
  cidrs: { services: 'none', pods: 'none' },
  loadBalancer: { pool: [pool], class: 'mkplan/tunnel', unclassed: false },
});
const HEALTHY = profileOf('minikube', '10.200.0.0/24');

const contextOf = (ailment: Ailment) => `ailing-${ailment}`;

/** What one session did: how long each Service waited for its address, and how long the end took. Milliseconds. */
interface Measured {
  readonly waits: readonly number[];
  readonly end: number;
}

async function measureSession(
  lab: Lab,
  { scratch }: Setting,
  profiles: readonly object[],
): Promise<Measured> {
  const spec = await lab.writeSpec(profiles);
  const argv = lab.command('mkplan', 'watch', spec, '--auto-approve', '--allow', 'context');
  const session = await lab.start(argv, 'Watching.');
  const credentials = join(scratch, 'credentials.json');
  // The first waits for what the session has yet to do since it began.
  const printed = await lab.run(
    'load',
    credentials,
    HEALTHY.loadBalancer.class,
    String(SAMPLES + 1),
    'by-turns',
  );
  const gone = once(session, 'exit');
  const start = performance.now();
  session.kill('SIGINT');
  await gone;
  return { waits: (JSON.parse(printed) as number[]).slice(1), end: performance.now() - start };
}

/** By turns, so that a busy machine slows both. */
async function measureBeside(lab: Lab, setting: Setting, ailment: Ailment): Promise<Figure[]> {
  const [work, floor]: [Measured[], Measured[]] = [[], []];
  const both = [HEALTHY, profileOf(contextOf(ailment), '10.201.0.0/24')];
  for (let round = 0; round < ROUNDS; round++) {
    floor.push(await measureSession(lab, setting, [HEALTHY]));
    work.push(await measureSession(lab, setting, both));
    const told = [work, floor].map((all) => percentile(all.at(-1)?.waits ?? [], 0.5).toFixed(1));
    setting.progress(
      `${ailment}: beside ${told[0]} ms, alone ${told[1]} ms; ended in ${work.at(-1)?.end.toFixed(0)} ms`,
    );
  }
  const beside = `beside one that is ${ailment}`;
  const waits = (all: readonly Measured[], share: number) =>
    percentile(
      all.flatMap((one) => one.waits),
      share,
    );
  const served = [
    ['p50', 0.5],
    ['p99', 0.99],
  ].map(
    ([name, share]): Figure => ({
      work: `Service → address, ${beside}, ${name}`,
      floor: 'alone',
      budget: BUDGET,
      pairs: [{ work: waits(work, Number(share)), floor: waits(floor, Number(share)) }],
    }),
  );
  const ended: Figure = {
    work: `Ctrl-C → end of \`mkplan watch\`, ${beside}, the longest`,
    floor: `${ENDED_MS / 1000} s`,
    budget: 1,
    pairs: [{ work: Math.max(...work.map(({ end }) => end)), floor: ENDED_MS }],
  };
  return [...served, ended];
}

/** What one cluster that ails costs a Service of another one, and the end of the session. */
export const BESIDE: Benchmark = {
  name: 'beside',
  needsNamespaces: true,
  run: async (setting) =>
    await inLab(setting, async (lab) => {
      await lab.serve(0);
      const figures: Figure[] = [];
      for (const ailment of Object.keys(AILMENTS) as Ailment[]) {
        const { kubeconfig } = pathsOf(setting.scratch);
        const ailing = await AilingCluster.create(ailment, contextOf(ailment), kubeconfig, {
          address: ailment === 'off' ? NOBODY : VM,
          port: PORT,
          start: (argv) => lab.startOnVm(argv),
          directory: setting.scratch,
        });
        try {
          figures.push(...(await measureBeside(lab, setting, ailment)));
        } finally {
          await ailing.close();
        }
      }
      return figures;
    }),
};
