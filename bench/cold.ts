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
      const user = lab.asUser();
      const plan = user.mkplan('plan', spec);
      const list = user.floor('floor-list', credentials);
      const work = '`mkplan plan`, cold, small spec';
      const floor = '`node` + one LIST';
      return [
        {
          work: `${work}, with the code that an earlier one kept`,
          floor,
          budget: 1.5,
          pairs: await measurePairs(plan, list, setting.progress),
        },
        {
          work: `${work}, the first on this machine`,
          floor,
          budget: 2.1,
          pairs: await measurePairs(lab.atFirst(plan), list, setting.progress),
        },
      ];
    }),
};
