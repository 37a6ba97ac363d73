import { expect, test } from 'vitest';
import { Failure } from '../../src/model/diagnostic.ts';
import type { Plan } from '../../src/model/plan.ts';
import { type Route, routeKey } from '../../src/model/route.ts';
import type { Lock } from '../../src/registry/registry.ts';
import { Faults } from '../fakes/faults.ts';
import { create, planOf, remove, replace, route, serviceStep, step } from '../fakes/plans.ts';
import { temporaryDirectory } from '../fakes/temporary.ts';
import { World } from '../fakes/world.ts';

const FOREIGN = route('10.0.0.0/8', { gateway: '10.8.0.1', device: 'tun0', metric: 50, protocol: 3 });
const SERVICES = route('10.96.0.0/12');
const PODS = route('10.244.0.0/24');

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const thrown: unknown = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(thrown instanceof Failure)) throw thrown;
  return thrown;
}

/** The number of an operation in an undisturbed run. */
async function operationOf(name: string, plan: Plan, routes: readonly Route[] = []): Promise<number> {
  const faults = new Faults();
  const world = new World(await temporaryDirectory(), routes);
  world.services.add('web');
  await world.apply(plan, {}, faults);
  return faults.operations.indexOf(name) + 1;
}

test('a plan of new routes: they are in the kernel and claimed, and the journal is empty', async () => {
  const world = new World(await temporaryDirectory(), [FOREIGN]);
  const outcome = await world.apply(planOf([create(SERVICES), create(PODS)]));
  expect(outcome).toMatchObject({ kind: 'done', txid: 'tx-1', diagnostics: [], left: [] });
  const keys = [routeKey(PODS), routeKey(SERVICES)];
  expect(await world.state()).toEqual({ routes: [routeKey(FOREIGN), ...keys], claims: keys });
  expect(await world.open()).toBeNull();
  expect(world.lock).toMatchObject({ taken: 1, released: 1 });
});

test('events and journal writes come in the order of the transaction', async () => {
  const world = new World(await temporaryDirectory());
  const faults = new Faults();
  await world.apply(planOf([create(SERVICES), create(PODS)]), {}, faults);
  expect(faults.operations.filter((name) => !name.startsWith('before'))).toEqual([
    'after journal.open',
    'observe',
    'after registry.read',
    'after journal.begin',
    'kernel.mainRoutes',
    'after journal.intend',
    'kernel.add 10.96.0.0/12',
    'kernel.add 10.244.0.0/24',
    'kernel.reply',
    'kernel.mainRoutes',
    'after journal.done',
    'kernel.mainRoutes',
    'kernel.answers',
    'after journal.decide',
    'after registry.write',
    'after journal.close',
  ]);
  expect(world.types()).toEqual([
    'lock.acquired',
    'transaction.started',
    'wave.started',
    'change.done',
    'change.done',
    'verifying',
    'committed',
  ]);
});

test('what the plan rests on may stand for the read before the first wave, and for no other', async () => {
  const world = new World(await temporaryDirectory(), [FOREIGN]);
  const reads: number[] = [];
  const mainRoutes = world.kernel.mainRoutes.bind(world.kernel);
  world.kernel.mainRoutes = (...args) => {
    reads.push(world.kernel.tried.length);
    return mainRoutes(...args);
  };
  const ports = { ...world.ports(planOf([create(SERVICES)])), seen: () => [FOREIGN] };
  expect((await world.applyWith(ports)).kind).toBe('done');
  expect(reads).toEqual([1, 1]);
});

test('a foreign route that what the plan rests on did not have is found by the reread behind the wave', async () => {
  const before = { ...SERVICES, protocol: 3, metric: 20 };
  const world = new World(await temporaryDirectory(), [before]);
  const ports = { ...world.ports(planOf([create(SERVICES)])), seen: () => [] };
  const outcome = await world.applyWith(ports);
  expect(outcome.kind).toBe('rolled-back');
  expect(outcome.diagnostics.map(({ code }) => code)).toContain('foreign-route-appeared');
  expect(world.kernel.keys()).toEqual([routeKey(before)]);
});

