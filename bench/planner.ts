import type { ObservedState } from '../src/model/observed.ts';
import { comparePrefixes } from '../src/model/prefix.ts';
import type { RouteDocument } from '../src/model/route.ts';
import { plan } from '../src/planner/plan.ts';
import * as build from '../test/planner/build.ts';
import { type Benchmark, type Figure, measurePairs, timeShort } from './harness.ts';

const SIZES = [10_000, 100_000] as const;
const GROWTH = 10;
/** Long enough that a pause of the garbage collector is not all of it. Milliseconds. */
const AT_LEAST_MS = 250;
const SERVICES = 10;

/** What a router would hold: both families, and one route in a hundred inside the pods' network, where it is skipped. */
function foreignRoute(index: number): RouteDocument {
  const hop = { gateway: '192.168.1.1', device: 'eth0', protocol: 186, metric: 20 };
  const [high, low] = [Math.floor(index / 256) % 256, index % 256];
  if (index % 100 === 0) {
    const inside = Math.floor(index / 100);
    return { destination: `10.244.${Math.floor(inside / 256)}.${inside % 256}/32`, ...hop };
  }
  if (index % 10 === 0) return { destination: `2001:db8:${(index / 10).toString(16)}::/48`, ...hop };
  return { destination: `${20 + Math.floor(index / 65_536)}.${high}.${low}.0/24`, ...hop };
}

function observe(foreign: number): ObservedState {
  // In the order of a dump: the kernel lists each family by destination.
  const routes = build
    .host(Array.from({ length: foreign }, (_, index) => foreignRoute(index)))
    .routes.toSorted((a, b) => comparePrefixes(a.destination, b.destination));
  const services = Array.from({ length: SERVICES }, (_, index) => build.service(`service-${index}`));
  return build.observed({
    host: build.host([], { routes }),
    profiles: [build.observedProfile({ cluster: build.cluster({ services }) })],
  });
}

const DESIRED = build.desired([
  build.profile({
    conflictPolicy: { value: 'skip', at: build.AT },
    services: { value: 'auto', at: build.AT },
    pods: { value: 'auto', at: build.AT },
    loadBalancer: build.loadBalancer(['10.200.0.0/24']),
  }),
]);

/** The planner alone: how much longer it takes for ten times the foreign routes. */
export const PLANNER: Benchmark = {
  name: 'planner',
  needsNamespaces: false,
  async run({ progress }) {
    const figures: Figure[] = [];
    for (const size of SIZES) {
      const smaller = size / GROWTH;
      const [large, small] = [observe(size), observe(smaller)];
      progress(`${size} foreign routes against ${smaller}`);
      figures.push({
        work: `planner, ${size.toLocaleString('en')} foreign routes`,
        floor: `itself, ${smaller.toLocaleString('en')} foreign routes`,
        budget: 12,
        pairs: await measurePairs(
          async () => timeShort(() => plan(DESIRED, large), AT_LEAST_MS),
          async () => timeShort(() => plan(DESIRED, small), AT_LEAST_MS),
          progress,
        ),
      });
    }
    return figures;
  },
};
