import { join } from 'node:path';
import { fillTable } from './foreign.ts';
import { type Benchmark, measurePairs } from './harness.ts';
import { inLab } from './lab.ts';

const SERVICES = 10_000;

/** A plan on a host with a router's table, for a cluster with as many Services as there can well be. */
export const LARGE: Benchmark = {
  name: 'large',
  needsNamespaces: true,
  run: (setting) =>
    inLab(setting, async (lab) => {
      await fillTable(lab);
      await lab.serve(SERVICES);
      const spec = await lab.writeSpec([{ name: 'minikube', loadBalancer: { pool: ['198.18.0.0/16'] } }]);
      const credentials = join(setting.scratch, 'credentials.json');
      const user = lab.asUser();
      return [
        {
          work: '`mkplan plan`, 100,000 foreign routes, 10,000 Services',
          floor: 'the dumps + LIST, parsed',
          budget: 1.5,
          pairs: await measurePairs(
            user.mkplan('plan', spec),
            user.floor('floor-large', credentials),
            setting.progress,
          ),
        },
      ];
    }),
};
