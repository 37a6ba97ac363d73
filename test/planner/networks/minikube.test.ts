import { describe, expect, it } from 'vitest';
import type { MinikubeTunnel, ObservedState } from '../../../src/model/observed.ts';
import { isRefused } from '../../../src/model/plan.ts';
import { formatRoute, type RouteDocument } from '../../../src/model/route.ts';
import { planCleanup } from '../../../src/planner/cleanup.ts';
import { plan } from '../../../src/planner/plan.ts';
import * as build from '../build.ts';

const LEFT: RouteDocument = {
  destination: '10.96.0.0/12',
  gateway: build.VM,
  device: 'virbr1',
  protocol: 3,
};
const tunnel = (rest: Partial<MinikubeTunnel> = {}): MinikubeTunnel => ({
  profile: 'minikube',
  pid: 4242,
  alive: true,
  destination: build.prefix('10.96.0.0/12'),
  gateway: build.VM,
  ...rest,
});
const dead = (rest: Partial<MinikubeTunnel> = {}) => tunnel({ alive: false, ...rest });

function seen(
  tunnels: readonly MinikubeTunnel[],
  routes: readonly RouteDocument[] = [],
  rest: Partial<ObservedState> = {},
): ObservedState {
  return build.observed({ host: build.host(routes, { minikubeTunnels: tunnels }), ...rest });
}

const desired = build.desired([build.profile({ services: { value: 'auto', at: build.AT } })]);

describe('a plan beside minikube tunnel', () => {
  it('is refused while one runs for the same profile, with its pid', () => {
    const made = plan(desired, seen([tunnel()]));
    expect(made.diagnostics).toMatchObject([
      { code: 'minikube-tunnel', severity: 'error', command: 'kill -INT 4242' },
    ]);
    expect(isRefused(made)).toBe(true);
  });

  it('has a warning where it is another profile’s, or all is removed', () => {
    for (const made of [
      plan(desired, seen([tunnel({ profile: 'other' })])),
      plan({ ...desired, mode: 'absent' }, seen([tunnel()])),
    ]) {
      expect(made.diagnostics).toMatchObject([{ code: 'minikube-tunnel', severity: 'warning' }]);
      expect(isRefused(made)).toBe(false);
    }
  });

  it('tells of a dead one whether its route is still there', () => {
    const [there] = plan(desired, seen([dead()], [LEFT])).diagnostics;
    expect(there).toMatchObject({ severity: 'warning', command: 'mkplan cleanup --minikube' });
    expect(there?.summary).toMatch(/profile minikube \(pid 4242\) ended .* is still there$/);
    const [gone] = plan(desired, seen([dead()])).diagnostics;
    expect(gone).toMatchObject({ command: 'minikube tunnel --cleanup -p minikube' });
    expect(gone?.summary).toMatch(/is gone$/);
  });

  it('has another fingerprint once one runs', () => {
    expect(plan(desired, seen([tunnel({ profile: 'other' })])).fingerprint).not.toBe(
      plan(desired, seen([])).fingerprint,
    );
  });

  it('goes on with a warning where the file cannot be read', () => {
    const base = seen([]);
    const made = plan(desired, { ...base, host: { ...base.host, problems: ['tunnels.json: EACCES'] } });
    expect(made.diagnostics).toMatchObject([{ code: 'host-unobserved', severity: 'warning' }]);
    expect(isRefused(made)).toBe(false);
  });
});