test('the helper starts once the transaction is told of, and not for claims alone', async () => {
  const world = new World(await temporaryDirectory());
  await world.apply(planOf([step('adopt', null, SERVICES)])).catch(() => undefined);
  expect(world.kernel.started).toBe(0);
  const plan = planOf([create(SERVICES)]);
  const ports = world.ports(plan);
  const before: string[] = [];
  const start = () => void before.push(...world.types());
  const { kernel } = world;
  const routeChanger = {
    start,
    take: kernel.take.bind(kernel),
    change: kernel.change.bind(kernel),
    release: kernel.release.bind(kernel),
    close: kernel.close.bind(kernel),
  };
  world.events.length = 0;
  await world.applyWith({ ...ports, routeChanger });
  expect(before).toEqual(['lock.acquired', 'transaction.started']);
});

test('a gateway move is make-before-break, and the claim moves with it', async () => {
  const moved = route('10.96.0.0/12', { metric: 110, gateway: '192.168.39.9' });
  const world = new World(await temporaryDirectory(), [SERVICES]);
  await world.claim(SERVICES);
  expect((await world.apply(planOf([replace(SERVICES, moved)]))).kind).toBe('done');
  expect(world.kernel.tried.map(({ op }) => op)).toEqual(['add', 'delete']);
  expect(await world.state()).toEqual({ routes: [routeKey(moved)], claims: [routeKey(moved)] });
});

test('an empty plan writes nothing', async () => {
  const world = new World(await temporaryDirectory(), [SERVICES]);
  const faults = new Faults();
  const outcome = await world.apply(planOf([step('none', SERVICES, SERVICES)]), {}, faults);
  expect(outcome).toMatchObject({ kind: 'nothing', txid: null });
  expect(faults.operations).toEqual(['before journal.open', 'after journal.open', 'observe']);
});

test('adopting and forgetting change claims alone', async () => {
  const world = new World(await temporaryDirectory(), [SERVICES]);
  await world.claim(PODS);
  const outcome = await world.apply(planOf([step('adopt', null, SERVICES), step('forget', PODS, null)]));
  expect(outcome.kind).toBe('done');
  expect(world.kernel.tried).toEqual([]);
  expect(await world.state()).toEqual({ routes: [routeKey(SERVICES)], claims: [routeKey(SERVICES)] });
});

test('a plan other than the one that was shown is stale, and nothing is changed', async () => {
  const world = new World(await temporaryDirectory());
  const failure = await failureOf(world.apply(planOf([create(SERVICES)]), { fingerprint: 'other' }));
  expect(failure.kind).toBe('stale');
  expect(await world.state()).toEqual({ routes: [], claims: [] });
  expect(world.lock.released).toBe(1);
});

test('a plan that is not approved is refused with that Failure', async () => {
  const world = new World(await temporaryDirectory());
  const refusal = new Failure('conflict', []);
  const failure = await failureOf(world.apply(planOf([create(SERVICES)]), { approve: () => refusal }));
  expect(failure).toBe(refusal);
  expect(world.kernel.keys()).toEqual([]);
});

test('of fifty routes the thirtieth fails: all as before, and the message names step, cause and fix', async () => {
  const world = new World(await temporaryDirectory(), [FOREIGN]);
  const steps = Array.from({ length: 50 }, (_, index) =>
    create(route(`10.200.0.${index}/32`, index === 29 ? { gateway: '192.0.2.1' } : {})),
  );
  world.kernel.unreachable.add('192.0.2.1');
  const outcome = await world.apply(planOf(steps));
  expect(outcome).toMatchObject({ kind: 'rolled-back', left: [] });
  expect(outcome.diagnostics).toHaveLength(1);
  expect(outcome.diagnostics[0]).toMatchObject({
    code: 'gateway-unreachable',
    summary:
      'step 30 (create route 10.200.0.29/32) failed: the gateway 192.0.2.1 is on no network of this host',
    fix: expect.stringContaining('gateway'),
  });
  expect(await world.state()).toEqual({ routes: [routeKey(FOREIGN)], claims: [] });
  expect(await world.open()).toBeNull();
  expect(world.types().filter((type) => type.startsWith('rollback'))).toEqual([
    'rollback.started',
    'rollback.done',
  ]);
});

