import { describe, expect, it } from 'vitest';
import type { Claim } from '../../src/model/claim.ts';
import type { DesiredState } from '../../src/model/desired.ts';
import { type RouteStep, servesNothing } from '../../src/model/plan.ts';
import { formatRoute, type RouteDocument } from '../../src/model/route.ts';
import { type CleanupOptions, planCleanup } from '../../src/planner/cleanup.ts';
import { plan } from '../../src/planner/plan.ts';
import * as build from './build.ts';

const OURS = {
  destination: '10.96.0.0/12',
  gateway: build.VM,
  device: 'virbr1',
  protocol: 109,
  metric: 109,
} as const;

function wanting(...cidrs: readonly string[]): DesiredState {
  return build.desired([
    build.profile({ services: { value: cidrs.map((text) => build.cidr(text)), at: build.AT } }),
  ]);
}

function seen(routes: readonly RouteDocument[], claims: readonly Claim[]) {
  return build.observed({ host: build.host(routes), registry: { claims, open: null } });
}

function lines(steps: readonly { kind: string }[]): string[] {
  return (steps as RouteStep[]).map(({ action, before, after }) =>
    [
      action,
      before === null ? '-' : formatRoute(before),
      '→',
      after === null ? '-' : formatRoute(after),
    ].join(' '),
  );
}

const ROUTE = '10.96.0.0/12 via 192.168.39.174 dev virbr1 proto 109 metric 109';

