import { join } from 'node:path';
import { type Benchmark, measurePairs } from './harness.ts';
import { DEVICE, inLab, type Lab, VM } from './lab.ts';

const FOREIGN = 100_000;
const SERVICES = 10_000;
const FILL_TIMEOUT_MS = 60_000;

/** A table as of a router: /24s of somebody else's, none of which meets the spec. */
async function fill(lab: Lab): Promise<void> {
  const adds = Array.from({ length: FOREIGN }, (_, index) => {
    const [high, middle, low] = [20 + Math.floor(index / 65_536), Math.floor(index / 256) % 256, index % 256];
    return `route add ${high}.${middle}.${low}.0/24 via ${VM} dev ${DEVICE} proto 186 metric 20\n`;
  });
  await lab.host.must(['ip', '-batch', '-'], { input: adds.join(''), timeoutMs: FILL_TIMEOUT_MS });
}

/** A plan on a host with a router's table, for a cluster with as many Services as there can well be. */
export const LARGE: Benchmark = {
  name: 'large',
  needsNamespaces: true,
  run: (setting) =>
    inLab(setting, async (lab) => {
      await fill(lab);
      await lab.serve(SERVICES);
      const spec = await lab.writeSpec([{ name: 'minikube', loadBalancer: { pool: ['198.18.0.0/16'] } }]);
      const credentials = join(setting.scratch, 'credentials.json');
      return [
        {
          work: '`mkplan plan`, 100,000 foreign routes, 10,000 Services',
          floor: 'the dumps + LIST, parsed',
          budget: 1.5,
          pairs: await measurePairs(
            lab.mkplan('plan', spec),
            lab.floor('floor-large', credentials),
            setting.progress,
          ),
        },
      ];
    }),
};
