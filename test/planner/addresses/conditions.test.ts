import { describe, expect, it } from 'vitest';
import type { Claim } from '../../../src/model/claim.ts';
import type { ObservedCondition } from '../../../src/model/condition.ts';
import type { ObservedCluster, ObservedService } from '../../../src/model/observed.ts';
import { isEmpty, type Plan, type ServiceStep } from '../../../src/model/plan.ts';
import { hold, ofSession } from '../../../src/planner/hold.ts';
import { plan } from '../../../src/planner/plan.ts';
import * as build from '../build.ts';

const SINCE = '2025-12-31T00:00:00Z';
const FULL = 'all 1 IPv4 addresses of the pool are in use';

const ours = (address: string) => ({ ingress: [address], ingressManager: 'mkplan' });
const shows = (
  status: 'True' | 'False',
  message: string,
  manager = 'mkplan',
): { condition: ObservedCondition } => ({
  condition: {
    status,
    reason: status === 'True' ? 'IPAllocated' : 'AllocationFailed',
    message,
    lastTransitionTime: SINCE,
    manager,
  },
});

/** A plan for a pool of one address. */
function planned(
  services: readonly ObservedService[],
  seen: Partial<ObservedCluster> = {},
  mode: 'present' | 'absent' = 'present',
): Plan {
  const cluster = build.cluster({ services, ...seen });
  const profile = build.profile({ loadBalancer: build.loadBalancer(['10.200.0.1/32']) });
  const context = {
    name: 'minikube',
    server: 'https://x:8443',
    fromMinikube: true,
    answeredAt: build.VM,
    program: null,
    proxy: null,
  };
  return plan(
    build.desired([profile], { mode }),
    build.observed({ profiles: [build.observedProfile({ cluster, context })] }),
  );
}

function stepOf(made: Plan, name: string): ServiceStep | undefined {
  return made.steps.find((step): step is ServiceStep => step.kind === 'service' && step.name === name);
}

const eventsOf = (made: Plan) =>
  [...made.steps.flatMap((step) => (step.kind === 'service' ? [step] : [])), ...made.reports].flatMap(
    ({ name, events }) => events.map(({ type, reason, message }) => `${name}: ${type} ${reason} ${message}`),
  );

describe('a Service that is given an address', () => {
  const made = planned([build.service('web')]);

  it('is told by the step that gives it', () => {
    expect(stepOf(made, 'web')?.condition).toEqual({
      before: null,
      after: {
        status: 'True',
        reason: 'IPAllocated',
        message: 'allocated 10.200.0.1',
        lastTransitionTime: null,
      },
    });
    expect(made.reports).toEqual([]);
    expect(eventsOf(made)).toEqual(['web: Normal IPAllocated allocated 10.200.0.1: lowest free address']);
  });
});

describe('a Service that stays pending', () => {
  const holder = build.service('a', { ...ours('10.200.0.1'), ...shows('True', 'allocated 10.200.0.1') });
  const late = build.service('late');

  it('is told why by a report, and an Event says so', () => {
    const made = planned([holder, late]);
    expect(made.reports).toMatchObject([
      {
        name: 'late',
        addresses: [],
        condition: { before: null, after: { status: 'False', reason: 'AllocationFailed', message: FULL } },
      },
    ]);
    expect(isEmpty({ ...made, allocations: [], steps: [] })).toBe(false);
    expect(eventsOf(made)).toEqual([`late: Warning AllocationFailed ${FULL}`]);
  });

  it('is told nothing again while the reason stays, and the new one when it is another', () => {
    expect(planned([holder, { ...late, ...shows('False', FULL) }]).reports).toEqual([]);
    const [report] = planned([holder, { ...late, ...shows('False', 'another reason') }]).reports;
    expect(report?.condition.after).toMatchObject({ message: FULL, lastTransitionTime: SINCE });
    expect(report?.events).toHaveLength(1);
  });

  it('changes its condition anew when it is served at last', () => {
    const made = planned([{ ...late, ...shows('False', FULL) }]);
    expect(stepOf(made, 'late')?.condition).toMatchObject({
      before: { status: 'False', lastTransitionTime: SINCE },
      after: { status: 'True', lastTransitionTime: null },
    });
  });

  it('is told of a text without end in bounded words', () => {
    const made = planned([build.service('odd', { requestedIp: 'x'.repeat(100_000) })]);
    const [report] = made.reports;
    const why = `it asks for "${'x'.repeat(80)}…" (mkplan/ip), which is not an IP address`;
    expect(report?.condition.after?.message).toBe(why);
    expect(report?.events[0]?.message).toBe(why);
  });
});

