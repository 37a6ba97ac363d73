import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import schema from '../schema/tunnel.schema.json' with { type: 'json' };
import { type Benchmark, measurePairs } from './harness.ts';
import { DEVICE, inLab, VM } from './lab.ts';

const { maxItems: PER_LIST } = schema.$defs.cidrList;
const { maxItems: PROFILES } = schema.properties.spec.properties.profiles;

/** As many as one spec may list, at most ten thousand. */
const ROUTES = Math.min(10_000, PROFILES * 2 * PER_LIST);

/** The nth /29 of 198.18.0.0/15, which is for benchmarks (RFC 2544) and no resolver's or neighbour's address. */
function destination(index: number): string {
  const offset = index * 8;
  return `198.${18 + Math.floor(offset / 65_536)}.${Math.floor(offset / 256) % 256}.${offset % 256}/29`;
}

function profilesOf(destinations: readonly string[]): object[] {
  const perProfile = Math.ceil(destinations.length / PROFILES);
  return Array.from({ length: PROFILES }, (_, index) => {
    const own = destinations.slice(index * perProfile, (index + 1) * perProfile);
    const half = Math.ceil(own.length / 2);
    return {
      name: `profile-${index}`,
      gateway: VM,
      cidrs: { services: own.slice(0, half), pods: own.slice(half) },
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