test('a failure after an earlier wave undoes that wave too, in reverse', async () => {
  const moved = route('10.96.0.0/12', { metric: 110, gateway: '192.168.39.9' });
  const world = new World(await temporaryDirectory(), [SERVICES]);
  await world.claim(SERVICES);
  const before = await world.state();
  // Verification fails: something preempts the new route.
  const answers = world.kernel.answers.bind(world.kernel);
  world.kernel.answers = async (addresses) =>
    (await answers(addresses)).map((answer) => answer && { ...answer, gateway: '10.8.0.1', table: 52 });
  const outcome = await world.apply(planOf([replace(SERVICES, moved)]));
  expect(outcome.kind).toBe('rolled-back');
  expect(outcome.diagnostics.map(({ code }) => code)).toEqual(['verify-answer']);
  expect(outcome.diagnostics[0]?.cause).toMatch(/table 52/);
  expect(world.kernel.tried.map(({ op, route: { metric } }) => `${op} ${metric}`)).toEqual([
    'add 110',
    'delete 109',
    'add 109',
    'delete 110',
  ]);
  expect(await world.state()).toEqual(before);
});

test('a foreign route that came after the plan stops it before anything is tried', async () => {
  const world = new World(await temporaryDirectory());
  const foreign = route('10.96.0.0/12', { metric: 0, protocol: 3, gateway: '10.8.0.1', device: 'tun0' });
  world.kernel.insert(foreign);
  const failure = await failureOf(world.apply(planOf([create(SERVICES)])));
  expect(failure.kind).toBe('stale');
  expect(failure.diagnostics[0]?.code).toBe('foreign-route-appeared');
  expect(world.kernel.tried).toEqual([]);
  expect(await world.open()).toBeNull();
  expect(world.kernel.keys()).toEqual([routeKey(foreign)]);
});

test('an equal route that is there already is foreign: it is neither claimed nor removed', async () => {
  const world = new World(await temporaryDirectory(), [SERVICES]);
  const failure = await failureOf(world.apply(planOf([create(SERVICES), create(PODS)])));
  expect(failure.diagnostics[0]?.code).toBe('precondition');
  expect(await world.state()).toEqual({ routes: [routeKey(SERVICES)], claims: [] });
});

test('a foreign route that came between check and change is left, and ours is rolled back', async () => {
  const faults = new Faults();
  const world = new World(await temporaryDirectory());
  const foreign = route('10.96.0.0/12', { metric: 5, protocol: 3, gateway: '10.8.0.1', device: 'tun0' });
  const at = await operationOf('kernel.add 10.96.0.0/12', planOf([create(SERVICES), create(PODS)]));
  faults.before(at, () => world.kernel.insert(foreign));
  const outcome = await world.apply(planOf([create(SERVICES), create(PODS)]), {}, faults);
  expect(outcome.kind).toBe('rolled-back');
  expect(outcome.diagnostics[0]?.code).toBe('foreign-route-appeared');
  expect(await world.state()).toEqual({ routes: [routeKey(foreign)], claims: [] });
});

test('a foreign route in our very place refuses the add, and is left', async () => {
  const faults = new Faults();
  const world = new World(await temporaryDirectory());
  const foreign = route('10.96.0.0/12', { gateway: '10.8.0.1', device: 'tun0' });
  const at = await operationOf('kernel.add 10.96.0.0/12', planOf([create(SERVICES), create(PODS)]));
  faults.before(at, () => world.kernel.insert(foreign));
  const outcome = await world.apply(planOf([create(SERVICES), create(PODS)]), {}, faults);
  expect(outcome).toMatchObject({ kind: 'rolled-back', left: [] });
  expect(outcome.diagnostics[0]?.code).toBe('route-exists');
  expect(await world.state()).toEqual({ routes: [routeKey(foreign)], claims: [] });
});

test('ours that somebody changed meanwhile is left and named with the command that removes it', async () => {
  const world = new World(await temporaryDirectory());
  const usurper = route('10.96.0.0/12', { gateway: '10.8.0.1', device: 'tun0', protocol: 3 });
  world.kernel.answers = async (addresses) => {
    world.kernel.remove(SERVICES);
    world.kernel.insert(usurper);
    return addresses.map(() => null);
  };
  const outcome = await world.apply(planOf([create(SERVICES)]));
  expect(outcome.kind).toBe('residue');
  expect(outcome.left).toEqual([
    expect.stringContaining(
      'sudo ip route del 10.96.0.0/12 via 10.8.0.1 dev tun0 table 254 proto 3 metric 109',
    ),
  ]);
  expect(world.kernel.keys()).toEqual([routeKey(usurper)]);
  expect(await world.open()).toBeNull();
});

