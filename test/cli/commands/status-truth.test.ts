import { describe, expect, it } from 'vitest';
import { Doubts } from '../../../src/cli/commands/status/doubts.ts';
import { statusOf } from '../../../src/cli/commands/status/path-status.ts';
import {
  isWorthTelling,
  leftBy,
  type SessionStatus,
} from '../../../src/cli/commands/status/session-status.ts';
import { PLAIN } from '../../../src/cli/views/color.ts';
import type { StatusReport } from '../../../src/cli/views/status-report.ts';
import { renderSession } from '../../../src/cli/views/text/render-session.ts';
import {
  type RenderStatusOptions,
  renderStatus,
  statusLines,
} from '../../../src/cli/views/text/render-status.ts';
import { displayWidth } from '../../../src/cli/views/text.ts';
import type { Claim } from '../../../src/model/claim.ts';
import type { DesiredState } from '../../../src/model/desired.ts';
import type { ObservedState, Right } from '../../../src/model/observed.ts';
import { formatPrefix } from '../../../src/model/prefix.ts';
import type { RouteDocument } from '../../../src/model/route.ts';
import { plan } from '../../../src/planner/plan.ts';
import type { SessionRecord } from '../../../src/registry/registry.ts';
import * as build from '../../planner/build.ts';

const DESIRED = build.desired([
  build.profile({
    gateway: { value: 'auto', at: build.AT },
    services: { value: 'auto', at: build.AT },
    pods: { value: 'auto', at: build.AT },
    loadBalancer: build.loadBalancer(['10.200.0.0/24'], { unclassed: true }),
  }),
]);

function made(destination: string, rest: Partial<RouteDocument> = {}): RouteDocument {
  return { destination, gateway: build.VM, device: 'virbr1', metric: 109, protocol: 109, ...rest };
}

const SERVICES = made('10.43.0.0/16');
const PODS = made('10.244.0.0/16');
const WEB = made('10.200.0.1/32');
const GUARD: RouteDocument = {
  destination: '10.200.0.0/24',
  type: 'unreachable',
  metric: 109,
  protocol: 109,
};
const ROUTES = [SERVICES, PODS, WEB, GUARD];

function claims(mode: Claim['owner']['mode'] = 'persistent'): Claim[] {
  const purposes = ['services', 'pods', 'load-balancer', 'guard'] as const;
  return ROUTES.map((route, index) => {
    const base = build.claim(route, { purpose: purposes[index] ?? 'services' });
    return { ...base, owner: { ...base.owner, mode } };
  });
}

const SERVED = build.service('web', { ingress: ['10.200.0.1'], ingressManager: 'mkplan' });
const CLUSTER = build.cluster({
  serviceCidrs: ['10.43.0.0/16'],
  services: [SERVED],
  allocations: {
    resourceVersion: '1',
    allocations: [{ service: 'default/web', address: '10.200.0.1' }],
  },
});

/** Everything as the spec asks, but for what a case names. */
function observed(rest: Partial<ObservedState> = {}): ObservedState {
  return build.observed({
    host: build.host(ROUTES),
    registry: { claims: claims(), open: null },
    profiles: [build.observedProfile({ cluster: CLUSTER })],
    ...rest,
  });
}

const without = (...missingRights: Right[]) => [
  build.observedProfile({
    cluster: {
      ...CLUSTER,
      missingRights,
      ...(missingRights.includes('list services') ? { services: [] } : {}),
      ...(missingRights.includes('list nodes') ? { nodes: [] } : {}),
      ...(missingRights.includes('list servicecidrs') ? { serviceCidrs: [], kubeadm: null } : {}),
    },
  }),
];

/** The cluster timed out, refused, or answered with garbage; nor does the hypervisor know the VM. */
const SILENT = [
  build.observedProfile({
    cluster: null,
    context: null,
    minikubeIp: null,
    config: null,
    problems: ['context minikube does not answer'],
  }),
];

function report(state: ObservedState, desired: DesiredState = DESIRED): StatusReport {
  return statusOf(desired, plan(desired, state), state);
}

