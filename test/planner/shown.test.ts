import { describe, expect, it } from 'vitest';
import type { Plan, Step } from '../../src/model/plan.ts';
import { decodeSavedPlan, encodeSavedPlan } from '../../src/planner/saved-plan.ts';
import { differenceFromShown } from '../../src/planner/shown.ts';
import { conflictOf, ours, planOf, routeStep, serviceStep } from '../cli/plans.ts';

const HOST = { platform: 'linux', bootId: 'b00t', networkNamespace: '4026531840' } as const;
const A = routeStep('create', { after: ours('10.96.0.0/12') });
const B = routeStep('delete', { before: ours('10.200.0.1/32') });
const WEB = serviceStep('create', 'web', [], ['10.200.0.7']);
const ALLOCATION = { address: '10.200.0.7', service: 'default/web' };
const SUMMARY = {
  profile: 'minikube',
  namespace: 'default',
  name: 'web',
  state: 'served',
  addresses: ['10.200.0.7'],
  reason: 'lowest free address',
} as const;

const MADE = planOf({
  profiles: [
    { name: 'minikube', gateways: [], services: [{ cidr: '10.96.0.0/12', source: 'spec' }], pods: [] },
  ],
  steps: [A, B, WEB],
  waves: [[{ step: 0, op: 'add' }], [{ step: 1, op: 'delete' }], [{ step: 2, op: 'assign' }]],
  services: [SUMMARY],
  allocations: [
    { profile: 'minikube', before: { resourceVersion: '3', allocations: [] }, after: [ALLOCATION] },
  ],
  conflicts: [conflictOf({ outcome: 'warned' })],
  approvals: [{ kind: 'wide', profile: 'minikube', subject: '10.0.0.0/8', why: 'it is wide' }],
  unproven: [{ route: ours('10.201.0.0/24'), reason: 'no claim' }],
  diagnostics: [{ code: 'stale-gateway', severity: 'warning', summary: 'old', cause: 'c', fix: 'f' }],
});

/** The forged plan as somebody is shown it: written with its own hash, and read. */
function shownOf(changes: Partial<Plan>): Plan {
  const text = encodeSavedPlan({ ...MADE, ...changes }, HOST);
  return decodeSavedPlan(text, 'p.json').plan;
}

const withStep = (index: number, step: Step): Partial<Plan> => ({ steps: MADE.steps.with(index, step) });

describe('a plan that was shown', () => {
  it('is the same as itself, read back', () => {
    expect(differenceFromShown(shownOf({}), MADE)).toBeNull();
  });

  it.each<[string, Partial<Plan>, string]>([
    ['a step less', { steps: [A, B] }, 'plan.steps[2]'],
    ['a step more', { steps: [...MADE.steps, B] }, 'plan.steps[3]'],
    ['the steps in another order', { steps: [B, A, WEB] }, 'plan.steps[0].action'],
    ['another action', withStep(1, { ...B, action: 'none' }), 'plan.steps[1].action'],
    [
      'another destination',
      withStep(0, { ...A, after: ours('10.96.0.5/32') }),
      'plan.steps[0].after.destination',
    ],
    [
      'another gateway',
      withStep(0, { ...A, after: ours('10.96.0.0/12', { gateway: '192.168.39.66' }) }),
      'plan.steps[0].after.gateway',
    ],
    [
      'another metric',
      withStep(0, { ...A, after: ours('10.96.0.0/12', { metric: 2 }) }),
      'plan.steps[0].after.metric',
    ],
    [
      'another protocol',
      withStep(0, { ...A, after: ours('10.96.0.0/12', { protocol: 4 }) }),
      'plan.steps[0].after.protocol',
    ],
    ['another inverse', withStep(1, { ...B, inverse: A.inverse }), 'plan.steps[1].inverse.before'],
    [
      'another precondition',
      withStep(0, { ...A, precondition: { present: ['x'], absent: [] } }),
      'plan.steps[0].precondition.present[0]',
    ],
    ['another address', withStep(2, { ...WEB, after: ['10.200.0.9'] }), 'plan.steps[2].after[0]'],
    ['another Service', withStep(2, { ...WEB, uid: 'other' }), 'plan.steps[2].uid'],
    ['the waves in another order', { waves: MADE.waves.toReversed() }, 'plan.waves[0][0].step'],
    ['a wave less', { waves: MADE.waves.slice(0, 2) }, 'plan.waves[2]'],
    ['no approvals', { approvals: [] }, 'plan.approvals[0]'],
    [
      'an approval that the policy is said to give',
      { approvals: MADE.approvals.map((approval) => ({ ...approval, byPolicy: true as const })) },
      'plan.approvals[0].byPolicy',
    ],
    ['no conflicts', { conflicts: [] }, 'plan.conflicts[0]'],
    ['no warnings', { diagnostics: [] }, 'plan.diagnostics[0]'],
    ['no unproven routes', { unproven: [] }, 'plan.unproven[0]'],
    [
      'a Service that stays pending',
      { services: [{ ...SUMMARY, state: 'pending' }] },
      'plan.services[0].state',
    ],
    ['no allocations', { allocations: [] }, 'plan.allocations[0]'],
    ['another profile', { profiles: [] }, 'plan.profiles[0]'],
    ['the other mode', { mode: 'absent' }, 'plan.mode'],
    ['another spec', { spec: '/tmp/other.yaml' }, 'plan.spec'],
    ['another name', { name: 'prod' }, 'plan.name'],
  ])('with %s is another plan, although its fingerprint was kept', (_what, changes, path) => {
    expect(differenceFromShown(shownOf(changes), MADE)).toMatchObject({ path });
  });

  it.each<[string, Partial<Plan>]>([
    ['explained in other words', withStep(0, { ...A, reason: 'in other words' })],
    [
      'whose spec has moved by a line',
      { conflicts: [conflictOf({ outcome: 'warned', resolution: 'line 8' })] },
    ],
    ['whose Service was written to meanwhile', withStep(2, { ...WEB, resourceVersion: '99' })],
    [
      'whose Lease is there by now',
      { leases: [{ profile: 'a', action: 'join', announced: true, serves: [] }] },
    ],
  ])('is the same %s', (_what, changes) => {
    expect(differenceFromShown(shownOf(changes), MADE)).toBeNull();
  });
});