describe('cleanup --minikube', () => {
  const cleanup = (observed: ObservedState, minikube = true) =>
    planCleanup(observed, { all: false, minikube, orphaned: new Map() });

  it('deletes the route that equals a dead entry, once, and needs approval', () => {
    const made = cleanup(seen([dead(), dead({ pid: 4243 })], [LEFT]));
    expect(made.steps).toMatchObject([{ action: 'delete', profile: 'minikube' }]);
    expect(made.waves).toEqual([[{ step: 0, op: 'delete' }]]);
    expect(made.approvals).toMatchObject([{ kind: 'minikube', subject: '10.96.0.0/12' }]);
  });

  it('does nothing of it without being asked, and says what it could', () => {
    const made = cleanup(seen([dead()], [LEFT]), false);
    expect(made).toMatchObject({ steps: [], approvals: [] });
    expect(made.diagnostics).toMatchObject([{ code: 'minikube-tunnel-ended' }]);
  });

  it.each<[string, readonly MinikubeTunnel[], readonly RouteDocument[]]>([
    ['the tunnel runs', [tunnel()], [LEFT]],
    ['another tunnel that runs has the same route', [dead(), tunnel({ profile: 'other', pid: 7 })], [LEFT]],
    ['the route has another gateway', [dead()], [{ ...LEFT, gateway: '192.168.39.9' }]],
    ['the route has another length', [dead()], [{ ...LEFT, destination: '10.96.0.0/16' }]],
    ['somebody set it with a protocol', [dead()], [{ ...LEFT, protocol: 4 }]],
    ['somebody set it with a metric', [dead()], [{ ...LEFT, metric: 50 }]],
    ['there are two of it', [dead()], [LEFT, { ...LEFT, metric: 50 }]],
    ['it is in another table', [dead()], [{ ...LEFT, table: 100 }]],
  ])('leaves the route where %s', (_, tunnels, routes) => {
    expect(cleanup(seen(tunnels, routes)).steps).toEqual([]);
  });

  it('leaves what a spec has adopted', () => {
    const claims = [build.claim(LEFT)];
    const made = cleanup(seen([dead()], [LEFT], { registry: { claims, open: null } }));
    expect(made.steps.map(({ action }) => action)).toEqual(['none']);
  });
});

describe('cleanup', () => {
  const OURS: RouteDocument = { ...LEFT, protocol: 109, metric: 109 };
  const options = { all: false, minikube: false, orphaned: new Map() };

  it('shows what has our protocol and no claim, and what stands in the place of a claimed route', () => {
    const changed = { ...OURS, gateway: '192.168.39.9' };
    const stray = { ...OURS, destination: '10.50.0.0/16' };
    const claims = [build.claim(OURS)];
    const made = planCleanup(seen([], [changed, stray], { registry: { claims, open: null } }), options);
    expect(made.steps).toMatchObject([{ action: 'forget', reason: expect.stringMatching(/left alone/) }]);
    expect(made.unproven.map(({ route, reason }) => [formatRoute(route), reason])).toEqual([
      ['10.50.0.0/16 via 192.168.39.174 dev virbr1 proto 109 metric 109', expect.stringMatching(/no claim/)],
      [
        '10.96.0.0/12 via 192.168.39.9 dev virbr1 proto 109 metric 109',
        expect.stringMatching(/claim differs/),
      ],
    ]);
  });

  it('says that a reboot took a route, and what cannot be seen from here', () => {
    const claim = build.claim(OURS);
    const rebooted = { ...claim, owner: { ...claim.owner, bootId: 'boot-0' } };
    const elsewhere = { ...claim, owner: { ...claim.owner, networkNamespace: '7' } };
    const made = planCleanup(
      seen([], [], { registry: { claims: [rebooted, elsewhere], open: null } }),
      options,
    );
    expect(made.steps.map(({ action, reason }) => [action, reason])).toEqual([
      ['forget', expect.stringMatching(/restarted/)],
      ['none', expect.stringMatching(/namespace 7/)],
    ]);
  });

  it('judges equal keys of two namespaces apart', () => {
    const here = build.claim(OURS);
    const elsewhere = { ...here, owner: { ...here.owner, networkNamespace: '7' } };
    const observed = seen([], [OURS], { registry: { claims: [elsewhere, here], open: null } });
    const made = planCleanup(observed, { ...options, orphaned: new Map([[elsewhere, 'its spec is gone']]) });
    expect(made.steps.map(({ action }) => action)).toEqual(['none', 'none']);
  });
});
