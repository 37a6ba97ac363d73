import { describe, expect, it } from 'vitest';
import type { Approval, RememberedApproval } from '../../src/model/plan.ts';
import {
  contextApprovals,
  contextsOf,
  programApproval,
  rememberable,
  withRemembered,
} from '../../src/planner/approvals.ts';
import { planOf } from '../cli/plans.ts';
import * as build from './build.ts';

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

describe('the approval of a context', () => {
  const context = (server: string, fromMinikube = false) => ({
    name: 'dev',
    server,
    fromMinikube,
    answeredAt: null,
    program: null,
    proxy: null,
  });
  const VM = `https://${build.VM}:8443`;
  const seen = (rest: Partial<ReturnType<typeof build.observedProfile>>) => build.observedProfile(rest);
  const { config } = build.observedProfile();

  it.each<[string, ReturnType<typeof seen>, string]>([
    [
      'minikube does not know the profile',
      seen({ config: null, context: context(VM) }),
      `minikube has no profile minikube, and its server is ${VM}`,
    ],
    [
      'config.json cannot be read',
      seen({ config: null, problems: ['it is a directory'], context: context(VM) }),
      `minikube’s record of profile minikube could not be read, and its server is ${VM}`,
    ],
    [
      'someone else wrote it for the profile’s own server',
      seen({ context: context(VM) }),
      `minikube did not write it for profile minikube; its server is ${VM}`,
    ],
    [
      'its server is not the profile’s, as with a profile of that name under another MINIKUBE_HOME',
      seen({ context: context('https://192.168.49.2:8443') }),
      `its server is https://192.168.49.2:8443, and minikube’s config.json of profile minikube has ${build.VM}`,
    ],
    [
      'its server is neither a node nor the virtual address',
      seen({
        config: config === null ? null : { ...config, servers: ['192.168.39.254'] },
        context: context('https://192.168.39.9:8443'),
      }),
      `its server is https://192.168.39.9:8443, and minikube’s config.json of profile minikube has ${build.VM}, 192.168.39.254`,
    ],
  ])('says what speaks against it: %s', (_, profile, why) => {
    expect(contextApprovals(profile)).toEqual([
      { kind: 'context', profile: 'minikube', subject: 'dev', why },
    ]);
  });

  it('is not asked for what minikube wrote, nor where there is no context', () => {
    expect(contextApprovals(seen({ context: context(VM, true) }))).toEqual([]);
    expect(contextApprovals(seen({ context: null }))).toEqual([]);
  });
});
