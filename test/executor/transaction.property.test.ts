import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Route, routeKey } from '../../src/model/route.ts';
import { Faults } from '../fakes/faults.ts';
import { create, planOf, remove, replace, route } from '../fakes/plans.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { World } from '../fakes/world.ts';

/** What happens at one destination: what is ours before, and what the plan makes of it. */
const destination = fc.constantFrom('none', 'create', 'delete', 'replace', 'refused');

const scenario = fc.record({
  steps: fc.array(destination, { minLength: 1, maxLength: 6 }),
  /** Somebody else's insertion before some operation, at one of the destinations. */
  foreign: fc.option(
    fc.record({ at: fc.nat(30), where: fc.nat(5), metric: fc.constantFrom(0, 50, 109, 110) }),
    { nil: undefined },
  ),
  killAt: fc.nat(40),
});

const cidr = (index: number) => `10.200.${index}.0/24`;
const ours = (index: number) => route(cidr(index));
const moved = (index: number) => route(cidr(index), { metric: 110, gateway: '192.168.39.9' });
const refused = (index: number) => route(cidr(index), { gateway: '192.0.2.1' });

function build(steps: readonly string[]) {
  const before: Route[] = [];
  const planned = steps.flatMap((what, index) => {
    if (what === 'delete' || what === 'replace') before.push(ours(index));
    if (what === 'create') return [create(ours(index))];
    if (what === 'refused') return [create(refused(index))];
    if (what === 'delete') return [remove(ours(index))];
    return what === 'replace' ? [replace(ours(index), moved(index))] : [];
  });
  const after = steps.flatMap((what, index) =>
    what === 'create' ? [ours(index)] : what === 'replace' ? [moved(index)] : [],
  );
  return { before, after, plan: planOf(planned) };
}

const sorted = (keys: Iterable<string>) => [...keys].sort((a, b) => (a < b ? -1 : 1));

test('whatever fails, dies or interferes: all before or all after, and nothing foreign changed', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ steps, foreign, killAt }) => {
      const { before, after, plan } = build(steps);
      const world = new World(await temporaryDirectory(), before);
      world.kernel.unreachable.add('192.0.2.1');
      await world.claim(...before);
      const faults = new Faults().killAt(killAt + 1);
      let intruder: Route | null = null;
      if (foreign !== undefined) {
        faults.before(foreign.at + 1, () => {
          const place = cidr(foreign.where % steps.length);
          const taken = world.kernel
            .keys()
            .some((key) => key.includes(` ${place} `) && key.includes(` metric ${foreign.metric} `));
          if (taken) return;
          intruder = route(place, {
            metric: foreign.metric,
            protocol: 3,
            gateway: '10.8.0.1',
            device: 'tun0',
          });
          world.kernel.insert(intruder);
        });
      }
      await world.apply(plan, {}, faults).catch(() => undefined);
      await world.recover(plan);
      const named = world.events.some((event) => 'left' in event && event.left.length > 0);
      expect(await world.open()).toBeNull();
      const { routes, claims } = await world.state();
      if (intruder !== null) expect(routes).toContain(routeKey(intruder));
      const own = routes.filter((key) => key.includes('proto 109'));
      const isBefore = JSON.stringify(own) === JSON.stringify(sorted(before.map(routeKey)));
      const isAfter = JSON.stringify(own) === JSON.stringify(sorted(after.map(routeKey)));
      if (!named) expect(isBefore || isAfter).toBe(true);
      // What could not be put back is named; it is still claimed, so the next plan shows it.
      expect([sorted(before.map(routeKey)), sorted(after.map(routeKey))]).toContainEqual(claims);
      if (!named && isBefore !== isAfter) {
        expect(claims).toEqual(sorted((isBefore ? before : after).map(routeKey)));
      }
    }),
    {
      numRuns: 150,
      // Killed in the middle of a rollback that had found somebody else's route in the place of ours.
      examples: [
        [{ steps: ['none', 'replace', 'none'], foreign: { at: 18, where: 1, metric: 109 }, killAt: 26 }],
        [{ steps: ['replace'], foreign: { at: 18, where: 0, metric: 109 }, killAt: 34 }],
      ],
    },
  );
}, 60_000);