describe('steps for routes', () => {
  it('creates what is missing', () => {
    const result = plan(wanting('10.96.0.0/12'), seen([], []));
    expect(lines(result.steps)).toEqual([`create - → ${ROUTE}`]);
    expect(result.waves).toEqual([[{ step: 0, op: 'add' }]]);
    expect(result.steps[0]).toMatchObject({
      inverse: { action: 'delete', after: null },
      precondition: { present: [] },
    });
  });

  it('has nothing to do for what is there and claimed', () => {
    const result = plan(wanting('10.96.0.0/12'), seen([OURS], [build.claim(OURS)]));
    expect(lines(result.steps)).toEqual([`none ${ROUTE} → ${ROUTE}`]);
    expect(result.waves).toEqual([]);
  });

  it('shows the drift of a claimed route that is gone, and makes it anew under the same key', () => {
    const result = plan(wanting('10.96.0.0/12'), seen([], [build.claim(OURS)]));
    expect(lines(result.steps)).toEqual([`create - → ${ROUTE}`]);
    expect(result.steps[0]?.reason).toContain('drift');
  });

  it('moves a route by adding the new one at the other metric before it deletes the old one', () => {
    const old = { ...OURS, gateway: '192.168.39.9' };
    const result = plan(wanting('10.96.0.0/12'), seen([old], [build.claim(old)]));
    const before = '10.96.0.0/12 via 192.168.39.9 dev virbr1 proto 109 metric 109';
    const after = '10.96.0.0/12 via 192.168.39.174 dev virbr1 proto 109 metric 110';
    expect(lines(result.steps)).toEqual([`replace ${before} → ${after}`]);
    expect(result.waves).toEqual([[{ step: 0, op: 'add' }], [{ step: 0, op: 'delete' }]]);
  });

  it('moves back to the first metric', () => {
    const old = { ...OURS, gateway: '192.168.39.9', metric: 110 };
    const [step] = plan(wanting('10.96.0.0/12'), seen([old], [build.claim(old)])).steps as RouteStep[];
    expect(step?.after?.metric).toBe(109);
  });

  it('deletes what is owned and no longer wanted', () => {
    const result = plan(wanting(), seen([OURS], [build.claim(OURS)]));
    expect(lines(result.steps)).toEqual([`delete ${ROUTE} → -`]);
  });

  it('deletes the leftover half of a move that was interrupted', () => {
    const half = { ...OURS, gateway: '192.168.39.9', metric: 110 };
    const result = plan(wanting('10.96.0.0/12'), seen([OURS, half], [build.claim(OURS), build.claim(half)]));
    expect(lines(result.steps)).toEqual([
      `none ${ROUTE} → ${ROUTE}`,
      'delete 10.96.0.0/12 via 192.168.39.9 dev virbr1 proto 109 metric 110 → -',
    ]);
  });

  it('forgets claims of an earlier boot and leaves those of another network namespace alone', () => {
    const claim = build.claim(OURS);
    const rebooted = { ...claim, owner: { ...claim.owner, bootId: 'boot-0' } };
    const elsewhere = { ...claim, owner: { ...claim.owner, networkNamespace: '1' } };
    expect(lines(plan(wanting(), seen([], [rebooted])).steps)).toEqual([`forget ${ROUTE} → -`]);
    expect(plan(wanting(), seen([], [elsewhere])).steps).toEqual([]);
  });

  it('never deletes a route whose protocol is not the one of the claim', () => {
    const taken = { ...OURS, protocol: 3 };
    const result = plan(wanting(), seen([taken], [build.claim(OURS)]));
    expect(lines(result.steps)).toEqual([`forget ${ROUTE} → -`]);
  });

  it('sets a cluster aside that cannot be seen, and keeps what is there', () => {
    const pods = { ...OURS, destination: '10.244.0.0/24' };
    const desired = build.desired([build.profile({ pods: { value: 'auto', at: build.AT } })]);
    const blind = build.observedProfile({ cluster: null, problems: ['connection refused'] });
    const result = plan(desired, { ...seen([pods], [build.claim(pods)]), profiles: [blind] });
    expect(result.diagnostics).toMatchObject([
      { code: 'cluster-unobserved', severity: 'warning', cause: 'connection refused' },
    ]);
    expect(result.aside).toMatchObject([{ profile: 'minikube', state: 'silent' }]);
    expect(servesNothing(result)).toBe(true);
    expect(result.steps).toEqual([]);
  });

  it('says once why neither a cluster, its gateway nor its pods are known, a line for each cause', () => {
    const auto = { value: 'auto', at: build.AT } as const;
    const desired = build.desired([build.profile({ pods: auto, gateway: auto })]);
    const problems = ['no kubeconfig context', 'config.json is not JSON'];
    const lost = { cluster: null, context: null, config: null, minikubeIp: null, problems };
    const { diagnostics } = plan(desired, {
      ...seen([], []),
      profiles: [build.observedProfile(lost)],
    });
    expect(diagnostics).toMatchObject([
      { code: 'cluster-unobserved', cause: 'no kubeconfig context\nconfig.json is not JSON' },
    ]);
  });

  it('has another fingerprint when a fact of it changes, and the same when another one does', () => {
    const base = seen([], []);
    const one = plan(wanting('10.96.0.0/12'), base).fingerprint;
    const unrelated = seen([{ destination: '10.4.0.0/16', gateway: '192.168.1.3', device: 'eth0' }], []);
    expect(plan(wanting('10.96.0.0/12'), unrelated).fingerprint).toBe(one);
    const covering = seen([{ destination: '10.0.0.0/8', gateway: '192.168.1.3', device: 'eth0' }], []);
    expect(plan(wanting('10.96.0.0/12'), covering).fingerprint).not.toBe(one);
    const rebooted = { ...base, host: { ...base.host, bootId: 'boot-2' } };
    expect(plan(wanting('10.96.0.0/12'), rebooted).fingerprint).not.toBe(one);
  });
});

describe('steps of cleanup', () => {
  const claim = build.claim(OURS);
  const options: CleanupOptions = { all: false, minikube: false, orphaned: new Map() };

  it.each([
    [
      'of another boot',
      { ...claim, owner: { ...claim.owner, bootId: 'boot-0' } },
      [OURS],
      options,
      ['forget'],
    ],
    [
      'of another network namespace',
      { ...claim, owner: { ...claim.owner, networkNamespace: '1' } },
      [OURS],
      options,
      ['none'],
    ],
    ['whose route is gone', claim, [], options, ['forget']],
    ['whose owner exists', claim, [OURS], options, ['none']],
    ['whose owner exists, with all', claim, [OURS], { ...options, all: true }, ['delete']],
    [
      'whose owner is gone',
      claim,
      [OURS],
      { ...options, orphaned: new Map([[claim, 'its spec is gone']]) },
      ['delete'],
    ],
  ])('a claim %s', (_, one, routes, given, actions) => {
    expect(planCleanup(seen(routes, [one]), given).steps.map((step) => step.action)).toEqual(actions);
  });
});