function states({ routes }: StatusReport): Record<string, string> {
  return Object.fromEntries(routes.map(({ route, state }) => [formatPrefix(route.destination), state]));
}

function text(found: StatusReport, rest: Partial<RenderStatusOptions> = {}): string {
  return renderStatus(found, {
    colors: PLAIN,
    title: 'Tunnel dev (tunnel.yaml)',
    spec: 'tunnel.yaml',
    hasSpec: true,
    session: null,
    answers: new Map(),
    ...rest,
  });
}

const PRESENT = {
  '10.43.0.0/16': 'present',
  '10.244.0.0/16': 'present',
  '10.200.0.1/32': 'present',
  '10.200.0.0/24': 'present',
};

describe('what status says of the spec', () => {
  it('is true where all is as the spec asks', () => {
    const found = report(observed());
    expect(states(found)).toEqual(PRESENT);
    expect(found).toMatchObject({ fulfilled: true, applied: true, blind: [] });
  });

  it('is never `unwanted` or `missing` where the cluster is silent', () => {
    const found = report(observed({ profiles: SILENT }));
    expect(states(found)).toEqual({
      '10.43.0.0/16': 'unknown',
      '10.244.0.0/16': 'unknown',
      '10.200.0.1/32': 'unknown',
      '10.200.0.0/24': 'unknown',
    });
    expect(found.fulfilled).toBeNull();
    expect(text(found)).toMatch(/10\.200\.0\.1\/32 .* unknown +unknown\n/);
    expect(text(found)).toContain(
      'warning: profile minikube: its cluster could not be observed — context minikube does not answer',
    );
    expect(text(found).split('does not answer')).toHaveLength(2);
  });

  it('does not make up what the spec might ask for where the cluster is silent', () => {
    const nothing = observed({
      host: build.host(),
      registry: { claims: [], open: null },
      profiles: [build.observedProfile({ cluster: null })],
    });
    const found = report(nothing);
    expect(found.routes).toEqual([]);
    expect(found).toMatchObject({ applied: false, fulfilled: null });
    expect(text(found)).toContain('Nothing is applied.');
  });

  it('still says what is gone where the cluster is silent', () => {
    const found = report(observed({ host: build.host([PODS, GUARD]), profiles: SILENT }));
    expect(found.lost.map(({ route }) => formatPrefix(route.destination))).toEqual([
      '10.43.0.0/16',
      '10.200.0.1/32',
    ]);
  });

  it.each<[Right[], Record<string, string>]>([
    [['list services'], { '10.200.0.1/32': 'unknown' }],
    [['list nodes'], { '10.244.0.0/16': 'unknown' }],
    [['list servicecidrs', 'get configmaps kube-system/kubeadm-config'], { '10.43.0.0/16': 'unknown' }],
  ])('is unknown as far as the user has no right to %j', (rights, unknown) => {
    const found = report(observed({ profiles: without(...rights) }));
    expect(states(found)).toMatchObject(unknown);
    expect(Object.values(states(found))).not.toContain('unwanted');
    expect(found.fulfilled).not.toBe(true);
  });

  it('says `unwanted` of what the spec gave up, and that the Services of a profile it dropped are unknown', () => {
    const dropped = build.desired([build.profile({ name: 'other' })]);
    const found = report(observed(), dropped);
    expect(new Set(Object.values(states(found)))).toEqual(new Set(['unwanted']));
    expect(found.fulfilled).toBe(false);
    expect(found.problems.join()).toContain('no longer names profile minikube');
  });

  it('says that nothing is applied, after destroy, and not that everything is missing', () => {
    const bare = build.service('web');
    const destroyed = observed({
      host: build.host(),
      registry: { claims: [], open: null },
      profiles: [build.observedProfile({ cluster: build.cluster({ services: [bare] }) })],
    });
    const found = report(destroyed);
    expect(found).toMatchObject({ applied: false, fulfilled: false });
    expect(text(found)).toBe(
      'Tunnel dev (tunnel.yaml)\n\nNothing is applied. `mkplan plan` shows what would be.\n',
    );
  });

  it('names what takes away an address whose routes are gone', () => {
    const strays = observed({ host: build.host(), registry: { claims: [], open: null } });
    expect(text(report(strays))).toContain(
      '! 1 Service shows an address without a route. `mkplan destroy` takes it away;',
    );
  });

  it.each<[string, Partial<ObservedState>, boolean | null]>([
    ['a route is missing', { host: build.host([SERVICES, PODS, GUARD]) }, false],
    [
      'a Service is not told its address',
      { profiles: [build.observedProfile({ cluster: { ...CLUSTER, services: [build.service('web')] } })] },
      false,
    ],
    [
      'a Service waits for an address',
      {
        profiles: [
          build.observedProfile({
            cluster: {
              ...CLUSTER,
              services: [SERVED, build.service('late', { requestedIp: '10.9.9.9' })],
            },
          }),
        ],
      },
      false,
    ],
    [
      'a transaction is under way',
      {
        registry: {
          claims: claims(),
          open: {
            txid: 't',
            decided: false,
            awaiting: false,
            changes: 1,
            spec: DESIRED.spec,
          },
        },
      },
      null,
    ],
    [
      'all is made, and waits to be confirmed',
      {
        registry: {
          claims: claims(),
          open: {
            txid: 't',
            decided: false,
            awaiting: true,
            changes: 1,
            spec: DESIRED.spec,
          },
        },
      },
      true,
    ],
    ['something is missing and something unknown', { host: build.host([]), profiles: SILENT }, null],
  ])('where %s is %#', (_, rest, fulfilled) => {
    expect(report(observed(rest)).fulfilled).toBe(fulfilled);
  });
});