test('a helper that cannot be started changes nothing: its own Failure is thrown', async () => {
  const world = new World(await temporaryDirectory());
  const refused = new Failure('error', []);
  world.kernel.gone = { after: 0, error: refused };
  expect(await failureOf(world.apply(planOf([create(SERVICES)])))).toBe(refused);
  expect(world.kernel.keys()).toEqual([]);
  expect(await world.open()).toBeNull();
});

test('a helper that dies half-way: what it had made is undone', async () => {
  const world = new World(await temporaryDirectory());
  world.kernel.gone = { after: 1, error: new Failure('error', []) };
  const outcome = await world.apply(planOf([create(SERVICES), create(PODS)]));
  expect(outcome.kind).toBe('rolled-back');
  expect(await world.state()).toEqual({ routes: [], claims: [] });
});

test('all changes made and the reply lost is success: the reread says so', async () => {
  const world = new World(await temporaryDirectory());
  const change = world.kernel.change.bind(world.kernel);
  world.kernel.change = async (changes) => {
    await change(changes);
    throw new Failure('error', []);
  };
  const outcome = await world.apply(planOf([create(SERVICES), create(PODS)]));
  expect(outcome.kind).toBe('done');
  expect((await world.state()).claims).toEqual([routeKey(PODS), routeKey(SERVICES)]);
});

test('a helper whose last child never ends leaves the journal open, and the next command undoes', async () => {
  const world = new World(await temporaryDirectory());
  const plan = planOf([create(SERVICES), create(PODS)]);
  const ports = world.ports(plan);
  const busy = new Failure('lock-held', []);
  const outcome = await world.applyWith({
    ...ports,
    routeChanger: {
      start: () => undefined,
      take: async () => false,
      change: () => Promise.reject(new Failure('error', [])),
      release: () => Promise.reject(busy),
      close: () => Promise.reject(busy),
    },
  });
  expect(outcome.kind).toBe('residue');
  expect(outcome.diagnostics.map(({ code }) => code)).toContain('residue-unsettled');
  // The child makes a change after all.
  world.kernel.insert(PODS);
  expect((await world.open())?.decided).toBe(false);
  await world.recover(plan);
  expect(await world.state()).toEqual({ routes: [], claims: [] });
});

test('an undo that the helper cannot make is named, and tried again by the next command', async () => {
  const world = new World(await temporaryDirectory());
  const plan = planOf([create(SERVICES), create(PODS)]);
  const ports = world.ports(plan);
  world.kernel.answers = async () => [];
  let calls = 0;
  const outcome = await world.applyWith({
    ...ports,
    routeChanger: {
      start: () => undefined,
      take: async () => false,
      change: (changes) => {
        if (++calls > 1) throw new Failure('error', [], {});
        return world.kernel.change(changes);
      },
      release: async () => undefined,
      close: async () => undefined,
    },
  });
  expect(outcome.kind).toBe('residue');
  expect(outcome.left.map((line) => /ip route del \S+/.exec(line)?.[0])).toEqual([
    'ip route del 10.244.0.0/24',
    'ip route del 10.96.0.0/12',
  ]);
  await world.recover(plan);
  expect(await world.state()).toEqual({ routes: [], claims: [] });
  expect(await world.open()).toBeNull();
});

test('a registry that cannot be written leaves a decided transaction, which the next command commits', async () => {
  const world = new World(await temporaryDirectory());
  const plan = planOf([create(SERVICES)]);
  const ports = world.ports(plan);
  const full = new Failure('error', [
    { code: 'state-file', severity: 'error', summary: 'full', cause: 'ENOSPC', fix: 'Free some.' },
  ]);
  const outcome = await world.applyWith({
    ...ports,
    registry: { read: () => ports.registry.read(), write: () => Promise.reject(full) },
  });
  expect(outcome.kind).toBe('residue');
  expect(outcome.diagnostics.map(({ code }) => code)).toEqual(['state-file', 'commit-incomplete']);
  await world.recover(plan);
  expect(await world.state()).toEqual({ routes: [routeKey(SERVICES)], claims: [routeKey(SERVICES)] });
  expect(world.events.at(-1)).toMatchObject({ type: 'recovered', direction: 'forward' });
});

