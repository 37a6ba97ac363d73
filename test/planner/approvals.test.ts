import { describe, expect, it } from 'vitest';
import type { Approval, RememberedApproval } from '../../src/model/plan.ts';
import { contextsOf, programApproval, rememberable, withRemembered } from '../../src/planner/approvals.ts';
import { planOf } from '../cli/plans.ts';

const APPROVAL: Approval = {
  kind: 'gateway',
  profile: 'minikube',
  subject: '192.168.39.10',
  why: 'not known to be a node',
};
const SPEC = '/home/me/tunnel.yaml';
const WHEN = '2026-01-02T03:04:05.678Z';
const contextOf = contextsOf([{ name: 'minikube', context: 'dev' }]);
const plan = planOf({ spec: SPEC, approvals: [APPROVAL] });
const GIVEN: RememberedApproval = {
  ...APPROVAL,
  spec: SPEC,
  context: 'dev',
  cluster: null,
  approvedOn: WHEN,
};

describe('a remembered approval', () => {
  it('counts for what was shown, and says since when', () => {
    expect(rememberable(plan, contextOf, WHEN)).toEqual([GIVEN]);
    const marked = withRemembered(plan, contextOf, [GIVEN]);
    expect(marked.approvals).toEqual([{ ...APPROVAL, approvedOn: WHEN }]);
    expect(marked.fingerprint).toBe(plan.fingerprint);
    expect(rememberable(marked, contextOf, WHEN)).toEqual([]);
  });

  it.each<[string, Partial<RememberedApproval>]>([
    ['another spec', { spec: '/home/me/other.yaml' }],
    ['another profile', { profile: 'other' }],
    ['another context', { context: 'prod' }],
    ['another kind', { kind: 'wide' }],
    ['another gateway', { subject: '192.168.39.11' }],
    ['a wider network', { kind: 'unconfirmed', subject: '10.96.0.0/11' }],
    ['another reason', { why: "it is this host's default gateway" }],
    ['a cluster that cannot be told here', { cluster: '0d9e1c1e-6b1c-4a43-9f5e-2f6f2f1f7a11' }],
  ])('does not count for %s', (_, change) => {
    expect(withRemembered(plan, contextOf, [{ ...GIVEN, ...change }]).approvals).toEqual([APPROVAL]);
  });

  it.each<[string, Partial<typeof plan>]>([
    ["what the host's policy gives", { approvals: [{ ...APPROVAL, byPolicy: true }] }],
    ['a cleanup, which is of no spec', { spec: '' }],
    ['a profile that the spec does not have', { approvals: [{ ...APPROVAL, profile: 'gone' }] }],
  ])('is not made of %s', (_, change) => {
    expect(rememberable({ ...plan, ...change }, contextOf, WHEN)).toEqual([]);
  });

  it('is of one cluster, but for a program, which runs before the cluster is known', () => {
    const uid = '0d9e1c1e-6b1c-4a43-9f5e-2f6f2f1f7a11';
    const told = { ...plan, clusters: [{ profile: 'minikube', uid, former: null }] };
    expect(withRemembered(told, contextOf, [GIVEN]).approvals).toEqual([APPROVAL]);
    expect(rememberable(told, contextOf, WHEN)).toEqual([{ ...GIVEN, cluster: uid }]);
    const again = withRemembered(told, contextOf, [{ ...GIVEN, cluster: uid }]);
    expect(again.approvals).toEqual([{ ...APPROVAL, approvedOn: WHEN }]);
    const program = programApproval(
      'minikube',
      { name: 'dev', server: 'https://dev:443' },
      'aws eks get-token',
    );
    const running = { ...told, approvals: [program] };
    expect(rememberable(running, contextOf, WHEN)).toMatchObject([{ kind: 'credentials', cluster: null }]);
  });
});