const RECORD: SessionRecord = {
  spec: DESIRED.spec,
  pid: 7,
  startTime: '1',
  ...build.HOST_ID,
  since: '2026-01-01T00:00:00Z',
  state: 'idle',
  lastPass: null,
  held: [],
  pending: [],
};

describe('what status says of a session', () => {
  const live: SessionStatus = { record: RECORD, live: true, elsewhere: false, left: null };

  function ended(state: ObservedState, hasSpec = true, isRead = hasSpec): string {
    const doubts = new Doubts(DESIRED, state);
    const told = isRead ? { desired: DESIRED, doubts, report: report(state) } : null;
    const session = { ...live, live: false, left: leftBy(RECORD, state, hasSpec, told) };
    if (!isWorthTelling(session)) return '';
    const out = renderSession(session, { colors: PLAIN, spec: 'tunnel.yaml' });
    return out.slice(out.indexOf(': ') + 2).trimEnd();
  }
  const ofSession = { claims: claims('session'), open: null };

  it('that lives is not to apply beside it', () => {
    const gone = report(observed({ host: build.host([SERVICES, PODS, GUARD]) }));
    expect(text(gone, { session: live })).toMatch(/^! 1 route is gone: .* The session puts back/);
    expect(text(gone, { session: live })).not.toContain('mkplan apply');
    expect(text(report(observed()), { session: live })).toMatch(/; the session puts them back\.\n/);
    const nothing = observed({ host: build.host(), registry: { claims: [], open: null }, profiles: SILENT });
    expect(text(report(nothing), { session: live })).toContain('Nothing is applied yet.');
  });

  it('that was killed is what it left, and the command that takes both away', () => {
    expect(ended(observed({ registry: ofSession }))).toBe(
      '4 routes and the address of 1 Service. `mkplan destroy` takes both away.',
    );
  });

  it('that was killed is what is known of it where the cluster is silent', () => {
    expect(ended(observed({ registry: ofSession, profiles: SILENT }))).toBe(
      '4 routes and whatever addresses its Services still show. `mkplan destroy` takes both away once its clusters answer.',
    );
  });

  it('whose spec is gone is the way there is', () => {
    expect(ended(observed({ registry: ofSession, profiles: [] }), false)).toBe(
      '4 routes and whatever addresses its Services still show. `mkplan cleanup` takes the routes away. The addresses stay until tunnel.yaml is back and `mkplan destroy` is run.',
    );
  });

  it('after a restart of the host is the addresses alone', () => {
    const earlier = claims('session').map((one) => ({ ...one, owner: { ...one.owner, bootId: 'earlier' } }));
    const state = observed({ host: build.host(), registry: { claims: earlier, open: null } });
    expect(ended(state)).toBe('the address of 1 Service. `mkplan destroy` takes that away.');
  });

  it('that left nothing is not told', () => {
    const state = observed({
      host: build.host(),
      registry: { claims: [], open: null },
      profiles: [build.observedProfile({ cluster: build.cluster() })],
    });
    expect(ended(state)).toBe('');
  });

  it('beside what apply made is told apart from it', () => {
    const [first, ...others] = claims('session');
    const mixed = [...(first === undefined ? [] : [first]), ...claims().slice(1)];
    expect(others).toHaveLength(3);
    expect(ended(observed({ registry: { claims: mixed, open: null } }))).toContain(
      "`mkplan cleanup` takes away the session's routes alone.",
    );
  });

  it('in another network namespace is told as such', () => {
    const out = renderSession({ ...live, elsewhere: true }, { colors: PLAIN, spec: 'tunnel.yaml' });
    expect(out).toContain('in another network namespace');
  });
});

