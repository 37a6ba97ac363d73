import { expect, test } from 'vitest';
import { verify } from '../../src/executor/verify.ts';
import type { Route } from '../../src/model/route.ts';
import { FakeKernel } from '../fakes/kernel.ts';
import { create, planOf, remove, replace, route, step } from '../fakes/plans.ts';

const SERVICES = route('10.96.0.0/12');
const MOVED = route('10.96.0.0/12', { metric: 110, gateway: '192.168.39.9' });
const GUARD = route('10.200.0.0/24', { type: 'unreachable', gateway: null, device: null });

/** Verifies steps against a table; returns the codes of the problems and the addresses that were asked. */
async function verified(routes: readonly Route[], ...steps: Parameters<typeof planOf>[0]) {
  const kernel = new FakeKernel(routes);
  const asked: string[] = [];
  const answers = kernel.answers.bind(kernel);
  kernel.answers = (addresses) => {
    asked.push(...addresses);
    return answers(addresses);
  };
  const problems = await verify(kernel, planOf(steps), null);
  return { codes: problems.map(({ code }) => code), problems, asked, operations: kernel.faults.operations };
}

test('routes that are there and answer are fine', async () => {
  const { codes, asked } = await verified([SERVICES, GUARD], create(SERVICES), create(GUARD));
  expect(codes).toEqual([]);
  expect(asked).toEqual(['10.96.0.0']);
});

test('a new route that has vanished again is missing', async () => {
  expect((await verified([], create(SERVICES))).codes).toEqual(['verify-missing']);
});

test('routes that vanished from one link are one problem, however many they are', async () => {
  const gone = [1, 2, 3, 4, 5].map((third) => route(`10.97.${third}.0/24`));
  const elsewhere = route('10.98.0.0/16', { device: 'virbr2' });
  const { codes, problems } = await verified([], ...gone.map(create), create(elsewhere));
  expect(codes).toEqual(['verify-missing', 'verify-missing']);
  expect(problems[0]?.summary).toMatch(
    /^step 1 and others: 5 routes are not there: (10\.97\.\d\.0\/24 [^,]+(, )?){3} and 2 more$/,
  );
  expect(problems[1]?.summary).toMatch(/^step 6: the route 10\.98\.0\.0\/16 /);
});

test('a route with another protocol is not the one that was made', async () => {
  expect((await verified([route('10.96.0.0/12', { protocol: 3 })], create(SERVICES))).codes).toEqual([
    'verify-missing',
  ]);
});

test('an adopted route has to be there, but need not answer', async () => {
  expect((await verified([], step('adopt', null, SERVICES))).codes).toEqual(['verify-missing']);
  expect((await verified([SERVICES], step('adopt', null, SERVICES))).asked).toEqual([]);
});

test('the old half of a move and a deleted route have to be gone', async () => {
  expect((await verified([SERVICES, MOVED], replace(SERVICES, MOVED))).codes).toEqual(['verify-remains']);
  expect((await verified([SERVICES], remove(SERVICES))).codes).toEqual(['verify-remains']);
  expect((await verified([MOVED], replace(SERVICES, MOVED), remove(GUARD))).codes).toEqual([]);
});

test('a more preferred route to the same destination is noticed by its answer', async () => {
  const preferred = route('10.96.0.0/12', { metric: 1, protocol: 3, gateway: '10.8.0.1', device: 'tun0' });
  const { codes, problems } = await verified([SERVICES, preferred], create(SERVICES));
  expect(codes).toEqual(['verify-answer']);
  expect(problems[0]?.summary).toBe(
    'step 1: 10.96.0.0 leaves by 10.8.0.1 on tun0, not by 192.168.39.2 on virbr1',
  );
});

test('the same gateway on another device is another way', async () => {
  const kernel = new FakeKernel([SERVICES]);
  kernel.answers = async () => [
    { address: '10.96.0.0', table: 254, type: 'unicast', gateway: '192.168.39.2', device: 'eth0' },
  ];
  expect(await verify(kernel, planOf([create(SERVICES)]), null)).toHaveLength(1);
});

test('no answer at all is a problem', async () => {
  const kernel = new FakeKernel([SERVICES]);
  kernel.answers = async () => [null];
  expect((await verify(kernel, planOf([create(SERVICES)]), null))[0]?.summary).toMatch(
    /10\.96\.0\.0 has no route/,
  );
});

test('an address is asked that no more specific route takes', async () => {
  const inside = ['10.96.0.0/24', '10.96.0.0/16', '10.97.0.0/32', '10.97.0.2/32'].map((destination) =>
    route(destination, { gateway: '10.8.0.1', device: 'tun0', protocol: 3 }),
  );
  const { codes, asked } = await verified([SERVICES, ...inside], create(SERVICES));
  expect(codes).toEqual([]);
  expect(asked).toEqual(['10.97.0.1']);
});

test('a destination that more specific routes take whole is not asked about', async () => {
  const wide = route('10.96.0.0/31');
  const halves = [
    route('10.96.0.0/32', { gateway: '10.8.0.1' }),
    route('10.96.0.1/32', { gateway: '10.8.0.1' }),
  ];
  const { codes, asked } = await verified([wide, ...halves], create(wide));
  expect(codes).toEqual([]);
  expect(asked).toEqual([]);
});

test('IPv6 destinations are asked about likewise', async () => {
  const six = route('fd00:96::/112');
  const inside = route('fd00:96::/128', { gateway: 'fd00:1::1' });
  const { codes, asked } = await verified([six, inside], create(six));
  expect(codes).toEqual([]);
  expect(asked).toEqual(['fd00:96::1']);
});

test('a plan without route changes reads nothing', async () => {
  expect((await verified([], step('none', SERVICES, SERVICES))).operations).toEqual([]);
});

/** Verifies with the table as the last wave reread it; returns what was asked of the kernel, call by call. */
async function verifiedAfter(
  last: readonly Route[],
  now: readonly Route[],
  steps: Parameters<typeof planOf>[0],
) {
  const kernel = new FakeKernel(now);
  const asked: (readonly string[])[] = [];
  const answers = kernel.answers.bind(kernel);
  kernel.answers = (addresses) => {
    asked.push(addresses);
    return answers(addresses);
  };
  const problems = await verify(kernel, planOf(steps), last);
  return { codes: problems.map(({ code }) => code), asked };
}

test('the kernel is asked once where the table is as the last wave saw it', async () => {
  const { codes, asked } = await verifiedAfter([SERVICES], [SERVICES], [create(SERVICES)]);
  expect(codes).toEqual([]);
  expect(asked).toEqual([['10.96.0.0']]);
});

test('the kernel is asked again where another route came inside meanwhile', async () => {
  const inside = route('10.96.0.0/16', { gateway: '10.8.0.1', device: 'tun0', protocol: 3 });
  const { codes, asked } = await verifiedAfter([SERVICES], [SERVICES, inside], [create(SERVICES)]);
  expect(codes).toEqual([]);
  expect(asked).toEqual([['10.96.0.0'], ['10.97.0.0']]);
});

test('what the last wave saw proves nothing', async () => {
  expect((await verifiedAfter([SERVICES], [], [create(SERVICES)])).codes).toEqual(['verify-missing']);
});