test.each(['begin', 'intend'] as const)('a journal that fails at %s changes nothing', async (method) => {
  const world = new World(await temporaryDirectory());
  const ports = world.ports(planOf([create(SERVICES)]));
  const full = new Failure('error', []);
  ports.journal[method] = () => Promise.reject(full);
  expect(await failureOf(world.applyWith(ports))).toBe(full);
  expect(world.kernel.tried).toEqual([]);
  expect(await world.open()).toBeNull();
});

test.each(['done', 'decide'] as const)('a journal that fails at %s rolls back', async (method) => {
  const world = new World(await temporaryDirectory(), [FOREIGN]);
  const ports = world.ports(planOf([create(SERVICES)]));
  ports.journal[method] = () => Promise.reject(new Failure('error', []));
  expect((await world.applyWith(ports)).kind).toBe('rolled-back');
  expect(await world.state()).toEqual({ routes: [routeKey(FOREIGN)], claims: [] });
  expect(await world.open()).toBeNull();
});

test('a journal that fails for good is undone in memory, and says so', async () => {
  const world = new World(await temporaryDirectory());
  const ports = world.ports(planOf([create(SERVICES)]));
  const failure = new Failure('error', [
    { code: 'state-file', severity: 'error', summary: 'gone', cause: 'EIO', fix: 'Replace the disk.' },
  ]);
  for (const method of ['done', 'undone', 'close'] as const)
    ports.journal[method] = () => Promise.reject(failure);
  const outcome = await world.applyWith(ports);
  expect(outcome.kind).toBe('rolled-back');
  expect(outcome.diagnostics.map(({ code }) => code)).toEqual(['state-file', 'state-file']);
  expect(world.kernel.keys()).toEqual([]);
});

test('a commit point that may be on disk although its write failed is residue, and is named', async () => {
  const world = new World(await temporaryDirectory());
  const ports = world.ports(planOf([create(SERVICES)]));
  for (const method of ['decide', 'undone', 'close'] as const) {
    ports.journal[method] = () => Promise.reject(new Failure('error', []));
  }
  const outcome = await world.applyWith(ports);
  expect(outcome.kind).toBe('residue');
  expect(outcome.left[0]).toMatch(/journal .*: mkplan cleanup/);
  expect(world.kernel.keys()).toEqual([]);
});

test('a Service that is changed twice is written with the newest resourceVersion', async () => {
  const world = new World(await temporaryDirectory());
  const twice = serviceStep(world.services.add('web', ['10.200.0.9']), ['10.200.0.1']);
  const plan = planOf([twice], { waves: [[{ step: 0, op: 'clear' }], [{ step: 0, op: 'assign' }]] });
  expect((await world.apply(plan)).kind).toBe('done');
  expect(world.services.ingress('web')).toEqual(['10.200.0.1']);
});

test('the table is read anew after Services, whose writing may take long', async () => {
  const world = new World(await temporaryDirectory(), [PODS]);
  await world.claim(PODS);
  const plan = planOf([
    create(SERVICES),
    remove(PODS),
    serviceStep(world.services.add('web'), ['10.200.0.1']),
  ]);
  const faults = new Faults();
  const at = await operationOf('services.reply web', plan, [PODS]);
  faults.before(at, () => world.kernel.remove(PODS));
  const outcome = await world.apply(plan, {}, faults);
  expect(outcome.diagnostics[0]?.code).toBe('precondition');
  expect(world.services.ingress('web')).toEqual([]);
});

test('Ctrl-C during a wave finishes it, then rolls back', async () => {
  const world = new World(await temporaryDirectory(), [FOREIGN]);
  const abort = new AbortController();
  const change = world.kernel.change.bind(world.kernel);
  world.kernel.change = (changes) => {
    abort.abort();
    return change(changes);
  };
  const steps = Array.from({ length: 300 }, (_, index) =>
    create(route(`10.200.1.${index % 256}/32`, { metric: 109 + Math.floor(index / 256) })),
  );
  const outcome = await world.apply(planOf(steps), { signal: abort.signal });
  expect(outcome).toMatchObject({ kind: 'interrupted', left: [] });
  expect(world.kernel.tried.filter(({ op }) => op === 'add')).toHaveLength(300);
  expect(await world.state()).toEqual({ routes: [routeKey(FOREIGN)], claims: [] });
});

