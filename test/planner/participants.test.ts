import { describe, expect, it } from 'vitest';
import type { DesiredState } from '../../src/model/desired.ts';
import type { ObservedCluster, ObservedService, ObservedState } from '../../src/model/observed.ts';
import type { ObservedParticipant } from '../../src/model/participant.ts';
import { isEmpty, isRefused, type Plan } from '../../src/model/plan.ts';
import { plan } from '../../src/planner/plan.ts';
import {
  claim,
  cluster,
  desired,
  host,
  loadBalancer,
  OWN,
  observed,
  observedProfile,
  other,
  profile,
  service,
  VM,
} from './build.ts';

const POOL = ['10.200.0.0/29'];
const ours = (name: string, address: string, rest: Partial<ObservedService> = {}): ObservedService =>
  service(name, {
    ingress: [address],
    ingressManager: 'mkplan',
    condition: {
      status: 'True',
      reason: 'IPAllocated',
      message: `allocated ${address}`,
      lastTransitionTime: '2026-01-01T00:00:00Z',
      manager: 'mkplan',
    },
    ...rest,
  });
const web = ours('web', '10.200.0.1');
const ROUTE = { destination: '10.200.0.1/32', gateway: VM, device: 'virbr1', protocol: 109, metric: 109 };
const GUARD = { destination: '10.200.0.0/29', type: 'unreachable', metric: 109, protocol: 109 } as const;

const spec = desired([profile({ loadBalancer: loadBalancer(POOL) })]);
const gone: DesiredState = { ...spec, mode: 'absent' };

/** A cluster with one served Service, to which this tunnel routes. */
function world(
  participants: readonly ObservedParticipant[] | null,
  rest: Partial<ObservedCluster> = {},
): ObservedState {
  const allocations = {
    resourceVersion: '7',
    allocations: [{ address: '10.200.0.1', service: 'default/web' }],
  };
  const found = cluster({ services: [web], allocations, participants, ...rest });
  return observed({
    host: host([ROUTE, GUARD]),
    registry: {
      claims: [claim(ROUTE, { purpose: 'load-balancer' }), claim(GUARD, { purpose: 'guard' })],
      open: null,
    },
    profiles: [observedProfile({ cluster: found })],
  });
}

const services = ({ steps }: Plan) =>
  steps.flatMap((step) => (step.kind === 'service' ? [`${step.action} ${step.name}`] : []));
const routes = ({ steps }: Plan) => steps.flatMap((step) => (step.kind === 'route' ? [step.action] : []));
const codes = ({ diagnostics }: Plan) => diagnostics.map(({ code }) => code);

describe('a spec that serves Services', () => {
  it('joins where it has no Lease', () => {
    const made = plan(spec, world([]));
    expect(made.leases).toEqual([{ profile: 'minikube', action: 'join', announced: false }]);
    expect(isEmpty(made)).toBe(false);
    expect(routes(made)).toEqual(['none', 'none']);
  });

  it('has nothing to do once its Lease holds, whoever else is there', () => {
    const made = plan(spec, world([other('ann'), OWN]));
    expect(isEmpty(made)).toBe(true);
    expect(made.diagnostics).toEqual([]);
  });

  it.each([
    ['ran out', { live: false }],
    ['says that it leaves', { leaving: true }],
  ])('joins again where its Lease %s', (_, rest) => {
    expect(plan(spec, world([{ ...OWN, ...rest }])).leases).toEqual([
      { profile: 'minikube', action: 'join', announced: false },
    ]);
  });

  it('does not join without a Service to serve', () => {
    expect(plan(spec, world([], { services: [] })).leases).toEqual([]);
  });

  it('does not join where it may not, or may not look', () => {
    expect(plan(spec, world([], { missingRights: ['create leases kube-system'] })).leases).toEqual([]);
    expect(plan(spec, world(null, { missingRights: ['list leases kube-system'] })).leases).toEqual([]);
  });

  it('is refused while another leaves, since that one may be clearing what it relies on', () => {
    const made = plan(spec, world([other('ann', { leaving: true }), OWN]));
    expect(isRefused(made)).toBe(true);
    expect(made.diagnostics).toMatchObject([
      {
        code: 'participant-leaving',
        command: 'kubectl --context=minikube -n kube-system delete lease mkplan-ann',
      },
    ]);
  });

  it('is not refused for one that leaves where no Service shows an address yet, or whose Lease ran out', () => {
    const leaving = other('ann', { leaving: true });
    expect(isRefused(plan(spec, world([leaving], { services: [service('web')] })))).toBe(false);
    expect(isRefused(plan(spec, world([{ ...leaving, live: false }])))).toBe(false);
  });

  it('leaves to others what it serves no more, and clears it where nobody else is', () => {
    const unclassed = desired([profile({ loadBalancer: loadBalancer(POOL, { unclassed: false }) })]);
    const made = (participants: readonly ObservedParticipant[]) =>
      services(plan(unclassed, world(participants)));
    expect(made([OWN, other('ann')])).toEqual(['none web']);
    expect(made([OWN])).toEqual(['delete web']);
    expect(made([OWN, other('ann', { live: false })])).toEqual(['delete web']);
  });
});

