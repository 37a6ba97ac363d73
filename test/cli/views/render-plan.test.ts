import { describe, expect, it } from 'vitest';
import { fileNames } from '../../../src/cli/arguments/paths.ts';
import { PLAIN, paletteFor } from '../../../src/cli/views/color.ts';
import { renderPlan } from '../../../src/cli/views/text/render-plan.ts';
import { displayWidth } from '../../../src/cli/views/text.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { decodeRoute } from '../../../src/model/route.ts';
import { conflictOf, ours, planOf, routeStep, serviceStep } from '../plans.ts';

const NAMES = fileNames('team/tunnel.yaml', '/home/me/team/tunnel.yaml');

function render(plan: Plan): string {
  return `\n${renderPlan(plan, { colors: PLAIN, names: NAMES })}`;
}

const MINIKUBE = {
  name: 'minikube',
  gateways: [{ address: '192.168.39.10', source: 'the API server answered there' }],
  services: [{ cidr: '10.96.0.0/12', source: 'ServiceCIDR object' }],
  pods: [{ cidr: '10.244.0.0/24', source: 'podCIDRs of Node minikube' }],
};

/** A plan with one of each kind of step. */
const BUSY = planOf({
  profiles: [MINIKUBE],
  localOverrides: ['spec.conflictPolicy'],
  steps: [
    routeStep('create', { after: ours('10.96.0.0/12') }),
    routeStep(
      'replace',
      {
        before: ours('10.244.0.0/24', { gateway: '192.168.39.9' }),
        after: ours('10.244.0.0/24', { metric: 110 }),
      },
      { purpose: 'pods', reason: 'the VM moved' },
    ),
    routeStep(
      'delete',
      { before: ours('10.200.0.12/32') },
      { purpose: 'load-balancer', reason: 'default/old is gone' },
    ),
    routeStep(
      'create',
      {
        after: decodeRoute({ destination: '10.200.0.0/24', type: 'unreachable', metric: 109, protocol: 109 }),
      },
      { purpose: 'guard', reason: 'closes the pool' },
    ),
    routeStep('forget', { before: ours('10.245.0.0/24') }, { purpose: 'pods', reason: 'its route is gone' }),
    routeStep('none', { before: ours('10.200.0.10/32'), after: ours('10.200.0.10/32') }),
    serviceStep('create', 'nginx', [], ['10.200.0.11']),
    serviceStep('replace', 'web', ['10.200.0.99'], ['10.200.0.13'], 'outside the pool now'),
    serviceStep('delete', 'old', ['10.200.0.12'], [], 'no longer of type LoadBalancer'),
  ],
  services: [
    {
      profile: 'minikube',
      namespace: 'default',
      name: 'api',
      state: 'served',
      addresses: ['10.200.0.10'],
      reason: '',
    },
    {
      profile: 'minikube',
      namespace: 'default',
      name: 'nginx',
      state: 'served',
      addresses: ['10.200.0.11'],
      reason: 'lowest free address',
    },
    {
      profile: 'minikube',
      namespace: 'default',
      name: 'web',
      state: 'served',
      addresses: ['10.200.0.13'],
      reason: 'outside the pool now',
    },
    {
      profile: 'minikube',
      namespace: 'default',
      name: 'late',
      state: 'pending',
      addresses: [],
      reason: 'pool exhausted: 4 of 4 in use',
    },
  ],
});

