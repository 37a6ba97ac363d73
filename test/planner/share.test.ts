import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObservedService } from '../../src/model/observed.ts';
import {
  isEmpty,
  type Plan,
  type PlanShares,
  type RouteStep,
  type ServiceStep,
} from '../../src/model/plan.ts';
import { formatPrefix } from '../../src/model/prefix.ts';
import { plan as makePlan } from '../../src/planner/plan.ts';
import { routesAlone, shareOf } from '../../src/planner/share.ts';
import { create, planOf, remove, route, serviceStep } from '../fakes/plans.ts';
import * as build from './build.ts';

const NOBODY: ReadonlySet<string> = new Set();
const PROFILE = 'minikube';

const join = { profile: PROFILE, action: 'join', announced: false, serves: [] } as const;
const leave = { profile: PROFILE, action: 'leave', announced: true, serves: [] } as const;
const record = {
  profile: PROFILE,
  before: { resourceVersion: '1', allocations: [] },
  after: [{ address: '10.200.0.1', service: 'default/web' }],
};

const way: RouteStep = { ...create(route('10.200.0.1/32')), purpose: 'load-balancer' };
const network = create(route('10.96.0.0/12'));
const end: RouteStep = { ...remove(route('10.200.0.1/32')), purpose: 'load-balancer' };

function service(name: string, before: readonly string[], after: readonly string[]): ServiceStep {
  return serviceStep(build.service(name, { ingress: before, uid: `uid-${name}` }), after);
}

/** What is begun, in words. */
function begun({ host, clusters }: PlanShares): string[] {
  const routes = host.waves.flat().map(({ step, op }) => {
    const changed = host.steps[step];
    const destination =
      changed?.kind === 'route' ? (changed.after ?? changed.before)?.destination : undefined;
    return `${op} ${destination === undefined ? '' : formatPrefix(destination)}`;
  });
  return [
    ...routes,
    ...clusters.flatMap(({ leases, allocations, changes, reports }) => [
      ...leases.map(({ action }) => action),
      ...allocations.map(() => 'record'),
      ...changes.map(({ change, step }) => `${change.op} ${step.name}`),
      ...reports.map(({ name }) => `report ${name}`),
    ]),
  ];
}

describe('what a session does first of a plan', () => {
  it.each<readonly [string, Plan, readonly string[]]>([
    [
      'a Lease comes before the record, and the address of a Service after both; a network waits for neither',
      planOf([network, way, service('web', [], ['10.200.0.1'])], { leases: [join], allocations: [record] }),
      ['add 10.96.0.0/12', 'join'],
    ],
    [
      'the record is written before a route leads to what it gives',
      planOf([way, service('web', [], ['10.200.0.1'])], { allocations: [record] }),
      ['record'],
    ],
    [
      'a Service is told its address once its route stands',
      planOf([way, service('web', [], ['10.200.0.1'])]),
      ['add 10.200.0.1/32'],
    ],
    ['with its route in place it is told', planOf([service('web', [], ['10.200.0.1'])]), ['assign web']],
    [
      'an address that comes from a network is told once that has a route',
      planOf([network, service('web', [], ['10.96.0.7'])]),
      ['add 10.96.0.0/12'],
    ],
    [
      'an address passes from one Service to another when the first shows it no longer',
      planOf([service('old', ['10.200.0.1'], []), service('new', [], ['10.200.0.1'])]),
      ['clear old'],
    ],
    [
      'two that change their addresses are both cleared first',
      planOf([service('a', ['10.200.0.1'], ['10.200.0.2']), service('b', ['10.200.0.2'], ['10.200.0.1'])]),
      ['clear a', 'clear b'],
    ],
    [
      'a route goes once no Service shows its address',
      planOf([end, service('web', ['10.200.0.1'], [])]),
      ['clear web'],
    ],
    ['and then it goes', planOf([end]), ['delete 10.200.0.1/32']],
    ['our Lease goes when all else has', planOf([end], { leases: [leave] }), ['delete 10.200.0.1/32']],
    ['and then it goes', planOf([], { leases: [leave] }), ['leave']],
  ])('%s', (_, plan, expected) => {
    expect(begun(shareOf(plan, NOBODY))).toEqual(expected);
  });

  it('a route does not go while its cluster is being asked for something', () => {
    expect(begun(shareOf(planOf([end]), new Set([PROFILE])))).toEqual([]);
    expect(begun(shareOf(planOf([end]), new Set(['another'])))).toEqual(['delete 10.200.0.1/32']);
  });

  it('changes of routes alone wait for nothing, and keep their numbers', () => {
    const plan = planOf([service('web', ['10.200.0.1'], []), end], { leases: [join], allocations: [record] });
    expect(routesAlone(plan).waves).toEqual([[{ step: plan.steps.indexOf(end), op: 'delete' }]]);
  });
});

describe('whatever is planned', () => {
  const services = fc.array(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      ingress: fc.constantFrom([], ['10.200.0.1'], ['10.200.0.2'], ['10.200.0.9']),
      requestedIp: fc.constantFrom(null, '10.200.0.1', '10.200.0.2'),
    }),
    { maxLength: 4 },
  );

  /** A plan for these Services on a host that has nothing yet. */
  function planned(found: readonly Pick<ObservedService, 'name' | 'ingress' | 'requestedIp'>[]): Plan {
    const byName = new Map(found.map((one) => [one.name, one]));
    const cluster = build.cluster({
      nodes: [build.node('minikube', [build.VM], ['10.244.0.0/24'])],
      services: [...byName.values()].map(({ name, ingress, requestedIp }) =>
        build.service(name, {
          uid: `uid-${name}`,
          ingress,
          ingressManager: ingress.length > 0 ? 'mkplan' : null,
          requestedIp,
        }),
      ),
    });
    const desired = build.desired([
      build.profile({ loadBalancer: build.loadBalancer(['10.200.0.0/29'], { unclassed: true }) }),
    ]);
    return makePlan(desired, build.observed({ profiles: [build.observedProfile({ cluster })] }));
  }

  it('something can be begun, and nothing twice', () => {
    fc.assert(
      fc.property(services, (found) => {
        const plan = planned(found);
        if (plan.diagnostics.some(({ severity }) => severity === 'error')) return;
        const words = begun(shareOf(plan, NOBODY));
        expect(words.length > 0).toBe(!isEmpty(plan));
        expect(new Set(words).size).toBe(words.length);
      }),
      { numRuns: 500 },
    );
  });
});
