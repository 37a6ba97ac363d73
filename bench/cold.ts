import { join } from 'node:path';
import { type Benchmark, measurePairs } from './harness.ts';
import { inLab } from './lab.ts';

const SERVICES = 3;

/** What a user waits for who asks for a plan of a small spec. */
export const COLD: Benchmark = {
  name: 'cold',
  needsNamespaces: true,
  run: (setting) =>
    inLab(setting, async (lab) => {
      await lab.serve(SERVICES);
      const spec = await lab.writeSpec([{ name: 'minikube', loadBalancer: { pool: ['198.18.0.0/24'] } }]);
      const credentials = join(setting.scratch, 'credentials.json');
      return [
        {
          work: '`mkplan plan`, cold, small spec',
          floor: '`node` + one LIST',
          budget: 1.5,
          pairs: await measurePairs(
            lab.mkplan('plan', spec),
            lab.floor('floor-list', credentials),
            setting.progress,
          ),
        },
      ];
    }),
};