describe('status on a terminal', () => {
  const found = report(observed({ host: build.host([SERVICES, PODS, GUARD]) }));
  const answers = new Map([['10.200.0.1 80', true]]);

  it.each([40, 60, 80, 120])('is no wider than its %d columns', (width) => {
    const wide = text(found, { width, answers })
      .split('\n')
      .filter((line) => displayWidth(line) > width);
    expect(wide).toEqual([]);
  });

  it('shows at 80 columns each link of the path', () => {
    const shown = text(found, { width: 80, answers });
    for (const title of ['ROUTE', 'NODE', 'ENDPOINTS', 'ANSWERS']) expect(shown).toContain(title);
    expect(shown).toContain('default/web');
  });

  it('shows every column with --wide', () => {
    expect(text(found, { wide: true })).toMatch(/DEV +METRIC +PROTO +PROFILE/);
    expect(text(found)).not.toMatch(/METRIC|PROTO/);
  });
});

describe('what status says of a cluster on this host', () => {
  const node = build.node('laptop', ['192.168.1.10'], ['10.42.0.0/24'], { controlPlane: true });
  const service = build.service('web', { ingress: ['10.200.0.1'], ingressManager: 'mkplan' });
  const endpoints = [build.endpoints('web', { laptop: 2 })];
  const here = (services = [service]): ObservedState =>
    build.observed({
      profiles: [
        build.observedProfile({
          config: null,
          minikubeIp: null,
          cluster: { ...CLUSTER, nodes: [node], services, endpoints },
        }),
      ],
    });

  it('is that no route is needed, and which Node answers', () => {
    const found = report(here());
    expect(found).toMatchObject({
      routes: [],
      services: [{ routed: true, onThisHost: true, node: { name: 'laptop', ready: true }, endpoints: 2 }],
      fulfilled: true,
      applied: true,
    });
    const answers = new Map([['10.200.0.1 80', true]]);
    const [, heading, row] = text(found, { answers }).trim().split(/\n+/);
    expect(heading).toMatch(/^SERVICE +EXTERNAL-IP +PROFILE +ROUTE +NODE /);
    expect(row).toMatch(/^default\/web +10\.200\.0\.1 +minikube +on this host +laptop Ready +2 ready /);
    expect(text(found)).toContain(
      'minikube: its cluster runs on this host (192.168.1.10), so nothing is routed',
    );
    expect(statusLines(found, 'tunnel.yaml', answers)).toMatchObject([
      { type: 'status', onThisHost: ['minikube'] },
      { type: 'service', routed: true, onThisHost: true },
    ]);
  });

  it('is not fulfilled while a Service waits for its address', () => {
    const found = report(here([build.service('web')]));
    expect(found).toMatchObject({ fulfilled: false, services: [{ routed: null }] });
    expect(found.services[0]?.onThisHost).toBeUndefined();
  });

  it('is nothing of the kind where the cluster is elsewhere', () => {
    const found = report(observed());
    expect(found.here).toEqual([]);
    expect(statusLines(found, 'tunnel.yaml', new Map())[0]).not.toHaveProperty('onThisHost');
  });
});
