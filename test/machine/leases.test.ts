import { expect, test } from 'vitest';
import type { ApplyPorts } from '../../src/machine/apply-ports.ts';
import { Failure } from '../../src/model/diagnostic.ts';
import type { Plan } from '../../src/model/plan.ts';
import { routeKey } from '../../src/model/route.ts';
import { Faults } from '../fakes/faults.ts';
import { create, planOf, remove, route, serviceStep } from '../fakes/plans.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { World } from '../fakes/world.ts';

const SERVICES = route('10.96.0.0/12');

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
}

/** Ports whose journal fails at this. */
function failing(world: World, plan: Plan, method: 'begin' | 'decide'): ApplyPorts {
  const ports = world.ports(plan);
  const full = new Failure('error', [
    { code: 'state-write', severity: 'error', summary: 'no space', cause: 'ENOSPC', fix: 'make room' },
  ]);
  const journal = Object.assign(Object.create(ports.journal) as ApplyPorts['journal'], {
    [method]: () => Promise.reject(full),
  });
  return { ...ports, journal };
}

const LEASE = { profile: 'minikube', announced: false, serves: [] } as const;
const joining = (steps: Parameters<typeof planOf>[0] = [], rest: Partial<Plan> = {}) =>
  planOf(steps, { leases: [{ ...LEASE, action: 'join' }], ...rest });
const leaving = (steps: Parameters<typeof planOf>[0] = [], rest: Partial<Plan> = {}) =>
  planOf(steps, { mode: 'absent', leases: [{ ...LEASE, action: 'leave' }], ...rest });

test('a Lease is made before anything else, and then the host is looked at again', async () => {
  const world = new World(await temporaryDirectory());
  const faults = new Faults();
  const service = world.services.add('web');
  await world.apply(joining([create(SERVICES), serviceStep(service, ['10.200.0.1'])]), {}, faults);
  const order = ['services.join', 'observe', 'after journal.begin', 'services.applyStatus web'];
  const seen = faults.operations.filter((name) => order.includes(name));
  expect(seen).toEqual(['observe', ...order]);
});

test('a Lease is removed when everything else is done, and said to leave before anything else', async () => {
  const world = new World(await temporaryDirectory(), [SERVICES]);
  await world.claim(SERVICES);
  const faults = new Faults();
  const service = world.services.add('web', ['10.200.0.1']);
  const outcome = await world.apply(leaving([remove(SERVICES), serviceStep(service, [])]), {}, faults);
  expect(outcome).toMatchObject({ kind: 'done', left: [] });
  const order = [
    'services.announce',
    'after journal.begin',
    'services.applyStatus web',
    'kernel.delete 10.96.0.0/12',
    'after registry.write',
    'after journal.close',
    'services.leave',
  ];
  expect(faults.operations.filter((name) => order.includes(name))).toEqual(order);
});

test('a plan that is another one under the Lease is not applied, and the Lease stays as it is', async () => {
  const world = new World(await temporaryDirectory(), [SERVICES]);
  await world.claim(SERVICES);
  const before = leaving([remove(SERVICES)]);
  const plans = [before, leaving([remove(SERVICES)], { fingerprint: 'beef' })];
  const ports = { ...world.ports(before), observe: async () => plans.shift() ?? before };
  const failure = await failureOf(world.applyWith(ports));
  expect(failure).toMatchObject({ kind: 'stale', diagnostics: [{ code: 'participants-changed' }] });
  expect(world.services.leases).toEqual(['announce']);
  expect(await world.state()).toEqual({ routes: [routeKey(SERVICES)], claims: [routeKey(SERVICES)] });
});

test('a destroy that is rolled back stays in the cluster, and takes back that it leaves', async () => {
  const world = new World(await temporaryDirectory(), [SERVICES]);
  await world.claim(SERVICES);
  const service = world.services.add('web', ['10.200.0.1']);
  const plan = leaving([remove(SERVICES), serviceStep(service, [])]);
  const outcome = await world.applyWith(failing(world, plan, 'decide'));
  expect(outcome.kind).toBe('rolled-back');
  expect(world.services.leases).toEqual(['announce', 'join']);
  expect(world.services.ingress('web')).toEqual(['10.200.0.1']);
});

test('a destroy that never began stays in the cluster, too', async () => {
  const world = new World(await temporaryDirectory(), [SERVICES]);
  await world.claim(SERVICES);
  await failureOf(world.applyWith(failing(world, leaving([remove(SERVICES)]), 'begin')));
  expect(world.services.leases).toEqual(['announce', 'join']);
});

test('a Lease that cannot be removed is named, with the command that does it', async () => {
  const world = new World(await temporaryDirectory(), [SERVICES]);
  await world.claim(SERVICES);
  const ports = world.ports(leaving([remove(SERVICES)]));
  const services = Object.assign(world.services, {
    leave: () => Promise.reject(new Error('HTTP status 500')),
  });
  const outcome = await world.applyWith({ ...ports, services });
  expect(outcome).toMatchObject({ kind: 'residue', diagnostics: [{ code: 'residue-lease' }] });
  expect(outcome.left).toEqual([expect.stringMatching(/Lease .* was left behind.*: mkplan destroy$/)]);
  expect(await world.state()).toEqual({ routes: [], claims: [] });
});

test('a Service that another cleared or removed meanwhile counts as cleared', async () => {
  const world = new World(await temporaryDirectory());
  const steps = ['web', 'api'].map((name) => serviceStep(world.services.add(name, ['10.200.0.1']), []));
  const plan = leaving(steps);
  world.services.write('web', { ingress: [], ingressManager: null });
  world.services.delete('api');
  expect(await world.apply(plan)).toMatchObject({ kind: 'done', left: [] });
  const given = serviceStep(world.services.add('late', ['10.200.0.2']), []);
  world.services.write('late', { ingress: ['10.200.0.3'] });
  expect(await world.apply(leaving([given]))).toMatchObject({ kind: 'rolled-back' });
  expect(world.services.ingress('late')).toEqual(['10.200.0.3']);
});

test('killed at whatever operation, a destroy leaves our Lease where our routes still stand', async () => {
  const plan = async (faults: Faults) => {
    const world = new World(await temporaryDirectory(), [SERVICES]);
    await world.claim(SERVICES);
    const service = world.services.add('web', ['10.200.0.1']);
    const made = leaving([remove(SERVICES), serviceStep(service, [])]);
    await world
      .apply(made, {}, faults)
      .catch((thrown: unknown) => expect(faults.crashed, String(thrown)).toBe(true));
    return { world, made };
  };
  const undisturbed = new Faults();
  await plan(undisturbed);
  let leftEarly = 0;
  for (let operation = 1; operation <= undisturbed.operations.length; operation++) {
    const { world, made } = await plan(new Faults().killAt(operation));
    const hasLeft = world.services.leases.includes('leave');
    if (hasLeft) leftEarly++;
    const stands = async () => [...(await world.state()).routes, ...(await world.claims())].length > 0;
    if (hasLeft) expect(await stands(), undisturbed.operations[operation - 1]).toBe(false);
    await world.recover(made);
    if (hasLeft) expect(await stands(), undisturbed.operations[operation - 1]).toBe(false);
  }
  expect(leftEarly).toBeLessThan(undisturbed.operations.length);
});
