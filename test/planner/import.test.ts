import { describe, expect, it } from 'vitest';
import type { Claim } from '../../src/model/claim.ts';
import type { MinikubeTunnel, ObservedState } from '../../src/model/observed.ts';
import { isRefused, type Plan } from '../../src/model/plan.ts';
import { formatRoute, type RouteDocument } from '../../src/model/route.ts';
import { importable, planImport } from '../../src/planner/import.ts';
import { plan } from '../../src/planner/plan.ts';
import * as build from './build.ts';

const OURS = {
  destination: '10.96.0.0/12',
  gateway: build.VM,
  device: 'virbr1',
  protocol: 109,
  metric: 109,
} as const;

/** What `ip route add 10.96.0.0/12 via VM` makes. */
const PLAIN = { ...OURS, protocol: 3, metric: 0 } as const;
const ROUTE = `10.96.0.0/12 via ${build.VM} dev virbr1 proto 109 metric 109`;

const services = (...cidrs: readonly string[]) => ({
  value: cidrs.map((text) => build.cidr(text)),
  at: build.AT,
});
const desired = build.desired([build.profile({ services: services('10.96.0.0/12') })]);

function seen(
  routes: readonly RouteDocument[],
  claims: readonly Claim[] = [],
  minikubeTunnels: readonly MinikubeTunnel[] = [],
): ObservedState {
  return build.observed({
    host: build.host(routes, { minikubeTunnels }),
    registry: { claims, open: null },
  });
}

const ofAnotherSpec = (document: RouteDocument) => {
  const claim = build.claim(document);
  return { ...claim, owner: { ...claim.owner, spec: '/somebody/else/tunnel.yaml' } };
};

function steps(made: Plan): string[] {
  return made.steps.flatMap((step) => {
    if (step.kind !== 'route') return [];
    const shown = step.after ?? step.before;
    return shown === null ? [] : [`${step.action} ${formatRoute(shown)}`];
  });
}

const arguments_ = (observed: ObservedState) => importable(desired, observed).map((one) => one.argument);

describe('what can be adopted', () => {
  it('is a route with our protocol and no claim', () => {
    const observed = seen([OURS]);
    expect(plan(desired, observed).unproven).toHaveLength(1);
    const made = planImport(desired, observed, ['10.96.0.0/12']);
    expect(steps(made)).toEqual([`adopt ${ROUTE}`]);
    expect(made).toMatchObject({ waves: [], diagnostics: [], unproven: [], approvals: [] });
  });

  it('is a route that stands where its claim has another one, and that claim is forgotten', () => {
    const moved = { ...OURS, gateway: '192.168.39.9' };
    const observed = seen([moved], [build.claim(OURS)]);
    const shown = plan(desired, observed);
    expect(shown.unproven).toMatchObject([{ reason: `its claim differs: it has via ${build.VM}` }]);
    expect(shown.conflicts[0]?.resolution).toContain('`mkplan import 10.96.0.0/12` if it is yours');
    expect(steps(planImport(desired, observed, ['10.96.0.0/12']))).toEqual([
      `forget ${ROUTE}`,
      'adopt 10.96.0.0/12 via 192.168.39.9 dev virbr1 proto 109 metric 109',
    ]);
  });

  it('is one that somebody put there with a protocol of his own, under our metric', () => {
    const replaced = { ...OURS, protocol: 186 };
    const observed = seen([replaced], [build.claim(OURS)]);
    expect(plan(desired, observed).unproven).toMatchObject([
      { reason: 'its claim differs: it has proto 109' },
    ]);
    expect(arguments_(observed)).toEqual(['10.96.0.0/12']);
  });

  it('is a foreign route that does what the spec asks, with its protocol as it is', () => {
    const observed = seen([PLAIN]);
    expect(plan(desired, observed).unproven).toEqual([]);
    const made = planImport(desired, observed, ['10.96.0.0/12']);
    expect(steps(made)).toEqual([`adopt 10.96.0.0/12 via ${build.VM} dev virbr1 proto boot`]);
    const claimed = seen([PLAIN], [build.claim(PLAIN)]);
    expect(steps(plan({ ...desired, mode: 'absent' }, claimed))).toEqual([
      `delete 10.96.0.0/12 via ${build.VM} dev virbr1 proto boot`,
    ]);
  });

  it('is one that the spec does not ask for, which is said', () => {
    const stray = { ...OURS, destination: '10.50.0.0/16' };
    const observed = seen([stray]);
    expect(importable(desired, observed)).toMatchObject([
      { argument: '10.50.0.0/16', wanted: false, unproven: true, profile: 'minikube' },
    ]);
    expect(planImport(desired, observed, ['10.50.0.0/16']).steps[0]?.reason).toContain(
      'the next apply removes it',
    );
  });

  it('has profile and purpose of what the spec asks for', () => {
    const pool = build.desired([
      build.profile({ name: 'first' }),
      build.profile({ name: 'second', loadBalancer: build.loadBalancer(['10.200.0.0/24']) }),
    ]);
    const guard = { destination: '10.200.0.0/24', type: 'unreachable', protocol: 109, metric: 109 } as const;
    const observed = { ...seen([guard]), profiles: [build.observedProfile({ name: 'second' })] };
    expect(importable(pool, observed)).toMatchObject([{ profile: 'second', purpose: 'guard', wanted: true }]);
  });

  it('is named as a whole where its destination has another one', () => {
    const second = { ...OURS, metric: 110 };
    const observed = seen([OURS, second]);
    expect(arguments_(observed)).toEqual([ROUTE, ROUTE.replace('metric 109', 'metric 110')]);
    expect(steps(planImport(desired, observed, [ROUTE]))).toEqual([`adopt ${ROUTE}`]);
    expect(planImport(desired, observed, ['10.96.0.0/12'])).toMatchObject({
      steps: [],
      diagnostics: [{ code: 'import-ambiguous', severity: 'error' }],
    });
  });

  it('may be named by its address alone', () => {
    const address = { ...OURS, destination: '10.200.0.7/32' };
    expect(steps(planImport(desired, seen([address]), ['10.200.0.7']))).toHaveLength(1);
  });
});