test('Ctrl-C before the first change just leaves', async () => {
  for (const when of ['lock', 'observe', 'never'] as const) {
    const world = new World(await temporaryDirectory());
    const abort = new AbortController();
    const ports = world.ports(planOf([create(SERVICES)]));
    if (when === 'never') abort.abort();
    const failure = await failureOf(
      world.applyWith(
        {
          ...ports,
          lock: {
            acquire: () => {
              if (when === 'lock') abort.abort();
              return world.lock.acquire();
            },
          },
          observe: () => {
            if (when === 'observe') abort.abort();
            return ports.observe();
          },
        },
        { signal: abort.signal },
      ),
    );
    expect(failure.kind).toBe('interrupted');
    expect(world.lock.released).toBe(1);
    expect(world.kernel.tried).toEqual([]);
  }
});

test('Ctrl-C once the commit point is being written is ignored', async () => {
  const world = new World(await temporaryDirectory());
  const abort = new AbortController();
  const ports = world.ports(planOf([create(SERVICES)]));
  const decide = ports.journal.decide.bind(ports.journal);
  ports.journal.decide = (...args) => {
    abort.abort();
    return decide(...args);
  };
  expect((await world.applyWith(ports, { signal: abort.signal })).kind).toBe('done');
});

test('a read that Ctrl-C killed counts as the interruption that it is', async () => {
  const world = new World(await temporaryDirectory());
  const abort = new AbortController();
  const ports = world.ports(planOf([create(SERVICES)]));
  const mainRoutes = world.kernel.mainRoutes.bind(world.kernel);
  let reads = 0;
  world.kernel.mainRoutes = () => {
    reads += 1;
    // The read that a Ctrl-C ended may be heard of before the Ctrl-C itself is: the rollback has begun by then.
    if (reads === 3) abort.abort();
    return reads === 2 ? Promise.reject(new Failure('error', [])) : mainRoutes();
  };
  const outcome = await world.applyWith(ports, { signal: abort.signal });
  expect(world.kernel.tried.map(({ op }) => op)).toEqual(['add', 'delete']);
  expect(outcome.kind).toBe('interrupted');
  expect(world.kernel.keys()).toEqual([]);
});

test('an event listener that throws does not decide about routes', async () => {
  const world = new World(await temporaryDirectory());
  world.events.push = () => {
    throw new Error('EPIPE');
  };
  expect((await world.apply(planOf([create(SERVICES)]))).kind).toBe('done');
});

test('ingress is given once the routes stand, and taken back when a later step fails', async () => {
  const world = new World(await temporaryDirectory(), [PODS]);
  await world.claim(PODS);
  const given = world.services.add('new');
  const withdrawn = world.services.add('old', ['10.200.0.9']);
  const moved = world.services.add('moved', ['10.200.0.7']);
  const plan = planOf([
    create(SERVICES),
    remove(PODS),
    serviceStep(given, ['10.200.0.1']),
    serviceStep(withdrawn, []),
    serviceStep(moved, ['10.200.0.8']),
  ]);
  const before = await world.state();
  const ports = world.ports(plan);
  const decide = ports.journal.decide.bind(ports.journal);
  ports.journal.decide = () => {
    expect(world.services.ingress('new')).toEqual(['10.200.0.1']);
    expect(world.services.ingress('old')).toEqual([]);
    expect(world.services.ingress('moved')).toEqual(['10.200.0.8']);
    return Promise.reject(new Failure('error', []));
  };
  expect((await world.applyWith(ports)).kind).toBe('rolled-back');
  expect(world.services.ingress('new')).toEqual([]);
  expect(world.services.ingress('old')).toEqual(['10.200.0.9']);
  expect(world.services.ingress('moved')).toEqual(['10.200.0.7']);
  expect(await world.state()).toEqual(before);
  ports.journal.decide = decide;
});

test.each(['refuse', 'reply'] as const)(
  'a Service whose write fails (%s) rolls everything back, whether the API server made it or not',
  async (failing) => {
    const world = new World(await temporaryDirectory());
    const steps = ['a', 'b', 'c'].map((name, index) =>
      serviceStep(world.services.add(name), [`10.200.0.${index}`]),
    );
    world.services.failing.set('b', failing);
    const outcome = await world.apply(planOf([create(SERVICES), ...steps]));
    expect(outcome).toMatchObject({ kind: 'rolled-back', left: [] });
    expect(outcome.diagnostics[0]?.summary).toMatch(/step 3 \(create ingress of default\/b\) failed/);
    expect(['a', 'b', 'c'].map((name) => world.services.ingress(name))).toEqual([[], [], []]);
    expect(world.kernel.keys()).toEqual([]);
  },
);