describe('a Service that has its address', () => {
  it('is told so once more where the condition is missing or old, keeps its address, and makes no Event', () => {
    for (const told of [{}, shows('True', 'allocated 10.200.0.9')]) {
      const made = planned([build.service('web', { ...ours('10.200.0.1'), ...told })]);
      expect(made.reports).toMatchObject([
        { name: 'web', addresses: ['10.200.0.1'], condition: { after: { status: 'True' } }, events: [] },
      ]);
    }
  });

  it('loses its condition with its address when it is no longer served', () => {
    const web = build.service('web', { ...ours('10.200.0.1'), ...shows('True', 'allocated 10.200.0.1') });
    const made = planned([web], {}, 'absent');
    expect(stepOf(made, 'web')).toMatchObject({ action: 'delete', condition: { after: null } });
    expect(made.reports).toEqual([]);
    expect(eventsOf(made)).toEqual([
      'web: Normal ClearAssignment took back 10.200.0.1: it is no longer served',
    ]);
  });

  it('keeps it, and is told why it is not given what it asks for', () => {
    const made = planned([
      build.service('a', {
        created: '2025-01-01T00:00:00Z',
        requestedIp: '10.200.0.9',
        ...ours('10.200.0.1'),
      }),
    ]);
    const why = 'it asks for 10.200.0.9, which the pool does not have';
    expect(stepOf(made, 'a')).toMatchObject({ action: 'none', after: ['10.200.0.1'] });
    expect(made.reports).toMatchObject([
      {
        addresses: ['10.200.0.1'],
        condition: { after: { status: 'True', message: `allocated 10.200.0.1; ${why}` } },
        events: [{ type: 'Warning', reason: 'AllocationFailed', message: why }],
      },
    ]);
    expect(made.diagnostics).toMatchObject([
      { code: 'service-request-refused', severity: 'warning', cause: why },
    ]);
  });

  it('has two Events where another address replaces the one it had', () => {
    const made = planned([build.service('web', ours('10.200.0.9'))]);
    expect(stepOf(made, 'web')).toMatchObject({ action: 'replace' });
    expect(eventsOf(made)).toEqual([
      'web: Normal ClearAssignment took back 10.200.0.9',
      'web: Normal IPAllocated allocated 10.200.0.1: lowest free address; 10.200.0.9 can no longer be kept',
    ]);
  });
});

describe('a Service that is not ours to serve', () => {
  const foreign = { ingress: ['192.0.2.1'], ingressManager: 'speaker' };

  it.each([
    ['foreign', foreign, {}],
    ['other-class', { loadBalancerClass: 'example.com/lb' }, {}],
    ['unclassed', {}, { otherLoadBalancers: ['MetalLB'] }],
  ])('is told nothing: %s', (state, service, seen) => {
    const made = planned([build.service('web', service)], seen);
    expect(made.services).toMatchObject([{ state }]);
    expect(made.reports).toEqual([]);
    expect(eventsOf(made)).toEqual([]);
  });

  it.each([
    ['somebody else serves it', foreign],
    ['its type is another', { type: 'ClusterIP' }],
  ])('gives up the condition that it had before: %s', (_, service) => {
    const made = planned([build.service('web', { ...service, ...shows('False', FULL) })]);
    expect(made.reports).toMatchObject([
      { addresses: [], condition: { before: { status: 'False' }, after: null }, events: [] },
    ]);
  });
});

it('a condition that somebody else wrote to is left alone', () => {
  const web = build.service('web', shows('True', 'mine now', 'kubectl-edit'));
  expect(stepOf(planned([web]), 'web')?.condition).toEqual({ before: null, after: null });
  const pending = { ...web, requestedIp: '10.200.0.9' };
  expect(planned([pending]).reports).toEqual([]);
});

it('a plan of news alone has another fingerprint for none of it', () => {
  const holder = build.service('a', ours('10.200.0.1'));
  const told = { ...holder, ...shows('True', 'allocated 10.200.0.1') };
  expect(planned([holder]).fingerprint).toBe(planned([told]).fingerprint);
});

it('without the right to create events there are none, and without that to patch no news at all', () => {
  const services = [build.service('a', ours('10.200.0.1')), build.service('late')];
  const silent = planned(services, { missingRights: ['create events'] });
  expect(silent.reports).toHaveLength(2);
  expect(eventsOf(silent)).toEqual([]);
  expect(planned(services, { missingRights: ['patch services/status'] }).reports).toEqual([]);
});

it('a context that needs approval needs it for news, too', () => {
  const services = [build.service('late', { requestedIp: '10.200.0.9' })];
  const cluster = build.cluster({ services });
  const context = {
    name: 'prod',
    server: 'https://x:8443',
    fromMinikube: false,
    answeredAt: build.VM,
    program: null,
    proxy: null,
  };
  const profile = build.profile({ loadBalancer: build.loadBalancer(['10.200.0.1/32']) });
  const seen = build.observed({ profiles: [build.observedProfile({ cluster, context })] });
  const made = plan(build.desired([profile]), seen);
  expect(made.reports).toHaveLength(1);
  expect(made.approvals.map(({ kind }) => kind)).toContain('context');
});

it.each([
  ['which has a class of its own', { loadBalancerClass: 'mkplan/other' }, {}],
  ['which serves those without a class', {}, { otherLoadBalancers: ['MetalLB'] }],
])('what another mkplan told a Service is left alone: %s', (_, service, seen) => {
  const made = planned([build.service('web', { ...service, ...shows('False', FULL) })], seen);
  expect(made.reports).toEqual([]);
});

describe('a plan of which some is left out', () => {
  const holder = build.service('a', ours('10.200.0.1'));
  const made = planned([holder, build.service('late')]);
  const nothing = { profiles: new Map(), services: new Map(), destinations: new Map() };
  const names = ({ reports }: Plan) => reports.map(({ name }) => name);

  it('tells nothing to what is held', () => {
    expect(names(hold(made, nothing, build.host()))).toEqual(['a', 'late']);
    const services = new Map([['minikube default/late', 'it failed']]);
    expect(names(hold(made, { ...nothing, services }, build.host()))).toEqual(['a']);
    const profiles = new Map([['minikube', 'it is stopped']]);
    expect(names(hold(made, { ...nothing, profiles }, build.host()))).toEqual([]);
  });

  it('of a session takes back what that told, unless an apply may have', () => {
    const undone = planned([build.service('late', shows('False', FULL))], {}, 'absent');
    const world = (claims: readonly Claim[]) => build.observed({ registry: { claims, open: null } });
    expect(names(ofSession(undone, world([])))).toEqual(['late']);
    const lasting = build.claim({ destination: '10.200.0.1/32' }, { purpose: 'load-balancer' });
    expect(names(ofSession(undone, world([lasting])))).toEqual([]);
  });
});
