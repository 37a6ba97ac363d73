import { describe, expect, it } from 'vitest';
import { claimedStatus, statusOf, unclaimedRoutes } from '../../../src/cli/commands/status/path-status.ts';
import { PLAIN } from '../../../src/cli/views/color.ts';
import { renderStatus, statusLines } from '../../../src/cli/views/text/render-status.ts';
import { nothingDesired } from '../../../src/cli/wiring/desired.ts';
import { endpointKey } from '../../../src/cli/wiring/probe.ts';
import type { Claim } from '../../../src/model/claim.ts';
import type { DesiredState } from '../../../src/model/desired.ts';
import type { ObservedService, ObservedState } from '../../../src/model/observed.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { NO_POLICY } from '../../../src/model/policy.ts';
import type { Route } from '../../../src/model/route.ts';
import { ALL_CAPABILITIES } from '../../../src/model/system.ts';
import * as build from '../../planner/build.ts';
import { ours, planOf, routeStep } from '../plans.ts';

const SPEC = '/home/me/team/tunnel.yaml';
const DESIRED: DesiredState = { ...nothingDesired(SPEC), name: 'dev', mode: 'present' };

/** What a report is rendered with beside its title. */
const ABOUT = { colors: PLAIN, spec: 'tunnel.yaml', hasSpec: true, session: null } as const;

const NETWORK = ours('10.96.0.0/12');
const NGINX = ours('10.200.0.1/32');
const WEB = ours('10.200.0.2/32', { gateway: '192.168.39.11' });

function claim(route: Route, spec = SPEC): Claim {
  return {
    profile: 'minikube',
    purpose: 'services',
    route,
    created: '2026-01-01T00:00:00Z',
    owner: {
      spec,
      mode: 'persistent',
      pid: 1,
      startTime: '1',
      bootId: 'boot',
      networkNamespace: 'net',
    },
  };
}

function service(name: string, ingress: readonly string[]): ObservedService {
  return build.service(name, { ingress, ports: ['80/TCP', '53/UDP', '443/TCP'] });
}

function observed(routes: readonly Route[], claims: readonly Claim[]): ObservedState {
  return {
    host: {
      platform: 'linux',
      capabilities: ALL_CAPABILITIES,
      bootId: 'boot',
      networkNamespace: 'net',
      rules: [],
      routes,
      links: [],
      addresses: [],
      answers: [],
      critical: [],
      minikubeTunnels: [],
      problems: [],
      policy: NO_POLICY,
    },
    registry: { claims, open: null },
    profiles: [
      {
        name: 'minikube',
        config: null,
        minikubeIp: null,
        context: null,
        problems: [],
        cluster: {
          identity: null,
          version: 'v1.34.0',
          nodes: [
            {
              name: 'one',
              ready: true,
              controlPlane: true,
              internalIps: ['192.168.39.10'],
              podCidrs: [],
            },
            { name: 'two', ready: false, controlPlane: false, internalIps: ['192.168.39.11'], podCidrs: [] },
          ],
          serviceCidrs: [],
          kubeadm: null,
          otherLoadBalancers: [],
          services: [service('nginx', ['10.200.0.1']), service('web', ['10.200.0.2']), service('late', [])],
          endpoints: [
            build.endpoints('nginx', { one: 2, two: 1 }),
            build.endpoints('web', {}),
            build.endpoints('late', {}),
          ],
          strayPods: [],
          missingRights: [],
          allocations: null,
          participants: [],
        },
      },
    ],
  };
}

function served(name: string, address: string): Plan['services'][number] {
  return {
    profile: 'minikube',
    namespace: 'default',
    name,
    state: 'served',
    addresses: [address],
    reason: '',
  };
}

/** Two routes stand; that of default/web went with its link. */
const STATE = observed([NETWORK, NGINX], [claim(NETWORK), claim(NGINX), claim(WEB)]);
const PLAN = planOf({
  steps: [
    routeStep('none', { before: NETWORK, after: NETWORK }),
    routeStep('none', { before: NGINX, after: NGINX }, { purpose: 'load-balancer' }),
    routeStep('create', { after: WEB }, { purpose: 'load-balancer' }),
  ],
  services: [
    served('nginx', '10.200.0.1'),
    served('web', '10.200.0.2'),
    {
      profile: 'minikube',
      namespace: 'default',
      name: 'late',
      state: 'pending',
      addresses: [],
      reason: 'pool exhausted',
    },
  ],
});