describe('a spec that is destroyed', () => {
  it('clears and leaves where nobody else is', () => {
    const made = plan(gone, world([OWN]));
    expect(services(made)).toEqual(['delete web']);
    expect(routes(made)).toEqual(['delete', 'delete']);
    expect(made.leases).toEqual([{ profile: 'minikube', action: 'leave', announced: false }]);
    expect(codes(made)).toEqual([]);
  });

  it('leaves Services to others that are still in, takes its routes away, and says who they are', () => {
    const made = plan(gone, world([other('ann'), OWN, other('bob')]));
    expect(services(made)).toEqual(['none web']);
    expect(routes(made)).toEqual(['delete', 'delete']);
    expect(made.leases).toEqual([{ profile: 'minikube', action: 'leave', announced: false }]);
    // What the others told the Service stays, too.
    expect(made.reports).toEqual([]);
    expect(made.diagnostics).toMatchObject([
      {
        code: 'services-shared',
        severity: 'warning',
        summary:
          'profile minikube: its Services keep their addresses, which ann@there:/project/tunnel.yaml and bob@there:/project/tunnel.yaml still use',
        command: 'kubectl --context=minikube -n kube-system delete lease mkplan-ann mkplan-bob',
      },
    ]);
  });

  it.each([
    ['ran out', { live: false }],
    ['leaves, too', { leaving: true }],
  ])('clears where the only other one %s', (_, rest) => {
    const made = plan(gone, world([other('ann', rest), { ...OWN, leaving: true }]));
    expect(services(made)).toEqual(['delete web']);
    expect(made.leases).toEqual([{ profile: 'minikube', action: 'leave', announced: true }]);
  });

  it('keeps what Services show where it cannot be told who uses it', () => {
    const made = plan(gone, world(null, { missingRights: ['list leases kube-system'] }));
    expect(services(made)).toEqual(['none web']);
    expect(routes(made)).toEqual(['delete', 'delete']);
    expect(made.leases).toEqual([]);
    expect(codes(made)).toEqual(['rights-missing']);
  });

  it('keeps its Lease where it may not remove it, and says so', () => {
    const made = plan(gone, world([OWN], { missingRights: ['delete leases kube-system'] }));
    expect(made.leases).toEqual([]);
    expect(codes(made)).toEqual(['rights-missing']);
  });

  it('says that it leaves, though it never joined, where it is about to clear', () => {
    const made = plan(gone, world([other('ann', { live: false })]));
    expect(services(made)).toEqual(['delete web']);
    expect(made.leases).toEqual([{ profile: 'minikube', action: 'leave', announced: false }]);
  });

  it('has nothing to do once it has left', () => {
    const left = { ...world([other('ann')]), host: host(), registry: { claims: [], open: null } };
    expect(isEmpty(plan(gone, left))).toBe(true);
  });
});

it('a profile that gives no addresses any more leaves, too', () => {
  const none = desired([profile({ loadBalancer: loadBalancer([]) })]);
  const shared = plan(none, world([OWN, other('ann')]));
  expect(services(shared)).toEqual(['none web']);
  expect(shared.leases).toEqual([{ profile: 'minikube', action: 'leave', announced: false }]);
  expect(codes(shared)).toEqual(['services-shared']);
  expect(services(plan(none, world([OWN])))).toEqual(['delete web']);
});

it('our own Lease is no fact that a plan rests on; those of others are, where they matter', () => {
  const of = (participants: readonly ObservedParticipant[]) => plan(gone, world(participants)).fingerprint;
  expect(of([{ ...OWN, leaving: true }])).toBe(of([OWN]));
  expect(of([])).toBe(of([OWN]));
  expect(of([OWN, other('ann')])).not.toBe(of([OWN]));
  expect(of([OWN, other('ann', { leaving: true })])).toBe(of([OWN]));
  expect(plan(spec, world([])).fingerprint).toBe(plan(spec, world([OWN])).fingerprint);
});