describe('what cannot', () => {
  const live: MinikubeTunnel = {
    profile: 'minikube',
    pid: 42,
    alive: true,
    destination: build.prefix('10.96.0.0/12'),
    gateway: build.VM,
  };
  it.each<[string, ObservedState, string, RegExp]>([
    ['a route that is not there', seen([]), '10.96.0.0/12', /no such route/],
    ['one of this spec', seen([OURS], [build.claim(OURS)]), '10.96.0.0/12', /spec’s already/],
    ['one of another spec', seen([OURS], [ofAnotherSpec(OURS)]), '10.96.0.0/12', /Another spec has a claim/],
    [
      'one in the place of a route of another spec',
      seen([{ ...OURS, gateway: '192.168.39.9' }], [ofAnotherSpec(OURS)]),
      '10.96.0.0/12',
      /Another spec has a claim/,
    ],
    [
      'a foreign one with another next hop',
      seen([{ ...PLAIN, gateway: '192.168.39.9' }]),
      '10.96.0.0/12',
      /It is foreign/,
    ],
    [
      'a foreign one that nobody asks for',
      seen([{ ...PLAIN, destination: '10.50.0.0/16' }]),
      '10.50.0.0/16',
      /foreign/,
    ],
    ['the default route', seen([]), '0.0.0.0/0', /default route/],
    [
      'a public one with our protocol',
      seen([{ ...OURS, destination: '8.8.8.0/24' }]),
      '8.8.8.0/24',
      /public/,
    ],
    [
      'one with several next hops',
      seen([
        {
          destination: '10.50.0.0/16',
          protocol: 109,
          metric: 109,
          nextHops: [{ gateway: build.VM, device: 'virbr1', weight: 1 }],
        },
      ]),
      '10.50.0.0/16',
      /several next hops/,
    ],
    ['a static one', seen([{ ...OURS, protocol: 4 }]), '10.96.0.0/12', /network manager/],
    [
      'one that a delete could mistake',
      seen([
        { ...PLAIN, destination: '10.50.0.0/16' },
        { ...PLAIN, destination: '10.50.0.0/16', metric: 7 },
      ]),
      '10.50.0.0/16',
      /metric alone/,
    ],
    [
      'the one of a running minikube tunnel',
      seen([PLAIN], [], [live]),
      '10.96.0.0/12',
      /`minikube tunnel` \(pid 42\)/,
    ],
  ])('%s', (_, observed, named, cause) => {
    const made = planImport(desired, observed, [named]);
    expect(made.diagnostics).toMatchObject([
      { code: 'import-refused', severity: 'error', cause: expect.stringMatching(cause) },
    ]);
    expect(made.steps).toEqual([]);
    expect(isRefused(made)).toBe(true);
    expect(importable(desired, observed).map((one) => one.argument)).toEqual([]);
  });

  it('does not say whose', () => {
    const made = planImport(desired, seen([OURS], [ofAnotherSpec(OURS)]), ['10.96.0.0/12']);
    expect(JSON.stringify(made.diagnostics)).not.toContain('somebody');
  });

  it('refuses everything with it', () => {
    const stray = { ...OURS, destination: '10.50.0.0/16' };
    expect(isRefused(planImport(desired, seen([OURS, stray]), ['10.96.0.0/12', '10.51.0.0/16']))).toBe(true);
  });
});

it('is as before after a lost registry was imported', () => {
  const pods = { ...OURS, destination: '10.244.0.0/16' };
  const both = build.desired([build.profile({ services: services('10.96.0.0/12', '10.244.0.0/16') })]);
  const lost = seen([OURS, pods]);
  const shown = plan(both, lost);
  expect(shown.steps.map(({ action }) => action)).toEqual(['none', 'none']);
  expect(shown.unproven).toHaveLength(2);
  const named = importable(both, lost).map((one) => one.argument);
  expect(planImport(both, lost, named).steps.map(({ action }) => action)).toEqual(['adopt', 'adopt']);
  const after = seen([OURS, pods], [build.claim(OURS), build.claim(pods)]);
  expect(plan(both, after)).toMatchObject({ unproven: [], waves: [] });
});
