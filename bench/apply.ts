import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Benchmark, measurePairs } from './harness.ts';
import { DEVICE, inLab, VM } from './lab.ts';

const ROUTES = 10_000;
/** About as many as one list of a spec may hold; each profile has two. */
const PER_LIST = 1_000;

/** The nth /29 of 198.18.0.0/15, which is for benchmarks (RFC 2544) and no resolver's or neighbour's address. */
function destination(index: number): string {
  const offset = index * 8;
  return `198.${18 + Math.floor(offset / 65_536)}.${Math.floor(offset / 256) % 256}.${offset % 256}/29`;
}

/** Literal gateways and explicit CIDRs: no cluster is asked, so that it is the transaction that is measured. */
function profilesOf(destinations: readonly string[]): object[] {
  return Array.from({ length: ROUTES / (2 * PER_LIST) }, (_, index) => {
    const from = index * 2 * PER_LIST;
    return {
      name: `profile-${index}`,
      gateway: VM,
      cidrs: {
        services: destinations.slice(from, from + PER_LIST),
        pods: destinations.slice(from + PER_LIST, from + 2 * PER_LIST),
      },
      loadBalancer: { assign: 'none' },
    };
  });
}

/** One transaction of many routes, with all that makes it one. */
export const APPLY: Benchmark = {
  name: 'apply',
  needsNamespaces: true,
  run: (setting) =>
    inLab(setting, async (lab) => {
      const destinations = Array.from({ length: ROUTES }, (_, index) => destination(index));
      const spec = await lab.writeSpec(profilesOf(destinations));
      const routes = join(setting.scratch, 'routes.json');
      await writeFile(routes, JSON.stringify({ destinations, gateway: VM, device: DEVICE }));
      return [
        {
          work: `\`mkplan apply\` of ${ROUTES.toLocaleString('en')} routes`,
          floor: '`ip -batch` + two dumps + the fsyncs + `ip route get` of each',
          budget: 1.5,
          pairs: await measurePairs(
            lab.mkplan('apply', spec, '--auto-approve', '--allow', 'gateway,unconfirmed'),
            lab.floor('floor-apply', routes, join(setting.scratch, 'state')),
            setting.progress,
          ),
        },
      ];
    }),
};
