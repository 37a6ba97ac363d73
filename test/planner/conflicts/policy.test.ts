import { expect, it } from 'vitest';
import { type HostPolicy, NO_POLICY } from '../../../src/model/policy.ts';
import { plan } from '../../../src/planner/plan.ts';
import { AT, cidr, desired, host, loadBalancer, observed, prefix, profile } from '../build.ts';

const planUnder = (policy: HostPolicy, rest: Parameters<typeof profile>[0]) =>
  plan(desired([profile(rest)]), observed({ host: host([], { policy }) }));

const PUBLIC = { services: { value: [cidr('203.0.113.0/24')], at: AT } };

it('a public range is refused without a policy, and named where one allows it', () => {
  expect(planUnder(NO_POLICY, PUBLIC).conflicts).toEqual([
    expect.objectContaining({ relation: 'forbidden', outcome: 'refused' }),
  ]);
  const allowed = planUnder({ allow: [], ranges: [prefix('203.0.112.0/20')] }, PUBLIC);
  expect(allowed.conflicts).toEqual([]);
  expect(allowed.steps).toHaveLength(1);
  expect(allowed.diagnostics).toContainEqual(
    expect.objectContaining({ code: 'policy-range', summary: expect.stringContaining('203.0.112.0/20') }),
  );
  // It is still a network that nothing confirms.
  expect(allowed.approvals).toContainEqual(expect.objectContaining({ kind: 'unconfirmed' }));
});

it('a range that reaches beyond what the policy allows is refused', () => {
  const wider = planUnder({ allow: [], ranges: [prefix('203.0.113.0/25')] }, PUBLIC);
  expect(wider.conflicts).toEqual([expect.objectContaining({ relation: 'forbidden' })]);
});

it('a pool is named once, and not for each of its addresses', () => {
  const policy = { allow: [], ranges: [prefix('203.0.113.0/24')] };
  const made = planUnder(policy, { loadBalancer: loadBalancer(['203.0.113.0/28']) });
  expect(made.diagnostics.filter(({ code }) => code === 'policy-range')).toHaveLength(1);
});

it('approvals that the policy gives are marked, and make another fingerprint', () => {
  const wanted = { services: { value: [cidr('10.120.0.0/16')], at: AT } };
  const without = planUnder(NO_POLICY, wanted);
  const given = planUnder({ allow: ['unconfirmed'], ranges: [] }, wanted);
  const other = planUnder({ allow: ['context', 'wide'], ranges: [] }, wanted);
  const [approval] = without.approvals;
  expect(approval).toMatchObject({ kind: 'unconfirmed' });
  expect(given.approvals).toEqual([{ ...approval, byPolicy: true }]);
  expect(other).toEqual(without);
  expect(given.fingerprint).not.toBe(without.fingerprint);
});