describe('statusOf', () => {
  const report = statusOf(DESIRED, PLAN, STATE);

  it('tells for each route whether it stands, and whether its node is ready', () => {
    expect(report.routes.map(({ state, node }) => [state, node])).toEqual([
      ['present', { name: 'one', ready: true }],
      ['present', { name: 'one', ready: true }],
      ['missing', { name: 'two', ready: false }],
    ]);
  });

  it('names the claimed routes that are gone, and what took them', () => {
    expect(report.lost.map(({ route, why }) => [route, why])).toEqual([
      [WEB, 'somebody removed it, or its link was down meanwhile'],
    ]);
  });

  it.each([
    [[], 'boot-0', 'the host was restarted since'],
    [[{ name: 'eth0', up: true }], 'boot', 'its link virbr1 is gone'],
    [[{ name: 'virbr1', up: false }], 'boot', 'its link virbr1 is down'],
    [[{ name: 'virbr1', up: true }], 'boot', 'somebody removed it, or its link was down meanwhile'],
  ])('with links %j, a claim of %s is lost since %s', (links, bootId, why) => {
    const lost = claim(WEB);
    const state = observed([], [{ ...lost, owner: { ...lost.owner, bootId } }]);
    const found = statusOf(DESIRED, PLAN, { ...state, host: { ...state.host, links } });
    expect(found.lost.map((one) => one.why)).toEqual([why]);
  });

  it('shows what is not proven to be ours, running tunnels of minikube, and what cannot be seen', () => {
    const stray = ours('10.50.0.0/16');
    const elsewhere = claim(NETWORK);
    const state = observed([stray], [{ ...elsewhere, owner: { ...elsewhere.owner, networkNamespace: '7' } }]);
    const tunnel = {
      profile: 'p',
      pid: 9,
      alive: true,
      destination: NETWORK.destination,
      gateway: '10.0.0.1',
    };
    const host = { ...state.host, minikubeTunnels: [tunnel], problems: ['tunnels.json: EACCES'] };
    const found = statusOf(DESIRED, PLAN, { ...state, host });
    expect(found.unproven.map(({ route }) => route)).toEqual([stray]);
    expect(found.problems).toEqual([
      '`minikube tunnel` is running for profile p (pid 9)',
      'tunnels.json: EACCES',
      '1 route of it in another network namespace cannot be seen from here',
    ]);
    const text = renderStatus(found, { ...ABOUT, title: 'dev', answers: new Map() });
    expect(text).toContain('? 10.50.0.0/16');
    expect(statusLines(found, 'tunnel.yaml', new Map()).map((line) => line.type)).toContain('unproven');
  });

  it('says below its heading how long routes last, even while all are there', () => {
    const all = observed([NETWORK, NGINX, WEB], [claim(NETWORK), claim(NGINX), claim(WEB)]);
    const text = renderStatus(statusOf(DESIRED, PLAN, all), {
      ...ABOUT,
      title: 'dev',
      answers: new Map(),
    });
    expect(text).toMatch(/^dev\n\nRoutes last until reboot or loss of their link; /);
  });

  it('names the first few of very many lost routes', () => {
    const many = Array.from({ length: 25 }, (_, index) => claim(ours(`10.200.1.${index}/32`)));
    const text = renderStatus(statusOf(DESIRED, PLAN, observed([], many)), {
      ...ABOUT,
      title: 'dev',
      answers: new Map(),
    });
    expect(text).toContain('… and 15 more');
  });

  it('tells an address that leads somewhere from one that outlives its route', () => {
    expect(report.services.map(({ name, routed }) => [name, routed])).toEqual([
      ['nginx', true],
      ['web', false],
      ['late', null],
    ]);
  });

  it('counts ready endpoints of all nodes, and lists the ports that take a TCP connection', () => {
    expect(report.services[0]).toMatchObject({ endpoints: 3, ports: [80, 443] });
  });

  it('does not know the endpoints where nobody may look', () => {
    const state = observed([], []);
    const blind: ObservedState = {
      ...state,
      profiles: state.profiles.map((profile) => ({
        ...profile,
        cluster: profile.cluster && {
          ...profile.cluster,
          endpoints: [],
          missingRights: ['list endpointslices'],
        },
      })),
    };
    const unknown = statusOf(DESIRED, PLAN, blind);
    expect(unknown.services[0]?.endpoints).toBeNull();
    const shown = renderStatus(unknown, { ...ABOUT, title: 'dev', answers: new Map() });
    expect(shown).toMatch(/default\/nginx .* unknown/);
  });

  it('does not take a guard for a way to an address', () => {
    const guard = ours('10.200.0.0/24', { type: 'unreachable' });
    const state = observed([guard], [claim(guard)]);
    expect(statusOf(DESIRED, PLAN, state).services[1]?.routed).toBe(false);
  });

  it('is shown with what is gone first', () => {
    const answers = new Map([
      [endpointKey({ address: '10.200.0.1', port: 80 }), true],
      [endpointKey({ address: '10.200.0.1', port: 443 }), false],
    ]);
    const text = renderStatus(report, { ...ABOUT, title: 'Tunnel dev (tunnel.yaml)', answers });
    expect(`\n${text}`).toMatchInlineSnapshot(`
      "
      ! 1 route is gone: routes last until reboot or loss of their link. \`mkplan apply\` puts back what the spec asks for.
          10.200.0.2/32 via 192.168.39.11 dev virbr1 proto 109 metric 109  somebody removed it, or its link was down meanwhile

      Tunnel dev (tunnel.yaml)

      DESTINATION    VIA            DEV     PROFILE   FOR            ROUTE    NODE
      10.96.0.0/12   192.168.39.10  virbr1  minikube  services       present  one Ready
      10.200.0.1/32  192.168.39.10  virbr1  minikube  load-balancer  present  one Ready
      10.200.0.2/32  192.168.39.11  virbr1  minikube  load-balancer  missing  two NotReady

      SERVICE        EXTERNAL-IP  PROFILE   ROUTE    NODE       ENDPOINTS  ANSWERS
      default/nginx  10.200.0.1   minikube  present  one Ready  3 ready    80 yes, 443 no
      default/web    10.200.0.2   minikube  missing  -          0 ready    -               the address outlives its route
      default/late   pending      minikube  -        -          0 ready    -               pending: pool exhausted
      "
    `);
  });

  it('names who else is in the clusters, and says nothing of ourselves', () => {
    const participant = { own: false, live: true, leaving: false, serves: null };
    const participants = [
      { ...participant, name: 'mkplan-0', holder: 'me@here:/a', own: true },
      { ...participant, name: 'mkplan-1', holder: 'ann@there:/a' },
      { ...participant, name: 'mkplan-2', holder: 'bob@there:/a', leaving: true },
      { ...participant, name: 'mkplan-3', holder: 'cleo@there:/a', live: false },
    ];
    const profiles = STATE.profiles.map((one) => ({
      ...one,
      cluster: one.cluster === null ? null : { ...one.cluster, participants },
    }));
    const shared = statusOf(DESIRED, PLAN, { ...STATE, profiles });
    const text = renderStatus(shared, { ...ABOUT, title: 'Tunnel dev', answers: new Map() });
    expect(text).toContain(
      [
        'minikube: ann@there:/a is here, too (mkplan-1)',
        'minikube: bob@there:/a is leaving (mkplan-2)',
        'minikube: cleo@there:/a was here, and its Lease ran out (mkplan-3)',
      ].join('\n'),
    );
    expect(text).not.toContain('me@here');
    const lines = statusLines(shared, 'tunnel.yaml', new Map());
    expect(lines.flatMap((line) => (line.type === 'participant' ? [line.name] : []))).toEqual([
      'mkplan-1',
      'mkplan-2',
      'mkplan-3',
    ]);
  });

  it('has a line for each route and Service', () => {
    const answers = new Map([[endpointKey({ address: '10.200.0.1', port: 80 }), true]]);
    const lines = statusLines(report, 'tunnel.yaml', answers);
    expect(lines.map((line) => line.type)).toEqual([
      'status',
      'lost',
      'route',
      'route',
      'route',
      'service',
      'service',
      'service',
    ]);
    expect(lines[5]).toMatchObject({ answers: [{ address: '10.200.0.1', port: 80, answered: true }] });
    expect(() => JSON.stringify(lines)).not.toThrow();
  });
});

describe('claimedStatus', () => {
  it('shows what is recorded for each spec, without any of them', () => {
    const other = ours('10.98.0.0/24');
    const state = observed([NETWORK, other], [claim(NETWORK), claim(WEB), claim(other, '/a/tunnel.yaml')]);
    const reports = claimedStatus(state);
    expect([...reports.keys()]).toEqual(['/a/tunnel.yaml', SPEC]);
    expect(reports.get(SPEC)?.routes.map((route) => route.state)).toEqual(['present', 'missing']);
    expect(reports.get(SPEC)?.lost).toHaveLength(1);
  });

  it('calls routes of an earlier boot gone', () => {
    const earlier = claim(NETWORK);
    const state = observed([NETWORK], [{ ...earlier, owner: { ...earlier.owner, bootId: 'earlier' } }]);
    expect(claimedStatus(state).get(SPEC)?.lost).toMatchObject([{ why: 'the host was restarted since' }]);
  });

  it('is empty where nothing is recorded', () => {
    expect(claimedStatus(observed([NETWORK], [])).size).toBe(0);
    expect(unclaimedRoutes(observed([NETWORK], [])).map(({ route }) => route)).toEqual([NETWORK]);
  });
});