test('a Service that was deleted or changed meanwhile is not written to when rolling back', async () => {
  const world = new World(await temporaryDirectory());
  const steps = ['gone', 'other', 'theirs', 'ours'].map((name, index) =>
    serviceStep(world.services.add(name), [`10.200.0.${index}`]),
  );
  const ports = world.ports(planOf([create(SERVICES), ...steps]));
  ports.journal.decide = async () => {
    world.services.delete('gone');
    world.services.write('other', { uid: 'another' });
    world.services.write('theirs', { ingress: ['192.0.2.1'] });
    world.services.write('ours', {});
    throw new Failure('error', []);
  };
  const outcome = await world.applyWith(ports);
  expect(outcome.kind).toBe('residue');
  expect(outcome.left).toHaveLength(1);
  expect(outcome.left[0]).toMatch(/default\/theirs .*kubectl --context 'minikube'/);
  expect(world.services.ingress('other')).toEqual(['10.200.0.1']);
  expect(world.services.ingress('theirs')).toEqual(['192.0.2.1']);
  expect(world.services.ingress('ours')).toEqual([]);
  expect(world.kernel.keys()).toEqual([]);
});

test('a cluster that is down when rolling back leaves each ingress named, and the routes undone', async () => {
  const world = new World(await temporaryDirectory());
  const ports = world.ports(
    planOf([create(SERVICES), serviceStep(world.services.add('web'), ['10.200.0.1'])]),
  );
  ports.journal.decide = async () => {
    world.services.down = new Error('no answer');
    throw new Failure('error', []);
  };
  const outcome = await world.applyWith(ports);
  expect(outcome.kind).toBe('residue');
  expect(outcome.left[0]).toMatch(/default\/web/);
  expect(world.kernel.keys()).toEqual([]);
});

test('an open transaction is recovered before anything is observed', async () => {
  const world = new World(await temporaryDirectory());
  const plan = planOf([create(SERVICES)]);
  const killed = new Faults().killAt(await operationOf('kernel.reply', plan));
  await world.apply(plan, {}, killed).catch(() => undefined);
  expect(world.kernel.keys()).toEqual([routeKey(SERVICES)]);
  world.events.length = 0;
  expect((await world.apply(planOf([create(PODS)]))).kind).toBe('done');
  expect(world.events[1]).toMatchObject({ type: 'recovered', direction: 'back', changes: 1, left: [] });
  expect(await world.state()).toEqual({ routes: [routeKey(PODS)], claims: [routeKey(PODS)] });
});

test('the helper has let go before the lock is free, after an apply and after a recovery', async () => {
  const world = new World(await temporaryDirectory());
  const ports = world.ports(planOf([create(SERVICES)]));
  const letGo: number[] = [];
  const lock = {
    acquire: async () => ({ release: async () => void letGo.push(world.kernel.released) }),
  };
  await world.applyWith({ ...ports, lock });
  const released = world.kernel.released;
  expect(released).toBeGreaterThan(0);
  expect(letGo).toEqual([released]);
  await world.recover(planOf([]));
  expect(world.kernel.released).toBe(released + 1);
});

test('a helper that was told to keep others out lets go where the lock could not be had after all', async () => {
  const world = new World(await temporaryDirectory());
  const ports = world.ports(planOf([create(SERVICES)]));
  const lock: Lock = {
    acquire: async ({ takeHelper }) => {
      expect(await takeHelper?.()).toBe(true);
      throw new Failure('error', []);
    },
  };
  await expect(world.applyWith({ ...ports, lock })).rejects.toMatchObject({ kind: 'error' });
  expect(world.kernel).toMatchObject({ taken: 1, released: 1, tried: [] });
});

test('a helper that does not end hides no outcome', async () => {
  const world = new World(await temporaryDirectory());
  world.kernel.close = () => Promise.reject(new Failure('lock-held', []));
  expect((await world.apply(planOf([create(SERVICES)]))).kind).toBe('done');
  expect(world.lock.released).toBe(1);
});