describe('renderPlan', () => {
  it('shows each step under its profile, with marks and aligned columns', () => {
    expect(render(BUSY)).toMatchInlineSnapshot(`
      "
      Tunnel dev (team/tunnel.yaml)
        from tunnel.local.yaml: spec.conflictPolicy

      minikube
          gateway   192.168.39.10  the API server answered there
          services  10.96.0.0/12   ServiceCIDR object
          pods      10.244.0.0/24  podCIDRs of Node minikube

        + 10.96.0.0/12    via 192.168.39.10  dev virbr1  metric 109  services                 no such route yet
        ~ 10.244.0.0/24   via 192.168.39.10  dev virbr1  metric 110  pods                     the VM moved
            was           via 192.168.39.9   dev virbr1  metric 109
        - 10.200.0.12/32  via 192.168.39.10  dev virbr1  metric 109  load-balancer            default/old is gone
        + 10.200.0.0/24   unreachable                    metric 109  guard                    closes the pool
        ~ 10.245.0.0/24   via 192.168.39.10  dev virbr1  metric 109  pods (forget the claim)  its route is gone
          1 route unchanged

        LoadBalancer Services
        + default/nginx  10.200.0.11                 served   lowest free address
        ~ default/web    10.200.0.99 -> 10.200.0.13  served   outside the pool now
          default/late                               pending  pool exhausted: 4 of 4 in use
        - default/old    10.200.0.12                          no longer of type LoadBalancer
          1 Service served as before

      Plan: 2 to add, 1 to replace, 1 to delete, 1 claim to forget; 2 Services to serve, 1 to clear.
      "
    `);
  });

  it('shows what refuses a plan: the foreign route, its owner, who wins and the line that resolves it', () => {
    expect(render(planOf({ profiles: [MINIKUBE], conflicts: [conflictOf()] }))).toMatchInlineSnapshot(`
      "
      Tunnel dev (team/tunnel.yaml)

      minikube
          gateway   192.168.39.10  the API server answered there
          services  10.96.0.0/12   ServiceCIDR object
          pods      10.244.0.0/24  podCIDRs of Node minikube

      ! refused: services 10.96.0.0/12 of minikube
        a more specific foreign route keeps 10.100.0.0/16
          relation    inside
          foreign     10.100.0.0/16 via 10.8.0.1 dev tun0 proto static
          owner       a VPN (device tun0)
          in dispute  10.100.0.0/16
          who wins    the foreign route
          resolve     set conflictPolicy: skip to leave this route out (team/tunnel.yaml:9:7)

      Plan: refused by 1 conflict; nothing is applied until that is resolved.
      "
    `);
  });

  it('lists approvals with the flag that gives them, unproven routes and diagnostics', () => {
    const plan = planOf({
      profiles: [MINIKUBE],
      steps: [routeStep('create', { after: ours('10.96.0.0/12') })],
      conflicts: [conflictOf({ relation: 'covers', outcome: 'warned' })],
      approvals: [
        { kind: 'covers', profile: 'minikube', subject: '10.96.0.0/12', why: 'takes part of 10.0.0.0/8' },
        { kind: 'gateway', profile: 'minikube', subject: '192.168.39.10', why: 'is no node' },
      ],
      unproven: [{ route: ours('10.98.0.0/24'), reason: 'carries protocol 109, but nobody claims it' }],
      diagnostics: [
        {
          code: 'stray-pods',
          severity: 'warning',
          summary: '2 pods run outside the routed networks',
          cause: 'they are on docker0',
          fix: 'nothing, unless you need them',
          command: 'kubectl get pods -A -o wide',
          at: { file: '/home/me/team/tunnel.local.yaml', line: 3, column: 5 },
        },
      ],
    });
    expect(render(plan)).toMatchInlineSnapshot(`
      "
      Tunnel dev (team/tunnel.yaml)

      minikube
          gateway   192.168.39.10  the API server answered there
          services  10.96.0.0/12   ServiceCIDR object
          pods      10.244.0.0/24  podCIDRs of Node minikube

        + 10.96.0.0/12  via 192.168.39.10  dev virbr1  services  no such route yet

      Not proven to be ours, and never touched
        ? 10.98.0.0/24 via 192.168.39.10 dev virbr1 proto 109 metric 109  carries protocol 109, but nobody claims it
          \`mkplan import\` adopts what is yours of it

      ! warned: services 10.96.0.0/12 of minikube
        a more specific foreign route keeps 10.100.0.0/16
          relation    covers
          foreign     10.100.0.0/16 via 10.8.0.1 dev tun0 proto static
          owner       a VPN (device tun0)
          in dispute  10.100.0.0/16
          who wins    the foreign route
          resolve     set conflictPolicy: skip to leave this route out (team/tunnel.yaml:9:7)

      Needs approval at the prompt, or by --allow covers,gateway
        ! covers   minikube  10.96.0.0/12   takes part of 10.0.0.0/8
        ! gateway  minikube  192.168.39.10  is no node

      warning: 2 pods run outside the routed networks (team/tunnel.local.yaml:3:5)
        why  they are on docker0
        fix  nothing, unless you need them
        run  kubectl get pods -A -o wide

      Plan: 1 to add, 0 to replace, 0 to delete; 0 Services to serve.
      "
    `);
  });

  it('gives each line of a cause a line of its own, and no other character of it power over the terminal', () => {
    const texts = {
      summary: 'it could not be observed',
      cause: 'no context\nno \u001bconfig',
      fix: 'start it',
    };
    const text = render(
      planOf({ diagnostics: [{ code: 'cluster-unobserved', severity: 'error', ...texts }] }),
    );
    expect(text).toContain('  why  no context\n       | no \\u001bconfig\n  fix  start it\n');
  });

  it('does not bury the plan under many diagnostics of one code', () => {
    const pending = (name: string) =>
      ({
        code: 'service-pending',
        severity: 'warning',
        summary: `Service default/${name} stays pending`,
        cause: 'the pool is exhausted',
        fix: 'widen it',
      }) as const;
    const text = render(planOf({ diagnostics: ['a', 'b', 'c', 'd', 'e'].map(pending) }));
    expect(text).toContain('default/c stays pending');
    expect(text).not.toContain('default/d stays pending');
    expect(text).toContain('… and 2 more of service-pending');
  });

  it('says in its last line that nothing changes', () => {
    expect(render(planOf({ profiles: [MINIKUBE] }))).toMatch(/\nNo changes\. Routes .*\n$/);
    expect(render(planOf({ mode: 'absent' }))).toMatch(/\nNo changes\. Nothing .*\n$/);
  });

  it('gives equal text for equal plans', () => {
    expect(render(structuredClone(BUSY))).toBe(render(BUSY));
  });

  it('paints marks without changing a word', () => {
    const painted = renderPlan(BUSY, { colors: paletteFor(true), names: NAMES });
    const ESC = String.fromCharCode(27);
    expect(painted).toContain(`${ESC}[32m+ 10.96.0.0/12`);
    expect(`\n${painted.replaceAll(new RegExp(`${ESC}\\[[0-9]+m`, 'g'), '')}`).toBe(render(BUSY));
  });

  it('never prints a control character that came from a name', () => {
    const ESC = String.fromCharCode(27);
    const plan = planOf({
      steps: [routeStep('create', { after: ours('10.96.0.0/12', { device: `eth0${ESC}[2J` }) })],
    });
    expect(render(plan)).toContain('dev eth0\\u001b[2J');
    expect(render(plan)).not.toContain(ESC);
  });

  describe('with everything that a plan can have', () => {
    const long = 'team-with-a-long-name/service-with-an-even-longer-name-than-that';
    const [namespace = '', name = ''] = long.split('/');
    const everything: Plan = {
      ...BUSY,
      steps: [
        ...BUSY.steps,
        routeStep(
          'create',
          { after: ours('fd00:200::1/128', { gateway: 'fd39::10', device: 'vEthernet (Default Switch)' }) },
          { purpose: 'load-balancer', reason: `Service ${long}` },
        ),
      ],
      services: [
        ...BUSY.services,
        {
          profile: 'minikube',
          namespace,
          name,
          state: 'foreign',
          addresses: ['10.200.0.77', 'fd00:200::77'],
          reason: '10.200.0.77 is of another pool, that of 名前@there:/a',
        },
      ],
      conflicts: [conflictOf(), conflictOf({ relation: 'covers', outcome: 'warned' })],
      approvals: [
        { kind: 'covers', profile: 'minikube', subject: '10.96.0.0/12', why: 'takes part of 10.0.0.0/8' },
      ],
      unproven: [{ route: ours('10.98.0.0/24'), reason: 'carries protocol 109, but nobody claims it' }],
      diagnostics: [
        {
          code: 'rights-missing',
          severity: 'warning',
          summary: 'profile minikube: the user of context minikube may not list nodes',
          cause: 'the gateway comes from elsewhere, and `pods: auto` finds nothing',
          fix: 'bind the roles of deploy/rbac.yaml to that user, or name a context that has the right',
          command: "kubectl --context='a context' auth can-i list endpointslices -A --subresource=status",
          at: { file: '/home/me/team/tunnel.yaml', line: 3, column: 5 },
        },
      ],
    };
    const at = (width: number | null, wide = false) =>
      renderPlan(everything, { colors: paletteFor(true), names: NAMES, width, wide });

    it.each([40, 60, 80, 120])('is no wider than a terminal of %d columns', (width) => {
      const lines = at(width).split('\n');
      expect(lines.filter((line) => displayWidth(line) > width)).toEqual([]);
    });

    it('has every value whole where there is no terminal, a row a line', () => {
      const text = at(null);
      const values = [
        ...everything.steps.flatMap((step) =>
          step.kind === 'route'
            ? [
                step.reason,
                (step.after ?? step.before)?.gateway ?? '',
                (step.after ?? step.before)?.device ?? '',
              ]
            : [...step.before, ...step.after],
        ),
        ...everything.services
          .filter((one) => one.state !== 'served')
          .flatMap((one) => [one.name, one.reason]),
        ...everything.diagnostics.flatMap(({ summary, cause, fix, command = '' }) => [
          summary,
          cause,
          fix,
          command,
        ]),
        ...everything.conflicts.flatMap(({ summary, owner, winner, resolution }) => [
          summary,
          owner,
          winner,
          resolution,
        ]),
        ...everything.approvals.map(({ why }) => why),
        ...everything.unproven.map(({ reason }) => reason),
      ];
      expect(values.filter((value) => value !== 'no such route yet' && !text.includes(value))).toEqual([]);
      expect(text).not.toContain('…');
    });

    it('shows metric and protocol of every route with --wide, and else only if one of them is unusual', () => {
      const usual = planOf({ steps: [routeStep('create', { after: ours('10.96.0.0/12') })] });
      const shown = (plan: Plan, wide: boolean) => renderPlan(plan, { colors: PLAIN, names: NAMES, wide });
      expect(shown(usual, false)).not.toMatch(/metric|proto/);
      expect(shown(usual, true)).toMatch(/metric 109 {2}proto 109/);
      const other = planOf({
        steps: [routeStep('create', { after: ours('10.96.0.0/12', { protocol: 200 }) })],
      });
      expect(shown(other, false)).toMatch(/dev virbr1 {2}proto 200 {2}services/);
    });
  });
});
